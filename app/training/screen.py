"""What the Train tab shows of runs, as HTML; all names come from folders and are escaped."""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from app import runner
from app.runner import RunFolder, Seen
from app.training.course import Course
from app.training.order import Check
from app.training.probe import Measured, gigabytes
from avseg.config import Config
from avseg.errors import AvsegError, RunError

STAYS = "Closing this page does not stop it."
QUIET = 45  # seconds without a step that are worth a word
LOG_LINES = 40
WORDS = {
    "starting": "starting",
    "running": "running",
    "stopping": "stopping",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "killed": "process gone",
}


@dataclass(frozen=True)
class Watched:
    """A run as it stands now."""

    run: RunFolder
    seen: Seen
    course: Course
    config: Config | None

    @property
    def name(self) -> str:
        return self.run.path.name

    @property
    def best(self) -> float | None:
        """The best validation mIoU so far."""
        found = self.course.of_checks("miou")
        return float(found.max()) if len(found) else None

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


def watched(run: RunFolder, course: Course) -> Watched:
    """Return a run as it stands; a folder without a readable config has None for one."""
    try:
        config = run.config()
    except AvsegError:
        config = None
    return Watched(run, runner.look(run), course, config)


def head(one: Watched, live: bool) -> str:
    """Return the finding of a run, its state, how far it is, and what to do about an error.

    live: some run is at work, so that the page asks often.
    """
    state = one.seen.state
    kind = {"running": "act", "failed": "err", "killed": "err", "finished": "ok"}.get(state, "")
    share = 100 * one.step / one.steps if one.seen.status else 0
    message = ""
    if state in ("failed", "killed") and one.seen.message:
        message = f'<p class="notice error" role="alert">{escape(_advice(one))}</p>'
    return (
        f'<div class="tr-title" data-live="{int(live)}"><h1>{escape(finding(one))}</h1>'
        f'<span class="tag {kind}">{WORDS[state]}</span></div>'
        f'<p class="caption">{escape(progress(one))}</p>'
        f'<div class="tr-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{share:.0f}" aria-label="Steps done"><i style="width:{share:.2f}%"></i></div>'
        f"{message}"
    )


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
        lessons = one.config and (one.config.train.sound_lessons or one.config.train.picture_lessons)
        doing = "First lessons of the backbones" if lessons else "The data and the first step are prepared"
        end = " It stops after its first step." if state == "stopping" else ""
        return f"{doing}; see the log.{end} {STAYS}"
    if state == "stopping":
        return f"{where} It writes a checkpoint after the step that it is at, and ends."
    if state == "running":
        left = duration(status.seconds_left) if status.seconds_left else ""
        times = one.course.of_steps("time")
        quiet = (now or time.time()) - float(times[-1])
        wait = (
            f" No step for {duration(quiet)}: it evaluates, or the machine is busy." if quiet > QUIET else ""
        )
        return f"{where}{f' About {left} left.' if left else ''}{wait} {STAYS}"
    ended = {"finished": "All steps are done.", "stopped": "Stopped; its last checkpoint can go on."}.get(
        state, ""
    )
    return f"{where} {ended} No process is at work on it.".replace("  ", " ")


def _advice(one: Watched) -> str:
    words = one.seen.message
    if one.seen.state == "killed":
        return (
            f"{words} A process that is ended from outside says nothing: a restart of the machine does it, "
            "and so does the system when memory runs out (then lower batch_size or raise accumulate)."
        )
    return words


