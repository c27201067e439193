"""The Explore tab without a server: data sets, facts, filters, flags, scores, csv, clips."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.explore import charts, collection, scores
from app.explore import clip_handlers as explore_clip
from app.explore import clip_html as clip_page
from app.explore import filter_handlers as tab
from app.explore import html as page
from app.explore import mask_index as measured
from app.explore import state as desk_module
from app.explore import updates as explore_page
from app.explore.collection import Collections
from app.explore.export import COLUMNS, safe, write_csv
from app.explore.filters import AREAS, PLACES, Filter, changed, chips, matching, ordered
from app.explore.flags import Flags
from app.explore.opened_clip import player_of
from app.explore.state import Desk, View, acted, select
from app.explore.updates import COUNT
from app.services import dataset_clips as reading
from app.services import datasets, session
from app.services.background import Progress, Works
from app.services.datasets import LIBRARY, DataSet
from app.services.handoff import ExploreRequest
from avseg.data.avsbench.dataset import AVSBench
from avseg.errors import DatasetError
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from tests.browser.explore_size import make_table

PUBLIC = ("SPACE_ID", "AVSEG_PUBLIC", "AVSEG_ALLOW_TRAINING", "AVSEG_DATA")
DONE = Progress(1, 1, running=False)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """A folder with MS3 as SynthAVS writes it: 3 clips to train on, 1, and 3 to test; one mask is missing."""
    root = tmp_path_factory.mktemp("drawn") / "SynthAVS"
    for split, clips in (("train", 3), ("val", 1), ("test", 3)):
        write(SynthAVS("ms3", split, 7, clips), root, videos=split == "val")
    (root / "Multi-sources/ms3_data/gt_masks/test/te07_000001/te07_000001_2.png").unlink()
    return root


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """A folder with AVSS's table alone, 400 clips without files."""
    folder = tmp_path_factory.mktemp("table") / "AVSS"
    folder.mkdir()
    make_table(folder / "metadata.csv", {"train": 280, "val": 40, "test": 80}, seed=3)
    return folder.parent


@pytest.fixture(autouse=True)
def private(monkeypatch, tmp_path):
    """A cache, visitors and opened data sets of each test's own, on nobody's public host."""
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AVSEG_EVALUATIONS", str(tmp_path / "evaluations"))
    monkeypatch.setenv("AVSEG_RUNS", str(tmp_path / "runs"))
    for name in PUBLIC:
        monkeypatch.delenv(name, raising=False)
    visitors, opened = session.Visitors(), Collections()
    for module in (tab, explore_clip):
        monkeypatch.setattr(module, "VISITORS", visitors)
    for module in (collection, desk_module, tab, explore_clip):
        monkeypatch.setattr(module, "COLLECTIONS", opened)
    monkeypatch.setattr(collection, "WORKS", Works())


def of(root: Path, monkeypatch, task: str = "ms3") -> collection.Collection:
    """Open the data set of a folder."""
    monkeypatch.setenv("AVSEG_DATA", str(root))
    data = next(one for one in LIBRARY.all().values() if one.task == task and one.origin == "environment")
    return collection.COLLECTIONS.of(data)


def known(there: collection.Collection, seed: int = 0) -> collection.Collection:
    """Make up what the masks say."""
    rng = np.random.default_rng(seed)
    shape = there.measured.share.shape
    there.measured.share[:] = np.where(rng.random(shape) < 0.6, rng.random(shape) * 0.5, 0)
    there.measured.share[rng.random(shape) < 0.1] = np.nan
    there.measured.where[:] = np.where(rng.random(there.measured.where.shape) < 0.02, 255, 0)
    there.measured.done[:] = rng.random(len(there)) < 0.9
    return there


def measure(there: collection.Collection) -> None:
    measured.measure(
        there.data.folder, there.facts.entries, there.measured, None, there.key, lambda done, total: None
    )


# Data sets


def test_the_data_sets_are_those_of_the_variable_then_the_sample(drawn, table, monkeypatch):
    assert [one.origin for one in LIBRARY.all().values()] == ["sample"] * 3
    monkeypatch.setenv("AVSEG_DATA", f"{drawn}:{table}:/nowhere")
    found = list(LIBRARY.all().values())
    assert [one.task for one in found[:2]] == ["ms3", "avss"] and LIBRARY.first() == found[0].key
    assert found[0].title == "SynthAVS, MS3" and str(drawn) not in found[0].key
    with pytest.raises(DatasetError, match="not there any more"):
        LIBRARY.get(str(drawn))


