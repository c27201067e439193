"""Which clips match, and in which order: a filter is a value, and every click makes another one."""

from collections.abc import Container, Hashable
from dataclasses import dataclass, replace

import numpy as np

from app.explore.collection import Collection
from app.explore.map_choice import Region, read_region
from app.explore.tags import MAX_TAG, Tags
from app.services.wording import SPACE, plural
from avseg.data.avsbench.check import KINDS
from avseg.errors import AvsegError
from avseg.evaluation.frame_mistakes import KINDS as MISTAKES

# Lower edges of the bars of mask area, shares of the frame; the last bar is open.
AREAS = (0.0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30, 0.40)
OBJECTS = ("0", "1", "2", "3+")
IOU_STEP = 0.05
MAX_SEARCH = 200  # characters
SWITCHES = {"silent": "Has silent frames", "offscreen": "Off-screen sound", "flagged": "Tagged or noted"}
SORTS = {  # value: title, column, ascending
    "table": ("Table order", "", True),
    "name": ("Name", "clip", True),
    "iou": ("Lowest IoU first", "iou", True),
    "iou-high": ("Highest IoU first", "iou", False),
    "area": ("Smallest masks first", "mask_share", True),
    "area-large": ("Largest masks first", "mask_share", False),
    "empty": ("Most silent frames first", "empty_frames", False),
}


@dataclass(frozen=True)
class Filter:
    """What a clip must be to match; empty fields match anything. Values of one field are alternatives."""

    split: frozenset[str] = frozenset()
    label: frozenset[str] = frozenset()  # classes
    objects: frozenset[str] = frozenset()  # of OBJECTS
    area: frozenset[int] = frozenset()  # positions in AREAS
    empty: frozenset[int] = frozenset()  # labelled frames without a mask
    silent: bool = False  # has frames without a mask
    offscreen: bool = False
    flagged: bool = False  # has a tag or a note
    tags: frozenset[str] = frozenset()
    mistakes: frozenset[str] = frozenset()  # of the model; names of MISTAKES
    finding: str = ""  # a kind of the integrity report
    below: float | None = None  # IoU
    region: str = ""  # of a map (`read_region`)
    search: str = ""
    sort: str = "table"

    @property
    def matches_all(self) -> bool:
        """Every clip matches, in any order."""
        return replace(self, sort="table") == Filter()


FIELDS = (*Filter.__dataclass_fields__, "clear")


def changed(current: Filter, field: str, value: object, collection: Collection) -> Filter:
    """Return the filter after a click on a value of a field, which adds or removes the value.

    field, value: as the browser sent them; what does not exist changes nothing. "clear" keeps the order only.
    """
    if field == "clear":
        return Filter(sort=current.sort)
    if field in SWITCHES:
        return replace(current, **{field: not getattr(current, field)})
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        return current
    alternatives: dict[str, Container[Hashable]] = {
        "split": collection.facts.splits,
        "label": collection.sounding.columns,
        "objects": OBJECTS,
        "area": range(len(AREAS)),
        "empty": range(collection.masks.share.shape[1] + 1),
        "mistakes": MISTAKES,
    }
    if field == "tags" and isinstance(value, str | int):  # one of digits comes as a number from an address
        return (
            replace(current, tags=current.tags ^ {str(value)}) if 0 < len(str(value)) <= MAX_TAG else current
        )
    if field == "objects":
        value = str(value)
    if field in alternatives:
        if value not in alternatives[field]:
            return current
        return replace(current, **{field: getattr(current, field) ^ {value}})
    if field == "finding":
        if value in KINDS:
            return replace(current, finding="" if value == current.finding else value)
        return replace(current, finding="") if value in ("", None) else current
    if field == "below":
        try:
            limit = float(value or 0)
        except ValueError:
            return current
        below = round(round(limit / IOU_STEP) * IOU_STEP, 2) if 0 < limit <= 1 else None
        return replace(current, below=below)
    if field == "region":
        region = read_region(value)
        return replace(current, region=region.text if region else "")
    if field == "search":
        return replace(current, search=" ".join(str(value or "").split())[:MAX_SEARCH])
    if field == "sort" and value in SORTS:
        return replace(current, sort=value)
    return current


