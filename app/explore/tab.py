"""The Explore tab: a data set's clips to filter, to page through, to open, to check and to flag.

Another tab opens a clip here with `open_clip` of `app.explore.clip_handlers`, and then shows this tab
(`TO_TAB % "explore"` as the event's script): its select event draws what was opened.
"""

import gradio as gr

from app.components.gradio_helpers import PRIVATE, TO_TAB
from app.components.page_context import PageContext
from app.explore import clip_handlers as clip
from app.explore import filter_handlers as choosing
from app.explore.layout import Parts, build_parts
from app.explore.updates import page_parts
from app.services.session import MODEL_QUEUE

TO_CLIP = (
    "() => { if (innerWidth < 1180) document.querySelector('#ex-side').scrollIntoView({block: 'start'}); }"
)
# The player opens it when it is drawn, which comes after its value.
FOLD = (
    "() => setTimeout(() => document.querySelector('#ex-player .pl-display')?.removeAttribute('open'), 200)"
)
PRESS = "() => setTimeout(() => document.querySelector('#ex-file').click(), 150)"


def add(shared: PageContext) -> None:
    """Put the tab's components where we are in the page, and wire them."""
    context = shared.header
    parts = build_parts()
    _wire_views(parts, parts.timer.parent)
    _wire_models(parts, context)


def _wire_views(parts: Parts, tab: gr.Tab) -> None:
    drawn = page_parts(parts)

    def then_clip(event) -> None:
        look = {"concurrency_limit": 2, "concurrency_id": "look", "trigger_mode": "always_last"}
        shown = event.then(
            clip.show_clip, None, [parts.notice, parts.player, parts.errors], **look, **PRIVATE
        )
        shown.then(None, js=FOLD)

    for part in parts.clickable:
        then_clip(part.act(choosing.act, None, [parts.search, *drawn], queue=False, **PRIVATE))
    for part in (parts.grid, parts.report):
        part.act(None, js=TO_CLIP)
    then_clip(
        tab.select(
            choosing.arrive, None, [parts.data, parts.search, parts.sort, parts.model, *drawn], **PRIVATE
        )
    )
    chosen = [parts.search, parts.sort, *drawn]
    then_clip(parts.data.input(choosing.choose_data, parts.data, chosen, **PRIVATE))
    parts.search.change(choosing.search, parts.search, drawn, trigger_mode="always_last", **PRIVATE)
    parts.sort.input(choosing.sort, parts.sort, drawn, **PRIVATE)
    parts.model.input(choosing.choose_model, parts.model, drawn, **PRIVATE)
    parts.timer.tick(choosing.tick, None, drawn, queue=False, **PRIVATE)
    parts.export.click(choosing.export, None, parts.file, **PRIVATE).success(None, js=PRESS)
    for event in (parts.add.click, parts.folder.submit):
        then_clip(
            event(
                choosing.add_folder, parts.folder, [parts.data, *chosen[:2], parts.found, *drawn], **PRIVATE
            )
        )


def _wire_models(parts: Parts, context: gr.HTML) -> None:
    model = {"concurrency_limit": 1, "concurrency_id": MODEL_QUEUE, "api_visibility": "private"}
    drawn, buttons = page_parts(parts), [parts.score, parts.stop]
    predicted = parts.predict.click(
        clip.predict, None, [parts.player, *drawn], show_progress_on=parts.player, **model
    )
    predicted.then(None, js=FOLD)
    started = parts.score.click(clip.begin, None, buttons, queue=False, **PRIVATE)
    scoring = started.then(clip.score, None, drawn, show_progress_on=parts.grid, **model)
    scoring.then(clip.rest, None, parts.stop, queue=False, **PRIVATE)
    parts.stop.click(clip.stop, None, parts.stop, queue=False, **PRIVATE)
    for name, button in parts.send.items():
        sent = button.click(
            clip.send, None, [context, parts.player, *drawn], show_progress_on=parts.player, **model
        )
        sent.success(None, js=TO_TAB % name)
