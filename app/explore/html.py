"""What the Explore tab draws: filters, clips, the opened clip, the integrity report."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from app.components.histogram import Bin
from app.components.render import macro, render
from app.explore.charts import bins, class_bins
from app.explore.collection import Collection
from app.explore.filters import IOU_STEP, OBJECTS, SWITCHES, chips, conditions, selected_on_map
from app.explore.marks import MAX_KEPT, Marks
from app.explore.pictures import error_maps, thumbnails
from app.explore.saved_views import MAX_NAME
from app.explore.state import PAGE_SIZE, REPORT_PAGE_SIZE, OpenedClip, View
from app.explore.tags import FLAGGED, MAX_NOTE, MAX_TAG, Mark, Tags
from app.services.background import Progress
from app.services.datasets import may_check
from app.services.host import public_host
from app.services.permalink import address, conditions_text
from app.services.wording import plural
from avseg.data.avsbench.check import KINDS, Finding
from avseg.data.labels import CLASS_INDEX, clip_colours
from avseg.evaluation.clip import clip_iou, frame_ious
from avseg.evaluation.frame_mistakes import KINDS as MISTAKES
from avseg.media.draw import ORANGE

CLASSES_LISTED = 9  # in the sidebar; the others are folded away
GREY = (0x8F, 0x93, 0x9D)

MOST_NOTES = 200  # listed, of those that are folded away

Swatches = list[tuple[str, str]]
"""Class names, each with its colour in CSS."""


@dataclass(frozen=True)
class FindingGroup:
    """All findings of one kind about one clip."""

    kind: str
    severity: str
    split: str
    clip: str
    text: str  # of the first one
    paths: tuple[str, ...]
    row: int | None  # of the clip, if the table lists it


def filters_html(collection: Collection, view: View, rows: np.ndarray, tags: Tags) -> Markup:
    """Return the filters, each value with the count of all clips and of those that match."""
    facts, current = collection.facts, view.filter
    codes = collection.table["split"].map(facts.splits.index).to_numpy(int)
    classes = class_bins(collection, rows, current.label)
    mistakes = collection.mistakes(view.model)
    known, shown = mistakes[:, 0] >= 0, mistakes[rows]
    names = tags.names()
    first = [k for k, one in enumerate(classes) if k < CLASSES_LISTED or one.selected]
    return render(
        "explore/templates/filters.html",
        splits=bins(codes, rows, facts.splits, facts.splits, current.split),
        classes=[classes[k] for k in first],
        more_classes=[one for k, one in enumerate(classes) if k not in first],
        objects=OBJECTS if collection.table["sounding_objects"].notna().any() else (),
        current=current,
        model=view.model,
        scored=bool(collection.scores.of(view.model)),
        iou_step=IOU_STEP,
        switches=[(field, text, getattr(current, field)) for field, text in SWITCHES.items()],
        total=len(collection),
        tags=[
            Bin(name, name, count, _tagged(collection, rows, tags, name), name in current.tags)
            for name, count in names.items()
        ],
        judged=int(known.sum()),
        mistakes=[
            (kind, title, about, int((mistakes[:, k] > 0).sum()), int((shown[:, k] > 0).sum()))
            for k, (kind, (title, about)) in enumerate(MISTAKES.items())
        ],
    )


def _tagged(collection: Collection, rows: np.ndarray, tags: Tags, name: str) -> int:
    """Return how many of the clips that match have a tag."""
    row_of = collection.facts.rows
    tagged = [row_of[clip] for clip, mark in tags.all().items() if name in mark.tags and clip in row_of]
    return int(np.isin(rows, tagged).sum())


def marks_html(collection: Collection, marks: Marks, rows: np.ndarray) -> Markup:
    """Return the saved views, and where the clips that match are tagged.

    On a public host it carries a visitor's marks, which the browser keeps for the next visit.
    """
    kept = marks.text() if public_host() and not marks.empty else "{}" if public_host() else ""
    return render(
        "explore/templates/marks.html",
        views=list(marks.views.all()),
        names=list(marks.tags.names()),
        shown=len(rows),
        max_name=MAX_NAME,
        max_tag=MAX_TAG,
        own=kept if len(kept) <= MAX_KEPT else "",
        key=collection.dataset.key,
    )


def summary_html(collection: Collection, view: View, rows: np.ndarray) -> Markup:
    """Return how many clips match, and what the filter asks for."""
    return render(
        "explore/templates/summary.html",
        count=f"{len(rows):,} of {plural(len(collection), 'clip')}",
        chips=chips(view.filter, view.model, selected_on_map(view.filter, collection, view.model)),
        filtered=not view.filter.matches_all,
        address=_address(collection, view),
    )


def mode_html(view: View) -> Markup:
    """Return the switch between clips alone and the map above them."""
    return macro("segmented", "map_shown", ((0, "Grid"), (1, "Map")), int(view.map.shown), "View")


def _address(collection: Collection, view: View) -> str:
    entry = None if view.row is None else collection.facts.entries[view.row]
    return address(
        data=view.data,
        split=entry and entry.split,
        clip=entry and entry.name,
        model=view.model,
        filter=conditions_text(conditions(view.filter)),
        page=view.page + 1 if view.page else None,
        map=view.map.text,
    )


def clips_html(collection: Collection, view: View, rows: np.ndarray, tags: Tags) -> Markup:
    """Return one page of clips."""
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    page = min(view.page, pages - 1)
    here = rows[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    iou, entries = collection.iou(view.model), collection.facts.entries
    clips = [
        {
            "row": int(row),
            "entry": entries[row],
            "picture": picture,
            "iou": "" if np.isnan(iou[row]) else f"{iou[row]:.2f}",
            "mark": tags.get((entries[row].split, entries[row].name)),
            "classes": swatches(collection.facts.labels[row], collection.dataset.task),
            "frames": labelled_frames(collection, row),
        }
        for row, picture in zip(here, thumbnails(collection, here), strict=True)
    ]
    return render(
        "explore/templates/clips.html",
        clips=clips,
        opened=view.row,
        page=page,
        pages=pages,
        range=f"{page * PAGE_SIZE + 1:,} to {page * PAGE_SIZE + len(here):,} of {len(rows):,}",
        everything=plural(len(collection), "clip"),
    )


def swatches(names: Sequence[str], task: str, masked: bool = True) -> Swatches:
    """Return class names with the colours of their masks; masked: False for objects that have none.

    The masks of a binary task name no classes and have one colour.
    """
    colours = dict.fromkeys(names, ORANGE)
    if task == "avss":
        colours = clip_colours(name for name in names if name in CLASS_INDEX)
    colours = colours if masked else {}
    return [(name, "rgb({},{},{})".format(*colours.get(name, GREY))) for name in names]


def labelled_frames(collection: Collection, row: int) -> list[bool]:
    """Return of every labelled frame whether it has foreground; empty while its masks are unread."""
    share = collection.masks.share[row]
    return (share[~np.isnan(share)] > 0).tolist() if collection.masks.done[row] else []


def no_clip() -> Markup:
    """Return what replaces the head of the opened clip."""
    return render("explore/templates/clip_head.html", name="")


def clip_head(collection: Collection, view: View, rows: np.ndarray, tags: Tags) -> Markup:
    """Return the opened clip's name, its position among the matching clips, its flag, and its neighbours."""
    entry, positions = collection.facts.entries[view.row], np.flatnonzero(rows == view.row)
    position = int(positions[0]) if len(positions) else None
    return render(
        "explore/templates/clip_head.html",
        name=entry.name,
        flag=FLAGGED,
        flagged=FLAGGED in ((tags.get((entry.split, entry.name)) or Mark()).tags),
        text="does not match" if position is None else f"{position + 1:,} of {len(rows):,}",
        previous=bool(position),
        next=len(rows) > 0 if position is None else position + 1 < len(rows),
    )


