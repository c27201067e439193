"""What the Train tab shows of runs and orders, as HTML; all names come from folders and are escaped."""

from collections.abc import Sequence
from html import escape

from app.components.html import header
from app.services.runs import RunState
from app.train.order import Check
from app.train.watched import STAYS, Watched, advice, finding, progress, speed

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


KINDS = {"running": "act", "failed": "err", "killed": "err", "finished": "ok"}


def context(one: Watched) -> str:
    """Return what the header says of a run."""
    return header({"Run": one.name, "Epoch": f"{one.epoch} of {one.epochs}"}) + _tag(one)


def _tag(one: Watched) -> str:
    return f'<span class="tag {KINDS.get(one.seen.state, "")}">{WORDS[one.seen.state]}</span>'


def head(one: Watched, live: bool) -> str:
    """Return the finding of a run, its state, how far it is, and what to do about an error.

    live: some run is at work, so that the page asks often.
    """
    share = 100 * one.step / one.steps if one.seen.status else 0
    words = advice(one)
    message = f'<p class="notice error" role="alert">{escape(words)}</p>' if words else ""
    return (
        f'<div class="tr-title" data-live="{int(live)}"><h1>{escape(finding(one))}</h1>'
        f"{_tag(one)}</div>"
        f'<p class="caption">{escape(progress(one))}</p>'
        f'<div class="tr-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{share:.0f}" aria-label="Steps done"><i style="width:{share:.2f}%"></i></div>'
        f"{message}"
    )


def log(one: Watched) -> str:
    """Return the end of what a run said: its log, and the line that its console stands at."""
    said = one.run.log_tail(LOG_LINES)
    if one.seen.alive:
        said = "\n".join(filter(None, (said, one.run.console_tail(1))))
    elif one.seen.state in ("failed", "killed"):
        said = said or one.run.console_tail()
    return (
        f'<div class="tr-top"><h2>Log</h2><span>{escape(speed(one))}</span></div>'
        f'<pre tabindex="0" aria-label="Log">{escape(said or "Nothing was said yet.")}</pre>'
    )


def table(runs: Sequence[tuple[str, RunState]], chosen: str, compared: Sequence[str]) -> str:
    """Return the runs; a name chooses, a box puts the run's curves beside the chosen one's."""
    rows = "".join(_row(name, seen, name == chosen, name in compared) for name, seen in runs)
    return (
        '<div class="tr-top"><h2>Runs</h2><span>checkpoints are in every model list</span></div>'
        '<div class="tr-runs"><table class="plain"><tr><th>Name</th><th>State</th><th class="num">Epoch</th>'
        f'<th class="num">Best mIoU</th><th class="num">In plots</th></tr>{rows}</table></div>'
    )


def _row(name: str, seen: RunState, here: bool, compared: bool) -> str:
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
