"""What the Train tab does with runs: show the selected one, start, stop, resume, rename, delete.

Handlers take the visitor's state first and return named updates. An error appears in the notice and changes
nothing else; where training is off, nothing about any run is revealed but the bundled example.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import gradio as gr

from app.components.gradio_helpers import HIDDEN, notice
from app.components.render import render
from app.components.updates import UNCHANGED, Updates
from app.services import runs
from app.services.handoff import EvaluateRequest, SegmentRequest
from app.services.host import require_training
from app.services.models import available_models, trained_name
from app.services.process import ROOT
from app.services.runs import run_folder, run_state, shown_runs
from app.services.session import Visitor
from app.train import html
from app.train.curves import (
    LOSS_AXES,
    METRICS,
    PRETRAINING,
    SMOOTHING,
    Curve,
    loss_chart,
    metric_chart,
)
from app.train.form_handlers import FormUpdates, preview
from app.train.order import Values, checks, free_name
from app.train.snapshot import Snapshot, snapshot
from app.train.state import TrainState
from avseg.errors import AvsegError, RunError
from avseg.jobs.signals import error_message
from avseg.training.command import resume_arguments
from avseg.web.charts import SERIES


@dataclass(frozen=True)
class RunUpdates(Updates):
    """Changes of everything that follows from the selected run."""

    header: object = UNCHANGED
    notice: object = UNCHANGED
    head: object = UNCHANGED
    stop: object = UNCHANGED
    stop_now: object = UNCHANGED
    resume: object = UNCHANGED
    epochs: object = UNCHANGED
    use: object = UNCHANGED
    evaluate: object = UNCHANGED
    manage: object = UNCHANGED
    manage_box: object = UNCHANGED
    details: object = UNCHANGED
    loss_chart: object = UNCHANGED
    metric_chart: object = UNCHANGED
    samples: object = UNCHANGED
    validation: object = UNCHANGED
    runs: object = UNCHANGED
    log: object = UNCHANGED


@dataclass(frozen=True)
class StartUpdates(RunUpdates, FormUpdates):
    """Changes after a run was started: the run, and the form with a new name."""


@dataclass(frozen=True)
class ManageUpdates(Updates):
    """Changes of the box in which a run is renamed or deleted."""

    manage_box: object = UNCHANGED
    new_name: object = UNCHANGED
    confirm: object = UNCHANGED
    delete: object = UNCHANGED


@dataclass(frozen=True)
class UseUpdates(Updates):
    """Another tab is opened."""

    tabs: object = UNCHANGED


Handler = Callable[..., RunUpdates]


def reading(handler: Handler) -> Handler:
    """Return a handler that shows errors in the notice."""

    @wraps(handler)
    def reading_handler(state: TrainState, *args: object, **options: bool) -> RunUpdates:
        try:
            return handler(state, *args, **options)
        except (AvsegError, OSError) as error:
            return RunUpdates(notice=notice(error_message(error)))

    return reading_handler


def guarded(handler: Handler) -> Handler:
    """Return a handler that refuses where training is off, and shows errors in the notice."""

    @wraps(handler)
    def guarded_handler(state: TrainState, *args: object, **options: bool) -> RunUpdates:
        require_training()
        return handler(state, *args, **options)

    return reading(guarded_handler)


@reading
def refresh(state: TrainState, acted: bool = False, fill: bool = False) -> RunUpdates:
    """Read the runs again; HTML that has not changed is not sent again.

    acted: the visitor did something, so an old notice and the box for renaming disappear. fill: also set the
    slider and the number of epochs, which a visitor may be changing right now; implied by `acted`.
    """
    fill = fill or acted
    states = {name: run_state(run) for name, run in shown_runs().items()}
    closed = {"notice": HIDDEN, "manage_box": HIDDEN} if acted else {}
    if state.run not in states:
        alive = (name for name, run in states.items() if run.alive)
        state.run, state.validation = next(alive, next(iter(states))), 0
    run = snapshot(state.run)
    compared = [snapshot(name) for name in state.compared if name in states and name != state.run]
    sheets = html.sample_sheets(run)
    rows = {"runs": states.items(), "selected": state.run, "compared": state.compared}
    pages = {
        "header": html.run_header(run),
        "head": html.run_head(run, live=any(other.alive for other in states.values())),
        **_charts([run, *compared], state),
        "samples": html.samples(run, sheets, state.validation),
        "runs": render("train/templates/runs.html", **rows),
        "log": html.log(run),
    }
    hashes = {name: hash(page) for name, page in pages.items()}
    changed: dict[str, object] = {
        name: page for name, page in pages.items() if state.sent.get(name) != hashes[name]
    }
    state.sent = hashes
    if fill or "samples" in changed:
        value = state.validation or max(len(sheets), 1)
        changed["validation"] = gr.update(visible=len(sheets) > 1, maximum=max(len(sheets), 2), value=value)
    visible = gr.update(visible=True)
    return RunUpdates(details=visible, **changed, **_button_updates(run, fill), **closed)


def _charts(snapshots: list[Snapshot], state: TrainState) -> dict[str, str]:
    share, name = SMOOTHING[state.smoothing], state.metric
    if snapshots[0].history.pretrained and not snapshots[0].step:  # all that there is to see yet
        name = PRETRAINING
    metric = METRICS[name]
    curves = [Curve(run.name, run.history, run.config, run.steps) for run in snapshots]
    loss = ("Loss", "Eq. (4)", loss_chart(curves, share, state.loss_axis == "log"))
    other = (metric.title, metric.note, metric_chart(curves, name, share))
    return {
        name: render("train/templates/chart.html", title=title, note=note, chart=chart)
        for name, (title, note, chart) in (("loss_chart", loss), ("metric_chart", other))
    }


def _button_updates(run: Snapshot, fill: bool = True) -> dict[str, dict]:
    """Return updates of the buttons; fill: set the number of epochs too."""
    state, has_model = run.state.state, gr.update(visible=run.run.last_model.is_file() and not run.example)
    return {
        "stop": gr.update(visible=state in ("starting", "running")),
        "stop_now": gr.update(visible=state == "stopping"),
        "epochs": gr.update(visible=run.resumable, **({"value": run.epochs} if fill else {})),
        "resume": gr.update(visible=run.resumable, value="Extend" if state == "finished" else "Resume"),
        "use": has_model,
        "evaluate": has_model,
        "manage": gr.update(visible=not run.state.alive and not run.example),
    }


@reading
def arrive(state: TrainState, wanted: str = "") -> RunUpdates:
    """Draw everything, as for a page that was just opened. wanted: the run of a link."""
    state.sent = {}
    if wanted in shown_runs():
        state.run, state.validation = wanted, 0
    elif wanted:
        gone = f"The link names the run {wanted[:60]}, which does not exist here."
        return refresh(state, fill=True) | RunUpdates(notice=notice(gone))
    return refresh(state, fill=True)


@reading
def choose(state: TrainState, run: object) -> RunUpdates:
    """Select another run."""
    if run in shown_runs():
        state.run, state.validation = str(run), 0
    return refresh(state, acted=True)


@reading
def compare(state: TrainState, run: object) -> RunUpdates:
    """Add the curves of another run to the charts, or remove them."""
    others = tuple(name for name in state.compared if name != run)
    added = others == state.compared and isinstance(run, str)
    state.compared = (*others, run)[1 - SERIES :] if added else others
    return refresh(state)


@reading
def set_style(state: TrainState, smoothing: object, loss_axis: object, metric: object) -> RunUpdates:
    """Draw the charts differently; unknown options are ignored."""
    if isinstance(smoothing, str) and smoothing in SMOOTHING:
        state.smoothing = smoothing
    if isinstance(loss_axis, str) and loss_axis in LOSS_AXES:
        state.loss_axis = loss_axis
    if isinstance(metric, str) and metric in METRICS:
        state.metric = metric
    return refresh(state)


@reading
def show_validation(state: TrainState, number: object) -> RunUpdates:
    """Show the predictions of one validation, from 1; the last one follows the run as it continues."""
    if state.run not in shown_runs():
        return refresh(state)
    earlier = range(1, len(html.sample_sheets(snapshot(state.run))))
    valid = isinstance(number, int | float) and number in earlier
    state.validation = int(number) if valid else 0
    return refresh(state)


def start(state: TrainState, values: Values) -> StartUpdates:
    """Start the run of the form and select it."""
    before = state.run
    updates = StartUpdates() | _start(state, values)
    if state.run == before:
        return updates
    name = free_name(values["preset"])
    return updates | FormUpdates(name=name) | preview({**values, "name": name})


@guarded
def _start(state: TrainState, values: Values) -> RunUpdates:
    order, lines = checks(values)
    if errors := [line.text for line in lines if line.kind == "bad"]:
        raise RunError(" ".join(errors))
    runs.start(order.arguments(), order.run)
    state.run, state.validation = order.name, 0
    return refresh(state, acted=True)


@guarded
def stop(state: TrainState) -> RunUpdates:
    """Ask the selected run to stop after saving a checkpoint."""
    runs.stop(run_folder(state.run))
    return refresh(state, acted=True)


@guarded
def stop_now(state: TrainState) -> RunUpdates:
    """Kill the process of the selected run."""
    runs.stop_now(run_folder(state.run))
    return refresh(state, acted=True)


@guarded
def resume(state: TrainState, epochs: object) -> RunUpdates:
    """Resume the selected run, up to a number of epochs."""
    run = run_folder(state.run)
    number = epochs if isinstance(epochs, int | float) and not isinstance(epochs, bool) else 0
    runs.start(resume_arguments(run, ROOT, int(number)), run)
    return refresh(state, acted=True)


def manage(state: TrainState) -> ManageUpdates:
    """Open the box in which the selected run is renamed or deleted."""
    delete_button = gr.update(value=f"Delete {state.run}", interactive=False)
    return ManageUpdates(gr.update(visible=True), state.run, False, delete_button)


@guarded
def rename(state: TrainState, name: object) -> RunUpdates:
    """Rename the selected run."""
    state.run = runs.rename(run_folder(state.run), str(name or "").strip()).path.name
    return refresh(state, acted=True)


@guarded
def delete(state: TrainState, confirmed: object) -> RunUpdates:
    """Delete the selected run, once the visitor has confirmed it."""
    if confirmed is not True:
        raise RunError("Confirm with the checkbox first: a deleted run cannot be restored.")
    runs.delete(run_folder(state.run))
    state.run = ""
    return refresh(state, acted=True)


def use(visitor: Visitor) -> UseUpdates:
    """Open Segment with the model of the selected run; raises gr.Error."""
    visitor.hand_over(SegmentRequest(_selected_model(visitor)))
    return UseUpdates(tabs=gr.Tabs(selected="segment"))


def evaluate(visitor: Visitor) -> UseUpdates:
    """Open Evaluate with the model of the selected run; raises gr.Error."""
    visitor.hand_over(EvaluateRequest(_selected_model(visitor)))
    return UseUpdates(tabs=gr.Tabs(selected="evaluate"))


def _selected_model(visitor: Visitor) -> str:
    name = visitor.state(TrainState).run
    try:
        require_training()
        model = trained_name(run_folder(name))
        if model not in available_models():
            raise RunError(f"The checkpoint of {name} does not exist or cannot be read.")
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return model