def test_a_folder_is_added_with_a_sentence_and_stays(drawn, table):
    key, words = LIBRARY.add(str(table))
    assert words == (
        "Found AVSS by its metadata.csv: 400 clips (train 280, val 40, test 80), AVSBench has 11,356."
    )
    assert LIBRARY.get(key).origin == "added" and datasets.Library().get(key).folder == table / "AVSS"
    assert "drawn by SynthAVS" in LIBRARY.add(str(drawn))[1]
    for path, said in (("", "Name the folder"), ("relative", "whole path"), ("/dev", "holds no data set")):
        with pytest.raises(DatasetError, match=said):
            LIBRARY.add(path)


def test_nobody_adds_a_folder_in_public(drawn, monkeypatch):
    key, _ = LIBRARY.add(str(drawn))
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    with pytest.raises(DatasetError, match="off on this host"):
        LIBRARY.add(str(drawn))
    assert key not in LIBRARY.all()
    said = tab.add_folder(str(drawn))
    assert "off on this host" in said[3] and len(said) == 4 + COUNT
    monkeypatch.setenv("AVSEG_ALLOW_TRAINING", "1")
    assert LIBRARY.add(str(drawn))[0] == key


def test_the_sample_is_drawn_once_and_whole(monkeypatch):
    monkeypatch.setattr(datasets, "SAMPLE_CLIPS", {"ms3": (1, 1, 1)})
    told = []
    assert not LIBRARY.get("sample-ms3").ready
    datasets._write_sample("ms3", lambda done, total: told.append((done, total)))
    data = LIBRARY.get("sample-ms3")
    assert data.ready and data.drawn and told == [(1, 3), (2, 3), (3, 3)]
    assert [entry.split for entry in collection.COLLECTIONS.of(data).facts.entries] == [
        "train",
        "val",
        "test",
    ]


def test_what_fails_in_the_background_is_said():
    works = Works()

    def fail(report) -> None:
        raise DatasetError("no such table")

    works.start("it", fail)
    while works.running("it"):
        pass
    assert works.state("it").error == "no such table"


# Facts


def test_a_drawn_clip_names_what_sounds_though_ms3_does_not(drawn, monkeypatch):
    there = of(drawn, monkeypatch)
    clips = SynthAVS("ms3", "test", 7, 3)
    for index in range(3):
        row = there.facts.rows["test", clips.name(index)]
        scene = clips.scene(index)
        heard = {sound.name for sound in scene.sounds if any(sound.on)}
        assert set(there.facts.labels[row]) == heard & set(scene.visible)
        assert there.facts.offscreen[row] == bool(heard - set(scene.visible))
        assert there.facts.objects[row] == len(heard & set(scene.visible))


def test_ms3_takes_its_names_from_avss_beside_it(tmp_path, monkeypatch):
    for folder in ("Multi-sources", "AVSS"):
        (tmp_path / "AVSBench" / folder).mkdir(parents=True)
    (tmp_path / "AVSBench/Multi-sources/ms3_meta_data.csv").write_text(
        "video_id,split\nabc_1,train\nxyz,test\n"
    )
    there = of(tmp_path / "AVSBench", monkeypatch)
    assert there.facts.objects.tolist() == [-1, -1] and not there.facts.classes
    (tmp_path / "AVSBench/AVSS/metadata.csv").write_text(
        "vid,uid,s_min,s_sec,a_obj,split,label\nabc_1,abc_1,0,0,guitar_tabla,train,v1m\n"
    )
    assert collection.read_facts(there.data).labels == (("guitar", "tabla"), ())


def test_masks_are_measured_kept_and_forgotten_with_the_table(drawn, monkeypatch, tmp_path):
    there = of(drawn, monkeypatch)
    path = tmp_path / "masks.npz"
    entries = there.facts.entries
    measured.measure(there.data.folder, entries, there.measured, path, "k", lambda done, total: None)
    clips = AVSBench(drawn, "ms3", "train")
    for index in range(3):
        row = there.facts.rows["train", clips.name(index)]
        marked = (clips[index].classes > 0).reshape(5, -1).mean(axis=1)
        np.testing.assert_allclose(there.measured.share[row], marked, atol=1e-6)
        assert there.measured.empty[row] == (marked == 0).sum()
        assert there.measured.where[row].mean() / 255 == pytest.approx(marked.mean(), abs=0.01)
    hurt = there.facts.rows["test", "te07_000001"]
    assert np.isnan(there.measured.share[hurt]).tolist() == [False, True, False, False, False]
    again = measured.load(path, entries, "k")
    np.testing.assert_array_equal(again.share, there.measured.share)
    assert again.done.all() and not measured.load(path, entries, "other").done.any()
    path.write_bytes(b"no zip")
    assert not measured.load(path, entries, "k").done.any()


