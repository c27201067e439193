"""The components of the panel that adds models, and how lists of models open it.

The page has one panel. A tab makes the last entry of its list of models open it, and learns of a new model:

    dropdown = gr.Dropdown(model_choices(), ...)
    selected = offer(dropdown, "evaluate", shared.add_model)
    connect(selected.then, handlers.fit_form, ...)
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.events import Dependency

from app.components.add_model import html
from app.components.add_model.state import Added, AddModelState
from app.components.events import ACTIONS_SCRIPT
from app.components.render import macro
from app.services.additions import may_add
from app.services.host import upload_bytes
from app.services.models import ADD_MODEL, model_choices
from app.services.wording import byte_size
from avseg.file_kinds import WEIGHTS_SUFFIXES

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
POLL_EVERY = 1.0  # seconds
TASKS = [("From the file's name", ""), ("S4", "s4"), ("MS3", "ms3")]

# A list of models keeps its value when its last entry is selected, which opens the panel.
REMEMBER = """(value) => {
  const lists = (window.avsegModelLists ??= {}), add = %s;
  if (!(Array.isArray(value) ? value.includes(add) : value === add)) lists[%s] = value;
}"""
CHOOSE = """(value) => {
  const add = %s, lists = (window.avsegModelLists ??= {});
  if (!(Array.isArray(value) ? value.includes(add) : value === add)) return value;
  document.dispatchEvent(new CustomEvent("add-model", { detail: %s }));
  return Array.isArray(value) ? value.filter((name) => name !== add) : lists[%s] ?? %s;
}"""


@dataclass(frozen=True)
class AddModelLayout:
    """The panel, and what tells the tabs of a new model."""

    strip: gr.HTML  # always on the page: opens the panel, shows what goes on while it is closed
    timer: gr.Timer
    added: gr.State  # an Added, set when a visitor's model is ready
    panel: gr.Column
    close: gr.Button
    notice: gr.HTML
    released: gr.HTML
    others: gr.HTML
    path: gr.Textbox
    task: gr.Dropdown
    add: gr.Button
    drop: gr.File
    repo: gr.Textbox
    fetch: gr.Button


def build() -> AddModelLayout:
    """Put the closed panel into the current block of the page."""
    state, allowed = AddModelState(), may_add()
    acting = {"js_on_load": ACTIONS_SCRIPT}
    strip = gr.HTML(elem_id="am-strip", js_on_load=ACTIONS_SCRIPT + SCRIPT)
    timer = gr.Timer(POLL_EVERY)
    added = gr.State(Added())
    with gr.Column(visible=False, elem_id="add-model") as panel:
        with gr.Row(elem_id="am-head"):
            gr.HTML(macro("heading", "Add a model"))
            close = gr.Button("Close", elem_id="am-close", size="sm", scale=0, min_width=0)
        notice = gr.HTML(visible=False, elem_id="am-notice")
        others = gr.HTML(elem_id="am-others", **acting)
        released = gr.HTML(html.released(state), elem_id="am-released", **acting)
        with gr.Column(visible=allowed, elem_id="am-own"):
            gr.HTML(html.own_heading("I have the file"))
            with gr.Row(elem_classes="am-fields"):
                where = "Path of a .pth or .safetensors file on the computer that runs this page"
                path = gr.Textbox(
                    label=where,
                    placeholder="/home/me/Downloads/AVSegFormer_pvt2_s4.pth",
                    max_lines=1,
                    elem_id="am-path",
                )
                task = gr.Dropdown(
                    TASKS, value="", label="Task", filterable=False, scale=0, min_width=150, elem_id="am-task"
                )
                add = gr.Button("Add", elem_id="am-add", scale=0, min_width=0)
            drop = gr.File(
                label=f"Drop the file here: up to {byte_size(upload_bytes())}",
                file_types=list(WEIGHTS_SUFFIXES),
                elem_id="am-drop",
            )
            gr.HTML(html.own_heading("From the Hugging Face Hub"))
            with gr.Row(elem_classes="am-fields"):
                about = "A repository that push_to_hub made"
                repo = gr.Textbox(label=about, placeholder="owner/name", max_lines=1, elem_id="am-repo")
                fetch = gr.Button("Get", elem_id="am-fetch", scale=0, min_width=0)
    return AddModelLayout(
        strip, timer, added, panel, close, notice, released, others, path, task, add, drop, repo, fetch
    )


def offer(
    dropdown: gr.Dropdown, tab: str, layout: AddModelLayout, choices: Callable[[], list] = model_choices
) -> Dependency:
    """Let the last entry of a list of models open the panel, and list new models in it.

    choices: the entries of the list. Returns the event after which a model that was added from this tab is
    selected.
    """
    add, key, first = json.dumps(ADD_MODEL), json.dumps(dropdown.elem_id), json.dumps(dropdown.value)
    dropdown.change(None, dropdown, None, js=REMEMBER % (add, key))
    dropdown.input(None, dropdown, dropdown, js=CHOOSE % (add, json.dumps(tab), key, first))

    def refresh(added: Added, value: object) -> dict:
        if added.tab != tab:  # Gradio takes the first equal value for a change
            return gr.skip()
        offered = choices()
        if dropdown.multiselect:
            kept = [name for name in value or () if name != added.model]
            return gr.update(choices=offered, value=[*kept, added.model][-(dropdown.max_choices or 1) :])
        return gr.update(choices=offered, value=added.model)

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    own = gr.State(Added())  # the other tabs, which may not exist in the browser yet, stay as they are
    layout.added.change(
        lambda added, before: added if added.tab == tab else before, [layout.added, own], own, **quiet
    )
    return own.change(refresh, [own, dropdown], dropdown, **quiet)
