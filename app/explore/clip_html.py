"""The opened clip and the integrity report as HTML."""

import os
from collections.abc import Sequence
from html import escape

import numpy as np

from app.components.text import clips_words, share_words
from app.explore.collection import Collection
from app.explore.flags import LONGEST_NOTE, Flags
from app.explore.html import act, pager, swatches
from app.explore.integrity import page_of
from app.explore.pictures import error_strip
from app.explore.scores import clip_iou, frame_ious
from app.explore.state import REPORT_PAGE, Opened, Selection, View
from app.services.background import Progress
from app.services.datasets import may_check
from avseg.data.avsbench.check import KINDS, Finding


def head(there: Collection, view: View, found: Selection) -> str:
    """Return the opened clip's name, its place in the filter, and the buttons to its neighbours."""
    entry = there.facts.entries[view.opened]
    places = np.flatnonzero(found.rows == view.opened)
    total = len(found.rows)
    if len(places):
        place = int(places[0])
        words, back, on = f"{place + 1:,} of {total:,}", place > 0, place + 1 < total
    else:
        words, back, on = "outside the filter", False, total > 0
    return (
        f'<div class="ex-opened"><h2>{escape(entry.name)}</h2><small>{words}</small>'
        f'<button type="button" class="ex-icon" {act("step", -1)} aria-label="Previous clip"'
        f"{'' if back else ' disabled'}>‹</button>"
        f'<button type="button" class="ex-icon" {act("step", 1)} aria-label="Next clip"'
        f"{'' if on else ' disabled'}>›</button>"
        f'<button type="button" class="ex-icon" {act("close")} aria-label="Close the clip">×</button></div>'
    )


def nothing_open() -> str:
    """Return what stands at the right before a clip was opened."""
    return (
        '<div class="ex-opened"><h2>No clip is open</h2></div><p class="ex-hint">Choose a clip to play it '
        "with its ground truth, to see what a model makes of it, and to flag it with a note.</p>"
    )


def about(there: Collection, row: int, flags: Flags) -> str:
    """Return what is known of a clip, and its flag."""
    facts, measured = there.facts, there.measured
    entry, scene = facts.entries[row], facts.scenes[row]
    rows: list[tuple[str, str]] = []
    names = facts.labels[row]
    rows.append(
        (
            "Sounding",
            swatches(names) or ("not named by the data" if facts.objects[row] < 0 else "nothing in view"),
        )
    )
    if scene:
        silent = [name for name in scene.seen if name not in scene.heard]
        away = [name for name in scene.heard if name not in scene.seen]
        rows.append(("In view, silent", swatches(silent) or "nothing"))
        if away:
            rows.append(("Heard off screen", swatches(away)))
    elif facts.offscreen[row]:
        rows.append(("Heard off screen", "yes"))
    if measured.known[row]:
        share = measured.share[row][~np.isnan(measured.share[row])]
        marked = int((share > 0).sum())
        mean = share_words(float(share[share > 0].mean())) if marked else "no mask"
        rows.append(("Mask area", f"{mean} of frame" if marked else mean))
        rows.append(("Frames with a mask", f"{marked} of {len(share)} labelled, {entry.frames} in all"))
    else:
        rows.append(("Frames", f"{entry.labelled} labelled, {entry.frames} in all"))
    if entry.given:
        rows.append(("In the table", escape(entry.given)))
    where = ", ".join(escape(part) for part in (entry.split, entry.subset) if part)
    rows.append(("Split", where))
    count = int((facts.video == entry.video).sum())
    video = (
        f'<button type="button" class="ex-link" {act("video", entry.video)}>{escape(entry.video)}</button>'
    )
    rows.append(("Source video", f"{video} ({clips_words(count)})" if count > 1 else escape(entry.video)))
    listed = "".join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in rows)
    return f'<dl class="ex-facts">{listed}</dl>{_flag(flags, (entry.split, entry.name))}'


def _flag(flags: Flags, clip: tuple[str, str]) -> str:
    flag = flags.get(clip)
    note = escape(flag.note) if flag else ""
    off = f'<button type="button" class="ex-button" {act("unflag")}>Take flag off</button>' if flag else ""
    words = "Change note" if flag else "Flag"
    return (
        f'<div class="ex-note"><input type="text" maxlength="{LONGEST_NOTE}" value="{note}" '
        'placeholder="Note, kept beside the data set’s index" aria-label="Note">'
        f'<button type="button" class="ex-button" data-do="flag" data-from="note">{words}</button>{off}</div>'
    )


