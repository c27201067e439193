"""The Explore tab: the clips of a data set to filter, page through, play, check, score, map and tag.

Another tab opens a clip here with an `ExploreRequest` (app.services.handoff).
"""

import gradio as gr

from app.components.add_model.panel import offer
from app.components.gradio_helpers import DOWNLOAD, ONE_MODEL, PRIVATE
from app.components.page_context import PageContext
from app.components.updates import connect
from app.explore import clip_handlers, handlers, map_handlers
from app.explore.handlers import ExploreUpdates
from app.explore.layout import ExploreLayout, build_layout
from app.explore.map_handlers import MapUpdates

# On a narrow page the opened clip is below the clips; what is above its player has its final height by now.
SHOW_CLIP = """() => {
  const side = document.querySelector("#ex-side"), asked = "asked" in side.dataset;
  delete side.dataset.asked;
  if (asked && innerWidth < 1180) requestAnimationFrame(() => side.scrollIntoView({ block: "start" }));
}"""


def add(shared: PageContext) -> None:
    """Put the tab's components at the current place of the page, and wire them."""
    layout = build_layout(shared)
    tab = layout.timer.parent
    _wire_view(layout, tab)
    _wire_models(layout)
    offer(layout.model, "explore", shared.add_model)
    added = shared.add_model.added
    connect(added.change, handlers.take_added, added, ExploreUpdates, layout, **PRIVATE)


def _wire_view(layout: ExploreLayout, tab: gr.Tab) -> None:
    def on(event, handler, inputs=None, opens_clip: bool = False, **options) -> None:
        done = connect(event, handler, inputs, ExploreUpdates, layout, **PRIVATE, **options)
        if opens_clip:  # reading a clip takes longer than drawing the page
            limits = {"concurrency_limit": 2, "concurrency_id": "explore", "trigger_mode": "always_last"}
            shown = connect(
                done.then, clip_handlers.show_clip, None, ExploreUpdates, layout, **PRIVATE, **limits
            )
            shown.then(None, js=SHOW_CLIP)

    for part in layout.clickable:
        on(part.action, handlers.act, opens_clip=True, queue=False, trigger_mode="multiple")
    on(layout.map.action, handlers.act, opens_clip=True, queue=False, trigger_mode="multiple")
    peeks = {"queue": False, "trigger_mode": "always_last", **PRIVATE}
    connect(layout.map.peek, map_handlers.peek, None, MapUpdates, layout, **peeks)
    on(tab.select, handlers.arrive, opens_clip=True)
    on(layout.data.input, handlers.choose_data, layout.data, opens_clip=True)
    search, sort = [gr.State("search"), layout.search], [gr.State("sort"), layout.sort]
    on(layout.search.change, handlers.change_view, search, trigger_mode="always_last")
    on(layout.sort.input, handlers.change_view, sort)
    on(layout.model.input, handlers.choose_model, layout.model)
    on(layout.timer.tick, handlers.draw, opens_clip=True, queue=False)
    for event in (layout.add.click, layout.folder.submit):
        on(event, handlers.add_folder, layout.folder, opens_clip=True)
    on(layout.check.click, handlers.check_folder, layout.folder, opens_clip=True)
    exported = connect(layout.export.click, handlers.export, None, ExploreUpdates, layout, **PRIVATE)
    exported.success(None, layout.file, js=DOWNLOAD)
    saved = connect(layout.export_marks.click, handlers.export_marks, None, ExploreUpdates, layout, **PRIVATE)
    saved.success(None, layout.file, js=DOWNLOAD)
    on(layout.import_marks.upload, handlers.import_marks, layout.import_marks)


def _wire_models(layout: ExploreLayout) -> None:
    def on(event, handler, inputs, progress_on, **options) -> None:
        options |= {"show_progress_on": progress_on, "api_visibility": "private", **ONE_MODEL}
        connect(event, handler, inputs, ExploreUpdates, layout, **options)

    on(layout.predict.click, clip_handlers.predict, None, layout.player)
    for name, button in layout.send.items():
        on(button.click, clip_handlers.send, gr.State(name), layout.player)
    began = connect(
        layout.score.click, clip_handlers.begin_scoring, None, ExploreUpdates, layout, queue=False, **PRIVATE
    )
    on(began.then, clip_handlers.score, None, layout.clips)
    connect(layout.stop.click, clip_handlers.stop, None, ExploreUpdates, layout, queue=False, **PRIVATE)
