"""The handlers of What if: plain functions from inputs to named updates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import gradio as gr

from app.components.events import event_data, integer
from app.components.gradio_helpers import error_notice, notice, progress_report
from app.components.html import result_header
from app.components.render import macro
from app.components.updates import UNCHANGED, Updates
from app.services.handoff import WhatIfRequest
from app.services.jobs import CANCELLED, Cancelled, JobToken
from app.services.models import ADD_MODEL, available_models, model_choices
from app.services.session import VISITORS, session_of
from app.whatif import html, text
from app.whatif.effect import (
    both_players,
    change_bundled,
    config_of,
    run_changes,
    segment_bundled,
    sweep_change,
)
from app.whatif.layout import availability, sweep_label, swept_rows
from app.whatif.state import WhatIfState
from avseg.config import ModelConfig
from avseg.errors import AvsegError
from avseg.interventions.effect import finding
from avseg.interventions.run import INTERVENTIONS, Change, read_change, read_changes
from avseg.predict import Progress

RUN, SWEEP = "what-if", "sweep"  # names of the jobs
BUTTONS = {RUN: ("go", "stop"), SWEEP: ("run_sweep", "stop_sweep")}
SHOW, HIDE = gr.update(visible=True), gr.update(visible=False)


@dataclass(frozen=True)
class WhatIfUpdates(Updates):
    """What a handler changes; see WhatIfLayout."""

    header: object = UNCHANGED
    requested: object = UNCHANGED
    clip: object = UNCHANGED
    ticks: object = UNCHANGED
    values: object = UNCHANGED
    go: object = UNCHANGED
    stop: object = UNCHANGED
    notice: object = UNCHANGED
    finding: object = UNCHANGED
    stats: object = UNCHANGED
    pairs: object = UNCHANGED
    play: object = UNCHANGED
    players: object = UNCHANGED
    swept_row: object = UNCHANGED
    run_sweep: object = UNCHANGED
    stop_sweep: object = UNCHANGED
    sweep: object = UNCHANGED


@dataclass(frozen=True)
class PlayerUpdates(Updates):
    """What `play` changes. Other updates would reset properties of a player that is hidden."""

    notice: object = UNCHANGED
    play: object = UNCHANGED
    players: object = UNCHANGED
    before: object = UNCHANGED
    after: object = UNCHANGED


def arrive(threshold: float | None = None, request: gr.Request = None) -> WhatIfUpdates:
    """Fit the form to the visitor's result, and take up what another tab asked for.

    A request ticks exactly its changes; setting `requested` starts their run.
    """
    visitor = VISITORS.of(session_of(request))
    visitor.apply_threshold(threshold)
    state, asked = visitor.state(WhatIfState), visitor.take(WhatIfRequest)
    models = {("checkpoint", "model"): {"choices": model_choices()}}
    config = config_of(visitor.result)
    try:
        changes = None if asked is None else [read_change(words) for words in asked.changes]
        form = _fit(state, config, changes, models)
    except AvsegError as error:
        asked, form = None, _fit(state, config, None, models) | WhatIfUpdates(notice=error_notice(error))
    if asked is not None and asked.run:
        state.requests += 1
        form |= WhatIfUpdates(requested=(state.requests, asked.changes))
    if visitor.result is None and (reason := visitor.why_missing()):
        form |= WhatIfUpdates(notice=notice(reason, "note"))
    return form | WhatIfUpdates(clip=gr.update(visible=visitor.result is None))


def choose_model(ticked: bool, model: str | None, request: gr.Request = None) -> WhatIfUpdates:
    """Fit the form to the model that will run: the other checkpoint while it is ticked."""
    if model == ADD_MODEL:  # it opens the panel, and the list goes back to its model
        return WhatIfUpdates()
    visitor = VISITORS.of(session_of(request))
    return _fit(visitor.state(WhatIfState), config_of(visitor.result, model if ticked else None))


def _fit(
    state: WhatIfState,
    config: ModelConfig,
    changes: Sequence[Change] | None = None,
    values: dict[tuple[str, str], dict[str, object]] | None = None,
) -> WhatIfUpdates:
    """Return updates of the form for a model: ranges, and which rows it has.

    changes: tick exactly these, with their values; None leaves the ticks alone. values: further properties
    of fields. A form that is fitted already is skipped, since an update that arrives late would take back a
    tick made meanwhile. Raises ConfigError for a value that the model cannot take.
    """
    ticks: dict[str, dict[str, object]] = {row.name: {} for row in INTERVENTIONS}
    values = {key: dict(properties) for key, properties in (values or {}).items()}
    if changes is not None:
        for name in ticks:
            ticks[name]["value"] = any(change.name == name for change in changes)
        for change in changes:
            for parameter, value in zip(change.row.parameters, change.given, strict=True):
                value = parameter.read(value, config)
                values.setdefault((change.name, parameter.name), {})["value"] = value
    fitted, state.fitted = state.fitted or config_of(None), config
    choices = UNCHANGED
    if config != fitted:
        choices = gr.update(choices=swept_rows(config))
        for row in INTERVENTIONS:
            if row.kind == "model":
                ticks[row.name] |= availability(row, config)
                if row.lacks(config):
                    ticks[row.name]["value"] = False
            for parameter in row.parameters:
                if parameter.numeric and parameter.high_from:
                    maximum = parameter.range_in(config)[1]
                    values.setdefault((row.name, parameter.name), {})["maximum"] = maximum
    return WhatIfUpdates(
        ticks={name: gr.update(**properties) for name, properties in ticks.items() if properties},
        values={key: gr.update(**properties) for key, properties in values.items()},
        swept_row=choices,
    )


def run(changes: Sequence[Change], clip: str | None, session: str, progress: gr.Progress) -> WhatIfUpdates:
    """Run the visitor's clip under the changes, or `clip` before the first result.

    A failed run changes the notice only.
    """
    visitor = VISITORS.of(session)
    on_frame = _reporter(visitor.jobs.start(RUN), progress)
    try:
        result = visitor.result
        if changes and result is None:
            if reason := visitor.why_missing():
                return WhatIfUpdates(notice=notice(reason, "note"), clip=SHOW)
            result = segment_bundled(clip or "", next(iter(available_models()), ""), on_frame)
            visitor.result = result
        effect = run_changes(result, changes, on_frame)
    except AvsegError as error:
        return WhatIfUpdates(notice=error_notice(error))
    visitor.state(WhatIfState).effect = effect
    return WhatIfUpdates(
        clip=HIDE,
        header=result_header(effect.result),
        notice=HIDE,
        finding=macro("heading", finding(effect), text.caption(effect)),
        stats=gr.update(value=macro("tiles", text.stats(effect)), visible=True),
        pairs=html.effect_page(effect),
        play=SHOW,
        players=HIDE,
    )


def run_sweep(
    change: Change, others: Sequence[Change], clip: str | None, session: str, progress: gr.Progress
) -> WhatIfUpdates:
    """Run the visitor's clip over the whole range of one change; `others` apply at every value."""
    visitor = VISITORS.of(session)
    on_frame = _reporter(visitor.jobs.start(SWEEP), progress)
    try:
        result = visitor.result
        if result is None:
            if reason := visitor.why_missing():
                return WhatIfUpdates(notice=notice(reason, "note"), clip=SHOW)
            result = segment_bundled(clip or "", next(iter(available_models()), ""), on_frame)
            visitor.result = result
        swept = sweep_change(result, change, others, on_frame)
    except AvsegError as error:
        return WhatIfUpdates(notice=error_notice(error))
    return WhatIfUpdates(notice=HIDE, sweep=gr.update(value=html.sweep_page(swept), visible=True))


