"""A run folder: a job folder with all that a training run produces.

    config.json            the experiment
    events.jsonl           one line per step, validation and phase of pretraining
    last.safetensors       the model of the last checkpoint
    best.safetensors       the model with the best validation
    resume.safetensors     weights, optimizer and counters of the last checkpoint
    samples/000400.jpg     a fixed set of validation clips as predicted after 400 steps

The other files are described in `avseg.jobs.folder`.
"""

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from avseg.config import RENAMED_FIELDS, Config
from avseg.errors import ConfigError, RunError
from avseg.files import atomic_write
from avseg.jobs.folder import JobFolder, JobStatus
from avseg.presets import load_config


@dataclass(frozen=True)
class Status(JobStatus):
    """State and progress of a training run."""

    step: int = 0
    steps: int = 0
    epoch: int = 0
    epochs: int = 0
    best_miou: float | None = None
    seconds_left: float | None = None
    data: str = "synth"
    command: str = ""
    started: float = 0.0


class RunFolder(JobFolder[Status]):
    """Reads and writes one run folder."""

    status_class = Status
    after_crash = "The process ended without a message. Resume the run."

    def __init__(self, path: Path):
        super().__init__(path)
        self.config_file = self.path / "config.json"
        self.events_file = self.path / "events.jsonl"
        self.resume_file = self.path / "resume.safetensors"
        self.last_model = self.path / "last.safetensors"
        self.best_model = self.path / "best.safetensors"
        self.samples = self.path / "samples"

    @property
    def exists(self) -> bool:
        """The folder holds a run."""
        return self.config_file.is_file()

    def create(self, config: Config) -> None:
        """Begin a new run here; `RunError` when the folder already holds one that can go on."""
        if self.exists and not self._never_began():
            raise RunError(
                f"{self.path} already holds a run: add --resume to go on with it, or choose a folder."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.config_file) as file:
                file.write_text(config.to_json())
        except OSError as error:
            raise RunError(
                f"The run folder {self.path} cannot be made: {error.strerror or error}."
            ) from error

    def _never_began(self) -> bool:
        """The run ended before its first checkpoint, as with a wrong data folder: nothing can go on."""
        known = self.read_status()
        ended = known is not None and known.state in ("failed", "killed")
        return ended and not self.resume_file.is_file()

    def config(self) -> Config:
        """Return the run's config; `RunError` when there is no run."""
        if not self.exists:
            raise RunError(f"{self.path} holds no run: there is no config.json in it.")
        return load_config(self.config_file)

    def extend(self, config: Config) -> None:
        """Replace the config by one that differs in the number of epochs only; `ConfigError` otherwise."""
        old = self.config()
        changed = [
            f"{part}.{name}"
            for part in ("model", "train")
            for name, value in asdict(getattr(config, part)).items()
            if value != asdict(getattr(old, part))[name] and (part, name) != ("train", "epochs")
        ]
        if changed:
            raise ConfigError(
                f"The run in {self.path} was begun with other values of {', '.join(changed)}. Resume it with "
                "its own (only train.epochs may change), or begin another run."
            )
        with atomic_write(self.config_file) as file:
            file.write_text(config.to_json())

    def write_event(self, kind: str, **values: object) -> None:
        """Append one line to the event log."""
        with self.events_file.open("a") as file:
            file.write(json.dumps({"time": time.time(), "kind": kind, **values}) + "\n")

    def events(self) -> Iterator[dict[str, object]]:
        """Return the event log line by line; what is no event, as after a kill or a crash, is left out."""
        if not self.events_file.is_file():
            return
        with self.events_file.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and "kind" in event:
                    kind = event["kind"]
                    yield event | {"kind": RENAMED_FIELDS.get(kind, kind) if isinstance(kind, str) else kind}

    def truncate_events(self, step: int) -> None:
        """Drop the events of steps that a resumed run will take again."""
        kept = [event for event in self.events() if _number(event.get("step", 0)) <= step]
        with atomic_write(self.events_file) as file:
            file.write_text("".join(json.dumps(event) + "\n" for event in kept))


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else math.inf


def list_runs(root: Path) -> list[RunFolder]:
    """Return the runs directly below a folder, newest first."""
    found = [RunFolder(path.parent) for path in Path(root).glob("*/config.json")]
    return sorted(found, key=lambda run: os.path.getmtime(run.config_file), reverse=True)
