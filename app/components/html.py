"""Pieces of the page as HTML: findings, notices, what the header says, what a run took.

All pictures travel inside the HTML, so that the page asks for no further file and no path is shown.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from app.services.clips import jpeg_uri
from app.services.session import ClipResult
from avseg.media.draw import resize

ABOUT_WIDTH, ABOUT_HEIGHT = 536, 240  # pixels, at most; twice what the rail shows


def notices(sentences: Sequence[str], kind: str = "note") -> str:
    """Return sentences as notices; kind is note or error, and an error is announced at once."""
    role = "alert" if kind == "error" else "status"
    return "".join(f'<p class="notice {kind}" role="{role}">{escape(words)}</p>' for words in sentences)


def heading(words: str, line: str) -> str:
    """Return the sentence of the screen and the line below it."""
    return f'<h1>{escape(words)}</h1><p class="caption">{escape(line)}</p>'


def about(words: str, picture: np.ndarray | None = None) -> str:
    """Return the sentence about the chosen clip, under a picture uint8 [h, w, 3] of it where one is given."""
    shown = ""
    if picture is not None:
        scale = min(1.0, ABOUT_WIDTH / picture.shape[1], ABOUT_HEIGHT / picture.shape[0])
        size = (round(picture.shape[0] * scale), round(picture.shape[1] * scale))
        shown = f'<img class="about" src="{jpeg_uri(resize(picture, size))}" alt="A frame of it">'
    return f'{shown}<p class="about" aria-live="polite">{escape(words)}</p>'


def small(words: str) -> str:
    """Return words that stand under a control."""
    return f'<p class="small">{escape(words)}</p>'


def context(clip: str, model: str, weights: str, frame: str = "") -> str:
    """Return what the header says about a result; weights that prove nothing get a tag."""
    return header({"Clip": clip, "Frame": frame, "Model": model}, weights)


def header(values: Mapping[str, str], weights: str = "") -> str:
    """Return names and values for the header, empty ones left out; weights that prove nothing get a tag."""
    tag = f'<span class="tag warn">{weights} weights</span>' if weights in ("toy", "random") else ""
    said = "".join(
        f'<span class="wide">{name} <b>{escape(words)}</b></span>' for name, words in values.items() if words
    )
    return said + tag


def context_of(shown: ClipResult) -> str:
    """Return what the header says about a result and its selected frame."""
    found = shown.prediction
    frame = f"{shown.frame + 1} of {len(found.clip.frames)}"
    return context(shown.title, found.model, found.weights, frame)


def settings(rows: Mapping[str, str]) -> str:
    """Return what a run will use, folded away."""
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in rows.items())
    summary = "<summary>Device, resolution, audio windows</summary>"
    return f'<details class="settings">{summary}<dl>{listed}</dl></details>'


def last_run(seconds: Mapping[str, float]) -> str:
    """Return how long the stages of the last run took."""
    shares = [f'<i class="took-{name}" style="flex-grow:{value:.3f}"></i>' for name, value in seconds.items()]
    words = " · ".join(f"{name} {value:.2f}" for name, value in seconds.items())
    return (
        '<div class="run"><div class="between"><span>Last run</span>'
        f"<b>{sum(seconds.values()):.2f} s</b></div>"
        f'<div class="bar" aria-hidden="true">{"".join(shares)}</div><small>{words}</small></div>'
    )
