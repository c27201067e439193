"""What the page gives to every tab when it is built."""

from dataclasses import dataclass

import gradio as gr

from app.components.add_model.panel import AddModelLayout


@dataclass(frozen=True)
class LinkParts:
    """What opening a link changes (app.services.permalink)."""

    notice: gr.HTML  # what of it is not known here, above every tab
    clip: gr.State  # changes when Segment is to show the clip of a link


@dataclass(frozen=True)
class PageContext:
    """The components of the page around a tab."""

    page: gr.Blocks
    header: gr.HTML  # what the header says of the visitor's clip and model
    tabs: gr.Tabs  # a handler opens a tab by the update `gr.Tabs(selected="whatif")`
    progress: gr.HTML  # where every event that takes time shows its progress: `show_progress_on`
    tab: gr.Tab  # the tab itself, for its `select` event
    add_model: AddModelLayout  # opened by the last entry of a list of models
    link: LinkParts
