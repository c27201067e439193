"""What the page's Blocks add to Gradio's."""

import gradio as gr
from gradio.state_holder import SessionState

from app.components.blocks import PageBlocks


def test_a_session_holds_no_description_of_the_components():
    with PageBlocks() as demo:
        box = gr.Textbox("hello")
        kept = gr.State(3)
    session = SessionState(demo)
    assert not any(session.config_values.values())
    session[box._id] = gr.Textbox("changed", render=False)
    session._update_config(box._id)
    session._update_value_in_config(box._id, "changed")
    assert not any(session.config_values.values())
    assert session[box._id].value == "changed" and demo.default_config.blocks[box._id].value == "hello"
    assert session[kept._id] == 3
    described = {c["id"]: c["props"] for c in demo.get_config_file()["components"]}
    assert described[box._id]["value"] == "hello", "the page itself is no longer described"
