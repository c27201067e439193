"""The What if tab: change the sound or the model, and see the masks before and after side by side."""

import gradio as gr

from app.components.add_model.panel import offer
from app.components.gradio_helpers import LIGHT, ONE_MODEL, PRIVATE, SCROLL_TO
from app.components.page_context import PageContext
from app.components.player.player import WITH_THRESHOLD
from app.components.updates import connect
from app.services.session import VISITORS, session_of
from app.whatif import handlers, saving
from app.whatif.handlers import RUN, SWEEP, PlayerUpdates, WhatIfUpdates
from app.whatif.layout import build
from avseg.interventions.run import read_change

TO_TOP = "(...inputs) => { scrollTo(0, 0); return inputs; }"


def add(shared: PageContext) -> None:
    """Build the tab, and wire it."""
    layout = build(shared)
    target = (WhatIfUpdates, layout)

    def run(form: dict, request: gr.Request, progress: gr.Progress = gr.Progress()) -> WhatIfUpdates:
        return handlers.run(layout.changes(form), form[layout.clip], session_of(request), progress)

    def run_requested(
        requested: tuple[int, tuple[str, ...]] | None,
        clip: str | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> WhatIfUpdates:
        if not VISITORS.of(session_of(request)).is_new("run", requested):
            return WhatIfUpdates()
        changes = [read_change(words) for words in requested[1]]
        return handlers.run(changes, clip, session_of(request), progress)

    def run_sweep(form: dict, request: gr.Request, progress: gr.Progress = gr.Progress()) -> WhatIfUpdates:
        change, others = layout.change(form[layout.swept_row], form), layout.changes(form)
        return handlers.run_sweep(change, others, form[layout.clip], session_of(request), progress)

    def run_requested_sweep(
        requested: tuple[int, str] | None,
        clip: str | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> WhatIfUpdates:
        if not VISITORS.of(session_of(request)).is_new("run_sweep", requested):
            return WhatIfUpdates()
        return handlers.run_sweep(read_change(requested[1]), (), clip, session_of(request), progress)

    # Of each job: its Stop, and how it starts: event, script, what was requested, handler and inputs.
    asked, asked_sweep, form = layout.requested, layout.requested_sweep, layout.form()
    from_form = (layout.go.click, None, None, run, form)
    from_tab = (asked.change, TO_TOP, asked, run_requested, [asked, layout.clip])
    sweep = (layout.run_sweep.click, None, None, run_sweep, form)
    sweep_from_tab = (asked_sweep.change, None, asked_sweep, run_requested_sweep, [asked_sweep, layout.clip])
    for name, stop, starts in (
        (RUN, layout.stop, (from_form, from_tab)),
        (SWEEP, layout.stop_sweep, (sweep, sweep_from_tab)),
    ):
        job, running = gr.State(name), []
        to_result = SCROLL_TO % "#wi-finding" if name == RUN else None
        for event, script, requested, handler, inputs in starts:
            first = (
                (handlers.begin, job) if requested is None else (handlers.begin_requested, [job, requested])
            )
            started = connect(event, *first, *target, queue=False, js=script, **PRIVATE)
            running.append(
                connect(
                    started.then,
                    handler,
                    inputs,
                    *target,
                    show_progress_on=shared.progress,
                    api_visibility="private",
                    trigger_mode="always_last",  # a request during another would be dropped
                    **ONE_MODEL,
                )
            )
            connect(running[-1].then, handlers.finish, job, *target, queue=False, js=to_result, **PRIVATE)
        connect(stop.click, handlers.cancel, job, *target, queue=False, cancels=running, **PRIVATE)

    connect(layout.tab.select, handlers.arrive, layout.threshold, *target, js=WITH_THRESHOLD, **PRIVATE)
    checkpoint = [layout.ticks["checkpoint"], layout.values["checkpoint", "model"]]
    for field in checkpoint:
        connect(field.input, handlers.choose_model, checkpoint, *target, **PRIVATE)
    added = offer(layout.values["checkpoint", "model"], "whatif", shared.add_model)
    connect(added.then, handlers.choose_model, checkpoint, *target, **PRIVATE)
    playing = {"api_visibility": "private", "show_progress_on": shared.progress}
    connect(layout.play.click, handlers.play, None, PlayerUpdates, layout, **playing)
    saving.add(layout.save, shared)
    connect(layout.swept_row.input, handlers.choose_sweep, layout.swept_row, *target, **PRIVATE)
    for event in (layout.pairs.select, layout.before.seek, layout.after.seek):
        connect(event, handlers.choose_frame, None, *target, **LIGHT)
    connect(layout.presets.action, handlers.choose_preset, None, *target, **PRIVATE)
    gr.api(handlers.what_if, api_name="what_if", **ONE_MODEL)
