"""The Evaluate tab: measure models on a split, read reports, find the worst clips, compare two models."""

import time
from dataclasses import replace
from pathlib import Path

import gradio as gr

from app.evaluation import page, runner, shelf
from app.evaluation.asking import Request, checked, command_of, requests_of, rules
from app.evaluation.clips import View, changed, fill, grid
from app.evaluation.data import data_of
from app.evaluation.opening import open_clip
from app.evaluation.shelf import OPENED, Shelved
from app.figures import context_of, notices
from app.session import MODEL_QUEUE, VISITORS, private_cache, session_of
from app.tabs.evaluate_api import evaluate, evaluation
from app.tabs.evaluate_parts import (
    TICK,
    Chosen,
    Rail,
    Stage,
    States,
    beside_choices,
    data_choices,
    first_key,
    go_words,
    model_choices,
    rail_parts,
    reports_html,
    stage_parts,
)
from avseg.errors import AvsegError, ReportError
from avseg.evaluations import UNDER_WAY
from avseg.report import CLASSES, CLIPS, CONFUSION, REPORT
from avseg.report_files import read_files

FILES = (REPORT, CLIPS, CLASSES, CONFUSION)
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
TO_CLIP = "() => document.querySelector('#ev-opened')?.scrollIntoView({block: 'nearest'})"
TO_RESULT = "() => { if (innerWidth < 720) document.querySelector('#ev-head').scrollIntoView(); }"


def begin(models, data, split, clips, robustness, mine, request: gr.Request = None) -> tuple:
    """Put what was chosen into the queue; returns updates of notice, jobs, mine and timer."""
    session = session_of(request)
    try:
        wanted = requests_of(models, data, split, clips, robustness)
        for one in wanted:
            checked(one)
        keys = [runner.submit(one, session) for one in wanted]
    except AvsegError as error:
        return _say(error), gr.skip(), gr.skip(), gr.skip()
    mine = (*mine, *keys)
    return gr.update(visible=False), _jobs(mine, session), mine, gr.Timer(active=True)


def poll(mine, chosen, own, request: gr.Request = None) -> tuple:
    """Look at what is under way; returns updates of jobs, timer, mine, chosen and reports.

    An evaluation of the visitor's that has just ended comes into view.
    """
    runner.advance()
    states = {job.key: job.status.state for job in runner.jobs()}
    done = [key for key in mine if states.get(key) == "finished"]
    left = tuple(key for key in mine if key in states and key not in done)
    going = any(state in UNDER_WAY for state in states.values())
    seen = chosen
    if done:
        # Of two models that were asked for together, the first is looked at and the other put beside it.
        if chosen.key and _partner(chosen.key, done[0]):
            seen = Chosen(chosen.key, done[0])
        else:
            seen = Chosen(done[0], done[-1] if _partner(done[0], done[-1]) else None)
    timer = gr.skip() if going else gr.Timer(active=False)
    listed = reports_html(own, seen.key or first_key())
    return _jobs(left, session_of(request)), timer, left, seen if done else gr.skip(), listed


def _partner(key: str, other: str) -> bool:
    """Say whether two evaluations were asked for with one press: same data, another model."""
    asked = {job.key: job for job in runner.jobs()}
    if key not in asked or other not in asked:
        return False
    one, two = asked[key].request, asked[other].request
    near = abs(_moment(key) - _moment(other)) < 3
    return near and one.model != two.model and replace(one, model=two.model) == two


def _moment(key: str) -> float:
    return time.mktime(time.strptime(key[:15], "%Y%m%d-%H%M%S"))


def acted(event: gr.EventData, mine, chosen, own, request: gr.Request = None) -> tuple:
    """Do what a click in the rail asks for; returns updates of notice, jobs, mine, chosen and reports."""
    said, session = event._data if isinstance(event._data, dict) else {}, session_of(request)
    try:
        if "open" in said:
            one = shelf.taken(said["open"], own)
            return _hidden(), gr.skip(), gr.skip(), Chosen(one.key), reports_html(own, one.key)
        if "delete" in said:
            runner.delete(said["delete"])
            gone = said["delete"] in (chosen.key, chosen.beside)
            first = shelf.first()
            chosen = Chosen(first and first.key) if gone else chosen
            return _hidden(), gr.skip(), gr.skip(), chosen, reports_html(own, chosen.key)
        if "cancel" in said:
            runner.cancel(said["cancel"], session)
            mine = tuple(dict.fromkeys((*mine, said["cancel"])))
        if "forget" in said:
            mine = tuple(key for key in mine if key != said["forget"])
    except AvsegError as error:
        return _say(error), *(gr.skip(),) * 4
    return _hidden(), _jobs(mine, session), mine, gr.skip(), gr.skip()


