"""The confusion matrix of AVSS."""

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.services.reports import StoredReport
from avseg.evaluation.report import Confusion
from avseg.media.draw import heat_map

MAX_CLASSES = 24  # in the table; confusion.csv has them all
CROWDED = 18  # classes above which cells are smaller
NAMED = 4  # confusions in the sentence
LEAST = 0.01  # of a class's pixels, to be named


def confusion_card(report: StoredReport) -> Markup:
    """Return the matrix as a card, nothing for a model of one channel."""
    confusion = report.evaluation.confusion
    if confusion is None:
        if report.evaluation.report.measured_as != "classes":
            return Markup("")
        return render("evaluate/templates/confusion.html", rows=[])
    pixels = np.array(confusion.pixels, float)
    shares = pixels / np.maximum(pixels.sum(1, keepdims=True), 1)
    largest = np.sort(np.argsort(-(pixels.sum(0) + pixels.sum(1)))[:MAX_CLASSES])
    names, shares = [confusion.names[index] for index in largest], shares[np.ix_(largest, largest)]
    colours = heat_map(shares, 0, 1, colours="cividis").picture
    rows = [
        (
            name,
            [
                {
                    "predicted": other,
                    "share": float(shares[i, j]),
                    "background": f"rgb({r},{g},{b})",
                    "colour": "#000" if 2 * r + 5 * g + b > 1000 else "#fff",
                    "correct": i == j,
                }
                for j, (other, (r, g, b)) in enumerate(zip(names, colours[i].tolist(), strict=True))
            ],
        )
        for i, name in enumerate(names)
    ]
    return render(
        "evaluate/templates/confusion.html",
        rows=rows,
        names=names,
        crowded=len(names) > CROWDED,
        total=len(confusion.names),
        summary=worst_confusions(confusion),
    )


def worst_confusions(confusion: Confusion) -> str:
    """Return the largest confusions of two classes in a sentence, background left out."""
    pixels = np.array(confusion.pixels, float)
    shares = pixels / np.maximum(pixels.sum(1, keepdims=True), 1)
    pairs = [
        (shares[i, j], truth, predicted)
        for i, truth in enumerate(confusion.names)
        for j, predicted in enumerate(confusion.names)
        if i != j and "background" not in (truth, predicted) and shares[i, j] >= LEAST
    ]
    if not pairs:
        return "No class loses more than 1 % of its pixels to another class; missed pixels become background."
    worst = sorted(pairs, reverse=True)[:NAMED]
    listed = "; ".join(
        f"{truth} predicted as {predicted}, {100 * share:.0f} %" for share, truth, predicted in worst
    )
    return f"Most frequent confusions: {listed}."