def errors(opened: Opened, drawn: bool) -> str:
    """Return every frame's error map with its IoU, and their mean."""
    found = opened.read
    ious = frame_ious(opened.prediction, found.truth)
    mean = clip_iou(ious, found.truth)
    said = "no ground truth" if mean is None else f"mean {mean:.2f}"
    cells = []
    for frame, (iou, uri) in enumerate(zip(ious, error_strip(found, opened.prediction, drawn), strict=True)):
        truth = found.truth[frame]
        number = "no label" if truth is None else "empty" if iou is None else f"{iou:.2f}"
        height = 0 if iou is None else 100 * iou
        cells.append(
            f'<figure><img src="{uri}" alt="Frame {frame + 1}, errors">'
            f'<u><i style="height:{height:.0f}%"></i></u><figcaption>{number}</figcaption></figure>'
        )
    return (
        f'<div class="ex-errors"><p><span>IoU per frame, {escape(opened.model)}</span><b>{said}</b></p>'
        f'<div>{"".join(cells)}</div><p class="ex-legend"><i class="hit"></i>hit '
        '<i class="alarm"></i>false alarm <i class="miss"></i>miss</p></div>'
    )


def report(there: Collection, view: View, progress: Progress | None) -> str:
    """Return the integrity report: its numbers, its kinds to choose from, and a page of findings."""
    title = "<h2>Integrity report</h2>"
    if progress and progress.running:
        words = f"Reading every file: clip {progress.done:,} of {progress.total or len(there):,}."
        bar = f'<div class="ex-progress"><i style="width:{100 * progress.share:.0f}%"></i></div>'
        return _card(title, f'<p class="ex-hint">{words}</p>{bar}')
    button = (
        f'<button type="button" class="ex-button" {act("check")}>Check {clips_words(len(there))}</button>'
        if may_check(there.data)
        else ""
    )
    if there.report is None:
        failed = (
            f'<p class="notice error" role="alert">{escape(progress.error)}</p>'
            if progress and progress.error
            else ""
        )
        words = "Every frame, mask and sound that the table promises is read; none is changed."
        return _card(
            f'{title}<span class="ex-end">{button}</span>', f'<p class="ex-hint">{words}</p>{failed}'
        )
    found = there.report
    files = ", ".join(f"{count:,} {kind}" for kind, count in found.files.items())
    numbers = f"{_count(found.errors, 'error')}, {_count(found.notes, 'note')}; read {files}"
    rows = page_of(found, view.filter.finding, view.findings, REPORT_PAGE)
    kinds = "".join(
        f'<button type="button" class="ex-chip" {act("finding", kind)} '
        f'aria-pressed="{str(kind == view.filter.finding).lower()}" title="{escape(KINDS[kind][1])}">'
        f"{escape(kind)} <b>{count:,}</b></button>"
        for kind, count in rows.counts.items()
    )
    turn = (
        pager("findings", rows.first - 1, len(rows.shown), rows.total, REPORT_PAGE)
        if rows.total > REPORT_PAGE
        else ""
    )
    return _card(
        f'{title}<small class="ex-end">{numbers}</small>',
        f'<div class="ex-kinds">{kinds}</div>{_findings(there, rows.shown)}{turn}'
        f'<p class="ex-again">{button}</p>',
    )


def _card(line: str, content: str) -> str:
    return f'<div class="ex-report card"><div class="ex-line">{line}</div>{content}</div>'


def _findings(there: Collection, shown: Sequence[Finding]) -> str:
    if not shown:
        return '<p class="ex-hint">Nothing was found amiss.</p>'
    lines = []
    for one in shown:
        row = there.facts.rows.get((one.split, one.clip))
        clip = escape(one.clip or one.path)
        if row is not None:
            clip = f'<button type="button" class="ex-link" {act("open", row)}>{clip}</button>'
        place = f"<small>{escape(one.path)}</small>" if one.clip and one.path else ""
        words = one.words.replace(f"{there.data.folder}{os.sep}", "")  # where it lies is the owner's affair
        lines.append(
            f'<tr class="{one.severity}"><td>{clip}</td><td>{escape(one.split)}</td>'
            f"<td>{escape(one.kind)}</td><td>{escape(words)}{place}</td></tr>"
        )
    return (
        '<div class="ex-scroll"><table><thead><tr><th>Clip</th><th>Split</th><th>Kind</th>'
        f"<th>What was found</th></tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
