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

from avseg.config import RENAMED_FIELDS, Config, read_record
from avseg.errors import ConfigError, RunError
from avseg.files import visible, write_texts, writing
from avseg.jobs.folder import JobFolder, JobStatus


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

    def __init__(self, path: Path):
        super().__init__(path)
        self.config_file = self.path / "config.json"
        self.events_file = self.path / "events.jsonl"
        self.resume_file = self.path / "resume.safetensors"
        self.last_model = self.path / "last.safetensors"
        self.best_model = self.path / "best.safetensors"
        self.samples = self.path / "samples"

    @property
    def advice(self) -> str:
        """How to go on after an interruption: from the last checkpoint, if there is one yet."""
        if os.path.isfile(self.resume_file):
            return "The last checkpoint is complete: resume the run (--resume)."
        return "There is no checkpoint yet: start the run again."

    @property
    def exists(self) -> bool:
        """Whether the folder contains a run."""
        return os.path.isfile(self.config_file)

    def create(self, config: Config) -> None:
        """Start a new run here; raises RunError if the folder already contains one that can be resumed."""
        if self.exists and not self._failed_at_start():
            raise RunError(
                f"{self.path} already contains a run: add --resume to resume it, or choose another folder."
            )
        try:
            write_texts(self.path, {self.config_file.name: config.to_json()})
        except OSError as error:
            raise RunError(
                f"The run folder {self.path} cannot be created: {error.strerror or error}."
            ) from error

    def _failed_at_start(self) -> bool:
        """Whether the run failed before its first checkpoint, for example for a wrong data folder."""
        status = self.read_status()
        failed = status is not None and status.state in ("failed", "killed")
        return failed and not os.path.isfile(self.resume_file)

    def config(self) -> Config:
        """Return the run's config; raises RunError without a run, ConfigError for a damaged one."""
        try:
            self.config_file.stat()
        except PermissionError as error:
            raise RunError(f"{self.path} may not be opened by this user.") from error
        except OSError:  # there is none
            pass
        config = read_record(Config, self.config_file)
        if config is None:
            raise RunError(f"{self.path} contains no run: config.json is missing.")
        return config

    def extend(self, config: Config) -> None:
        """Replace the config by one with another number of epochs; raises ConfigError for other changes."""
        old = self.config()
        changed = [
            f"{part}.{name}"
            for part in ("model", "train")
            for name, value in asdict(getattr(config, part)).items()
            if value != asdict(getattr(old, part))[name] and (part, name) != ("train", "epochs")
        ]
        if changed:
            raise ConfigError(
                f"The run in {self.path} was started with other values of {', '.join(changed)}. Resume it "
                "with its own (only train.epochs may change), or start another run."
            )
        write_texts(self.path, {self.config_file.name: config.to_json()})

    def write_event(self, kind: str, **values: object) -> None:
        """Append one line to the event log."""
        with writing(self.events_file), self.events_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), "kind": kind, **values}) + "\n")

    def events(self) -> Iterator[dict[str, object]]:
        """Yield the events of the log; lines that are not events, as after a crash, are skipped."""
        if not self.events_file.is_file():
            return
        with self.events_file.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(event, dict) and "kind" in event:
                    kind = event["kind"]
                    yield event | {"kind": RENAMED_FIELDS.get(kind, kind) if isinstance(kind, str) else kind}

    def truncate_events(self, step: int) -> None:
        """Drop the events after a step, which a resumed run repeats."""
        events = [event for event in self.events() if _number(event.get("step", 0)) <= step]
        write_texts(self.path, {self.events_file.name: "".join(json.dumps(event) + "\n" for event in events)})


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else math.inf


def list_runs(root: Path) -> list[RunFolder]:
    """Return the runs directly below a folder, newest first."""
    runs = [RunFolder(path) for path in visible(file.parent for file in Path(root).glob("*/config.json"))]
    return sorted(runs, key=lambda run: os.path.getmtime(run.config_file), reverse=True)
