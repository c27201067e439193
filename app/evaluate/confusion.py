"""Who was taken for whom: the confusion matrix of AVSS."""

from html import escape

import numpy as np

from app.evaluate.charts import card
from app.services.reports import Shelved
from avseg.evaluation.report import Confusion
from avseg.media.draw import heat_map

MOST = 24  # classes in the picture; confusion.csv has them all
NAMED = 4  # mistakes in words
NOT_THERE = "confusion.csv is not there: the report is older than it, or it was not given."
LEAST = 0.01  # of a class's pixels, to be named


def matrix(one: Shelved) -> str:
    """Return the matrix as a card, nothing for a model of one channel."""
    found = one.evaluation.confusion
    if found is None:
        if one.evaluation.report.measured_as != "classes":
            return ""
        return card("Who is taken for whom", "", f'<p class="ev-none">{NOT_THERE}</p>')
    names, shares, left_out = _largest(found)
    count = len(names)
    top = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    rows = "".join(_row(name, shares[place], names, place) for place, name in enumerate(names))
    note = f" The {count} classes with most pixels; confusion.csv has {len(found.names)}." if left_out else ""
    said = mistakes(found)
    return card(
        "Who is taken for whom",
        "% of the pixels of a class; rows are the truth",
        f'<div class="ev-matrix"><table class="{"crowded" if count > 18 else ""}" '
        f'aria-label="Confusion of {count} classes"><tr><td></td>{top}</tr>{rows}</table></div>'
        f'<p class="ev-none">{escape(said)}{escape(note)}</p>',
        "wide",
    )


def mistakes(found: Confusion) -> str:
    """Return the largest confusions of two classes in words, background left out."""
    pixels = np.array(found.pixels, float)
    shares = pixels / np.maximum(pixels.sum(1, keepdims=True), 1)
    pairs = [
        (shares[i, j], truth, taken)
        for i, truth in enumerate(found.names)
        for j, taken in enumerate(found.names)
        if i != j and "background" not in (truth, taken) and shares[i, j] >= LEAST
    ]
    if not pairs:
        return "No class loses more than 1 % of its pixels to another one; what is missed is left unmarked."
    worst = sorted(pairs, reverse=True)[:NAMED]
    return "Most often mistaken: " + "; ".join(f"{t} for {p}, {100 * s:.0f} %" for s, t, p in worst) + "."


def _largest(found: Confusion) -> tuple[list[str], np.ndarray, bool]:
    """Return names and row shares of the classes with most pixels in truth and prediction."""
    pixels = np.array(found.pixels, float)
    weight = pixels.sum(0) + pixels.sum(1)
    kept = np.sort(np.argsort(-weight)[:MOST])
    shares = pixels / np.maximum(pixels.sum(1, keepdims=True), 1)
    return [found.names[k] for k in kept], shares[np.ix_(kept, kept)], len(kept) < len(weight)


def _row(name: str, shares: np.ndarray, names: list[str], place: int) -> str:
    colours = heat_map(shares[None], 0, 1, colours="cividis").picture[0]
    cells = "".join(
        f'<td style="background:rgb({r},{g},{b});color:{"#000" if 2 * r + 5 * g + b > 1000 else "#fff"}" '
        f'title="{escape(name)}, taken for {escape(names[other])}: {100 * share:.1f} %"'
        f"{' class=own' if other == place else ''}>{_number(share)}</td>"
        for other, (share, (r, g, b)) in enumerate(zip(shares, colours.tolist(), strict=True))
    )
    return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'


def _number(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.005 else ""
