"""What the Segment tab says and draws."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.components.html import header_html
from app.components.render import macro
from app.segment import html, text


@pytest.mark.parametrize(
    ("start", "end", "fps", "words"),
    [
        (0, 5, 1, "Segment 5 frames"),
        (None, 0.4, 1, "Segment 1 frame"),
        (1.5, 4, 2, "Segment 5 frames"),
        (0, None, 4, "Segment the clip"),
        (3, 2, 4, "Segment the clip"),
        (0, 90, 1, "60"),
    ],
)
def test_the_button_says_what_will_happen(start, end, fps, words):
    assert words in text.button_text(start, end, fps)


def test_text_from_files_is_escaped():
    nasty = "<img src=x onerror=alert(1)>.mp4"
    card = SimpleNamespace(weights="trained", note=nasty)
    pieces = (
        header_html({"Clip": nasty, "Model": nasty}, "demo"),
        macro("heading", nasty, nasty),
        html.clip_about(nasty),
        macro("notice", nasty),
        macro("hint", text.card_text(card)),
    )
    assert not any("<img" in piece for piece in pieces)


def test_frames_of_any_shape_are_drawn():
    wide, tall = np.zeros((2, 900, 3), np.uint8), np.zeros((900, 2, 3), np.uint8)
    assert all("data:image/jpeg" in html.clip_about("", frame) for frame in (wide, tall))