def upload(files: list[str] | None, request: gr.Request = None) -> tuple:
    """Read a report of the command line; returns updates of notice, own, chosen and reports."""
    paths = [Path(file) for file in files or ()]
    sent = (path for path in paths if path.resolve().is_relative_to(private_cache()))
    VISITORS.of(session_of(request)).uploads.update(sent)  # deleted when the page is closed
    try:
        strange = [path.name for path in paths if path.name not in FILES]
        if strange:
            raise ReportError(
                f"{strange[0][:60]} is none of {', '.join(FILES)}. Choose those files together."
            )
        one = Shelved(OPENED, read_files({path.name: path for path in paths}), "opened")
    except AvsegError as error:
        return _say(error), gr.skip(), gr.skip(), gr.skip()
    return _hidden(), one, Chosen(OPENED, version=time.time()), reports_html(one, OPENED)


def put_beside(key: str | None, chosen: Chosen) -> Chosen:
    """Put another report beside the one in view."""
    return replace(chosen, beside=key or None)


def show(chosen: Chosen, own, request: gr.Request = None) -> tuple:
    """Show a report.

    Returns updates of notice, head, body, view, clips, opened, player, beside and reports.
    """
    try:
        one = shelf.taken(chosen.key, own) if chosen.key else shelf.first()
        other = shelf.taken(chosen.beside, own) if chosen.beside else None
    except AvsegError as error:
        return _say(error), *(gr.skip(),) * 8
    VISITORS.of(session_of(request)).evaluate = (chosen, View())
    clips = grid(one, View()) if one else ""
    beside = beside_choices(one, chosen.beside, own)
    return (
        *(
            gr.skip(),
            page.head(one),
            page.body(one, other),
            View(),
            gr.update(value=clips, visible=bool(clips)),
        ),
        *(gr.update(visible=False), None, beside, reports_html(own, one and one.key)),
    )


def pictures(chosen: Chosen, own, view: View, request: gr.Request = None):
    """Yield the grid of clips as their pictures are made, until the visitor looks at something else."""
    visitor, wanted = VISITORS.of(session_of(request)), (chosen, view)
    try:
        one = shelf.taken(chosen.key, own) if chosen.key else shelf.first()
    except AvsegError:
        one = None
    if one is None or visitor.evaluate not in (None, wanted):
        yield gr.skip()  # a generator that gives nothing would empty the grid
        return
    for drawn in fill(one, view):
        if visitor.evaluate not in (None, wanted):
            yield gr.skip()
            return
        yield drawn


def choose(event: gr.EventData, chosen: Chosen, own, view: View, request: gr.Request = None) -> tuple:
    """Do what a click on the report asks for.

    Returns updates of the header's context, notice, view, clips, opened, about and player.
    """
    said = event._data if isinstance(event._data, dict) else {}
    try:
        one = shelf.taken(chosen.key, own) if chosen.key else shelf.first()
        if one is None:
            return (gr.skip(),) * 7
        if "close" in said:
            return *(gr.skip(),) * 4, gr.update(visible=False), gr.skip(), None
        if "clip" in said:
            session = session_of(request)
            folder = VISITORS.new_result(session)
            try:
                found = open_clip(one, str(said["clip"]), folder)
            except AvsegError:
                VISITORS.drop(session, folder)
                raise
            VISITORS.show(session, found.shown)
            header = context_of(found.shown)
            return header, _hidden(), view, gr.skip(), gr.update(visible=True), found.head, found.player
    except AvsegError as error:
        return gr.skip(), _say(error), *(gr.skip(),) * 5
    view = changed(view, said)
    VISITORS.of(session_of(request)).evaluate = (chosen, view)
    return gr.skip(), gr.skip(), view, grid(one, view), gr.skip(), gr.skip(), gr.skip()


def choose_form(models, data, split, clips, robustness) -> tuple:
    """Fit the form to what was chosen; returns updates of split, clips, button and command."""
    try:
        one = data_of(data)
    except AvsegError:
        return (gr.skip(),) * 4
    split = split if split in one.splits else one.splits[0]
    most = one.clips(split)
    limit = rules().clips
    count = int(clips or 0)
    if one.folder is not None and most:
        count = min(count, most)
    if limit:
        count = min(count or limit, limit)
    lines = [command_of(Request(model, data, split, count, robustness)) for model in models or ()]
    label = f"Clips, of {most}" if one.folder is not None else "Clips"
    return (
        gr.update(choices=list(one.splits), value=split),
        gr.update(value=count or None, label=label),
        gr.update(value=go_words(count or most, len(models or ())), interactive=bool(models)),
        page.command(lines),
    )


