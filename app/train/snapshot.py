"""A run at one moment, and its description in words."""

import time
from dataclasses import dataclass

from app.services.runs import EXAMPLE, EXAMPLE_FOLDER, RunState, run_folder, run_state
from app.services.wording import duration, plural
from avseg.config import Config
from avseg.errors import AvsegError
from avseg.interpret.mask_statistics import percent
from avseg.training.history import HISTORIES, History
from avseg.training.run_folder import RunFolder

DETACHED = "You can close this page; training continues."
STRETCH = "More epochs stretch its one-cycle schedule: the learning rate jumps to its new place in the cycle."
NOTHING = 0.005  # mIoU that the page would round to 0.00
SLOW = 45  # seconds without a step that deserve an explanation


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment."""

    name: str
    run: RunFolder
    state: RunState
    history: History
    config: Config | None  # None when it cannot be read
    damage: str = ""  # what is wrong with its files

    @property
    def example(self) -> bool:
        """It comes with the app."""
        return self.name == EXAMPLE

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
    def pretraining(self) -> int:
        """Steps for which the backbones are pretrained before the first step."""
        train, status = self.config.train if self.config else None, self.state.status
        if train is None or (status and "--start-from" in status.command):
            return 0
        return train.audio_pretrain_steps + train.visual_pretrain_steps

    @property
    def share(self) -> float:
        """How much is done, 0 to 1: of the pretraining before the first step, of the steps after it."""
        if self.step or not self.pretraining:
            return self.step / self.steps
        return min(1.0, self.history.pretrained / self.pretraining)

    @property
    def resumable(self) -> bool:
        """Whether it can be resumed, or extended when it is finished."""
        return self.config is not None and not self.state.alive and not self.example


def snapshot(name: str) -> Snapshot:
    """Return a run by its name, also the example. Raises RunError unless it is a plain folder name."""
    run = RunFolder(EXAMPLE_FOLDER) if name == EXAMPLE else run_folder(name)
    config, damage = None, run.damage
    try:
        config = run.config()
    except AvsegError as error:
        damage = " ".join(filter(None, (damage, str(error))))
    return Snapshot(name, run, run_state(run), HISTORIES.of(run), config, damage)


def finding(run: Snapshot) -> str:
    """Return the headline of a run, from its own numbers."""
    mious = run.history.validation_values("miou")
    if len(mious):
        best, epochs = int(mious.argmax()), run.history.validation_values("epoch")
        silence = run.history.validation_values("silence")[best]
        if mious[best] < NOTHING:
            return (
                f"{run.name}: {plural(run.step, 'step')} {'is' if run.step == 1 else 'are'} too few to mark "
                f"anything (validation mIoU {mious[best]:.2f})"
            )
        return (
            f"{run.name} reaches a validation mIoU of {mious[best]:.2f} after epoch {epochs[best] + 1:.0f} "
            f"of {run.epochs}; false positives cover {percent(silence)} of silent frames."
        )
    if run.step:
        return f"{run.name}: no validation yet"
    if not run.state.alive:
        return f"{run.name} ended before its first step"
    if run.pretraining:
        return f"{run.name}: pretraining the backbones ({run.history.pretrained:,} of {run.pretraining:,})"
    return f"{run.name}: preparing the first step"


def progress(run: Snapshot, now: float | None = None) -> str:
    """Return the progress of a run in words: epoch, step, time left, and whether its process is alive."""
    state, status = run.state.state, run.state.status
    epoch = min(run.epoch + run.state.alive, run.epochs)
    position = f"Epoch {epoch} of {run.epochs}, step {run.step:,} of {run.steps:,}."
    if state == "starting":
        return f"The process is starting; its log appears in a few seconds. {DETACHED}"
    if state in ("running", "stopping") and not run.step:
        text = "Loading the data and the model."
        if run.pretraining:
            each = run.history.seconds_per_pretraining_step()
            left = each * (run.pretraining - run.history.pretrained) if each else 0
            text = f"The backbones are pretrained for {run.pretraining:,} steps first."
            text += f" About {duration(left)} left of that." if left >= 1 else ""
        return f"{text}{' It stops after its first step.' if state == 'stopping' else ''} {DETACHED}"
    last_step = run.history.steps["time"][-1] if run.step else 0.0
    if state in ("running", "stopping") and status.started > last_step:
        return f"Resuming from the checkpoint at step {run.step:,}. {DETACHED}"
    if state == "stopping":
        return f"{position} Stopping: it finishes this step and saves a checkpoint."
    if state == "running":
        left = f" About {duration(status.seconds_left)} left." if status.seconds_left else ""
        idle = (now or time.time()) - last_step
        slow = f" No step for {duration(idle)}: validating, or the machine is busy." if idle > SLOW else ""
        return f"{position}{left}{slow} {DETACHED}"
    if state == "finished":
        position += " All steps done."
    elif run.resumable:
        position += " Resume continues from the last checkpoint."
    return f"{position} {STRETCH}" if run.resumable and run.config.train.schedule == "one-cycle" else position


def speed(run: Snapshot) -> str:
    """Return speed and learning rate of the last steps."""
    rates, seconds = run.history.steps["learning_rate"], run.history.seconds_per_step()
    if not len(rates):
        return ""
    rate = f"learning rate {rates[-1]:.2e}"
    if not seconds:
        return rate
    pace = f"{seconds:.2f} s per step" if seconds >= 0.5 else f"{1 / seconds:.1f} steps/s"
    waiting = run.history.waiting()
    waited = "" if waiting is None else f" ({percent(waiting)} waiting for clips)"
    return f"{pace}{waited}, {rate}"