def matching_rows(current: Filter, collection: Collection, tags: Tags, model: str) -> np.ndarray:
    """Return the rows of the clips that match, in the order of the filter; unknown values come last."""
    columns = collection.columns(model)
    matches = np.ones(len(collection), bool)
    if current.split:
        matches &= columns["split"].isin(current.split)
    if current.label:
        matches &= collection.sounding[list(current.label)].any(axis=1)
    if current.objects:
        bars = [OBJECTS.index(objects) for objects in current.objects]
        matches &= np.isin(object_bars(collection), bars)
    if current.area:
        matches &= np.isin(area_bars(collection), list(current.area))
    if current.empty:
        matches &= columns["empty_frames"].isin(current.empty)
    if current.silent:
        matches &= columns["empty_frames"] > 0
    if current.offscreen:
        matches &= columns["offscreen"]
    if current.flagged:
        matches &= _mask(collection, list(tags.all()))
    if current.tags:
        tagged = [clip for clip, mark in tags.all().items() if current.tags & {*mark.tags}]
        matches &= _mask(collection, tagged)
    if current.mistakes:
        kinds = [list(MISTAKES).index(kind) for kind in current.mistakes]
        matches &= (collection.mistakes(model)[:, kinds] > 0).any(axis=1)
    if current.finding:
        findings = collection.report.findings if collection.report else ()
        matches &= _mask(collection, [(f.split, f.clip) for f in findings if f.kind == current.finding])
    if region := read_region(current.region):
        matches &= np.isin(np.arange(len(collection)), _rows_in(collection, model, region))
    if current.below is not None:
        matches &= columns["iou"] < current.below
    for word in current.search.lower().split():
        noted = [clip for clip, mark in tags.all().items() if word in mark.note.lower()]
        matches &= columns["text"].str.contains(word, regex=False) | _mask(collection, noted)
    _, column, ascending = SORTS[current.sort]
    matching = columns[matches]
    if column:
        matching = matching.sort_values(column, ascending=ascending, kind="stable", na_position="last")
    return matching.index.to_numpy()


def _rows_in(collection: Collection, model: str, region: Region) -> np.ndarray:
    """Return the clips in a region of a model's map; none where there is no such model or map."""
    try:
        return collection.maps.rows_in(model, region)
    except AvsegError:
        return np.zeros(0, int)


def selected_on_map(current: Filter, collection: Collection, model: str) -> int:
    """Return how many clips are in the region of a filter."""
    region = read_region(current.region)
    return len(_rows_in(collection, model, region)) if region else 0


def _mask(collection: Collection, clips: list[tuple[str, str]]) -> np.ndarray:
    mask, row_of = np.zeros(len(collection), bool), collection.facts.rows
    mask[[row_of[clip] for clip in clips if clip in row_of]] = True
    return mask


def area_bars(collection: Collection) -> np.ndarray:
    """Return the position in AREAS of every clip's mask area, int [N]; -1 while unknown."""
    area = collection.masks.area
    bars = np.searchsorted(AREAS, np.nan_to_num(area), side="right") - 1
    return np.where(np.isnan(area), -1, bars)


def object_bars(collection: Collection) -> np.ndarray:
    """Return the position in OBJECTS of every clip's number of sounding objects, int [N]; -1 if unknown."""
    objects = collection.table["sounding_objects"].fillna(-1).to_numpy(int)
    return np.minimum(objects, len(OBJECTS) - 1)


def area_text(bar: int) -> str:
    """Return "2 to 4 %" for a bar of AREAS."""
    low = 100 * AREAS[bar]
    if bar + 1 == len(AREAS):
        return f"{low:g}{SPACE}% or more"
    return f"{low:g} to {100 * AREAS[bar + 1]:g}{SPACE}%"


def conditions(current: Filter) -> tuple[tuple[str, int | str], ...]:
    """Return the clicks, as fields and values, that make this filter from an empty one."""
    clicks: list[tuple[str, int | str]] = []
    for field in ("split", "label", "objects", "area", "empty", "tags", "mistakes"):
        clicks += [(field, value) for value in sorted(getattr(current, field))]
    clicks += [(field, 1) for field in SWITCHES if getattr(current, field)]
    texts = {
        "finding": current.finding,
        "region": current.region,
        "search": current.search,
        "below": current.below,
    }
    texts["sort"] = "" if current.sort == Filter().sort else current.sort
    return (*clicks, *((field, str(text)) for field, text in texts.items() if text))


@dataclass(frozen=True)
class Chip:
    """One condition of a filter; a click on it sends `value` of `field`, which removes the condition."""

    text: str
    field: str
    value: object = ""


def chips(current: Filter, model: str, on_map: int = 0) -> list[Chip]:
    """Return the conditions of a filter; on_map: the clips in its region of the map."""
    conditions = [Chip(split, "split", split) for split in sorted(current.split)]
    conditions += [Chip(name, "label", name) for name in sorted(current.label)]
    for objects in sorted(current.objects):
        text = "1 sounding object" if objects == "1" else f"{objects} sounding objects"
        conditions.append(Chip(text, "objects", objects))
    conditions += [Chip(f"mask area {area_text(bar)}", "area", bar) for bar in sorted(current.area)]
    conditions += [Chip(f"{plural(k, 'frame')} without a mask", "empty", k) for k in sorted(current.empty)]
    conditions += [Chip(text.lower(), field) for field, text in SWITCHES.items() if getattr(current, field)]
    conditions += [Chip(f"tag {tag}", "tags", tag) for tag in sorted(current.tags)]
    conditions += [
        Chip(f"{title.lower()} of {model}", "mistakes", kind)
        for kind, (title, _) in MISTAKES.items()
        if kind in current.mistakes
    ]
    if current.finding:
        conditions.append(Chip(current.finding, "finding", current.finding))
    if current.below is not None:
        conditions.append(Chip(f"IoU of {model} below {current.below:.2f}", "below"))
    if current.region:
        conditions.append(Chip(f"{on_map:,} selected on the map", "region"))
    if current.search:
        conditions.append(Chip(f"“{current.search}”", "search"))
    return conditions