# Filters


def naive(chosen: Filter, there: collection.Collection, row: int) -> bool:
    """Say of one clip what the filter says, in plain words."""
    facts, m = there.facts, there.measured
    entry, share = facts.entries[row], m.share[row]
    labelled = share[~np.isnan(share)]
    read = bool(m.done[row]) and len(labelled) > 0
    area = labelled[labelled > 0].mean() if read and (labelled > 0).any() else 0.0
    bar = max(k for k, edge in enumerate(AREAS) if edge <= area) if read else None
    empty = int((labelled == 0).sum()) if read else None
    others = {one.split for one in facts.entries if one.video == entry.video}
    step = measured.GRID // PLACES
    at = divmod(chosen.place or 0, PLACES)
    cells = m.where[row][at[0] * step : (at[0] + 1) * step, at[1] * step : (at[1] + 1) * step]
    return all(
        (
            not chosen.splits or entry.split in chosen.splits,
            not chosen.classes or bool(chosen.classes & set(facts.labels[row])),
            not chosen.objects
            or ("3+" if len(facts.labels[row]) > 2 else str(len(facts.labels[row]))) in chosen.objects,
            not chosen.areas or bar in chosen.areas,
            not chosen.empty or empty in chosen.empty,
            not chosen.silent or bool(empty),
            not chosen.pair
            or (entry.split in chosen.pair.split(" and ") and set(chosen.pair.split(" and ")) <= others),
            not chosen.video or entry.video == chosen.video,
            chosen.place is None or cells.any(),
            all(
                word in f"{entry.name} {entry.given} {entry.split}".lower() for word in chosen.search.split()
            ),
        )
    )


@pytest.mark.parametrize(
    "clicks",
    [
        [("split", "test"), ("split", "val")],
        [("class", "guitar"), ("class", "dog"), ("split", "train")],
        [("objects", "2"), ("objects", "3+")],
        [("area", 6), ("area", 7), ("area", 0)],
        [("empty", 3), ("empty", 0)],
        [("silent", ""), ("split", "test")],
        [("pair", "train and test")],
        [("place", 8)],
        [("search", "  piano TEST ")],
    ],
)
def test_clicks_filter_as_one_would_by_hand(clicks, table, monkeypatch):
    there = known(of(table, monkeypatch, "avss"))
    chosen = Filter()
    for field, value in clicks:
        chosen = changed(chosen, field, value, there)
    shown = matching(chosen, there, Flags(), "m")
    by_hand = [naive(replace(chosen, search=chosen.search.lower()), there, row) for row in range(len(there))]
    assert shown.tolist() == by_hand and 0 < shown.sum() < len(there)
    assert chips(chosen, "m")
    for _, field, value in chips(chosen, "m"):
        chosen = changed(chosen, field, value, there)
    assert chosen == Filter()


def test_iou_flags_findings_and_order(table, monkeypatch):
    there, flags = known(of(table, monkeypatch, "avss")), Flags()
    names = [(entry.split, entry.name) for entry in there.facts.entries]
    there.scores.add("m", {names[5]: 0.31, names[7]: 0.62, names[9]: None})
    below = changed(Filter(), "below", "0.5", there)
    assert np.flatnonzero(matching(below, there, flags, "m")).tolist() == [5]
    assert not matching(below, there, flags, "other").any()
    flags.set(names[3], "odd label")
    assert np.flatnonzero(matching(Filter(flagged=True), there, flags, "m")).tolist() == [3]
    assert np.flatnonzero(matching(Filter(search="odd"), there, flags, "m")).tolist() == [3]
    everything = np.ones(len(there), bool)
    assert ordered(everything, Filter(sort="iou"), there, "m")[:2].tolist() == [5, 7]
    assert ordered(everything, Filter(sort="iou-high"), there, "m")[:2].tolist() == [7, 5]
    area = there.measured.area[ordered(everything, Filter(sort="area-large"), there, "m")]
    read = area[~np.isnan(area)]
    assert (np.diff(read) <= 0).all() and np.isnan(area[len(read) :]).all()
    assert changed(changed(below, "sort", "name", there), "clear", "", there) == Filter(sort="name")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("split", "secret"),
            ("class", "<b>"),
            ("objects", "7"),
            ("area", 99),
            ("area", True),
            ("place", -1),
        ),
        *(
            ("place", 36),
            ("pair", "a and b"),
            ("video", "../etc"),
            ("finding", "x"),
            ("sort", "rm"),
            ("below", "x"),
        ),
        *(("data", "/etc"), ("splits", "test"), ("__class__", "x"), ("split", ["test"]), ("empty", 1e9)),
    ],
)
def test_what_makes_no_sense_changes_nothing(field, value, table, monkeypatch):
    assert changed(Filter(), field, value, of(table, monkeypatch, "avss")) == Filter()


