"""The components of the Learn tab."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.components.events import ACTIONS_SCRIPT
from app.components.page_context import PageContext
from app.components.render import macro
from app.learn import html
from app.learn.state import LearnState

SCROLL_SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")
DELIMITERS = [{"left": "$$", "right": "$$", "display": True}, {"left": "$", "right": "$", "display": False}]


@dataclass(frozen=True)
class LearnLayout:
    """The components that an event changes."""

    header: gr.HTML
    tabs: gr.Tabs
    sidebar: gr.HTML
    notice: gr.HTML
    head: gr.HTML
    text: gr.Markdown
    figures: gr.HTML
    question: gr.HTML


def build(shared: PageContext) -> LearnLayout:
    """Put the components into the page; nothing is measured before the tab is opened."""
    first, introduction = LearnState(), macro("heading", html.TITLE, html.INTRODUCTION)
    with gr.Row(elem_classes="page", equal_height=False):
        with gr.Column(scale=0, min_width=272, elem_classes=["sidebar", "ln-sidebar"]):
            sidebar = gr.HTML(html.sidebar(first), elem_id="learn-steps", js_on_load=ACTIONS_SCRIPT)
        with gr.Column(elem_classes="content", min_width=0):
            notice = gr.HTML(visible=False, elem_id="learn-notice")
            head = gr.HTML(introduction, elem_id="learn-head", js_on_load=SCROLL_SCRIPT)
            with gr.Row(elem_classes=["card", "ln-card"], equal_height=False):
                text = gr.Markdown(first.step.text, latex_delimiters=DELIMITERS, elem_id="learn-text")
                figures = gr.HTML(elem_id="learn-figures", js_on_load=ACTIONS_SCRIPT)
            question = gr.HTML(elem_id="learn-question", js_on_load=ACTIONS_SCRIPT)
    return LearnLayout(shared.header, shared.tabs, sidebar, notice, head, text, figures, question)
