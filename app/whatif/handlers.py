"""The handlers of What if: plain functions from inputs to named updates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import gradio as gr

from app.components.events import action_of, event_data, integer
from app.components.gradio_helpers import HIDDEN, VISIBLE, error_notice, notice, progress_report
from app.components.html import result_header
from app.components.render import macro
from app.components.updates import UNCHANGED, Updates
from app.services.handoff import ClipRequest, WhatIfRequest
from app.services.jobs import CANCELLED, Cancelled, JobToken
from app.services.models import ADD_MODEL, available_models, model_choices
from app.services.restore import restore_clip
from app.services.session import VISITORS, Numbered, Visitor, session_of
from app.whatif import html, text
from app.whatif.effect import (
    both_players,
    change_bundled,
    config_of,
    is_quick,
    run_changes,
    segment_bundled,
    sweep_change,
)
from app.whatif.layout import FIRST_SWEEP, availability, sweep_label, swept_rows
from app.whatif.presets import PRESETS
from app.whatif.state import WhatIfState
from avseg.config import ModelConfig
from avseg.errors import AvsegError
from avseg.interventions.effect import finding
from avseg.interventions.run import INTERVENTIONS, Change, read_change, read_changes
from avseg.predict import Progress

RUN, SWEEP = "what-if", "sweep"  # names of the jobs
BUTTONS = {RUN: ("go", "stop"), SWEEP: ("run_sweep", "stop_sweep")}


@dataclass(frozen=True)
class WhatIfUpdates(Updates):
    """What a handler changes; see WhatIfLayout."""

    header: object = UNCHANGED
    requested: object = UNCHANGED
    requested_sweep: object = UNCHANGED
    presets: object = UNCHANGED
    clip: object = UNCHANGED
    ticks: object = UNCHANGED
    values: object = UNCHANGED
    go: object = UNCHANGED
    stop: object = UNCHANGED
    notice: object = UNCHANGED
    finding: object = UNCHANGED
    stats: object = UNCHANGED
    pairs: object = UNCHANGED
    save_row: object = UNCHANGED
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
    """Fit the form to the visitor's result, and take up what another tab or a link asked for.

    A request ticks exactly its changes; setting `requested` starts their run. Opened without one, the tab
    starts a sweep where that is quick.
    """
    visitor = VISITORS.of(session_of(request))
    visitor.apply_threshold(threshold)
    state, asked, linked = (
        visitor.state(WhatIfState),
        visitor.take(WhatIfRequest),
        visitor.awaited(ClipRequest),
    )
    models = {("checkpoint", "model"): {"choices": model_choices()}}
    config = config_of(visitor.result, linked.model if linked else None)
    if asked is None:
        form = _fit(state, config, None, models) | _unasked_sweep(visitor)
    else:
        form = _take_up(state, asked, config, models)
    if linked and "requested" not in form.changes():  # the clip alone
        state.requests += 1
        form |= WhatIfUpdates(requested=(state.requests, ()))
    if visitor.result is None and (reason := visitor.why_missing()):
        form |= WhatIfUpdates(notice=notice(reason, "note"))
    bar = html.presets_bar(config, visitor.result, state.effect.changes if state.effect else ())
    return form | WhatIfUpdates(clip=gr.update(visible=visitor.result is None), presets=bar)


def choose_preset(event: gr.EventData, request: gr.Request = None) -> WhatIfUpdates:
    """Tick exactly the change of a preset, and run it; anything else changes nothing."""
    action, visitor = action_of(event), VISITORS.of(session_of(request))
    change = next((p.change for p in PRESETS if action and action.value == p.change), None)
    if change is None:
        return WhatIfUpdates()
    return _take_up(visitor.state(WhatIfState), WhatIfRequest((change,)), config_of(visitor.result))


def _take_up(
    state: WhatIfState,
    asked: WhatIfRequest,
    config: ModelConfig,
    values: dict[tuple[str, str], dict[str, object]] | None = None,
) -> WhatIfUpdates:
    """Tick exactly the changes of a request and start its run and sweep; an impossible one is a notice."""
    try:
        changes = [read_change(words) for words in asked.changes]
        swept = read_change(asked.sweep) if asked.sweep else None
        form = _fit(state, config, changes, values)
    except AvsegError as error:
        return _fit(state, config, None, values) | WhatIfUpdates(notice=error_notice(error))
    if asked.run:
        state.requests += 1
        form |= WhatIfUpdates(requested=(state.requests, asked.changes))
    if swept is not None and swept.row.swept is not None:
        state.requests += 1
        menu = {} if form.swept_row is UNCHANGED else form.swept_row
        form |= WhatIfUpdates(
            requested_sweep=(state.requests, swept.text),
            swept_row=gr.update(**menu | {"value": swept.name}),
            run_sweep=sweep_label(swept.name, config),
        )
    return form


def _unasked_sweep(visitor: Visitor) -> WhatIfUpdates:
    """Start the first sweep of a result where that is quick, so that the page shows one."""
    state, result = visitor.state(WhatIfState), visitor.result
    if result is None or state.swept is result.prediction or not is_quick(result, FIRST_SWEEP):
        return WhatIfUpdates()
    state.swept, state.unasked = result.prediction, True
    state.requests += 1
    return WhatIfUpdates(requested_sweep=(state.requests, FIRST_SWEEP))


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
    """Run the visitor's clip, which may be that of a link, under the changes; `clip` before the first result.

    A failed run changes the notice only.
    """
    visitor = VISITORS.of(session)
    state, on_frame = visitor.state(WhatIfState), _reporter(visitor.jobs.start(RUN), progress)
    try:
        restored, result = restore_clip(visitor, on_frame), visitor.result
        if restored and not changes:
            shown = WhatIfUpdates(clip=HIDDEN, notice=HIDDEN, header=result_header(result))
            return shown | _unasked_sweep(visitor)
        if changes and result is None:
            if reason := visitor.why_missing():
                return WhatIfUpdates(notice=notice(reason, "note"), clip=VISIBLE)
            result = segment_bundled(clip or "", next(iter(available_models()), ""), on_frame)
            visitor.result = result
        effect = run_changes(result, changes, on_frame)
    except AvsegError as error:
        return WhatIfUpdates(notice=error_notice(error))
    state.effect = effect
    return _unasked_sweep(visitor) | WhatIfUpdates(
        clip=HIDDEN,
        presets=html.presets_bar(config_of(result), result, effect.changes),
        header=result_header(effect.result),
        notice=HIDDEN,
        finding=macro("heading", finding(effect), text.caption(effect)),
        stats=gr.update(value=macro("tiles", text.stats(effect)), visible=True),
        pairs=html.effect_page(effect),
        save_row=VISIBLE,
        play=VISIBLE,
        players=HIDDEN,
    )


def run_sweep(
    change: Change, others: Sequence[Change], clip: str | None, session: str, progress: gr.Progress
) -> WhatIfUpdates:
    """Run the visitor's clip over the whole range of one change; `others` apply at every value."""
    visitor = VISITORS.of(session)
    state, on_frame = visitor.state(WhatIfState), _reporter(visitor.jobs.start(SWEEP), progress)
    try:
        restore_clip(visitor, on_frame)
        result = visitor.result
        if result is None:
            if reason := visitor.why_missing():
                return WhatIfUpdates(notice=notice(reason, "note"), clip=VISIBLE)
            result = segment_bundled(clip or "", next(iter(available_models()), ""), on_frame)
            visitor.result = result
        swept = sweep_change(result, change, others, on_frame)
    except AvsegError as error:
        if state.unasked:
            return WhatIfUpdates()
        return WhatIfUpdates(notice=error_notice(error))
    finally:
        state.unasked = False
    state.swept = result.prediction
    return WhatIfUpdates(
        clip=HIDDEN, notice=HIDDEN, header=result_header(result), sweep=html.sweep_page(swept)
    )


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
    return PlayerUpdates(notice=HIDDEN, play=HIDDEN, players=VISIBLE, before=before, after=after)