def clip_facts(collection: Collection, row: int, tags: Tags) -> Markup:
    """Return what is known of a clip, its tags and its note."""
    facts, masks, task = collection.facts, collection.masks, collection.dataset.task
    entry, scene, names = facts.entries[row], facts.scenes[row], facts.labels[row]
    visible, sounding = (scene.visible, scene.sounding) if scene else ((), ())
    return render(
        "explore/templates/clip_facts.html",
        entry=entry,
        scene=scene,
        sounding=swatches(names, task),
        unknown=facts.sounding_objects[row] is None,
        silent=swatches([name for name in visible if name not in sounding], task, masked=False),
        offscreen=swatches([name for name in sounding if name not in visible], task, masked=False),
        has_offscreen=facts.offscreen[row],
        frames=labelled_frames(collection, row) if masks.known[row] else None,
        area=float(masks.area[row]),
        clips_of_video=int((collection.table["video"] == entry.video).sum()),
        mark=tags.get((entry.split, entry.name)) or Mark(),
        max_note=MAX_NOTE,
        max_tag=MAX_TAG,
    )


def frame_errors(opened: OpenedClip, drawn: bool) -> Markup:
    """Return every frame's error map with its IoU, and their mean."""
    content = opened.content
    ious = frame_ious(opened.prediction, content.truth)
    frames = [
        (picture, iou or 0.0, "no label" if truth is None else "empty" if iou is None else f"{iou:.2f}")
        for picture, iou, truth in zip(
            error_maps(content, opened.prediction, drawn), ious, content.truth, strict=True
        )
    ]
    mean = clip_iou(ious, content.truth)
    return render(
        "explore/templates/frame_errors.html",
        model=opened.model,
        mean="no ground truth" if mean is None else f"mean {mean:.2f}",
        frames=frames,
    )


