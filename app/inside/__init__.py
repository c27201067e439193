"""The Inside tab: one frame of the result, followed through the model of the paper's Figure 3."""

from app.components.gradio_helpers import ONE_MODEL
from app.components.page_context import PageContext
from app.components.player.player import WITH_THRESHOLD
from app.components.updates import connect
from app.inside import handlers
from app.inside.handlers import InsideUpdates
from app.inside.layout import build, build_endpoint


def add(shared: PageContext) -> None:
    """Build the tab, and wire it."""
    layout = build(shared)
    target = (InsideUpdates, layout)
    private = {"api_visibility": "private", "trigger_mode": "always_last"}
    on_model = ONE_MODEL | private | {"show_progress": "minimal", "show_progress_on": layout.head}
    connect(layout.tab.select, handlers.arrive, layout.threshold, *target, js=WITH_THRESHOLD, **on_model)
    connect(layout.head.action, handlers.choose_source, None, *target, **on_model)
    for part in (layout.map, layout.view):
        connect(part.action, handlers.choose, None, *target, show_progress="hidden", **private)
    endpoint = build_endpoint()
    inspecting = {"api_name": "inspect", **ONE_MODEL}
    endpoint.button.click(handlers.inspect_clip, endpoint.inputs, endpoint.outputs, **inspecting)
