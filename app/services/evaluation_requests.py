"""What may be asked for on this host, and the command that does it."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from app.services.evaluation_data import Data, data_of
from app.services.host import public_host
from app.services.models import available_models
from app.services.process import ROOT
from avseg.checkpoints import bundled_models
from avseg.errors import CheckpointError, ConfigError

MOST_MODELS = 2  # of one press of the button
MOST_CLIPS = 100_000


@dataclass(frozen=True)
class Rules:
    """What may be asked for here; 0 stands for no limit."""

    clips: int = 0  # of one evaluation
    bundled_only: bool = False
    waiting: int = 20  # in the queue
    kept: int = 0  # finished ones; the oldest go
    seconds: int = 0  # of one evaluation
    may_delete: bool = True


OWN = Rules()
PUBLIC = Rules(clips=40, bundled_only=True, waiting=6, kept=24, seconds=900, may_delete=False)


@dataclass(frozen=True)
class Request:
    """What somebody asked for; kept in the folder until its turn comes, and after."""

    model: str  # the name that the page gives it
    data: str  # key
    split: str = "test"
    clips: int = 0  # 0: all
    robustness: bool = True


def rules() -> Rules:
    """Return the rules of this host."""
    return PUBLIC if public_host() else OWN


def requests_of(
    models: list[str], data: str, split: str, clips: float | None, robustness: bool
) -> list[Request]:
    """Return a request per chosen model; raises ConfigError when none or too many are chosen."""
    if not models or not isinstance(models, list):
        raise ConfigError("No model is chosen. Choose one or two.")
    if len(models) > MOST_MODELS:
        raise ConfigError(f"{len(models)} models are chosen; choose one or two.")
    count = clips or 0
    if isinstance(count, bool) or not isinstance(count, int | float) or count != int(count) or count < 0:
        raise ConfigError("The number of clips is a whole number, from 1; empty takes all.")
    return [Request(str(model), str(data), str(split), int(count), bool(robustness)) for model in models]


def checked(request: Request) -> tuple[Path, Data]:
    """Return the model's file and the data of a request; raises AvsegError for what is not possible here."""
    limits, data = rules(), data_of(request.data)
    models = bundled_models() if limits.bundled_only else available_models()
    if request.model not in models:
        if limits.bundled_only and request.model in available_models():
            raise ConfigError(
                "On this host only the bundled models are measured. Copy the command and run it yourself."
            )
        raise CheckpointError(f"There is no model {str(request.model)[:60]!r} any more. Choose another one.")
    if request.split not in data.splits:
        raise ConfigError(f"There is no split {str(request.split)[:20]!r}: choose {', '.join(data.splits)}.")
    if not isinstance(request.clips, int) or not 0 <= request.clips <= MOST_CLIPS:
        raise ConfigError("The number of clips is a whole number, from 1; empty takes all.")
    count = request.clips or data.clips(request.split)
    if limits.clips and count > limits.clips:
        raise ConfigError(
            f"{count} clips are more than the {limits.clips} of one evaluation on this host. Lower the "
            "number, or copy the command and run it yourself."
        )
    return models[request.model], data


def arguments_of(request: Request, path: Path, data: Data, out: Path) -> list[str]:
    """Return the arguments after `python`."""
    bundled = bundled_models().get(request.model) == path
    words = ["-m", "avseg", "evaluate", "--model", request.model if bundled else _near(path)]
    words += ["--data", data.word, "--task", data.task, "--split", request.split]
    words += ["--clips", str(request.clips)] if request.clips else []
    words += [] if request.robustness else ["--no-robustness"]
    return [*words, "--out", _near(out), "--status"]


def command_of(request: Request, out: str = "outputs/evaluations/mine") -> str:
    """Return the command of a request as a person would type it; no path of a public host is shown."""
    path = available_models().get(request.model)
    if path is None:
        return ""
    words = arguments_of(request, path, data_of(request.data), Path(out))[:-1]
    return plain(shlex.join(["python", *words]))


def plain(command: str) -> str:
    """Return a command without the folders of a public host."""
    if not public_host():
        return command
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    return shlex.join(Path(word).name if word.startswith("/") else word for word in words)


def _near(path: Path) -> str:
    """Return a path as it is seen from the folder in which the command runs."""
    path = path.resolve() if path.is_absolute() else path
    return str(path.relative_to(ROOT)) if path.is_absolute() and path.is_relative_to(ROOT) else str(path)
