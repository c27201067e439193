"""The map of Explore: its points, what a region selects, its colours, and how its embeddings are computed."""

import base64
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest

from app.explore import handlers, map_handlers, map_html, maps
from app.explore.collection import Collection
from app.explore.filters import Filter, chips, conditions, matching_rows
from app.explore.map_choice import SIDE, MapChoice, read_choice, read_region
from app.explore.maps import MapPoints
from app.explore.state import View, state_of
from app.explore.tags import Tags
from app.services.handoff import ExploreRequest
from app.services.permalink import read_link
from avseg.evaluation.frame_mistakes import Mistakes
from avseg.interpret.embeddings import ClipEmbedding
from avseg.interpret.projection import UMAP_MISSING
from tests.app.explore.conftest import read_masks
from tests.app.explore.test_marks import act

MODEL = "tiny-ms3"


@pytest.fixture
def embedded(drawn_clips, monkeypatch) -> Collection:
    """The drawn clips with made-up embeddings: their audio lies on a line, in the order of the table."""
    ran: list[str] = []

    def run(model: str, work: object, content) -> ClipEmbedding:
        ran.append(content.clip.name)
        row = len(ran) - 1
        audio = np.zeros((2, 4), np.float16)
        audio[:, 0] = row
        audio[1, 1] = 0.5  # the second frame lies beside the first
        return ClipEmbedding(audio, audio, np.full_like(audio, np.nan), row / 10, Mistakes(missed=row % 2))

    monkeypatch.setattr(maps.MODELS, "run", run)
    drawn_clips.maps.start(MODEL)
    finish(drawn_clips)
    assert len(ran) == 7
    return drawn_clips


def finish(clips: Collection) -> None:
    while clips.maps.progress(MODEL).running:
        time.sleep(0.01)
    assert not clips.maps.progress(MODEL).error


def show(clips: Collection, **choice: object) -> None:
    state_of(None).view = View(clips.dataset.key, model=MODEL, map=MapChoice("audio", shown=True, **choice))


def test_a_region_selects_the_clips_whose_points_lie_in_it(embedded):
    show(embedded)
    points = embedded.maps.points(MODEL, MapChoice("audio"))
    assert points.rows.tolist() == list(range(7)) and points.explained[0] == pytest.approx(1)
    left, right = points.xy[[1, 3], 0].astype(int)
    low, high = sorted((int(left), int(right)))
    corners = f"{low - 50}.100-{high + 50}.100-{high + 50}.9900-{low - 50}.9900"
    updates = act("lasso", corners)
    assert "3 of 7 clips" in updates.summary and "3 selected on the map ×" in updates.summary
    filtered = state_of(None).view.filter
    assert filtered.region == f"audio-pca-clips-{corners}"
    assert matching_rows(filtered, embedded, Tags(), MODEL).tolist() == [1, 2, 3]
    chip = next(chip for chip in chips(filtered, MODEL, 3) if chip.field == "region")
    act(chip.field, chip.value)
    assert state_of(None).view.filter == Filter()
    act("lasso", corners)
    handlers.choose_model("small-real")  # has another map
    assert not state_of(None).view.filter.region


def test_what_a_region_holds_is_what_lies_within_its_corners():
    region = read_region("mask-pca-clips-0.0-1000.0-1000.1000-500.300-0.1000")  # a dent from below
    inside = region.holds(np.array([[100, 100], [500, 200], [500, 600], [950, 900], [1100, 100]], np.uint16))
    assert inside.tolist() == [True, True, False, True, False]
    assert read_region(region.text) == region


@pytest.mark.parametrize(
    "text",
    [
        *("", "mask-pca-clips-1.1-2.2", "mask-tsne-clips-1.1-2.2-3.3", "mask-pca-clips-1.1-2.2-3.x", None, 7),
        *("mask-pca-clips-1.1-2.2-3.10001", "mask-pca-clips-1.1-2.2--3.3", "mask-pca-clips" + "-1.1" * 65),
    ],
)
def test_a_region_that_is_none_is_refused(text):
    assert read_region(text) is None


def test_frames_are_points_too(embedded, monkeypatch):
    points = embedded.maps.points(MODEL, MapChoice("audio", points="frames"))
    assert points.rows.tolist() == [row for row in range(7) for _ in range(2)]
    assert points.frames.tolist() == [0, 1] * 7 and points.every == 1
    monkeypatch.setattr(maps, "MOST_FRAMES", 5)
    embedded.maps._points = type(embedded.maps._points)(1)
    fewer = embedded.maps.points(MODEL, MapChoice("audio", points="frames"))
    assert fewer.every == 3 and len(fewer.rows) == 5


def test_the_page_gets_points_once_and_colours_after_every_change(embedded):
    show(embedded, colouring="split")
    first = handlers.draw()
    sent = json.loads(first.map["points"])
    xy = np.frombuffer(base64.b64decode(sent["xy"]), np.uint16).reshape(-1, 2)
    assert len(xy) == 7 and xy.min() > 0 and xy.max() < SIDE
    second = act("split", "test")
    assert "points" not in second.map
    paint = json.loads(second.map["paint"])
    codes = np.frombuffer(base64.b64decode(paint["code"]), np.uint8)
    assert [paint["colours"][code] for code in codes] == ["map-1"] * 3 + ["map-2"] + ["map-3"] * 3
    match = np.unpackbits(np.frombuffer(base64.b64decode(paint["match"]), np.uint8))[:7]
    assert match.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert not second.charts