def test_pages_and_neighbours_keep_the_filter(table, monkeypatch):
    there = of(table, monkeypatch, "avss")
    desk = Desk(View(there.data.key))

    def click(act: str, value: object = "") -> View:
        desk.view = acted(desk, there, act, value, select(desk, there))
        return desk.view

    click("split", "test")
    assert click("page", 1).page == 1 and click("page", 99).page == 6 and click("page", -99).page == 0
    rows = select(desk, there).rows
    assert click("open", int(rows[11])).opened == rows[11]
    assert click("step", 1).opened == rows[12] and desk.view.page == 1
    assert click("step", -1).opened == rows[11] and desk.view.page == 0
    assert desk.view.filter == Filter(splits=frozenset({"test"}))
    for bad in (-1, 400, "3", True, None, 1.0):
        assert click("open", bad).opened == rows[11]
    assert click("close").opened is None


def test_two_visitors_have_their_own_view(drawn, monkeypatch):
    monkeypatch.setenv("AVSEG_DATA", str(drawn))
    one, other = (SimpleNamespace(session_hash=name) for name in ("one", "other"))
    tab.act(SimpleNamespace(_data={"do": "split", "value": "test"}), one)
    assert tab._desk(one).view.filter.splits == {"test"} and tab._desk(other).view.filter == Filter()


# Flags, scores, csv


def test_flags_are_kept_replaced_and_taken_off(tmp_path):
    path = tmp_path / "flags.jsonl"
    flags = Flags(path)
    flags.set(("test", "a"), " wrong \n label ")
    flags.set(("test", "b"), "")
    flags.set(("test", "a"), "still wrong")
    path.write_text(path.read_text() + "no json\n")
    assert Flags(path).get(("test", "a")).note == "still wrong"
    Flags(path).drop(("test", "a"))
    assert [json.loads(line)["clip"] for line in path.read_text().splitlines()] == ["b"]


def test_strangers_flags_stay_with_their_visit(drawn, monkeypatch):
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    there = of(drawn, monkeypatch)
    one, other = Desk(View(there.data.key)), Desk(View(there.data.key))
    one.flags(there).set(("test", "te07_000000"), "mine")
    assert not other.flags(there).all() and not there.flags.all()


def test_the_iou_of_a_clip_is_that_of_the_evaluation(drawn, monkeypatch, tmp_path):
    from app.services.session import MODELS
    from avseg.checkpoints import load_model
    from avseg.evaluation.evaluate import EvaluationOptions, evaluate
    from avseg.evaluation.report import write_evaluation

    there = of(drawn, monkeypatch)
    data, entry = there.data, there.facts.entries[there.facts.row_of("te07_000000", "test")]
    found = reading.read(data, entry)
    ious = scores.frame_ious(MODELS.predict("tiny-ms3", found.clip), found.truth)
    model, split = load_model("tiny-ms3"), AVSBench(drawn, "ms3", "test")
    options = EvaluationOptions(robustness=False, workers=0)
    report = evaluate(model, split, [0], options)
    assert scores.clip_iou(ious, found.truth) == pytest.approx(report.clips[0].iou, abs=0.02)
    assert not there.scores.models()
    write_evaluation(report, tmp_path / "evaluations" / "one")
    there.scores.refresh()
    assert there.scores.of("tiny-ms3") == {("test", "te07_000000"): pytest.approx(report.clips[0].iou)}


