"""The page: header, tabs and how it is served; every tab is a package of its own."""

import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import gradio as gr
from starlette.applications import Starlette

from app import evaluate, explore, inside, learn, segment, train, whatif
from app.components import theme
from app.components.add_model import handlers as add_model_handlers
from app.components.add_model import panel as add_model_panel
from app.components.blocks import PageBlocks
from app.components.gradio_helpers import LIGHT
from app.components.page_context import LinkParts, PageContext
from app.components.render import render
from app.components.translation import LanguageOfRequest
from app.segment.input_handlers import bundled_preview
from app.segment.opening import FOLDER as OPENING
from app.services import gpu
from app.services.clips import FOLDER as BUNDLED_CLIPS
from app.services.clips import bundled
from app.services.gate import Gate
from app.services.host import logins, source_url, upload_bytes
from app.services.language import LANGUAGES
from app.services.memory import budget
from app.services.session import FILES_AGE, MODELS, VISITORS, private_cache
from avseg.checkpoints import DRAWN, FILMED

# Title, id and the function that fills the tab, in the order of the page.
TABS: tuple[tuple[str, str, Callable[[PageContext], None]], ...] = (
    ("Segment", "segment", segment.add),
    ("Inside", "inside", inside.add),
    ("What if", "whatif", whatif.add),
    ("Explore", "explore", explore.add),
    ("Evaluate", "evaluate", evaluate.add),
    ("Train", "train", train.add),
    ("Learn", "learn", learn.add),
)

TITLE = "AVSeg Explorer"
DISMISS = "element.onclick = ({ target }) => target.closest('button') && element.replaceChildren();"
CLEANED_EVERY = 600  # seconds
PRESENT_EVERY = 60  # seconds
SESSIONS_KEPT = 300  # whose components Gradio holds in memory, 0.14 MB each after a click
WARM_AFTER = 3.0  # seconds in which the server answers first; PyTorch is imported then


def build() -> gr.Blocks:
    """Return the page, ready for `serve`."""
    private_cache()
    gr.set_static_paths([BUNDLED_CLIPS, OPENING])  # copied into the cache they would pass for uploads
    with PageBlocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(CLEANED_EVERY, FILES_AGE),
        elem_id="page",
    ) as demo:
        brand = render("components/templates/brand.html")
        gr.HTML(brand, js_on_load=theme.LINKS_SCRIPT, elem_id="brand")
        header = gr.HTML(segment.first_header(), elem_id="context")
        toolbar = render("components/templates/toolbar.html", languages=LANGUAGES)
        gr.HTML(toolbar, js_on_load=theme.TOOLBAR_SCRIPT, elem_id="toolbar")
        link = LinkParts(gr.HTML(visible=False, elem_id="link-notice", js_on_load=DISMISS), gr.State(0))
        add_model = add_model_panel.build()
        add_model_handlers.wire(add_model)
        progress = gr.HTML("", elem_id="progress")
        with gr.Tabs(elem_id="views") as tabs:
            for title, name, add in TABS:
                with gr.Tab(title, id=name) as tab:
                    add(PageContext(demo, header, tabs, progress, tab, add_model, link))
        gr.HTML(render("components/templates/footer.html", source=source_url()), elem_id="foot")
        tabs.change(None, js=theme.TAB_SCRIPT)
        demo.unload(leave)
        gr.Timer(PRESENT_EVERY).tick(stay, None, None, **LIGHT)
    return demo


def serve(demo: gr.Blocks) -> None:
    """Serve the page until the process is ended; then visitors' files are deleted."""
    if threading.current_thread() is threading.main_thread():  # Gradio's reloader runs us in another one
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    budget()  # raises ConfigError for a value that cannot be read
    if not gpu.LENT:  # there every call has a process of its own
        threading.Thread(target=warm, args=(demo,), name="warm", daemon=True).start()
    demo.launch(**launch_options())


def warm(demo: gr.Blocks) -> None:
    """Load the bundled models and clips once the page is served, so that no click waits for them."""
    while not demo.is_running:
        time.sleep(0.2)
    time.sleep(WARM_AFTER)
    MODELS.warm((DRAWN, FILMED))
    for name in bundled():
        bundled_preview(name)


@asynccontextmanager
async def closed_gate(app: Starlette) -> AsyncIterator[None]:
    """Put the gate around Gradio's own middleware, whose CORS answers before any that a caller adds."""
    assert app.middleware_stack is not None  # it runs us
    app.middleware_stack = Gate(LanguageOfRequest(app.middleware_stack), upload_bytes())
    yield


def leave(request: gr.Request) -> None:
    """Note that a visitor closed the page, or lost the connection to it."""
    VISITORS.away(request.session_hash or "")


def stay(request: gr.Request) -> None:
    """Note that a page is still open: its connection may have been down in between."""
    VISITORS.present(request.session_hash or "")


def launch_options() -> dict[str, object]:
    """Return the arguments of `launch`; server name and port come from Gradio's own environment variables."""
    return {
        "theme": theme.theme(),
        "css": theme.css(),
        "auth": logins(),
        "favicon_path": Path(__file__).parent / "components" / "favicon.svg",
        "inbrowser": False,
        "share": False,
        "show_error": False,
        "_frontend": False,  # else the app ends where its first answer takes more than 3 s
        "ssr_mode": False,
        "max_file_size": upload_bytes(),
        "state_session_capacity": SESSIONS_KEPT,
        "footer_links": ["api"],
        "run_history": False,  # its page is closed
        "app_kwargs": {"lifespan": closed_gate},
    }