def play(request: gr.Request = None) -> PlayerUpdates:
    """Show players of the last run, before and after, each with the audio that the model got."""
    visitor = VISITORS.of(session_of(request))
    effect = visitor.state(WhatIfState).effect
    if effect is None:
        reason = visitor.why_missing()
        return PlayerUpdates(notice=notice(reason, "note")) if reason else PlayerUpdates()
    try:
        folder = VISITORS.new_files(session_of(request), "what-if")
        before, after = both_players(effect, folder)
    except AvsegError as error:
        return PlayerUpdates(notice=error_notice(error))
    return PlayerUpdates(notice=HIDE, play=HIDE, players=SHOW, before=before, after=after)


def choose_frame(event: gr.EventData, request: gr.Request = None) -> None:
    """Select a frame, also for the sweep and the other tabs."""
    visitor = VISITORS.of(session_of(request))
    if visitor.result is not None:
        frame = integer(event_data(event).get("frame"), 0, len(visitor.result.prediction.labels))
        if frame is not None:
            visitor.result = replace(visitor.result, frame=frame)


def choose_sweep(name: str, request: gr.Request = None) -> WhatIfUpdates:
    """Say on the sweep's button how many values a row has."""
    config = config_of(VISITORS.of(session_of(request)).result)
    return WhatIfUpdates(run_sweep=sweep_label(name, config))


def begin(job: str, request: gr.Request = None) -> WhatIfUpdates:
    """Cancel an earlier run of a job, and show Stop in place of its button."""
    VISITORS.of(session_of(request)).jobs.cancel(job)
    start, stop = BUTTONS[job]
    return WhatIfUpdates(**{start: HIDE, stop: SHOW})


def finish(job: str) -> WhatIfUpdates:
    """Show the button of a job in place of Stop."""
    start, stop = BUTTONS[job]
    return WhatIfUpdates(**{start: SHOW, stop: HIDE})


def cancel(job: str, request: gr.Request = None) -> WhatIfUpdates:
    """Cancel a job at its next step."""
    VISITORS.of(session_of(request)).jobs.cancel(job)
    return finish(job) | WhatIfUpdates(notice=error_notice(Cancelled(CANCELLED)))


def what_if(
    changes: list[str], clip: str = "dog-and-guitar", model: str = "tiny-ms3", fps: float = 1
) -> dict:
    """Segment a bundled clip as it is and under changes such as "mute", "shift=2", "swap=street-siren".

    Returns the finding as a sentence, the mean IoU of before and after, and the numbers of every frame. The
    changes are those of `python -m avseg what-if CLIP`; sounds come from the bundled clips.
    """
    try:
        effect = change_bundled(clip, model, read_changes(changes), fps)
    except AvsegError as error:
        raise gr.Error(str(error), print_exception=False) from error
    columns = effect.comparison.columns()
    return {
        "finding": finding(effect),
        "iou": round(effect.comparison.mean_iou, 6),
        "frames": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    }


def _reporter(token: JobToken, progress: gr.Progress | None = None) -> Progress:
    """Return what a run calls after every batch: it reports progress, and ends a cancelled run."""
    report = progress_report(token, progress)
    return lambda done, total: report(done / total, f"Frame {done} of {total}")
