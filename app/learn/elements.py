"""What a step is made of, and the HTML that steps share: rows on one time axis, sound to listen to."""

import base64
import io
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from app.inside.elements import png_uri
from app.learn.measurements import Runs
from app.learn.state import Place
from app.services.clips import jpeg_uri
from avseg.media.audio import SAMPLE_RATE, log_mel
from avseg.media.draw import BINARY, overlay, resize, spectrogram

WIDTH = 320  # pixels of a frame in a row


@dataclass(frozen=True)
class Live:
    """What a step measures and shows."""

    sentence: str  # what the numbers say
    html: str


@dataclass(frozen=True)
class Verdict:
    """What the numbers say to a question."""

    right: int  # index of the option that they bear out
    because: str  # with the numbers


@dataclass(frozen=True)
class Question:
    """Something to choose before it is measured; always three options."""

    words: str
    options: tuple[str, str, str]
    check: Callable[[Runs, Place], Verdict]


@dataclass(frozen=True)
class Opening:
    """Where the same can be seen in another tab."""

    tab: str  # its id
    words: str  # of the button
    view: str = ""  # of the Inside tab
    ticks: str = ""  # name of the change that the What if tab makes


def row(label: str, inner: str, kind: str = "") -> str:
    """Return a row: a name at the left, something over the whole time axis at the right."""
    return f'<div class="ln-row {kind}"><span>{escape(label)}</span><div>{inner}</div></div>'


def frames_row(label: str, pictures: Sequence[np.ndarray], below: Sequence[str] = ()) -> str:
    """Return one picture uint8 [h, w, 3] per frame side by side, with words below."""
    words = below or ("",) * len(pictures)
    cells = "".join(
        f'<figure><img src="{jpeg_uri(picture, 82)}" alt="{escape(label)}, frame {index + 1}">'
        f"{f'<figcaption>{escape(said)}</figcaption>' if said else ''}</figure>"
        for index, (picture, said) in enumerate(zip(pictures, words, strict=True))
    )
    return row(label, f'<div class="ln-frames" style="--frames:{len(pictures)}">{cells}</div>')


def sound_row(label: str, waveform: np.ndarray) -> str:
    """Return the log-mel picture of a sound float32 [samples], and a player to listen to it."""
    player = listen(waveform, label) if waveform.any() else ""
    return row(label, f"{spectrum(waveform)}{player}", "ln-sound")


def spectrum(waveform: np.ndarray) -> str:
    """Return the log-mel picture of a sound; it says so where there is silence."""
    picture = spectrogram(log_mel(waveform).numpy(), (64, 640))
    silent = "" if waveform.any() else "<b>silence</b>"
    alt = "Log-mel spectrogram: time to the right, 64 bands from low to high"
    return f'<div class="ln-mel"><img class="ink" src="{png_uri(picture)}" alt="{alt}">{silent}</div>'


def listen(waveform: np.ndarray, label: str) -> str:
    """Return a player for a sound float32 [samples] in [-1, 1]; it starts only when asked to."""
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes())
    uri = "data:audio/wav;base64," + base64.b64encode(data.getvalue()).decode()
    return f'<audio controls preload="none" src="{uri}" aria-label="Listen: {escape(label)}"></audio>'


def small(frame: np.ndarray, width: int = WIDTH) -> np.ndarray:
    """Return a frame uint8 [h, w, 3] at most `width` pixels wide."""
    scale = min(1.0, width / frame.shape[1])
    return resize(frame, (round(frame.shape[0] * scale), round(frame.shape[1] * scale)))


def marked(frame: np.ndarray, labels: np.ndarray, colours: object = BINARY) -> np.ndarray:
    """Return a small frame with a label map of any size over it."""
    picture = small(frame)
    return overlay(picture, resize(labels, picture.shape[:2], smooth=False), colours)


def numbers(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return large numbers side by side: number, what it is, over what."""
    cells = "".join(
        f"<div><b>{escape(number)}</b><span>{escape(what)}</span><small>{escape(over)}</small></div>"
        for number, what, over in rows
    )
    return f'<div class="ln-stats">{cells}</div>'


def listed(names: Sequence[str]) -> str:
    """Return "1", "1 and 2", "1, 2 and 4"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