def duration(seconds: float) -> str:
    """Return "40 s", "2 min 10 s", "3 h 5 min", "2 days 4 h"."""
    seconds = round(seconds)
    for size, unit, small, lower in ((86400, "days", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // small
            unit = "day" if unit == "days" and seconds < 2 * size else unit
            return f"{seconds // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{seconds} s"


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


def log(one: Watched) -> str:
    """Return the end of what a run said: its log, and the line that its console stands at."""
    said = one.run.log_tail(LOG_LINES)
    console = runner.last_words(one.run).splitlines()
    if one.seen.state in ("failed", "killed") and not said:
        said = "\n".join(console)
    elif one.seen.alive:
        said = "\n".join(filter(None, (said, next((line for line in reversed(console) if line.strip()), ""))))
    return (
        f'<div class="tr-top"><h2>Log</h2><span>{escape(speed(one))}</span></div>'
        f'<pre tabindex="0" aria-label="Log">{escape(said or "Nothing was said yet.")}</pre>'
    )


def table(runs: Sequence[tuple[str, Seen]], chosen: str, compared: Sequence[str]) -> str:
    """Return the runs; a name chooses, a box puts the run's curves beside the chosen one's."""
    rows = "".join(_row(name, seen, name == chosen, name in compared) for name, seen in runs)
    return (
        '<div class="tr-top"><h2>Runs</h2><span>checkpoints are in every model list</span></div>'
        '<div class="tr-runs"><table class="plain"><tr><th>Name</th><th>State</th><th class="num">Epoch</th>'
        f'<th class="num">Best mIoU</th><th class="num">In plots</th></tr>{rows}</table></div>'
    )


def _row(name: str, seen: Seen, here: bool, compared: bool) -> str:
    name, status = escape(name), seen.status
    best = "–" if status is None or status.best_miou is None else f"{status.best_miou:.3f}"
    epochs = f"{status.epoch} / {status.epochs}" if status else "–"
    tick = "checked disabled" if here else "checked" if compared else ""
    return (
        f'<tr{" class=chosen" if here else ""}><td><button type="button" data-run="{name}" '
        f'aria-pressed="{str(here).lower()}">{name}</button></td>'
        f'<td><i class="tr-state {seen.state}"></i>{WORDS[seen.state]}</td>'
        f'<td class="num">{epochs}</td><td class="num">{best}</td><td class="num">'
        f'<input type="checkbox" data-compare="{name}" aria-label="Curves of {name}" {tick}></td></tr>'
    )


def evaluations(run: RunFolder) -> list[Path]:
    """Return the pictures of the fixed validation clips, one per evaluation, in order."""
    return sorted(path for path in run.samples.glob("*.jpg") if path.stem.isdigit())


def sample(one: Watched, number: int) -> str:
    """Return the fixed clips at evaluation `number` (from 1; others take the nearest), large, as HTML."""
    there = evaluations(one.run)
    if not there:
        words = "Four validation clips appear here after every evaluation, always the same."
        return f'<p class="tr-hint">{words}</p>'
    number = min(max(1, number), len(there))
    path = there[number - 1]
    step = int(path.stem)
    at = one.course.of_checks("step")
    where = [k for k in range(len(at)) if at[k] == step]
    said = f"Evaluation {number} of {len(there)}, after step {step:,}"
    if where:
        found, epoch = (one.course.of_checks(name)[where[-1]] for name in ("miou", "epoch"))
        said += f", epoch {epoch + 1:.0f}: mIoU {found:.2f} over all validation clips"
    words = f"{said}. A row per clip, a picture per second; ground truth in white."
    return (
        f'<figure><img src="{_picture(path)}" alt="{escape(said)}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _picture(path: Path) -> str:
    try:
        with Image.open(path) as image:  # nothing but a picture is ever sent
            image.verify()
        return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()
    except (OSError, SyntaxError, ValueError) as error:
        raise RunError(f"The picture {path.name} cannot be read.") from error


def nothing() -> str:
    """Return what stands there before the first run."""
    return (
        '<h1 data-live="0">Train a model, and watch what it learns.</h1><p class="caption">Choose a preset '
        "and start: loss, validation and the same four clips appear here while the run goes on. "
        f"{STAYS}</p>"
    )


def titled(title: str, note: str, body: str) -> str:
    """Return a plot under its title; the body is HTML."""
    return f'<div class="tr-top"><h2>{escape(title)}</h2><span>{escape(note)}</span></div>{body}'


def metric_title(metric: str) -> str:
    """Return a metric of the plots as a title."""
    return {"mIoU": "Validation mIoU", "in silence": "Marked in silence"}.get(
        metric, metric[0].upper() + metric[1:]
    )


def command_box(command: str) -> str:
    """Return the command in a box, broken before every flag, with a button that copies it as it is."""
    broken = escape(command).replace(" --", " \\\n  --")
    return (
        '<div class="tr-command"><div class="tr-over"><span>Command</span>'
        '<button type="button" data-copy aria-live="polite">Copy</button></div>'
        f'<pre tabindex="0" aria-label="Command">{broken}</pre></div>'
    )


def check_list(checks: Sequence[Check]) -> str:
    """Return what is to be said about an order, line by line."""
    marks = {"ok": "✓", "note": "·", "bad": "✗"}
    lines = "".join(
        f'<li class="{one.kind}"{" role=alert" if one.kind == "bad" else ""}>'
        f'<i aria-hidden="true">{marks[one.kind]}</i>{escape(one.words)}</li>'
        for one in checks
    )
    return f'<ul class="tr-checks">{lines}</ul>'


def cost(measured: Measured | None, steps: int, memory: int, disk: int) -> list[Check]:
    """Return time, memory and disk of an order against what is free (bytes), as far as they were measured."""
    free = f"{gigabytes(memory)} of memory and {gigabytes(disk)} of disk are free"
    if measured is None:
        return [Check("note", f"Time and memory are not known yet: take a few steps to measure them. {free}")]
    found = [
        Check(
            "ok",
            f"About {duration(measured.seconds * steps)} for its steps, at {measured.seconds:.2g} s each as "
            f"measured {measured.source}; evaluations come on top",
        )
    ]
    for name, need, there in (("memory", measured.memory, memory), ("disk", measured.disk, disk)):
        if need is not None:
            kind = "ok" if need < 0.9 * there else "bad"
            words = "free" if kind == "ok" else "free: too little"
            found.append(
                Check(kind, f"{gigabytes(need)} of {name}, measured; {gigabytes(there)} are {words}")
            )
    return found if measured.memory else [*found, Check("note", f"Memory was not measured. {free}")]