def test_the_csv_holds_what_is_shown_and_no_formula(drawn, monkeypatch, tmp_path):
    there, flags = of(drawn, monkeypatch), Flags()
    measure(there)
    flags.set(("test", "te07_000001"), '=HYPERLINK("http://x")')
    rows = [there.facts.row_of(name, "test") for name in ("te07_000001", "te07_000000")]
    there.scores.add("m", {("test", "te07_000000"): 0.5})
    with write_csv(tmp_path / "c.csv", there, rows, flags, "m").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert tuple(found[0]) == COLUMNS and [row["clip"] for row in found] == ["te07_000001", "te07_000000"]
    assert found[0]["note"] == '\'=HYPERLINK("http://x")' and found[0]["flagged"] == "yes"
    assert (found[1]["iou"], found[1]["iou_model"], found[0]["iou"]) == ("0.500000", "m", "")
    assert [safe(cell) for cell in ("-_wz", "+1", "@x", "\tx", "a=b", 3)] == [
        *("'-_wz", "'+1", "'@x", "'\tx", "a=b", 3)
    ]


def test_a_full_disk_is_said_in_words(drawn, monkeypatch, tmp_path):
    def full(self: Path, *given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    there = of(drawn, monkeypatch)
    desk = tab._desk(None)
    desk.view = View(there.data.key, opened=0)
    monkeypatch.setattr(Path, "write_text", full)
    said = tab.act(SimpleNamespace(_data={"do": "flag", "value": "odd"}))
    assert "flag could not be kept (No space left on device)" in said[1]["value"]
    assert "could not be noted (No space left" in tab.add_folder(str(drawn))[3]
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(gr.Error, match="csv could not be written"):
        tab.export()


def test_all_of_avsbench_opens_and_filters_a_page_at_a_time(tmp_path_factory, monkeypatch):
    """Metadata of 11,356 clips; tests/browser/explore_size.py measures how long it takes."""
    folder = tmp_path_factory.mktemp("whole") / "AVSS"
    folder.mkdir()
    make_table(folder / "metadata.csv")
    monkeypatch.setattr(collection.Collection, "measuring", lambda self: DONE)
    asked = []
    monkeypatch.setattr(
        page.THUMBNAILS, "of", lambda there, rows: asked.append(len(rows)) or [""] * len(rows)
    )
    monkeypatch.setenv("AVSEG_DATA", str(folder.parent))
    desk = tab._desk(None)
    assert "11,356 of 11,356 clips" in explore_page.draw(desk)[3]
    known(collection.COLLECTIONS.of(LIBRARY.get(desk.view.data)))
    for do, value in (("split", "test"), ("class", "guitar"), ("area", 4), ("search", "v00"), ("clear", "")):
        tab.act(SimpleNamespace(_data={"do": do, "value": value}))
    assert desk.view.filter == Filter() and set(asked) <= set(range(13))  # never more than a page


# Clips and HTML


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_clip_gets_a_video_that_plays(drawn, monkeypatch, tmp_path, split):
    there = of(drawn, monkeypatch)
    entry = next(entry for entry in there.facts.entries if entry.split == split)
    found = reading.read(there.data, entry)
    whole = reading.with_video(there.data, entry, found, tmp_path / "clip")
    assert whole.clip.path.parent == tmp_path / "clip" and whole.clip.duration == 5
    # Drawn videos are wide; where there is none, the frames are held.
    assert whole.clip.size == ((180, 320) if split == "val" else (224, 224))
    np.testing.assert_array_equal(whole.clip.frames, found.clip.frames)
    value = player_of(there.data, whole, None, tmp_path / "player")
    assert value.shows == "truth" and len(value.times) == 5 and value.video == whole.clip.path
    data = DataSet("k", "t", "ms3", tmp_path, "added")
    classes = SimpleNamespace(task="avss")
    assert reading.shown_truth(data, found, classes) is None
    binary = reading.shown_truth(data, found, SimpleNamespace(task="ms3"))
    assert all(set(np.unique(picture)) <= {0, 1} for picture in binary)


def test_names_from_files_and_notes_are_escaped(tmp_path, monkeypatch):
    evil = '<img src=x onerror="alert(1)">'
    folder = tmp_path / "AVSBench" / "AVSS"
    folder.mkdir(parents=True)
    quoted = evil.replace('"', '""')
    (folder / "metadata.csv").write_text(
        f'vid,uid,s_min,s_sec,a_obj,split,label\n"{quoted}","{quoted}",0,0,"{quoted}","{quoted}",v2\n'
    )
    there, flags = of(folder.parent, monkeypatch, "avss"), Flags()
    name = (there.facts.entries[0].split, there.facts.entries[0].name)
    flags.set(name, evil)
    view = View(there.data.key, opened=0, model=evil, filter=Filter(search=evil, splits=frozenset({name[0]})))
    desk = Desk(view)
    found = select(desk, there)
    there.report = collection.integrity.run(there.data.folder, "avss", None, "", lambda done, total: None)
    html = "".join(
        (
            page.rail(there, view, found),
            page.bar(there, view, found),
            page.grid(there, view, found, flags),
            charts.charts(there, view, found, DONE),
            clip_page.head(there, view, found),
            clip_page.about(there, 0, flags),
            clip_page.report(there, replace(view, filter=Filter()), None),
        )
    )
    assert "<img src=x" not in html and "&lt;img src=x" in html and str(tmp_path) not in html


def test_the_report_is_kept_and_its_rows_open_clips(drawn, monkeypatch):
    there = of(drawn, monkeypatch)
    path = collection._beside(there.data, "-check.json")
    there.report = collection.integrity.run(
        there.data.folder, "ms3", path, there.key, lambda done, total: None
    )
    html = clip_page.report(there, View(there.data.key, filter=Filter(finding="missing mask")), None)
    row = there.facts.row_of("te07_000001", "test")
    assert f'data-do="open" data-value="{row}"' in html and "1 error" in html
    assert collection.integrity.load(path, there.key) == there.report
    assert collection.integrity.load(path, "another table") is None
    shown = matching(Filter(finding="missing mask"), there, Flags(), "m")
    assert np.flatnonzero(shown).tolist() == [row]


def test_bars_count_all_and_shown(table, monkeypatch):
    there = known(of(table, monkeypatch, "avss"))
    desk = Desk(View(there.data.key, filter=Filter(splits=frozenset({"test"}))))
    found = select(desk, there)
    html = charts.charts(there, desk.view, found, DONE)
    name = there.facts.classes[0]
    total = sum(name in labels for labels in there.facts.labels)
    shown = sum(name in there.facts.labels[row] for row in found.rows)
    assert f'title="{name}: {shown} of {total} clips shown"' in html
    mean = there.measured.where[found.shown & there.measured.known].mean(axis=0) / 255
    assert f"{100 * mean.max():.0f} % of frames" in html


def test_another_tab_opens_a_clip(drawn, monkeypatch):
    there = of(drawn, monkeypatch)
    me = SimpleNamespace(session_hash="me")

    def arrive(data: str, clip: str, split: str = "") -> tuple:
        tab.VISITORS.of("me").hand_over(ExploreRequest(data, clip, split))
        return tab.arrive(me)

    arrive(there.data.key, "te07_000002", "test")
    view = tab._desk(me).view
    assert (view.data, view.opened) == (there.data.key, there.facts.row_of("te07_000002"))
    assert "has no clip gone" in arrive(there.data.key, "gone")[4]["value"]
    assert "data set is not there any more" in arrive("/etc", "passwd")[4]["value"]


def test_a_thumbnail_shows_the_mask(drawn, monkeypatch):
    there = of(drawn, monkeypatch)
    measure(there)
    row = int(np.nanargmax(there.measured.area))
    entry, frame = there.facts.entries[row], there.measured.best_frame(row)
    picture = page.THUMBNAILS.of(there, [row])[0]
    assert picture.startswith("data:image/jpeg")
    from app.explore.pictures import thumbnail

    plain = np.asarray(Image.open(there.data.folder / entry.frame(frame)).resize((224, 126)), np.int16)
    drawn_over = thumbnail(there.data.folder, entry, frame, drawn=True)
    changed_share = (np.abs(drawn_over.astype(np.int16) - plain).max(axis=-1) > 40).mean()
    assert drawn_over.shape == (126, 224, 3) and changed_share > there.measured.share[row, frame] / 4


def test_a_damaged_clip_opens_with_what_is_there(drawn, monkeypatch, tmp_path):
    there = of(drawn, monkeypatch)
    entry = there.facts.entries[there.facts.row_of("te07_000001", "test")]
    found = reading.read(there.data, entry)
    assert [labels is None for labels in found.truth] == [False, True, False, False, False]
    assert [str(notice) for notice in found.clip.notices] == [
        "ms3_data/gt_masks/test/te07_000001/te07_000001_2.png is missing."
    ]
    with pytest.raises(DatasetError, match="missing"):
        reading.read(there.data, replace(entry, name="gone"))
