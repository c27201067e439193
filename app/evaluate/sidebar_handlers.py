"""The rail of the Evaluate tab: what is asked for, what is under way, which reports there are."""

import time
from dataclasses import replace
from pathlib import Path

import gradio as gr

from app.components.gradio_helpers import HIDDEN, failed
from app.evaluate import html as page
from app.evaluate.layout import (
    Chosen,
    beside_choices,
    data_choices,
    first_key,
    go_words,
    model_choices,
    reports_html,
)
from app.services import evaluations as runner
from app.services import reports as shelf
from app.services.evaluation_data import data_of
from app.services.evaluation_requests import Request, checked, command_of, requests_of, rules
from app.services.reports import OPENED, Shelved
from app.services.session import VISITORS, private_cache, session_of
from avseg.errors import AvsegError, ReportError
from avseg.evaluation.folder import UNDER_WAY
from avseg.evaluation.report import CLASSES, CLIPS, CONFUSION, REPORT
from avseg.evaluation.report_files import read_files

FILES = (REPORT, CLIPS, CLASSES, CONFUSION)


def begin(models, data, split, clips, robustness, mine, request: gr.Request = None) -> tuple:
    """Put what was chosen into the queue; returns updates of notice, jobs, mine and timer."""
    session = session_of(request)
    try:
        wanted = requests_of(models, data, split, clips, robustness)
        for one in wanted:
            checked(one)
        keys = [runner.submit(one, session) for one in wanted]
    except AvsegError as error:
        return failed(error), gr.skip(), gr.skip(), gr.skip()
    mine = (*mine, *keys)
    return HIDDEN, _jobs(mine, session), mine, gr.Timer(active=True)


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
            return HIDDEN, gr.skip(), gr.skip(), Chosen(one.key), reports_html(own, one.key)
        if "delete" in said:
            runner.delete(said["delete"])
            gone = said["delete"] in (chosen.key, chosen.beside)
            first = shelf.first()
            chosen = Chosen(first and first.key) if gone else chosen
            return HIDDEN, gr.skip(), gr.skip(), chosen, reports_html(own, chosen.key)
        if "cancel" in said:
            runner.cancel(said["cancel"], session)
            mine = tuple(dict.fromkeys((*mine, said["cancel"])))
        if "forget" in said:
            mine = tuple(key for key in mine if key != said["forget"])
    except AvsegError as error:
        return failed(error), *(gr.skip(),) * 4
    return HIDDEN, _jobs(mine, session), mine, gr.skip(), gr.skip()


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
        return failed(error), gr.skip(), gr.skip(), gr.skip()
    return HIDDEN, one, Chosen(OPENED, version=time.time()), reports_html(one, OPENED)


def put_beside(key: str | None, chosen: Chosen) -> Chosen:
    """Put another report beside the one in view."""
    return replace(chosen, beside=key or None)


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
        one = chosen.report(own)
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


def _jobs(mine, session: str) -> str:
    known = runner.jobs()
    stoppable = [job.key for job in known if runner.may_cancel(job.key, session)]
    return page.under_way(known, mine, stoppable)
