"""The Train tab: set up a run, start it as a process of its own, and watch it from its folder."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import gradio as gr

from app import figures, runner
from app.tabs.train_parts import SMOOTHING, Form, Look, Manage, Stage, form_parts, stage_parts
from app.training import curves, screen
from app.training.course import COURSES
from app.training.form import values_of
from app.training.order import checks, data_choices, free_name, model_choices, room, size_of, unused_name
from app.training.order import read_order as read
from app.training.probe import known, measure
from avseg.errors import AvsegError, RunError

MOST_COMPARED = len(curves.COLOURS) - 1
QUEUE = "train"  # one at a time, so that a tick never undoes a choice
TO_SEGMENT = "() => document.querySelector('#views [role=tab][data-tab-id=segment]')?.click()"
TO_RUN = "() => { if (innerWidth < 720) document.querySelector('#tr-head').scrollIntoView(); }"


@dataclass(frozen=True)
class View:
    """What one open page looks at."""

    run: str = ""
    compared: tuple[str, ...] = ()
    number: int = 0  # the evaluation whose pictures are shown; 0 follows the latest
    drawn: tuple[tuple[str, int], ...] = ()  # what stands on the page, so that it is not sent again


Values = Mapping[str, object]
Curves = tuple[str, str, str]  # smoothing, axis, metric


def preview(values: Values) -> tuple[str, str, dict]:
    """Return the command and what is to be said about an order; updates of command, checks and Start."""
    order, found = checks(values)
    command = screen.command_box(order.shown()) if order else ""
    good = all(one.kind != "bad" for one in found)
    if order and good and runner.may_train():
        found = [*found, *screen.cost(known(order), size_of(order).steps, *room(order.run.path))]
    bad = any(one.kind == "bad" for one in found)
    return command, screen.check_list(found), gr.update(interactive=not bad)


def choose_preset(values: Values) -> tuple:
    """Fill the form with a preset; returns updates of name, all fields, command, checks and Start."""
    try:
        preset = str(values.get("preset"))
        filled = values_of(runner.preset_of(preset)) | {"name": free_name(preset)}
    except AvsegError as error:
        raise gr.Error(str(error)) from error
    fields = {key: value for key, value in filled.items() if key != "name"}
    return filled["name"], *fields.values(), *preview({**values, **filled})


def take_measure(values: Values) -> Iterator[tuple]:
    """Take a few steps of the order; yields updates of checks, Start and the two buttons."""
    begun, ended = (
        (gr.update(visible=False), gr.update(visible=True)),
        (gr.update(visible=True), gr.update(visible=False)),
    )
    try:
        runner.require_training()
        for words in measure(read(values)):
            yield screen.check_list([screen.Check("note", words)]), gr.update(interactive=False), *begun
    except AvsegError as error:
        yield screen.check_list([screen.Check("bad", str(error))]), gr.update(interactive=True), *ended
        return
    yield *preview(values)[1:], *ended


def start(values: Values, view: View, look: Curves) -> tuple:
    """Start the order and watch it; returns the new name, command, checks, Start, view and the stage."""
    try:
        runner.require_training()
        order, found = checks(values)
        if bad := [one.words for one in found if one.kind == "bad"]:
            raise RunError(" ".join(bad))
        runner.start(order.command(), order.run)
    except AvsegError as error:
        return (gr.skip(),) * 4 + _failed(error, view)
    name = free_name(order.preset)
    return name, *preview({**values, "name": name}), *refresh(View(order.name, view.compared), look, True)


def stop(view: View, look: Curves) -> tuple:
    """Ask the watched run to stop after a checkpoint; returns view and stage."""
    return _act(lambda run: runner.stop(run), view, look)


def end(view: View, look: Curves) -> tuple:
    """End the process of the watched run without waiting; returns view and stage."""
    return _act(lambda run: runner.end_at_once(run), view, look)


def resume(view: View, epochs: object, look: Curves) -> tuple:
    """Go on with the watched run, up to a number of epochs; returns view and stage."""

    def go_on(run: runner.RunFolder) -> None:
        wanted = epochs if isinstance(epochs, int | float) and not isinstance(epochs, bool) else 0
        runner.start(runner.resume_command(run, int(wanted)), run)

    return _act(go_on, view, look)


def rename(view: View, name: object, look: Curves) -> tuple:
    """Give the watched run another name; returns view, stage, and hides the question."""
    try:
        runner.require_training()
        other = runner.rename(runner.run_of(view.run), str(name or "").strip())
    except (AvsegError, OSError) as error:
        return *_failed(error, view), gr.skip()
    return *refresh(replace(view, run=other.path.name), look, True), gr.update(visible=False)


def delete(view: View, sure: object, look: Curves) -> tuple:
    """Delete the watched run when `sure` was ticked; returns view, stage, and hides the question."""
    try:
        runner.require_training()
        if sure is not True:
            raise RunError("Tick the box first: a deleted run cannot be brought back.")
        runner.delete(runner.run_of(view.run))
    except (AvsegError, OSError) as error:
        return *_failed(error, view), gr.skip()
    return *refresh(View(), look, True), gr.update(visible=False)


def _act(act: Callable[[runner.RunFolder], None], view: View, look: Curves) -> tuple:
    try:
        runner.require_training()
        act(runner.run_of(view.run))
    except AvsegError as error:
        return _failed(error, view)
    return refresh(view, look, True)


def _failed(error: Exception, view: View) -> tuple:
    said = figures.notices([str(error)], "error")
    return view, gr.update(value=said, visible=True), *(gr.skip(),) * (len(Stage.__dataclass_fields__) - 1)


def choose(view: View, run: object, look: Curves) -> tuple:
    """Watch another run; returns view and stage."""
    return refresh(View(str(run), view.compared, drawn=view.drawn), look, True)


def compare(view: View, run: object, on: object, look: Curves) -> tuple:
    """Put a run's curves beside the watched one's, or take them away; returns view and stage."""
    others = tuple(name for name in view.compared if name != run)
    compared = (*others, str(run))[-MOST_COMPARED:] if on is True else others
    return refresh(replace(view, compared=compared), look)


def refresh(view: View, look: Curves, acted: bool = False) -> tuple:
    """Return the view and updates of the stage's parts; what did not change since is not sent again.

    acted: the visitor did something, so an old notice goes. Without training on this host nothing is shown.
    """
    runner.require_training()
    runs = {run.path.name: runner.look(run) for run in runner.all_runs()}
    notice = gr.update(visible=False) if acted else gr.skip()
    if not runs:
        drawn = (gr.update(value=screen.nothing()), *_buttons(None), *(gr.update(value=""),) * 2)
        return View(), notice, *drawn, gr.update(visible=False), *(gr.update(value=""),) * 3
    if view.run not in runs:
        first = next((name for name, seen in runs.items() if seen.alive), next(iter(runs)))
        view = View(first, view.compared, drawn=view.drawn)
    one = screen.watched(runner.run_of(view.run), COURSES.of(runner.run_of(view.run)))
    live = any(seen.alive for seen in runs.values())
    pictures = screen.evaluations(one.run)
    html = {
        "head": screen.head(one, live),
        **_plots(one, [name for name in view.compared if name in runs and name != view.run], look),
        "sample": screen.sample(one, view.number or len(pictures)),
        "runs": screen.table(list(runs.items()), view.run, view.compared),
        "log": screen.log(one),
    }
    before = dict(view.drawn)
    sent = {name: gr.skip() if before.get(name) == hash(words) else words for name, words in html.items()}
    view = replace(view, drawn=tuple((name, hash(words)) for name, words in html.items()))
    count = len(pictures)
    number = gr.update(visible=count > 1, maximum=max(count, 2), value=view.number or max(count, 1))
    return (
        *(view, notice, sent["head"], *_buttons(one, acted), sent["loss"], sent["metric"]),
        *(number if acted or before.get("sample") != hash(html["sample"]) else gr.skip(), sent["sample"]),
        *(sent["runs"], sent["log"]),
    )


def _plots(one: screen.Watched, compared: list[str], look: Curves) -> dict[str, str]:
    share, log, metric = SMOOTHING.get(look[0], 0.0), look[1] == "log", look[2]
    metric = metric if metric in curves.METRICS else next(iter(curves.METRICS))
    followed = [curves.Followed(one.name, one.course, one.config, one.steps)]
    for name in compared:
        other = screen.watched(runner.run_of(name), COURSES.of(runner.run_of(name)))
        followed.append(curves.Followed(name, other.course, other.config, other.steps))
    return {
        "loss": screen.titled("Loss", "Eq. (4)", curves.loss_plot(followed, share, log)),
        "metric": screen.titled(
            screen.metric_title(metric), curves.NOTES[metric], curves.metric_plot(followed, metric, share)
        ),
    }


def _buttons(one: screen.Watched | None, fill: bool = True) -> tuple[dict, ...]:
    """Return updates of stop, end, epochs, resume, use and manage."""
    if one is None:
        return (gr.update(visible=False),) * 6
    state, can = one.seen.state, one.run.exists and not one.seen.alive
    epochs = gr.update(visible=can, value=one.epochs) if fill else gr.update(visible=can)
    return (
        gr.update(visible=state in ("starting", "running")),
        gr.update(visible=state == "stopping"),
        epochs,
        gr.update(visible=can, value="Extend" if state == "finished" else "Resume"),
        gr.update(visible=one.run.last_model.is_file()),
        gr.update(visible=not one.seen.alive),
    )


def add(_: gr.HTML) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    with gr.Row(elem_classes=["page", "tr-page"], equal_height=False) as page:
        with gr.Column(scale=0, min_width=316, elem_classes=["rail", "tr-rail"]):
            form = form_parts()
        with gr.Column(elem_classes="stage", min_width=0):
            stage, look, manage = stage_parts()
    view = gr.State(View())
    _wire_form(form, page.parent)
    _wire_run(form, stage, look, manage, view, page.parent)


def _wire_form(form: Form, tab: gr.Tab) -> None:
    names = {component: name for name, component in form.inputs.items()}
    given, said = set(names), [form.command, form.checks, form.start]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}

    def shown(given: dict) -> tuple:
        return preview({name: given[component] for component, name in names.items()})

    def filled(given: dict) -> tuple:
        return choose_preset({name: given[component] for component, name in names.items()})

    def measured(given: dict) -> Iterator[tuple]:
        yield from take_measure({name: given[component] for component, name in names.items()})

    def arrive(given: dict) -> tuple:
        values = {name: given[component] for component, name in names.items()}
        values["name"] = unused_name(values["preset"], values["name"])
        models, data = gr.update(choices=model_choices()), gr.update(choices=data_choices())
        return data, models, values["name"], *preview(values)

    # A text box tells its new value only afterwards.
    typed = [
        component.change if isinstance(component, gr.Textbox) else component.input
        for component in names
        if component is not form.preset
    ]
    gr.on(typed, shown, given, said, trigger_mode="always_last", api_name="train_preview", **quiet)
    form.preset.input(
        filled, given, [form.name, *form.config.values(), *said], api_name="train_preset", **quiet
    )
    measuring = form.measure.click(
        measured,
        given,
        [form.checks, form.start, form.measure, form.leave],
        api_name="train_measure",
        concurrency_limit=1,
        **quiet,
    )
    left = form.leave.click(
        lambda: (gr.update(visible=True), gr.update(visible=False)),
        None,
        [form.measure, form.leave],
        cancels=[measuring],
        queue=False,
        **quiet,
    )
    left.then(shown, given, said, **quiet)
    tab.select(
        arrive, given, [form.data, form.start_from, form.name, *said], api_name="train_arrive", **quiet
    )


def _wire_run(form: Form, stage: Stage, look: Look, manage: Manage, view: gr.State, tab: gr.Tab) -> None:
    names = {component: name for name, component in form.inputs.items()}
    drawn, styles = [view, *stage.parts()], [look.smoothing, look.scale, look.metric]
    quiet = {
        "api_visibility": "private",
        "show_progress": "hidden",
        "concurrency_id": QUEUE,
        "concurrency_limit": 1,
    }

    def train_start(given: dict) -> tuple:
        values = {name: given[component] for component, name in names.items()}
        return start(values, given[view], tuple(given[style] for style in styles))

    def train_choose(seen: View, smoothing: str, scale: str, metric: str, event: gr.EventData) -> tuple:
        return _guarded(choose, seen, (event._data or {}).get("run"), (smoothing, scale, metric))

    def train_compare(seen: View, smoothing: str, scale: str, metric: str, event: gr.EventData) -> tuple:
        data = event._data or {}
        return _guarded(compare, seen, data.get("run"), data.get("on"), (smoothing, scale, metric))

    def train_number(seen: View, number: float, *look: str) -> tuple:
        return _guarded(show_number, seen, number, look)

    form.start.click(
        train_start,
        {*names, view, *styles},
        [form.name, form.command, form.checks, form.start, *drawn],
        js=None,
        **quiet,
    ).then(None, None, None, js=TO_RUN)
    stage.stop.click(
        lambda seen, *look: stop(seen, look), [view, *styles], drawn, api_name="train_stop", **quiet
    )
    stage.end.click(
        lambda seen, *look: end(seen, look), [view, *styles], drawn, api_name="train_end", **quiet
    )
    stage.resume.click(
        lambda seen, epochs, *look: resume(seen, epochs, look),
        [view, stage.epochs, *styles],
        drawn,
        api_name="train_resume",
        **quiet,
    )
    stage.use.click(None, None, None, js=TO_SEGMENT)
    stage.manage.click(
        lambda seen: (
            gr.update(visible=True),
            seen.run,
            False,
            gr.update(value=f"Delete {seen.run}", interactive=False),
        ),
        view,
        [manage.box, manage.name, manage.sure, manage.delete],
        api_name="train_manage",
        **quiet,
    )
    manage.sure.input(lambda sure: gr.update(interactive=sure is True), manage.sure, manage.delete, **quiet)
    manage.rename.click(
        lambda seen, name, *look: rename(seen, name, look),
        [view, manage.name, *styles],
        [*drawn, manage.box],
        api_name="train_rename",
        **quiet,
    )
    manage.delete.click(
        lambda seen, sure, *look: delete(seen, sure, look),
        [view, manage.sure, *styles],
        [*drawn, manage.box],
        api_name="train_delete",
        **quiet,
    )
    tick = lambda seen, *look: _guarded(refresh, seen, look)  # noqa: E731
    gr.on(
        [stage.head.tick, *(style.input for style in styles)],
        tick,
        [view, *styles],
        drawn,
        api_name="train_tick",
        **quiet,
    )
    if runner.may_train():
        tab.select(
            lambda seen, *look: _guarded(refresh, replace(seen, drawn=()), look, True),
            [view, *styles],
            drawn,
            api_name="train_watch",
            **quiet,
        )
    stage.runs.choose(train_choose, [view, *styles], drawn, **quiet).then(
        lambda: gr.update(visible=False), None, manage.box, **quiet
    )
    stage.runs.compare(train_compare, [view, *styles], drawn, **quiet)
    stage.number.input(
        train_number, [view, stage.number, *styles], drawn, trigger_mode="always_last", **quiet
    )


def show_number(view: View, number: object, look: Curves) -> tuple:
    """Show the pictures of an evaluation, counted from 1; the last one follows the run."""
    there = len(screen.evaluations(runner.run_of(view.run)))
    whole = int(number) if isinstance(number, int | float) else 0
    return refresh(replace(view, number=0 if whole >= there else max(1, whole)), look)


def _guarded(act: Callable[..., tuple], view: View, *given: object) -> tuple:
    """Watch, and say in words what went wrong; where training is off nothing of any run is told."""
    try:
        return act(view, *given)
    except AvsegError as error:
        return _failed(error, view)
