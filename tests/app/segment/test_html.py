"""What the Segment tab says and draws."""

from dataclasses import replace

import numpy as np
import pytest

from app.components.html import header_html
from app.components.render import macro
from app.segment import html, text
from avseg.checkpoints import Card
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud


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
    card = Card("nasty", "trained", nasty)
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


def test_a_model_of_few_steps_says_why_nothing_is_marked(tmp_path):
    note = "Trained for 24 of 24 steps on synth. python -m avseg train tiny --out runs/first"
    card = Card("first", "trained", note)
    assert text.card_text(card) == "Trained for 24 of 24 steps on synth."
    assert "trained here" in header_html({"Model": "first"}, "trained")
    clip = read_clip(counting(tmp_path / "steps.mp4", seconds=3))
    prediction = Predictor(BrightAndLoud(), "cpu").predict(clip)
    assert not text.model_notices(replace(prediction, labels=prediction.labels + 1), card, True)
    empty = replace(prediction, labels=0 * prediction.labels)
    assert text.model_notices(empty, card, True) == [
        "first was trained for 24 steps: too few to mark anything."
    ]


def test_masks_that_ignore_the_sound_are_announced(tmp_path):
    clip = read_clip(counting(tmp_path / "steps.mp4", seconds=3))
    prediction = replace(Predictor(BrightAndLoud(), "cpu").predict(clip), mute_change=0.12)
    known = Card("small-real", "composed", classes=("dog", "cat"))
    (notice,) = text.model_notices(prediction, known, False)
    assert "Muting the sound changes only 12.0\xa0% of the masked pixels" in notice and "dog, cat" in notice
    assert not text.model_notices(replace(prediction, mute_change=0.9), known, False)
    empty = replace(prediction, mute_change=None, labels=0 * prediction.labels)
    assert "none of the classes it knows" in text.model_notices(empty, known, False)[0]
    assert not text.model_notices(empty, Card("mine"), False)
    (notice,) = text.model_notices(prediction, Card("tiny-ms3", "demo"), False)
    assert "does not work on filmed video" in notice and "small-real" in notice
    assert "tiny-ms3 is the model for drawn scenes" in text.model_notices(prediction, known, True)[0]
