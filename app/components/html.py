"""HTML that several tabs share; the smaller pieces are macros (components/templates/macros.html)."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from app.components.render import macro, render
from app.services.session import ClipResult

DEMO_WEIGHTS = ("toy", "random")  # tagged wherever they are named: their masks prove nothing about the method


def header_html(items: Mapping[str, str], weights: str = "") -> Markup:
    """Return the header's line of names and values, empty ones left out; demo weights get a tag."""
    tag = weights if weights in DEMO_WEIGHTS else ""
    return render("components/templates/header.html", items=list(items.items()), weights=tag)


def result_header(result: ClipResult) -> Markup:
    """Return the header for a result and its selected frame."""
    prediction = result.prediction
    frame = f"{result.frame + 1} of {len(prediction.clip.frames)}"
    items = {"Clip": result.title, "Frame": frame, "Model": prediction.model}
    return header_html(items, prediction.weights)


def notices(sentences: Sequence[str], kind: str = "note") -> Markup:
    """Return one notice per sentence; kind is note or error, and an error is announced at once."""
    return Markup("").join(macro("notice", sentence, kind) for sentence in sentences)


def heading(title: str, caption: str = "") -> Markup:
    """Return the sentence of a screen and the line below it."""
    return macro("heading", title, caption)


def small(text: str) -> Markup:
    """Return a hint under a control."""
    return macro("hint", text)


def context(clip: str, model: str, weights: str, frame: str = "") -> Markup:
    """Deprecated: use header_html."""
    return header_html({"Clip": clip, "Frame": frame, "Model": model}, weights)


header, context_of = header_html, result_header
