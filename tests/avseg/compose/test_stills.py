"""The clips composed from photographs: ground truth, sound and credits."""

import json
from pathlib import Path

import numpy as np
import pytest

from avseg.compose.stills import Outline, Pane, Still, still_from_dict, truth
from avseg.data.labels import CLASS_INDEX
from avseg.media.audio import SAMPLE_RATE
from avseg.media.clip import read_clip

FOLDER = Path(__file__).resolve().parents[3] / "assets" / "clips"
ABOUT = {
    path.stem: about
    for path in sorted(FOLDER.glob("*.json"))
    if (about := json.loads(path.read_text(encoding="utf-8"))).get("kind") == "photographs"
}
WHOLE = (0.0, 0.0, 1.0, 1.0)
DOG, SHEEP = CLASS_INDEX["dog"], CLASS_INDEX["sheep"]


def box(name: str, left: float, top: float, right: float, bottom: float) -> Outline:
    return Outline(name, ((left, top, right, top, right, bottom, left, bottom),))


def test_an_object_in_front_covers_what_sounds_behind_it():
    pane = Pane(WHOLE, WHOLE, (0, 0, 1), (box("sheep", 0, 0, 0.5, 1), box("dog", 0.25, 0, 0.75, 1)))
    still = Still(2, (pane,), (("sheep",), ()))
    first = truth(still, 0.5, (8, 40))
    assert set(np.unique(first)) == {0, SHEEP} and (first == SHEEP).mean() == pytest.approx(0.25, abs=0.03)
    assert not truth(still, 1.5, (8, 40)).any()
    both = truth(still, 1.5, (8, 40), silent=True)
    assert (both == DOG).mean() == pytest.approx(0.5, abs=0.03) and (both == SHEEP).any()


def test_outlines_follow_the_camera_and_stay_in_their_pane():
    outlines = (box("dog", 0.5, 0.0, 1.0, 1.0),)
    pane = Pane((0.5, 0.0, 0.5, 1.0), (0.0, 0.0, 0.5, 0.5), (0.5, 0.0, 1.0), outlines)
    still = Still(4, (pane,), (("dog",),) * 4)
    assert still_from_dict(json.loads(json.dumps(still.as_dict()))) == still
    middle, end = (truth(still, time, (10, 80)) for time in (2.0, 3.999))
    assert not middle[:, :59].any() and (middle[:, 61:] == DOG).all()  # the camera has moved by half a crop
    assert not end[:, :39].any() and (end[:, 42:] == DOG).all()


def test_there_are_three_and_each_has_its_idea():
    assert len(ABOUT) == 3
    heard = [tuple(map(tuple, about["heard"])) for about in ABOUT.values()]
    assert all(len(set(seconds)) > 1 for seconds in heard)
    assert any(() in seconds for seconds in heard) and any(len(s) == 2 for h in heard for s in h)
    ends = [about["heard"][-1] and not about["sounding"][-1] for about in ABOUT.values()]
    assert sum(ends) == 1


@pytest.mark.parametrize("name", ABOUT)
def test_the_file_has_what_its_description_says(name: str):
    about, still = ABOUT[name], still_from_dict(ABOUT[name]["still"])
    assert (FOLDER / f"{name}.mp4").stat().st_size < 600_000
    assert list(still.visible) == about["visible"] and len(still.visible) == 2
    clip = read_clip(FOLDER / f"{name}.mp4", fps=1)
    assert clip.frames.shape == (5, 360, 640, 3)
    seconds = clip.waveform[: 5 * SAMPLE_RATE].reshape(5, SAMPLE_RATE)
    loudness = np.sqrt((seconds[:, 800:-800] ** 2).mean(axis=1))  # without AAC's spread at the borders
    for second, (heard, sounding) in enumerate(zip(about["heard"], about["sounding"], strict=True)):
        assert bool(heard) == (loudness[second] > 0.01), (second, loudness)
        assert sounding == [item for item in heard if item in about["visible"]]
        labels = truth(still, second + 0.5, (90, 160))
        assert set(np.unique(labels)) - {0} == {CLASS_INDEX[item] for item in sounding}
        for item in sounding:
            assert 0.04 < (labels == CLASS_INDEX[item]).mean() < 0.4


def test_every_source_is_credited_with_a_licence():
    rows = [line for line in (FOLDER / "CREDITS.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    for name, about in ABOUT.items():
        for file in about["files"]:
            row = next(row for row in rows if f"`{name}`" in row and f"`{file}`" in row)
            licence = row.split("|")[5]
            assert any(term in licence for term in ("CC0", "CC BY", "GPL", "public domain")), row
