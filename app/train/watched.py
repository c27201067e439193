"""A run as it stands now, and what it says of itself in words."""

import time
from dataclasses import dataclass

from app.services.runs import RunState, run_folder, run_state
from app.services.wording import duration
from app.train.events import COURSES, Course
from avseg.config import Config
from avseg.errors import AvsegError
from avseg.training.run_folder import RunFolder

STAYS = "Closing this page does not stop it."
STRETCHES = (
    "More epochs stretch its one-cycle schedule: the learning rate jumps up to where the longer cycle stands."
)
QUIET = 45  # seconds without a step that are worth a word


@dataclass(frozen=True)
class Watched:
    """A run as it stands now."""

    run: RunFolder
    seen: RunState
    course: Course
    config: Config | None

    @property
    def name(self) -> str:
        return self.run.path.name

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.course.steps["step"][-1]) if len(self.course) else 0

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return max(self.seen.status.steps if self.seen.status else 0, self.step, 1)

    @property
    def epochs(self) -> int:
        """Epochs of the whole run."""
        return self.config.train.epochs if self.config else 0

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.seen.status.epoch if self.seen.status else 0

    @property
    def can_go_on(self) -> bool:
        """It can be resumed, or extended when it is finished."""
        return self.config is not None and not self.seen.alive


def watched(name: str) -> Watched:
    """Return a run by its name; a folder without a readable config has None for one. Raises RunError."""
    run = run_folder(name)
    try:
        config = run.config()
    except AvsegError:
        config = None
    return Watched(run, run_state(run), COURSES.of(run), config)


def finding(one: Watched) -> str:
    """Return the sentence of a run, from its own numbers."""
    found = one.course.of_checks("miou")
    if not len(found):
        begun = one.step > 0
        return f"{one.name} has {'no evaluation yet' if begun else 'not taken a step yet'}."
    best, epoch = int(found.argmax()), one.course.of_checks("epoch")
    silence = one.course.of_checks("silence")[best]
    return (
        f"{one.name} reaches a validation mIoU of {found[best]:.2f} after epoch {epoch[best] + 1:.0f} of "
        f"{one.epochs}, and marks {100 * silence:.1f} % of the frame in silence."
    )


def progress(one: Watched, now: float | None = None) -> str:
    """Return where a run stands, in words: epoch, step, what is left, whether the process lives."""
    state, status = one.seen.state, one.seen.status
    epoch = min(one.epoch + one.seen.alive, one.epochs)
    where = f"Epoch {epoch} of {one.epochs}, step {one.step:,} of {one.steps:,}."
    if state == "starting":
        return f"The process has started and is loading; its first words come in some seconds. {STAYS}"
    if state in ("running", "stopping") and not one.step:
        lessons = one.config and (
            one.config.train.audio_pretrain_steps or one.config.train.visual_pretrain_steps
        )
        doing = "First lessons of the backbones" if lessons else "The data and the first step are prepared"
        end = " It stops after its first step." if state == "stopping" else ""
        return f"{doing}; see the log.{end} {STAYS}"
    if state == "stopping":
        return f"{where} It writes a checkpoint after the step that it is at, and ends."
    if state == "running":
        left = f" About {duration(status.seconds_left)} left." if status.seconds_left else ""
        return f"{where}{left}{_wait(one, now or time.time())} {STAYS}"
    ended = {"finished": "All steps are done.", "stopped": "Cancelled; its last checkpoint can go on."}
    stretches = one.can_go_on and one.config.train.schedule == "one-cycle"
    said = (where, ended.get(state), "No process is at work on it.", STRETCHES if stretches else None)
    return " ".join(filter(None, said))


def _wait(one: Watched, now: float) -> str:
    quiet = now - float(one.course.of_steps("time")[-1])
    return f" No step for {duration(quiet)}: it evaluates, or the machine is busy." if quiet > QUIET else ""


def advice(one: Watched) -> str:
    """Return what went wrong with a run that failed or was killed, and what to do; else nothing."""
    if one.seen.state not in ("failed", "killed"):
        return ""
    if one.seen.state == "failed":
        return one.seen.message
    return (
        f"{one.seen.message} A process that is ended from outside says nothing: a restart of the machine "
        "does it, and so does the system when memory runs out (then lower batch_size or raise accumulate)."
    )


def speed(one: Watched) -> str:
    """Return learning rate and speed of the last steps."""
    rate = one.course.of_steps("learning_rate")
    seconds = one.course.seconds_per_step()
    if not len(rate):
        return ""
    pace = (
        "" if not seconds else f"{seconds:.2f} s a step" if seconds >= 0.5 else f"{1 / seconds:.1f} steps/s"
    )
    return ", ".join(filter(None, (pace, f"learning rate {rate[-1]:.2e}")))
