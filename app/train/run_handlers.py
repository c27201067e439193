"""Watching a run in the Train tab, and what its buttons do: pure functions from a view to a view and updates.

Each returns the view and updates of the stage's parts. What cannot be done is said in the notice and changes
nothing else; where training is off, nothing of any run is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps

import gradio as gr

from app.components.gradio_helpers import HIDDEN, notice
from app.services import runs as runner
from app.services.handoff import SegmentRequest
from app.services.host import require_training
from app.services.models import available_models, trained_name
from app.services.runs import all_runs, run_folder, run_state
from app.services.session import VISITORS, session_of
from app.services.training_commands import resume_command
from app.train import curves
from app.train import html as page
from app.train.form_handlers import Values, preview
from app.train.layout import AXES, SMOOTHING, Stage
from app.train.order import checks, free_name
from app.train.samples import evaluations, sheet
from app.train.watched import Watched, watched
from avseg.errors import AvsegError, RunError
from avseg.jobs.signals import error_message

MOST_COMPARED = len(curves.COLOURS) - 1


@dataclass(frozen=True)
class View:
    """What one open page looks at."""

    run: str = ""
    compared: tuple[str, ...] = ()
    number: int = 0  # the evaluation whose pictures are shown; 0 follows the latest
    smoothing: str = "2 %"
    axis: str = "log"
    metric: str = "mIoU"
    drawn: tuple[tuple[str, int], ...] = ()  # what stands on the page, so that it is not sent again


def _updates(view: View, **parts: object) -> tuple:
    return view, *(parts.get(one.name, gr.skip()) for one in fields(Stage))


def _failed(view: View, words: str) -> tuple:
    return _updates(view, notice=notice(words))


def _told(act: Callable[..., tuple]) -> Callable[..., tuple]:
    """Let a handler say in words what went wrong, and nothing at all where training is off."""

    @wraps(act)
    def handle(view: View, *given: object, **named: object) -> tuple:
        try:
            require_training()
            return act(view, *given, **named)
        except (AvsegError, OSError) as error:
            return _failed(view, error_message(error))

    return handle


@_told
def refresh(view: View, acted: bool = False, fill: bool = False) -> tuple:
    """Look at the runs again; what did not change since is not sent again.

    acted: the visitor did something, so that an old notice and an open question go. fill: write the slider
    and the number of epochs too, which a visitor may be moving; done after an act anyway.
    """
    runs = {run.path.name: run_state(run) for run in all_runs()}
    closed = {"notice": HIDDEN, "box": HIDDEN} if acted else {}
    if not runs:
        empty = {"loss": "", "metric": "", "sample": "", "runs": "", "log": "", "context": ""}
        nothing = replace(View(), smoothing=view.smoothing, axis=view.axis, metric=view.metric)
        return _updates(nothing, head=page.nothing(), number=HIDDEN, **empty, **_buttons(None), **closed)
    if view.run not in runs:
        first = next((name for name, seen in runs.items() if seen.alive), next(iter(runs)))
        view = replace(view, run=first, number=0)
    one = watched(view.run)
    there = evaluations(one)
    html = {
        "context": page.context(one),
        "head": page.head(one, live=any(seen.alive for seen in runs.values())),
        **_plots(one, [name for name in view.compared if name in runs and name != view.run], view),
        "sample": sheet(one, there, view.number),
        "runs": page.table(list(runs.items()), view.run, view.compared),
        "log": page.log(one),
    }
    before, now = dict(view.drawn), {name: hash(words) for name, words in html.items()}
    sent = {name: words for name, words in html.items() if before.get(name) != now[name]}
    fill = fill or acted
    if fill or "sample" in sent:
        count, at = len(there), view.number or max(len(there), 1)
        sent["number"] = gr.update(visible=count > 1, maximum=max(count, 2), value=at)
    view = replace(view, drawn=tuple(now.items()))
    return _updates(view, **sent, **_buttons(one, fill), **closed)


def _plots(one: Watched, compared: list[str], view: View) -> dict[str, str]:
    share, metric = SMOOTHING[view.smoothing], view.metric
    followed = [
        curves.Followed(other.name, other.course, other.config, other.steps)
        for other in (one, *map(watched, compared))
    ]
    loss = curves.loss_plot(followed, share, view.axis == "log")
    other = curves.metric_plot(followed, metric, share)
    return {
        "loss": page.titled("Loss", "Eq. (4)", loss),
        "metric": page.titled(page.metric_title(metric), curves.NOTES[metric], other),
    }


def _buttons(one: Watched | None, fill: bool = True) -> dict[str, dict]:
    """Return updates of the buttons; fill: write the number of epochs too."""
    if one is None:
        return dict.fromkeys(("stop", "end", "epochs", "resume", "use", "manage"), HIDDEN)
    state, can = one.seen.state, one.can_go_on
    epochs = {"value": one.epochs} if fill else {}
    return {
        "stop": gr.update(visible=state in ("starting", "running")),
        "end": gr.update(visible=state == "stopping"),
        "epochs": gr.update(visible=can, **epochs),
        "resume": gr.update(visible=can, value="Extend" if state == "finished" else "Resume"),
        "use": gr.update(visible=one.run.last_model.is_file()),
        "manage": gr.update(visible=not one.seen.alive),
    }


@_told
def arrive(view: View) -> tuple:
    """Draw everything, as for a page that was just opened."""
    return refresh(replace(view, drawn=()), fill=True)


@_told
def choose(view: View, run: object) -> tuple:
    """Watch another run."""
    return refresh(replace(view, run=str(run), number=0), acted=True)


@_told
def compare(view: View, run: object, on: object) -> tuple:
    """Put a run's curves beside the watched one's, or take them away."""
    others = tuple(name for name in view.compared if name != run)
    compared = (*others, str(run))[-MOST_COMPARED:] if on is True else others
    return refresh(replace(view, compared=compared))


@_told
def restyle(view: View, smoothing: object, axis: object, metric: object) -> tuple:
    """Draw the curves in another way; what is no choice is left out."""
    for name, value, known in (
        ("smoothing", smoothing, SMOOTHING),
        ("axis", axis, AXES),
        ("metric", metric, curves.METRICS),
    ):
        view = replace(view, **{name: value}) if isinstance(value, str) and value in known else view
    return refresh(view)


@_told
def show_number(view: View, number: object) -> tuple:
    """Show the pictures of an evaluation, counted from 1; the last one, or none of them, follows the run."""
    earlier = range(1, len(evaluations(watched(view.run))))
    known = isinstance(number, int | float) and number in earlier
    return refresh(replace(view, number=int(number) if known else 0))


def start(values: Values, view: View) -> tuple:
    """Start the order and watch it; returns the new name, command, checks, Start, view and the stage."""
    started = _start(view, values)
    name = free_name(values["preset"]) if started[0].run != view.run else None
    said = (name, *preview({**values, "name": name})) if name else (gr.skip(),) * 4
    return *said, *started


@_told
def _start(view: View, values: Values) -> tuple:
    order, found = checks(values)
    if bad := [one.words for one in found if one.kind == "bad"]:
        raise RunError(" ".join(bad))
    runner.start(order.command(), order.run)
    return refresh(replace(view, run=order.name, number=0), acted=True)


@_told
def stop(view: View) -> tuple:
    """Ask the watched run to stop after a checkpoint."""
    runner.stop(run_folder(view.run))
    return refresh(view, acted=True)


@_told
def end(view: View) -> tuple:
    """End the process of the watched run without waiting."""
    runner.stop_now(run_folder(view.run))
    return refresh(view, acted=True)


@_told
def resume(view: View, epochs: object) -> tuple:
    """Go on with the watched run, up to a number of epochs."""
    run = run_folder(view.run)
    wanted = epochs if isinstance(epochs, int | float) and not isinstance(epochs, bool) else 0
    runner.start(resume_command(run, int(wanted)), run)
    return refresh(view, acted=True)


@_told
def rename(view: View, name: object) -> tuple:
    """Give the watched run another name."""
    other = runner.rename(run_folder(view.run), str(name or "").strip())
    return refresh(replace(view, run=other.path.name), acted=True)


@_told
def delete(view: View, sure: object) -> tuple:
    """Delete the watched run when `sure` was ticked."""
    if sure is not True:
        raise RunError("Tick the box first: a deleted run cannot be brought back.")
    runner.delete(run_folder(view.run))
    return refresh(replace(view, run=""), acted=True)


def use(view: View, request: gr.Request = None) -> None:
    """Let Segment choose the watched run's model when it is opened next; raises gr.Error in words."""
    try:
        require_training()
        model = trained_name(run_folder(view.run))
        if model not in available_models():
            raise RunError(f"The checkpoint of {view.run} is not there any more, or cannot be read.")
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    VISITORS.of(session_of(request)).hand_over(SegmentRequest(model))
