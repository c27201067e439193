"""Statistics of a data set as linked bars: all clips grey, matching ones in the accent; a click filters."""

from collections.abc import Hashable, Sequence, Set

import numpy as np
from markupsafe import Markup

from app.components.charts import Bin, histogram
from app.components.render import render
from app.explore.collection import Collection
from app.explore.filters import AREAS, OBJECTS, area_bars, area_text, object_bars
from app.explore.state import View
from app.services.background import Progress
from app.services.wording import plural

CLASS_BARS = 24  # the filters list every class


def charts_html(collection: Collection, view: View, rows: np.ndarray, reading: Progress) -> Markup:
    """Return all charts; rows: the clips that match; reading: the progress of reading the masks."""
    current, frames = view.filter, collection.masks.share.shape[1]
    classes = class_bins(collection, rows, current.label)
    ends = (classes[0].name, "1 class" if len(classes) == 1 else f"{len(classes)} classes") if classes else ()
    areas, objects = area_bars(collection), object_bars(collection)
    empty = collection.masks.empty_frames
    unread = "" if collection.masks.known.any() else "No mask has been read yet."
    charts = [
        _chart(
            *("Clips per class", "label", classes[:CLASS_BARS], ends),
            "" if classes else "This table names no classes. Put AVSS next to MS3: its table names them.",
        ),
        _chart(
            *("Mask area, % of frame", "area"),
            bins(areas, rows, range(len(AREAS)), list(map(area_text, range(len(AREAS)))), current.area),
            ("0", f"{100 * AREAS[-1]:g} or more"),
            unread,
        ),
        _chart(
            *("Sounding objects", "objects"),
            bins(objects, rows, OBJECTS, [f"{count} sounding" for count in OBJECTS], current.objects),
            OBJECTS,
            "" if (objects >= 0).any() else "This table does not say what sounds.",
        ),
        _chart(
            *("Frames without a mask", "empty"),
            bins(
                *(empty, rows, range(frames + 1)),
                [f"{plural(count, 'frame')} without a mask" for count in range(frames + 1)],
                current.empty,
            ),
            ("0", str(frames)),
            unread,
        ),
    ]
    return render("explore/templates/charts.html", charts=charts, reading=reading)


def bins(
    codes: np.ndarray,
    rows: np.ndarray,
    values: Sequence[Hashable],
    names: Sequence[str],
    selected: Set[Hashable],
) -> list[Bin]:
    """Return a bar per value; codes: the position in `values` of every clip, int [N], -1 while unknown."""
    total = np.bincount(codes[codes >= 0], minlength=len(values))
    shown = np.bincount(codes[rows][codes[rows] >= 0], minlength=len(values))
    return [
        Bin(value, name, int(total[k]), int(shown[k]), value in selected)
        for k, (value, name) in enumerate(zip(values, names, strict=True))
    ]


def class_bins(collection: Collection, rows: np.ndarray, selected: Set[str]) -> list[Bin]:
    """Return a bar per class, most frequent first."""
    sounding = collection.facts.sounding
    total, shown = sounding.sum(), sounding.iloc[rows].sum()
    return [
        Bin(name, name, int(total[name]), int(shown[name]), name in selected) for name in sounding.columns
    ]


def _chart(
    title: str, field: str, bars: Sequence[Bin], labels: Sequence[str], missing: str
) -> tuple[str, Markup, str]:
    return title, Markup() if missing else histogram(bars, title, field, labels), missing
