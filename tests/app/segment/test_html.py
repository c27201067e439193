"""What the Segment tab says and draws."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from app.components.html import header_html
from app.components.render import macro
from app.segment import html, text
from avseg.interpret.mask_statistics import ClassStatistics, MaskStatistics, measure
from avseg.media.clip import read_clip
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud


def prediction_of(path: Path, task: str):
    return Predictor(BrightAndLoud(task), "cpu").predict(read_clip(path, fps=1))


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


def test_findings_are_counted_on_the_masks(tmp_path):
    prediction = prediction_of(counting(tmp_path / "a.mp4", seconds=5, rate=20), "ms3")
    statistics = measure(prediction)
    assert statistics.shares == pytest.approx(prediction.foreground)
    sentence = text.finding(statistics)
    assert f"{statistics.nonempty} of 5 frames" in sentence and f"{100 * statistics.mean:.1f}" in sentence


def test_classes_are_named_with_their_frames_and_shares(tmp_path):
    statistics = measure(prediction_of(counting(tmp_path / "a.mp4", seconds=5, rate=20), "avss"))
    names = {count.name for count in statistics.classes}
    assert names == {"airplane", "dog"} and all(0 < count.frames < 5 for count in statistics.classes)
    first = statistics.classes[0]
    assert text.finding(statistics).startswith(
        f"{first.name.capitalize()} found in {first.frames} of 5 frames"
    )


def test_findings_read_well_for_any_number_of_frames_and_classes():
    def finding(shares, *classes):
        nonempty = sum(share > 0 for share in shares)
        counts = tuple(ClassStatistics(name, 1, frames, 0.059) for name, frames in classes)
        mean = sum(shares) / max(1, nonempty)
        return text.finding(MaskStatistics(np.array(shares), counts, nonempty, mean)).replace("\xa0", " ")

    assert finding([0.0]) == "No sounding object found in this frame."
    assert finding([0.0, 0.0]) == "No sounding object found in these 2 frames."
    assert finding([0.1]) == "Sounding pixels found in this frame (10.0 % of it)."
    assert finding([0.1, 0]) == "Sounding pixels found in 1 of 2 frames (10.0 % of the frame)."
    assert finding([0.1, 0.2]) == "Sounding pixels found in both frames (15.0 % of the frame on average)."
    piano = finding([0.1] * 5, ("piano", 5), ("violin", 3))
    assert piano == "Piano found in all 5 frames (5.9 % of the frame), violin in 3 (5.9 %)."
    assert finding([0.1] * 5, *((name, 5) for name in "abcde")).endswith("c in all (5.9 %), and 2 more.")


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
