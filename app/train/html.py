"""What the Train tab draws of runs and orders."""

from collections.abc import Sequence

from markupsafe import Markup

from app.components.html import header_html
from app.components.render import macro, render
from app.services.runs import RunState
from app.train.order import Check
from app.train.snapshot import DETACHED, Snapshot, finding, problem, progress, speed

LOG_LINES = 40
STATE_NAMES = {"killed": "crashed"}  # the others are called as they are


def state_name(state: RunState) -> str:
    """Return the state as a visitor reads it."""
    return STATE_NAMES.get(state.state, state.state)


def run_header(run: Snapshot) -> Markup:
    """Return the page's header for a run."""
    return header_html({"Run": run.name, "Epoch": f"{run.epoch} of {run.epochs}"}) + _tag(run)


def run_head(run: Snapshot, live: bool) -> Markup:
    """Return the headline of a run, its state, its progress, and what to do about an error.

    live: some run is running, so the page asks for updates often.
    """
    return render(
        "train/templates/run.html",
        finding=finding(run),
        tag=_tag(run),
        progress=progress(run),
        percent=100 * run.step / run.steps if run.state.status else 0,
        problem=problem(run),
        live=live,
    )


def _tag(run: Snapshot) -> Markup:
    kind = {"running": "act", "failed": "err", "killed": "err", "finished": "ok"}.get(run.state.state, "")
    return macro("tag", state_name(run.state), kind)


def no_run() -> Markup:
    """Return the head of the tab before the first run."""
    text = (
        "Choose a preset and start: the loss, validation results and predictions for four fixed clips appear "
        f"here during training. {DETACHED}"
    )
    return render("train/templates/empty.html", title="Train a model and watch it learn", text=text)


def training_off() -> Markup:
    """Return the head of the tab on a host without training."""
    return macro(
        "heading",
        "Training is off on this host",
        "Set up a run here, copy its command and run it on your own machine: it is the same trainer. The "
        "owner of this host can allow training with AVSEG_ALLOW_TRAINING=1.",
    )


def log(run: Snapshot) -> Markup:
    """Return the end of a run's log, and the last line of its console."""
    text = run.run.log_tail(LOG_LINES)
    if run.state.alive:
        text = "\n".join(filter(None, (text, run.run.console_tail(1))))
    elif run.state.state in ("failed", "killed"):
        text = text or run.run.console_tail()
    return render("train/templates/log.html", text=text or "The log is empty.", speed=speed(run))


def runs_table(runs: Sequence[tuple[str, RunState]], selected: str, compared: Sequence[str]) -> Markup:
    """Return the table of runs: a name selects, a button adds the run's curves to the charts."""
    rows = [(name, state, state_name(state)) for name, state in runs]
    return render("train/templates/runs.html", rows=rows, selected=selected, compared=compared)


def chart_card(title: str, note: str, chart: Markup) -> Markup:
    """Return a chart under its title."""
    return render("train/templates/chart.html", title=title, note=note, chart=chart)


def command_box(command: str) -> Markup:
    """Return the command with a line break before every flag, and a button that copies it on one line."""
    return render("train/templates/command.html", command=command.replace(" --", " \\\n  --"))


def check_list(checks: Sequence[Check]) -> Markup:
    """Return what there is to say about an order, line by line."""
    return render("train/templates/checks.html", checks=checks)
