"""Statistics of a data set as linked bars: all clips grey, matching ones in the accent; a click filters."""

from collections.abc import Hashable, Sequence, Set

import numpy as np
from markupsafe import Markup

from app.components.histogram import Bin, histogram
from app.components.render import render
from app.explore.collection import Collection
from app.explore.filters import AREAS, OBJECTS, area_bars, area_text, object_bars
from app.explore.state import View
from app.services.background import Progress
from app.services.wording import plural

CLASS_BARS = 24  # the filters list every class


def charts_html(collection: Collection, view: View, rows: np.ndarray, reading: Progress) -> Markup:
    """Return all charts; rows: the clips that match; reading: the progress of reading the masks."""
    current, counts = view.filter, range(collection.masks.share.shape[1] + 1)
    classes = class_bins(collection, rows, current.label)
    ends = (classes[0].name, "1 class" if len(classes) == 1 else f"{len(classes)} classes") if classes else ()
    bars = range(len(AREAS))
    areas = bins(area_bars(collection), rows, bars, list(map(area_text, bars)), current.area)
    names = [f"{count} sounding" for count in OBJECTS]
    objects = bins(object_bars(collection), rows, OBJECTS, names, current.objects)
    names = [f"{plural(count, 'frame')} without a mask" for count in counts]
    empty = bins(collection.masks.empty_frames, rows, counts, names, current.empty)
    unnamed = "" if classes else "This table names no classes. Put AVSS next to MS3: its table names them."
    unsaid = "" if any(bar.total for bar in objects) else "This table does not say what sounds."
    unread = "" if collection.masks.known.any() else "No mask has been read yet."
    charts = (  # title, field, bars, labels of the axis, text in place of the chart
        ("Clips per class", "label", classes[:CLASS_BARS], ends, unnamed),
        ("Mask area, % of frame", "area", areas, ("0", f"{100 * AREAS[-1]:g} or more"), unread),
        ("Sounding objects", "objects", objects, OBJECTS, unsaid),
        ("Frames without a mask", "empty", empty, ("0", str(counts[-1])), unread),
    )
    drawn = [
        (title, Markup() if missing else histogram(bars, title, field, labels), missing)
        for title, field, bars, labels, missing in charts
    ]
    return render("explore/templates/charts.html", charts=drawn, reading=reading)


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
    sounding = collection.sounding
    total, shown = sounding.sum(), sounding.iloc[rows].sum()
    return [
        Bin(name, name, int(total[name]), int(shown[name]), name in selected) for name in sounding.columns
    ]