def arrive(mine, chosen, own, request: gr.Request = None) -> tuple:
    """Look at what there is now: after a reload too, what is under way is watched to its end.

    Returns updates of models, data, jobs, reports, beside, timer and mine.
    """
    runner.advance()
    session = session_of(request)
    going = [job.key for job in runner.jobs() if job.status.state in UNDER_WAY]
    mine = tuple(dict.fromkeys((*mine, *(key for key in going if runner.may_cancel(key, session)))))
    try:
        one = shelf.taken(chosen.key, own) if chosen.key else shelf.first()
    except AvsegError:
        one = shelf.first()
    return (
        gr.update(choices=model_choices()),
        gr.update(choices=data_choices()),
        _jobs(mine, session),
        reports_html(own, one and one.key),
        beside_choices(one, chosen.beside, own),
        gr.Timer(active=bool(going)),
        mine,
    )


def add(context: gr.HTML) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    with gr.Row(elem_classes="page", equal_height=False) as row:
        with gr.Column(scale=0, min_width=272, elem_classes=["rail", "ev-rail"]):
            rail = rail_parts()
        with gr.Column(elem_classes="stage", min_width=0):
            stage = stage_parts()
    states = States(
        gr.State(Chosen()), gr.State(), gr.State(View()), gr.State(()), gr.Timer(TICK, active=False)
    )
    _wire_form(rail, stage, states)
    _wire_report(rail, stage, states, row.parent, context)
    gr.api(evaluate, api_name="evaluate", concurrency_limit=2)
    gr.api(evaluation, api_name="evaluation", concurrency_limit=2)


def _wire_form(rail: Rail, stage: Stage, states: States) -> None:
    fitted = [rail.split, rail.clips, rail.go, rail.command]
    for part in (rail.models, rail.data, rail.split, rail.clips, rail.robustness):
        part.input(choose_form, rail.form, fitted, trigger_mode="always_last", **PRIVATE)
    rail.go.click(
        begin, [*rail.form, states.mine], [stage.notice, rail.jobs, states.mine, states.timer], **PRIVATE
    )
    states.timer.tick(
        poll,
        [states.mine, states.chosen, states.own],
        [rail.jobs, states.timer, states.mine, states.chosen, rail.reports],
        **PRIVATE,
    )
    done = [stage.notice, rail.jobs, states.mine, states.chosen, rail.reports]
    for part in (rail.jobs, rail.reports):
        part.select(acted, [states.mine, states.chosen, states.own], done, js=None, **PRIVATE)
    rail.upload.upload(
        upload, rail.upload, [stage.notice, states.own, states.chosen, rail.reports], **PRIVATE
    )
    rail.beside.input(put_beside, [rail.beside, states.chosen], states.chosen, **PRIVATE)


def _wire_report(rail: Rail, stage: Stage, states: States, tab: gr.Tab, context: gr.HTML) -> None:
    looking = [states.chosen, states.own, states.view]
    model = {"concurrency_limit": 1, "concurrency_id": MODEL_QUEUE}
    painted = {"fn": pictures, "inputs": looking, "outputs": stage.clips, **model, **PRIVATE}
    shown = states.chosen.change(
        show,
        [states.chosen, states.own],
        [
            *(stage.notice, stage.head, stage.body, states.view, stage.clips, stage.opened, stage.player),
            *(rail.beside, rail.reports),
        ],
        **PRIVATE,
    )
    shown.then(**painted, js=None)
    for part in (stage.body, stage.clips, stage.about):
        clicked = part.select(
            choose,
            looking,
            [*(context, stage.notice, states.view, stage.clips), *(stage.opened, stage.about, stage.player)],
            show_progress="minimal",
            show_progress_on=stage.clips,
            api_visibility="private",
            **model,
        )
        clicked.then(None, js=TO_CLIP).then(**painted)
    came = tab.select(
        arrive,
        [states.mine, states.chosen, states.own],
        [rail.models, rail.data, rail.jobs, rail.reports, rail.beside, states.timer, states.mine],
        **PRIVATE,
    )
    came.then(**painted)


def _jobs(mine, session: str) -> str:
    known = runner.jobs()
    stoppable = [job.key for job in known if runner.may_cancel(job.key, session)]
    return page.under_way(known, mine, stoppable)


def _say(error: AvsegError) -> dict:
    return gr.update(value=notices([str(error)], "error"), visible=True)


def _hidden() -> dict:
    return gr.update(visible=False)