def test_near_duplicates_and_outliers_are_listed_once_they_are_compared(embedded):
    show(embedded)
    updates = handlers.draw()
    assert updates.timer.active and "Near duplicates" not in updates.map_lists["value"]  # the map comes first
    while updates.timer.active:
        time.sleep(0.01)
        updates = handlers.draw()
    assert "Near duplicates" in updates.map_lists["value"] and "te07_000000" in updates.map_lists["value"]


def test_iou_and_mistakes_are_known_after_the_model_ran_on_every_clip(embedded):
    assert embedded.iou(MODEL)[:3].tolist() == pytest.approx([0, 0.1, 0.2])
    assert embedded.mistakes(MODEL)[:, 1].tolist() == [0, 1, 0, 1, 0, 1, 0]
    show(embedded, colouring="iou")
    colours = map_html.colouring(embedded, state_of(None).view)
    assert colours.codes.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert "3 of 7 clips" in act("mistakes", "missed").summary


def test_sound_conditions_are_those_of_the_scenes(drawn_clips):
    view = View(drawn_clips.dataset.key, map=MapChoice(colouring="sound", shown=True))
    colours = map_html.colouring(drawn_clips, view)
    names = [colours.legend[code].text for code in colours.codes]
    for row, name in enumerate(names):
        count, off = drawn_clips.facts.sounding_objects[row], drawn_clips.facts.offscreen[row]
        several = "one source" if count == 1 else "several sources" if count else "nothing in view sounds"
        assert name == ("off-screen sound" if off else several)


def test_a_stopped_computation_keeps_its_clips_and_says_how_many(drawn_clips, monkeypatch):
    ran: list[str] = []

    def run(model: str, work: object, content) -> ClipEmbedding:
        ran.append(content.clip.name)
        if len(ran) == 2:
            act("embed_stop")
        values = np.full((1, 3), len(ran), np.float16)
        return ClipEmbedding(values, values, values, None, Mistakes())

    monkeypatch.setattr(maps.MODELS, "run", run)
    show(drawn_clips)
    assert "Compute the map" in handlers.draw().map_bar["value"]
    act("embed")
    finish(drawn_clips)
    assert "2 of 7 clips are on the map" in handlers.draw().map_bar["value"] and len(ran) == 2
    act("embed")
    finish(drawn_clips)
    assert len(ran) == 7 and "are on the map" not in handlers.draw().map_bar["value"]


def test_umap_says_what_to_install(embedded, monkeypatch):
    monkeypatch.setattr("avseg.interpret.projection.umap_installed", lambda: False)
    show(embedded, method="umap")
    updates = handlers.draw()
    while updates.timer.active:
        time.sleep(0.01)
        updates = handlers.draw()
    assert (
        UMAP_MISSING.split("`")[0].strip() in updates.map_bar["value"] and not updates.map_column["visible"]
    )
    act("map_method", "pca")
    assert handlers.draw().map_column["visible"]


def test_a_public_host_computes_the_map_of_no_folder(drawn_clips, monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    show(drawn_clips)
    updates = act("embed")
    assert drawn_clips.maps.progress(MODEL) is None
    assert "python -m avseg embed DATA --task ms3" in updates.map_bar["value"]
    assert 'data-action="embed"' not in updates.map_bar["value"]


def test_a_link_carries_map_region_and_tags(embedded):
    show(embedded)
    act("lasso", "0.0-10000.0-10000.10000-0.10000")
    act("tags", "night rain")
    updates = act("map_colouring", "split")
    query = str(updates.summary).split('data-address="')[1].split('"')[0].replace("&amp;", "&")
    (request,) = read_link(f"?tab=explore&{query}").requests
    assert isinstance(request, ExploreRequest) and read_choice(request.map).colouring == "split"
    before = state_of(None).view
    act("map_shown", 0), act("clear")
    handlers.VISITORS.of("local").hand_over(request)
    handlers.arrive()
    assert state_of(None).view == before and conditions(before.filter)


def test_the_pointer_is_told_which_clip_it_is_on(embedded):
    show(embedded)
    handlers.draw()
    update = map_handlers.peek(SimpleNamespace(_data={"row": 4}))
    about = json.loads(update.map["peeked"])
    assert about["name"] == "te07_000000" and "IoU 0.40" in about["text"]
    for row in (-1, 7, "4", None, True):
        assert map_handlers.peek(SimpleNamespace(_data={"row": row})).changes() == {}


def test_a_map_of_one_point_is_drawn(embedded):
    assert isinstance(embedded.maps.points(MODEL, MapChoice("truth")), MapPoints)  # no clip has the feature
    assert maps._on_map(np.zeros((1, 2))).tolist() == [[SIDE // 2, SIDE // 2]]


def test_a_silent_frame_has_the_colour_of_silence(embedded):
    read_masks(embedded)
    show(embedded, points="frames", colouring="sound")
    handlers.draw()
    paint = json.loads(handlers.draw().map["paint"])
    codes = np.frombuffer(base64.b64decode(paint["code"]), np.uint8)
    colours = map_html.colouring(embedded, state_of(None).view).codes
    points = embedded.maps.points(MODEL, state_of(None).view.map)
    for code, row, frame in zip(codes, points.rows, points.frames):
        silent = embedded.masks.share[row, frame] == 0 and colours[row] != map_html.OFF_SCREEN
        assert code == (map_html.NOTHING if silent else colours[row])
    assert (codes == map_html.NOTHING).any()
