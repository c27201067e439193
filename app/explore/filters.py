"""Which clips are shown, and in which order: a filter is a value, and every click makes another one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from app.explore.collection import Collection
from app.explore.flags import Flags
from app.explore.mask_index import GRID
from avseg.data.avsbench.check import KINDS

# Lower edges of the bars of mask area, shares of the frame; the last one is open.
AREAS = (0.0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30, 0.40)
OBJECTS = ("0", "1", "2", "3+")
PLACES = 6  # cells of "where masks lie" that can be clicked, each way
IOU_STEP = 0.05
LONGEST_SEARCH = 200  # characters
SORTS = {
    "table": "Order of the table",
    "name": "Name",
    "iou": "Lowest IoU first",
    "iou-high": "Highest IoU first",
    "area": "Smallest masks first",
    "area-large": "Largest masks first",
    "empty": "Most silent frames first",
}


@dataclass(frozen=True)
class Filter:
    """What a clip must be to be shown; empty means anything. Values of a field are alternatives."""

    splits: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()  # of OBJECTS
    areas: frozenset[int] = frozenset()  # positions in AREAS
    empty: frozenset[int] = frozenset()  # frames without a mask
    pair: str = ""  # two splits that share the source video
    video: str = ""  # source video
    place: int | None = None  # cell that a mask covers, of PLACES x PLACES, row by row
    silent: bool = False  # has frames without a mask
    offscreen: bool = False
    flagged: bool = False
    finding: str = ""  # a kind of the integrity report
    below: float | None = None  # IoU
    search: str = ""
    sort: str = "table"

    @property
    def plain(self) -> bool:
        """Whether everything is shown, in any order."""
        return replace(self, sort="table") == Filter()


def changed(chosen: Filter, field: str, value: object, there: Collection) -> Filter:
    """Return the filter after a click: a value is added or taken away; what makes no sense changes nothing.

    field, value: as the browser said them. "clear" empties the filter but for its order.
    """
    if field == "clear":
        return Filter(sort=chosen.sort)
    maker = _CHANGES.get(field)
    if maker is None or isinstance(value, bool) or not isinstance(value, str | int | type(None)):
        return chosen
    try:
        return maker(chosen, value, there)
    except (ValueError, TypeError, OverflowError):
        return chosen


def matching(chosen: Filter, there: Collection, flags: Flags, model: str) -> np.ndarray:
    """Return which clips a filter shows, bool [N]."""
    facts, measured = there.facts, there.measured
    shown = np.ones(len(there), bool)
    if chosen.splits:
        shown &= np.isin(facts.split, [k for k, one in enumerate(facts.splits) if one in chosen.splits])
    if chosen.classes:
        shown &= facts.has[:, [k for k, one in enumerate(facts.classes) if one in chosen.classes]].any(axis=1)
    if chosen.objects:
        shown &= np.isin(object_bars(facts.objects), [OBJECTS.index(one) for one in chosen.objects])
    if chosen.areas:
        shown &= np.isin(area_bars(measured.area), list(chosen.areas))
    if chosen.empty:
        shown &= np.isin(measured.empty, list(chosen.empty))
    if chosen.silent:
        shown &= measured.empty > 0
    if chosen.pair:
        shown &= facts.pairs.get(chosen.pair, np.zeros(len(there), bool))
    if chosen.video:
        shown &= facts.video == chosen.video
    if chosen.place is not None:
        shown &= covers(measured.where, chosen.place)
    if chosen.offscreen:
        shown &= facts.offscreen
    if chosen.flagged:
        shown &= there.flagged(flags)
    if chosen.finding:
        shown &= _found(there, chosen.finding)
    if chosen.below is not None:
        with np.errstate(invalid="ignore"):
            shown &= there.iou(model) < chosen.below
    for word in chosen.search.lower().split():
        shown &= _said(there, flags, word)
    return shown


def ordered(shown: np.ndarray, chosen: Filter, there: Collection, model: str) -> np.ndarray:
    """Return the rows that are shown in the order of the filter; clips of unknown value come last."""
    rows = np.flatnonzero(shown)
    if chosen.sort == "name":
        names = np.array([there.facts.entries[row].name for row in rows], str)
        return rows[np.argsort(names, kind="stable")] if len(rows) else rows
    key = _SORT_KEYS.get(chosen.sort)
    if key is None:
        return rows
    return rows[np.argsort(key(there, model)[rows], kind="stable")]  # NaN sorts last


def area_bars(area: np.ndarray) -> np.ndarray:
    """Return the position in AREAS of every mean share, -1 where it is not known."""
    bars = np.searchsorted(AREAS, np.nan_to_num(area), side="right") - 1
    return np.where(np.isnan(area), -1, bars)


def object_bars(objects: np.ndarray) -> np.ndarray:
    """Return the position in OBJECTS of every count, -1 where it is not known."""
    return np.minimum(objects, len(OBJECTS) - 1)


def covers(where: np.ndarray, place: int) -> np.ndarray:
    """Return the clips whose masks lie on a cell of PLACES x PLACES at all, bool [N]."""
    step = GRID // PLACES
    row, column = divmod(place, PLACES)
    cells = where[:, row * step : (row + 1) * step, column * step : (column + 1) * step]
    return cells.reshape(len(where), -1).max(axis=1, initial=0) > 0


def area_words(bar: int) -> str:
    """Return "2 to 4 %" for a bar of AREAS."""
    low = 100 * AREAS[bar]
    if bar + 1 == len(AREAS):
        return f"{low:g} % or more"
    return f"{low:g} to {100 * AREAS[bar + 1]:g} %"


def chips(chosen: Filter, model: str) -> list[tuple[str, str, object]]:
    """Return what the filter asks for: words, and the field and value whose click takes it away."""
    found: list[tuple[str, str, object]] = []
    for split in sorted(chosen.splits):
        found.append((split, "split", split))
    for name in sorted(chosen.classes):
        found.append((name, "class", name))
    for count in sorted(chosen.objects):
        words = "1 sounding object" if count == "1" else f"{count} sounding objects"
        found.append((words, "objects", count))
    for bar in sorted(chosen.areas):
        found.append((f"mask {area_words(bar)}", "area", bar))
    for count in sorted(chosen.empty):
        found.append((f"{count} frame{'' if count == 1 else 's'} without a mask", "empty", count))
    if chosen.pair:
        found.append((f"video in {chosen.pair}", "pair", chosen.pair))
    if chosen.video:
        found.append((f"video {chosen.video}", "video", chosen.video))
    if chosen.place is not None:
        row, column = divmod(chosen.place, PLACES)
        found.append((f"mask at column {column + 1}, row {row + 1}", "place", chosen.place))
    for field, words in TICKS.items():
        if getattr(chosen, field):
            found.append((words.lower(), field, ""))
    if chosen.finding:
        found.append((chosen.finding, "finding", chosen.finding))
    if chosen.below is not None:
        found.append((f"IoU of {model} below {chosen.below:.2f}", "below", ""))
    if chosen.search:
        found.append((f"“{chosen.search}”", "search", ""))
    return found


TICKS = {"silent": "Has silent frames", "offscreen": "Sound off screen", "flagged": "Flagged"}


def _toggled(values: frozenset, value: object) -> frozenset:
    return values - {value} if value in values else values | {value}


def _among(
    field: str, known: Callable[[Collection], object]
) -> Callable[[Filter, object, Collection], Filter]:
    def change(chosen: Filter, value: object, there: Collection) -> Filter:
        if value not in known(there):
            return chosen
        return replace(chosen, **{field: _toggled(getattr(chosen, field), value)})

    return change


def _single(field: str, known: Callable[[object, Collection], bool], none: object) -> Callable:
    def change(chosen: Filter, value: object, there: Collection) -> Filter:
        if value == getattr(chosen, field) or value in ("", None):
            return replace(chosen, **{field: none})
        return replace(chosen, **{field: value}) if known(value, there) else chosen

    return change


def _tick(field: str) -> Callable[[Filter, object, Collection], Filter]:
    return lambda chosen, _value, _there: replace(chosen, **{field: not getattr(chosen, field)})


def _below(chosen: Filter, value: object, _there: Collection) -> Filter:
    limit = None if value in ("", None) else float(value)
    if limit is None or not 0 < limit <= 1:
        return replace(chosen, below=None)
    return replace(chosen, below=round(round(limit / IOU_STEP) * IOU_STEP, 2))


def _search(chosen: Filter, value: object, _there: Collection) -> Filter:
    return replace(chosen, search=" ".join(str(value or "").split())[:LONGEST_SEARCH])


def _sort(chosen: Filter, value: object, _there: Collection) -> Filter:
    return replace(chosen, sort=value) if value in SORTS else chosen


_CHANGES: dict[str, Callable[[Filter, object, Collection], Filter]] = {
    "split": _among("splits", lambda there: there.facts.splits),
    "class": _among("classes", lambda there: there.facts.classes),
    "objects": _among("objects", lambda there: OBJECTS),
    "area": _among("areas", lambda there: range(len(AREAS))),
    "empty": _among("empty", lambda there: range(there.measured.share.shape[1] + 1)),
    "pair": _single("pair", lambda value, there: value in there.facts.pairs, ""),
    "video": _single("video", lambda value, there: bool((there.facts.video == value).any()), ""),
    "place": _single("place", lambda value, there: value in range(PLACES**2), None),
    "finding": _single("finding", lambda value, there: value in KINDS, ""),
    "silent": _tick("silent"),
    "offscreen": _tick("offscreen"),
    "flagged": _tick("flagged"),
    "below": _below,
    "search": _search,
    "sort": _sort,
}
FIELDS = (*_CHANGES, "clear")

_SORT_KEYS: dict[str, Callable[[Collection, str], np.ndarray]] = {
    "iou": lambda there, model: there.iou(model),
    "iou-high": lambda there, model: -there.iou(model),
    "area": lambda there, model: there.measured.area,
    "area-large": lambda there, model: -there.measured.area,
    "empty": lambda there, model: -there.measured.empty.astype(np.float32),
}


def _found(there: Collection, kind: str) -> np.ndarray:
    shown = np.zeros(len(there), bool)
    for one in there.report.findings if there.report else ():
        if one.kind == kind and (row := there.facts.rows.get((one.split, one.clip))) is not None:
            shown[row] = True
    return shown


def _said(there: Collection, flags: Flags, word: str) -> np.ndarray:
    shown = np.char.find(there.facts.words, word) >= 0 if len(there) else np.zeros(0, bool)
    for name, flag in flags.all().items():
        if word in flag.note.lower() and (row := there.facts.rows.get(name)) is not None:
            shown[row] = True
    return shown
