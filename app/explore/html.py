"""The Explore tab as HTML: filters, the line above the clips, the clips, and pages to turn.

Whatever can be clicked carries `data-do` and `data-value`; app/explore/script.js tells the server of it.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from app.components.text import clips_words
from app.explore.collection import Collection
from app.explore.filters import IOU_STEP, OBJECTS, TICKS, chips
from app.explore.flags import Flags
from app.explore.pictures import THUMBNAILS
from app.explore.state import PAGE, Selection, View
from app.services.background import Progress
from app.services.datasets import DataSet
from avseg.data.labels import CLASS_INDEX, clip_colours

CLASSES_LISTED = 9  # in the rail; the others are folded away


def act(do: str, value: object = "") -> str:
    """Return the attributes of something that can be clicked."""
    whole = ' data-int="1"' if isinstance(value, int) and not isinstance(value, bool) else ""
    return f'data-do="{escape(do)}" data-value="{escape(str(value))}"{whole}'


def rail(there: Collection, view: View, found: Selection) -> str:
    """Return the filters, each value with its clips (grey) and those shown (accent)."""
    facts, chosen = there.facts, view.filter
    parts = [_splits(there, view, found)]
    if facts.classes:
        parts.append(_classes(there, view, found))
    known = facts.objects >= 0
    if known.any():
        options = "".join(
            _press("objects", one, one in chosen.objects, one, kind="ex-cell") for one in OBJECTS
        )
        parts.append(_block("Sounding objects", f'<div class="ex-seg">{options}</div>'))
    parts.append(_iou(there, view))
    ticks = "".join(
        f'<label class="ex-tick"><input type="checkbox" {act(field)}{_on(getattr(chosen, field))}>'
        f"<span>{words}</span></label>"
        for field, words in TICKS.items()
    )
    parts.append(_block("", ticks))
    key = f'<p class="ex-key"><i class="shown"></i>shown <i></i>all {len(there):,}</p>'
    return f'<div class="ex-rail">{"".join(parts)}{key}</div>'


def _splits(there: Collection, view: View, found: Selection) -> str:
    counts = [
        (split, int((there.facts.split == k).sum()), int((there.facts.split[found.rows] == k).sum()))
        for k, split in enumerate(there.facts.splits)
    ]
    return _block("Split", _rows("split", counts, view.filter.splits))


def _classes(there: Collection, view: View, found: Selection) -> str:
    total = there.facts.has.sum(axis=0)
    shown = there.facts.has[found.rows].sum(axis=0)
    counts = [(name, int(total[k]), int(shown[k])) for k, name in enumerate(there.facts.classes)]
    first = [row for k, row in enumerate(counts) if k < CLASSES_LISTED or row[0] in view.filter.classes]
    more = [row for row in counts if row not in first]
    most = max(row[1] for row in counts)
    listed = _rows("class", first, view.filter.classes, most)
    if more:
        words = f"{len(more)} more class{'' if len(more) == 1 else 'es'}"
        listed += (
            f'<details data-keep="classes"><summary>{words}</summary>'
            f"{_rows('class', more, view.filter.classes, most)}</details>"
        )
    return _block("Class", listed, "any of")


def _rows(
    field: str, counts: Sequence[tuple[str, int, int]], chosen: frozenset[str], most: int | None = None
) -> str:
    most = most or max((total for _, total, _ in counts), default=1)
    found = []
    for name, total, shown in counts:
        bar = f'<u style="width:{58 * total / most:.1f}px;--k:{100 * shown / max(total, 1):.1f}%"></u>'
        found.append(
            f'<label class="ex-row" title="{escape(name)}: {shown:,} of {clips_words(total)} shown">'
            f'<input type="checkbox" {act(field, name)}{_on(name in chosen)}>'
            f"<span>{escape(name)}</span>{bar}<small>{total:,}</small></label>"
        )
    return "".join(found)


def _iou(there: Collection, view: View) -> str:
    if not there.scores.of(view.model):
        words = "No clip of this data set has an IoU yet: predict one at the right, or score those shown."
        return _block(
            f"IoU, {view.model}" if view.model else "IoU", f'<p class="ex-hint">{escape(words)}</p>'
        )
    below = view.filter.below
    said = "any" if below is None else f"below {below:.2f}"
    slider = (
        f'<input type="range" min="{IOU_STEP}" max="1.05" step="{IOU_STEP}" value="{below or 1.05}" '
        f'aria-label="IoU below" data-slide="below" style="--v:{100 * ((below or 1.05) - 0.05):.0f}%">'
    )
    return _block(f"IoU, {view.model}", slider, said)


def _block(title: str, content: str, beside: str = "") -> str:
    head = f"<h3><span>{escape(title)}</span><span>{escape(beside)}</span></h3>" if title else ""
    return f'<div class="ex-block">{head}{content}</div>'


def _press(do: str, value: object, pressed: bool, words: str, kind: str = "") -> str:
    return (
        f'<button type="button" class="{kind}" {act(do, value)} aria-pressed="{str(pressed).lower()}">'
        f"{escape(words)}</button>"
    )


def _on(ticked: bool) -> str:
    return " checked" if ticked else ""


def bar(there: Collection, view: View, found: Selection) -> str:
    """Return how many clips are shown, what the filter asks for, and what finding them took."""
    removable = "".join(
        f'<button type="button" class="ex-chip" {act(field, value)} aria-label="Remove: {escape(words)}">'
        f"{escape(words)} <span>×</span></button>"
        for words, field, value in chips(view.filter, view.model)
    )
    clear = (
        "" if view.filter.plain else f'<button type="button" class="ex-link" {act("clear")}>Clear</button>'
    )
    count = f"{len(found.rows):,} of {clips_words(len(there))}"
    return (
        f'<div class="ex-line"><b aria-live="polite">{count}</b>{removable}{clear}'
        f'<small class="ex-end">Filtered in {found.seconds:.2f} s</small></div>'
    )


def grid(there: Collection, view: View, found: Selection, flags: Flags) -> str:
    """Return one page of clips and the pages to turn."""
    if not len(found.rows):
        return (
            '<div class="ex-none"><p>No clip is like that. Take something away from the filter.</p>'
            f'<button type="button" class="ex-button" {act("clear")}>Show all '
            f"{clips_words(len(there))}</button></div>"
        )
    first = min(view.page, (len(found.rows) - 1) // PAGE) * PAGE
    rows = found.rows[first : first + PAGE]
    iou = there.iou(view.model)
    cells = "".join(
        _cell(there, int(row), uri, float(iou[row]), row == view.opened, flags)
        for row, uri in zip(rows, THUMBNAILS.of(there, rows), strict=True)
    )
    total = len(found.rows)
    return f'<div class="ex-grid">{cells}</div>' + pager("page", first, len(rows), total, PAGE)


def _cell(there: Collection, row: int, uri: str, iou: float, opened: bool, flags: Flags) -> str:
    entry, names = there.facts.entries[row], there.facts.labels[row]
    picture = f'<img src="{uri}" alt="">' if uri else "<span>No picture can be read</span>"
    score = "" if np.isnan(iou) else f"<b>{iou:.2f}</b>"
    flag = '<i class="ex-flag" title="Flagged"></i>' if flags.get((entry.split, entry.name)) else ""
    return (
        f'<button type="button" class="ex-clip" {act("open", row)} aria-pressed="{str(opened).lower()}" '
        f'aria-label="Open {escape(entry.name)}, {escape(entry.split)}"><span class="ex-pic">{picture}</span>'
        f'<span class="ex-name"><span>{flag}{escape(entry.name)}</span>{score}</span>'
        f'<span class="ex-what"><span>{swatches(names) or "&nbsp;"}</span>{dots(there, row)}</span></button>'
    )


def swatches(names: Sequence[str]) -> str:
    """Return class names, each with its colour."""
    colours = clip_colours(name for name in names if name in CLASS_INDEX)
    found = []
    for name in names:
        red, green, blue = colours.get(name, (0x8F, 0x93, 0x9D))
        found.append(f'<i class="ex-swatch" style="background:rgb({red},{green},{blue})"></i>{escape(name)}')
    return " ".join(found)


def dots(there: Collection, row: int) -> str:
    """Return a dot per labelled frame: filled where something that sounds is in view."""
    if not there.measured.done[row]:
        return ""
    share = there.measured.share[row]
    share = share[~np.isnan(share)]
    if not len(share):
        return ""
    marked = int((share > 0).sum())
    words = f"{marked} of {len(share)} labelled frame{'' if len(share) == 1 else 's'} with a mask"
    return (
        f'<span class="ex-dots" role="img" aria-label="{words}" title="{words}">'
        + "".join(f'<i class="{"on" if one > 0 else ""}"></i>' for one in share)
        + "</span>"
    )


def pager(do: str, first: int, count: int, total: int, size: int) -> str:
    """Return "1 to 12 of 31" and two buttons, the idle one disabled."""
    back = "" if first > 0 else " disabled"
    on = "" if first + count < total else " disabled"
    return (
        f'<div class="ex-pager"><span>{first + 1:,} to {first + count:,} of {total:,}</span><span>'
        f'<button type="button" class="ex-button" {act(do, -1)}{back}>Previous {size}</button>'
        f'<button type="button" class="ex-button" {act(do, 1)}{on}>Next {size}</button></span></div>'
    )


def drawing(data: DataSet, progress: Progress) -> str:
    """Return what stands in the place of a sample that is not drawn yet."""
    if progress.error:
        words = f"The sample could not be drawn: {progress.error}"
        return f'<div class="ex-none"><p class="notice error" role="alert">{escape(words)}</p></div>'
    return (
        f'<div class="ex-none"><p>{escape(data.title)} is being drawn, once: clip {progress.done} of '
        f'{progress.total or "…"}.</p><div class="ex-progress"><i style="width:{100 * progress.share:.0f}%">'
        "</i></div></div>"
    )
