"""A run at one moment, and its description in words."""

import time
from dataclasses import dataclass

from app.services.runs import RunState, run_folder, run_state
from app.services.wording import duration, percent
from avseg.config import Config
from avseg.errors import AvsegError
from avseg.training.history import HISTORIES, History
from avseg.training.run_folder import RunFolder

DETACHED = "You can close this page; training continues."
STRETCH = "More epochs stretch its one-cycle schedule: the learning rate jumps to its new place in the cycle."
SLOW = 45  # seconds without a step that deserve an explanation


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment."""

    run: RunFolder
    state: RunState
    history: History
    config: Config | None  # None when it cannot be read

    @property
    def name(self) -> str:
        return self.run.path.name

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.history.steps["step"][-1]) if len(self.history) else 0

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return max(self.state.status.steps if self.state.status else 0, self.step, 1)

    @property
    def epochs(self) -> int:
        """Epochs of the whole run."""
        return self.config.train.epochs if self.config else 0

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.state.status.epoch if self.state.status else 0

    @property
    def resumable(self) -> bool:
        """Whether it can be resumed, or extended when it is finished."""
        return self.config is not None and not self.state.alive


def snapshot(name: str) -> Snapshot:
    """Return a run by its name. Raises RunError for a name that is not a plain folder name."""
    run = run_folder(name)
    try:
        config = run.config()
    except AvsegError:
        config = None
    return Snapshot(run, run_state(run), HISTORIES.of(run), config)


def finding(run: Snapshot) -> str:
    """Return the headline of a run, from its own numbers."""
    mious = run.history.validation_values("miou")
    if len(mious):
        best, epochs = int(mious.argmax()), run.history.validation_values("epoch")
        silence = run.history.validation_values("silence")[best]
        return (
            f"{run.name} reaches a validation mIoU of {mious[best]:.2f} after epoch {epochs[best] + 1:.0f} "
            f"of {run.epochs}; false positives cover {percent(silence)} of silent frames."
        )
    if run.step:
        return f"{run.name}: no validation yet"
    if not run.state.alive:
        return f"{run.name} ended before its first step"
    return f"{run.name}: {'pretraining the backbones' if _pretrains(run) else 'preparing the first step'}"


def progress(run: Snapshot, now: float | None = None) -> str:
    """Return the progress of a run in words: epoch, step, time left, and whether its process is alive."""
    state, status = run.state.state, run.state.status
    epoch = min(run.epoch + run.state.alive, run.epochs)
    position = f"Epoch {epoch} of {run.epochs}, step {run.step:,} of {run.steps:,}."
    if state == "starting":
        return f"The process is starting; its log appears in a few seconds. {DETACHED}"
    if state in ("running", "stopping") and not run.step:
        stopping = " It stops after its first step." if state == "stopping" else ""
        return f"{_preparation(run)}{stopping} {DETACHED}"
    if state in ("running", "stopping") and status.started > run.history.steps["time"][-1]:
        return f"Resuming from the checkpoint at step {run.step:,}. {DETACHED}"
    if state == "stopping":
        return f"{position} Stopping: it finishes this step and saves a checkpoint."
    if state == "running":
        left = f" About {duration(status.seconds_left)} left." if status.seconds_left else ""
        return f"{position}{left}{_slow_step(run, now or time.time())} {DETACHED}"
    ending = position
    if state == "finished":
        ending += " All steps done."
    elif run.resumable:
        ending += " Resume continues from the last checkpoint."
    return f"{ending} {STRETCH}" if run.resumable and run.config.train.schedule == "one-cycle" else ending


def _pretrains(run: Snapshot) -> int:
    """Return the steps for which the backbones are pretrained before the first step."""
    train = run.config.train if run.config else None
    return train.audio_pretrain_steps + train.visual_pretrain_steps if train else 0


def _preparation(run: Snapshot) -> str:
    if steps := _pretrains(run):
        return f"The backbones are pretrained for {steps:,} steps first; the log shows the progress."
    return "Loading the data and the model."


def _slow_step(run: Snapshot, now: float) -> str:
    idle = now - run.history.steps["time"][-1]
    return f" No step for {duration(idle)}: validating, or the machine is busy." if idle > SLOW else ""


def problem(run: Snapshot) -> str:
    """Return why a run failed or crashed and what to do about it, "" for any other run."""
    if run.state.state == "failed":
        return run.state.message
    if run.state.state == "killed":
        return (
            f"{run.state.message} Either the machine restarted, or the system killed it for lack of memory: "
            "then reduce the batch size, or raise the number of micro-batches."
        )
    return ""


def speed(run: Snapshot) -> str:
    """Return speed and learning rate of the last steps."""
    rates, seconds = run.history.steps["learning_rate"], run.history.seconds_per_step()
    if not len(rates):
        return ""
    rate = f"learning rate {rates[-1]:.2e}"
    if not seconds:
        return rate
    return f"{seconds:.2f} s per step, {rate}" if seconds >= 0.5 else f"{1 / seconds:.1f} steps/s, {rate}"
