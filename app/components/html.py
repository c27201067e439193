"""HTML that several tabs share; the smaller pieces are macros (components/templates/macros.html)."""

from collections.abc import Mapping

from markupsafe import Markup

from app.components.render import render
from app.services.permalink import clip_address
from app.services.session import ClipResult

DEMO_WEIGHTS = ("demo", "random")  # tagged wherever they are named: they prove nothing about the method


def header_html(
    items: Mapping[str, str], weights: str = "", address: str = "", upload: bool = False
) -> Markup:
    """Return the header's line of names and values, empty ones left out; demo and trained weights get a tag.

    address: of the clip (app.services.permalink). upload: it is a visitor's own, which no link carries.
    """
    return render(
        "components/templates/header.html",
        items=list(items.items()),
        weights=weights if weights in DEMO_WEIGHTS else "",
        trained=weights == "trained",
        address=address,
        upload=upload,
    )


def result_header(result: ClipResult) -> Markup:
    """Return the header for a result and its selected frame."""
    prediction = result.prediction
    frame = f"{result.frame + 1} of {len(prediction.clip.frames)}"
    items = {"Clip": result.title, "Frame": frame, "Model": prediction.model}
    items |= {"Precision": prediction.precision} if prediction.precision == "fast" else {}
    address = clip_address(result)
    return header_html(items, prediction.weights, address, upload=not address)