def report_html(collection: Collection, view: View, progress: Progress | None) -> Markup:
    """Return the integrity report: totals, kinds of findings to choose from, a page of clips with errors.

    A clip has one line per kind. Notes are folded away, except those of a kind that was chosen.
    """
    report, kind = collection.report, view.filter.finding
    groups = finding_groups(collection, kind)
    errors = [group for group in groups if kind or group.severity == "error"]
    notes = [group for group in groups if group not in errors]
    pages = max(1, -(-len(errors) // REPORT_PAGE_SIZE))
    page = min(view.report_page, pages - 1)
    return render(
        "explore/templates/report.html",
        report=report,
        kinds=[(kind, count, KINDS[kind][1]) for kind, count in report.counts.items()] if report else [],
        kind=kind,
        rows=errors[page * REPORT_PAGE_SIZE : (page + 1) * REPORT_PAGE_SIZE],
        notes=notes[:MOST_NOTES],
        more_notes=len(notes) - MOST_NOTES,
        page=page,
        pages=pages,
        progress=progress,
        may_check=may_check(collection.dataset),
        clips=len(collection),
    )


def finding_groups(collection: Collection, kind: str = "") -> list[FindingGroup]:
    """Return the findings of the report, of one kind or of all, by clip: one group per clip and kind."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in collection.report.findings_of(kind) if collection.report else ():
        # What belongs to no clip stays on its own.
        place = finding.clip or f"{finding.path} {finding.detail}"
        groups.setdefault((finding.kind, finding.split, place), []).append(finding)
    rows = collection.facts.rows
    # Paths are shown within the data set: where the data set lies is the owner's affair.
    root = f"{collection.dataset.folder}{os.sep}"
    return [
        FindingGroup(
            kind,
            KINDS[kind][0],
            split,
            found[0].clip,
            found[0].detail.replace(root, ""),
            tuple(dict.fromkeys(finding.path for finding in found if finding.path)),
            rows.get((split, found[0].clip)),
        )
        for (kind, split, _), found in groups.items()
    ]
