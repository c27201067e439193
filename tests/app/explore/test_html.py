"""What the Explore tab draws: bars, thumbnails, the report, and text from files."""

from dataclasses import replace

import numpy as np
from PIL import Image

from app.explore import collection, html
from app.explore.charts import charts_html
from app.explore.filters import Filter, matching_rows
from app.explore.marks import Marks
from app.explore.pictures import thumbnails
from app.explore.saved_views import SavedView
from app.explore.state import ExploreState, View
from app.explore.tags import Tags
from app.services.background import Progress
from avseg.data.avsbench.check import check
from avseg.data.avsbench.check_report import load_report, save_report
from avseg.data.avsbench.thumbnail import thumbnail
from avseg.media.draw import ORANGE
from tests.app.explore.conftest import read_masks

DONE = Progress(1, 1, running=False)


def test_names_from_files_and_notes_are_escaped(tmp_path, open_folder):
    evil = '<img src=x onerror="alert(1)">'
    folder = tmp_path / "AVSBench" / "AVSS"
    folder.mkdir(parents=True)
    quoted = evil.replace('"', '""')
    (folder / "metadata.csv").write_text(
        f'vid,uid,s_min,s_sec,a_obj,split,label\n"{quoted}","{quoted}",0,0,"{quoted}","{quoted}",v2\n'
    )
    clips, flags = open_folder(folder.parent, "avss"), Tags()
    name = (clips.facts.entries[0].split, clips.facts.entries[0].name)
    flags.set_note(name, evil)
    flags.add(name, evil)
    marks = Marks(flags)
    marks.views.save(evil, SavedView())
    view = View(clips.dataset.key, row=0, model=evil, filter=Filter(search=evil, split=frozenset({name[0]})))
    rows = ExploreState(view).rows(clips)
    clips.report = check(clips.dataset.folder, "avss")
    page = "".join(
        (
            html.filters_html(clips, view, rows, flags),
            html.marks_html(clips, marks, rows),
            html.summary_html(clips, view, rows),
            html.clips_html(clips, view, rows, flags),
            charts_html(clips, view, rows, DONE),
            html.clip_head(clips, view, rows, flags),
            html.clip_facts(clips, 0, flags),
            html.report_html(clips, replace(view, filter=Filter()), None),
        )
    )
    assert "<img src=x" not in page and "&lt;img src=x" in page and str(tmp_path) not in page


def test_the_report_is_saved_and_its_rows_open_clips(drawn_clips):
    clips = drawn_clips
    path = collection._beside_index(clips.dataset, "-check.json")
    clips.report = check(clips.dataset.folder, "ms3")
    save_report(clips.report, path, clips.key)
    page = html.report_html(clips, View(clips.dataset.key, filter=Filter(finding="missing mask")), None)
    row = clips.facts.row_of("te07_000001", "test")
    assert f'data-action="open" data-value="{row}"' in page and "1 error" in page
    assert load_report(path, clips.key) == clips.report and load_report(path, "another table") is None
    assert matching_rows(Filter(finding="missing mask"), clips, Tags(), "m").tolist() == [row]


def test_the_report_has_a_line_per_clip_and_folds_notes(drawn_clips):
    clips = drawn_clips
    clips.report = check(clips.dataset.folder, "ms3")
    groups = html.finding_groups(clips)
    places = [(group.kind, group.split, group.clip) for group in groups if group.clip]
    assert len(places) == len(set(places)) and len(groups) < len(clips.report.findings)
    empty = next(group for group in groups if group.kind == "empty mask" and len(group.paths) > 1)
    page = html.report_html(clips, View(clips.dataset.key), None)
    listed, _, folded = page.partition("<details")
    assert "missing mask</td>" in listed and "empty mask</td>" not in listed
    assert f"empty mask <small>{len(empty.paths)} files</small>" in folded
    chosen = html.report_html(clips, View(clips.dataset.key, filter=Filter(finding="empty mask")), None)
    assert "<details" not in chosen and "empty mask" in chosen


def test_swatches_have_the_colours_of_the_masks():
    """The masks of MS3 and S4 name no classes: all are orange."""
    assert {colour for _, colour in html.swatches(["dog", "cat"], "ms3")} == {"rgb({},{},{})".format(*ORANGE)}
    assert len({colour for _, colour in html.swatches(["dog", "cat"], "avss")}) == 2
    grey = "rgb({},{},{})".format(*html.GREY)
    assert {colour for _, colour in html.swatches(["dog"], "avss", masked=False)} == {grey}


def test_bars_count_all_and_matching_clips(table_clips):
    clips = table_clips
    state = ExploreState(View(clips.dataset.key, filter=Filter(split=frozenset({"test"}))))
    rows = state.rows(clips)
    page = charts_html(clips, state.view, rows, DONE)
    name = clips.sounding.columns[0]
    total = sum(name in labels for labels in clips.facts.labels)
    shown = sum(name in clips.facts.labels[row] for row in rows)
    assert f'title="{name}: {shown} of {total} clips shown"' in page
    empty = [(clips.masks.share[row] == 0).sum() for row in rows if clips.masks.done[row]]
    total = int((clips.masks.empty_frames == 4).sum())
    assert f'title="4 frames without a mask: {empty.count(4)} of {total} clips shown"' in page


def test_what_does_not_match_is_said_with_a_way_out(table_clips):
    view = View(table_clips.dataset.key, filter=Filter(search="no such clip"))
    page = html.clips_html(table_clips, view, ExploreState(view).rows(table_clips), Tags())
    assert "No clips match. Remove a filter." in page and "Show all 400 clips" in page


def test_a_thumbnail_shows_the_mask(drawn_clips):
    clips = drawn_clips
    read_masks(clips)
    row = int(np.nanargmax(clips.masks.area))
    entry, frame = clips.facts.entries[row], clips.masks.best_frame(row)
    assert thumbnails(clips, [row])[0].startswith("data:image/jpeg")
    plain = np.asarray(Image.open(clips.dataset.folder / entry.frame(frame)).resize((224, 126)), np.int16)
    picture = thumbnail(clips.dataset.folder, entry, frame, drawn=True)
    changed_share = (np.abs(picture.astype(np.int16) - plain).max(axis=-1) > 40).mean()
    assert picture.shape == (126, 224, 3) and changed_share > clips.masks.share[row, frame] / 4
