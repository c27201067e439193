"""The statistics of a data set as linked bars: grey is every clip, accent what is shown; a click filters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from app.components.text import clips_words
from app.explore.collection import Collection
from app.explore.filters import AREAS, OBJECTS, PLACES, area_bars, area_words, object_bars
from app.explore.html import act
from app.explore.pictures import where_masks_lie
from app.explore.state import Selection, View
from app.services.background import Progress

CLASS_BARS = 24  # at most; the rail lists every class


@dataclass(frozen=True)
class Bar:
    """One bar of a chart."""

    value: object  # of the filter's field
    words: str
    total: int
    shown: int
    chosen: bool


def charts(there: Collection, view: View, found: Selection, progress: Progress) -> str:
    """Return all statistics; progress: of reading the masks, on which three of them rest."""
    read = "" if not progress.running else f", {progress.done:,} of {progress.total:,} clips read"
    parts = [
        _chart("Clips per class", "class", *_classes(there, view, found)),
        _chart(f"Mask area, % of frame{read}", "area", *_areas(there, view, found)),
        _chart("Sounding objects", "objects", *_objects(there, view, found)),
        _chart(f"Frames without a mask{read}", "empty", *_empty(there, view, found)),
        _chart("Source video in two splits", "pair", *_pairs(there, view, found)),
        _places(there, view, found),
    ]
    error = f'<p class="notice error" role="alert">{escape(progress.error)}</p>' if progress.error else ""
    return f'<div class="ex-charts card">{"".join(parts)}</div>{error}'


def _classes(there: Collection, view: View, found: Selection) -> tuple[list[Bar], str, str]:
    facts = there.facts
    total, shown = facts.has.sum(axis=0), facts.has[found.rows].sum(axis=0)
    bars = [
        Bar(name, name, int(total[k]), int(shown[k]), name in view.filter.classes)
        for k, name in enumerate(facts.classes[:CLASS_BARS])
    ]
    if not bars:
        return [], "", "This table names no classes. Put AVSS beside MS3: its table has them."
    count = len(facts.classes)
    return bars, f"{bars[0].words}|{count} class{'' if count == 1 else 'es'}", ""


def _areas(there: Collection, view: View, found: Selection) -> tuple[list[Bar], str, str]:
    places = area_bars(there.measured.area)
    bars = [
        Bar(k, area_words(k), total, shown, k in view.filter.areas)
        for k, (total, shown) in enumerate(_counted(places, len(AREAS), found))
    ]
    return bars, f"0|{100 * AREAS[-1]:g} or more", "" if (places >= 0).any() else "No mask was read yet."


def _objects(there: Collection, view: View, found: Selection) -> tuple[list[Bar], str, str]:
    places = object_bars(there.facts.objects)
    bars = [
        Bar(one, f"{one} sounding", total, shown, one in view.filter.objects)
        for one, (total, shown) in zip(OBJECTS, _counted(places, len(OBJECTS), found), strict=True)
    ]
    none = "" if (places >= 0).any() else "This table does not say what sounds."
    return bars, "|".join(OBJECTS), none


def _empty(there: Collection, view: View, found: Selection) -> tuple[list[Bar], str, str]:
    frames = there.measured.share.shape[1]
    bars = [
        Bar(k, f"{k} frame{'' if k == 1 else 's'} without a mask", total, shown, k in view.filter.empty)
        for k, (total, shown) in enumerate(_counted(there.measured.empty, frames + 1, found))
    ]
    none = "" if there.measured.known.any() else "No mask was read yet."
    return bars, f"0|{frames}", none


def _pairs(there: Collection, view: View, found: Selection) -> tuple[list[Bar], str, str]:
    bars = [
        Bar(name, f"video in {name}", int(both.sum()), int(both[found.rows].sum()), name == view.filter.pair)
        for name, both in there.facts.pairs.items()
    ]
    if not any(bar.total for bar in bars):
        return [], "", "No clip shares its source video with another split."
    return bars, "|".join(name.replace(" and ", "+") for name in there.facts.pairs), ""


def _counted(places: np.ndarray, count: int, found: Selection) -> Iterator[tuple[int, int]]:
    for k in range(count):
        yield int((places == k).sum()), int((places[found.rows] == k).sum())


def _chart(title: str, field: str, bars: Sequence[Bar], axis: str, none: str) -> str:
    head = f"<h3>{escape(title)}</h3>"
    if none:
        return f'<div class="ex-chart">{head}<p class="ex-hint">{escape(none)}</p></div>'
    most = max((bar.total for bar in bars), default=0) or 1
    drawn = "".join(_column(field, bar, most) for bar in bars)
    ticks = "".join(f"<span>{escape(one)}</span>" for one in axis.split("|"))
    kind = " ex-each" if axis.count("|") + 1 == len(bars) > 2 else ""
    return (
        f'<div class="ex-chart">{head}<div class="ex-most">{most:,}</div>'
        f'<div class="ex-bars" data-rove="1" role="group" aria-label="{escape(title)}">{drawn}</div>'
        f'<div class="ex-axis{kind}">{ticks}</div></div>'
    )


def _column(field: str, bar: Bar, most: int) -> str:
    words = f"{bar.words}: {bar.shown:,} of {clips_words(bar.total)} shown"
    return (
        f'<button type="button" {act(field, bar.value)} aria-pressed="{str(bar.chosen).lower()}" '
        f'aria-label="{escape(words)}" title="{escape(words)}">'
        f'<i style="height:{100 * bar.total / most:.1f}%"></i>'
        f'<i class="shown" style="height:{100 * bar.shown / most:.1f}%"></i></button>'
    )


def _places(there: Collection, view: View, found: Selection) -> str:
    uri, most = where_masks_lie(there, found.shown)
    head = "<h3>Where masks lie</h3>"
    if not uri:
        return f'<div class="ex-chart">{head}<p class="ex-hint">No mask of these clips was read.</p></div>'
    cells = "".join(
        f'<button type="button" {act("place", k)} aria-pressed="{str(view.filter.place == k).lower()}" '
        f'aria-label="Masks at column {k % PLACES + 1}, row {k // PLACES + 1}"></button>'
        for k in range(PLACES**2)
    )
    return (
        f'<div class="ex-chart">{head}<div class="ex-where" data-rove="{PLACES}" role="group" '
        f'aria-label="Where masks lie"><img src="{uri}" alt="Mean mask of the clips shown">{cells}</div>'
        f'<div class="ex-axis"><span>0</span><span>{100 * most:.0f} % of frames</span></div></div>'
    )