def choose_frame(event: gr.EventData, request: gr.Request = None) -> WhatIfUpdates:
    """Select a frame, also for the sweep and the other tabs."""
    visitor = VISITORS.of(session_of(request))
    if visitor.result is None:
        return WhatIfUpdates()
    frame = integer(event_data(event).get("frame"), 0, len(visitor.result.prediction.labels))
    if frame is None:
        return WhatIfUpdates()
    visitor.result = replace(visitor.result, frame=frame)
    return WhatIfUpdates(header=result_header(visitor.result))


def choose_sweep(name: str, request: gr.Request = None) -> WhatIfUpdates:
    """Say on the sweep's button how many values a row has."""
    config = config_of(VISITORS.of(session_of(request)).result)
    return WhatIfUpdates(run_sweep=sweep_label(name, config))


def begin(job: str, request: gr.Request = None) -> WhatIfUpdates:
    """Cancel an earlier run of a job, and a sweep that nobody asked for; show Stop in place of its button."""
    visitor = VISITORS.of(session_of(request))
    visitor.jobs.cancel(job)
    state = visitor.state(WhatIfState)
    if job == RUN and state.unasked:
        visitor.jobs.cancel(SWEEP)
        state.swept = None  # after the run it starts again
    start, stop = BUTTONS[job]
    return WhatIfUpdates(**{start: HIDDEN, stop: VISIBLE})


def begin_requested(job: str, requested: Numbered | None, request: gr.Request = None) -> WhatIfUpdates:
    """Begin a job that was requested; a request that began already goes on."""
    new = VISITORS.of(session_of(request)).is_new(f"begin {job}", requested)
    return begin(job, request) if new else WhatIfUpdates()


def finish(job: str) -> WhatIfUpdates:
    """Show the button of a job in place of Stop."""
    start, stop = BUTTONS[job]
    return WhatIfUpdates(**{start: VISIBLE, stop: HIDDEN})


def cancel(job: str, request: gr.Request = None) -> WhatIfUpdates:
    """Cancel a job at its next step."""
    VISITORS.of(session_of(request)).jobs.cancel(job)
    return finish(job) | WhatIfUpdates(notice=error_notice(Cancelled(CANCELLED)))


def what_if(
    changes: list[str],
    clip: str = "dog-and-guitar",
    model: str = "tiny-ms3",
    fps: float = 1,
    precision: str = "auto",
) -> dict:
    """Change what a model hears, or a part of it, and see whether its masks follow.

    Segments a bundled clip as it is and under the changes. Returns the finding as a sentence, the mean IoU of
    before and after (1: nothing changed), and the numbers of every frame.

    Args:
        changes: One or more changes, such as mute, shift=2 (seconds), swap=street-siren (the sound of another
            bundled clip) or mixer-off; `python -m avseg what-if` lists all.
        clip: Name of a bundled clip.
        model: Name of a model.
        fps: Frames per second: 1, 2, 4 or 8.
        precision: exact (float32), fast (bfloat16 where faster) or auto.
    """
    try:
        effect = change_bundled(clip, model, read_changes(changes), fps, precision)
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
