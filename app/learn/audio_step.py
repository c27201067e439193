"""Step 2, what the model hears: waveform, log-mel, the patches of 0.96 s, and the feature of one of them."""

import math
from html import escape

import numpy as np

from app.components.text import time_words
from app.inside.elements import pick, render_parts, table
from app.inside.features import audio_view, sound_view
from app.learn.elements import Live, Question, Verdict, listen, row, spectrum
from app.learn.measurements import Runs
from app.learn.state import Place
from avseg.media.audio import (
    LOG_OFFSET,
    MEL_BANDS,
    PATCH_FRAMES,
    PATCH_SECONDS,
    SAMPLE_RATE,
    log_mel,
    samples_of_rows,
)
from avseg.models.vggish import AUDIO_DIM

COLUMNS, HEIGHT = 500, 56  # of the waveform's drawing
WINDOW_SECONDS = samples_of_rows(PATCH_FRAMES) / SAMPLE_RATE


def hear_live(runs: Runs, place: Place) -> Live:
    """The clip's sound on one time axis, its patches as buttons, and what becomes of the chosen one."""
    clip, seen = runs.clip, runs.seen(place.frame)
    mel = spectrum(clip.waveform)
    moments = "".join(
        f'<i style="left:{100 * moment / clip.duration:.2f}%" title="Frame {i + 1}"></i>'
        for i, moment in enumerate(clip.times)
    )
    axis = "".join(f"<span>{second} s</span>" for second in range(round(clip.duration)))
    rows = (
        row("waveform", f"{_wave(clip.waveform)}{listen(clip.waveform, runs.about.title)}")
        + row("log-mel", mel)
        + row("patches", _patches(runs, place), "ln-patches")
        + row("frames at", f'<div class="ln-moments">{moments}</div><div class="ln-axis">{axis}</div>')
    )
    dims = len(seen.audio)
    chain = table(
        ("What", "Numbers of the clip"),
        (
            (f"samples, {SAMPLE_RATE:,} per second", f"{len(clip.waveform):,}"),
            ("log-mel rows × bands", f"{len(log_mel(clip.waveform))} × {MEL_BANDS}"),
            ("patches × rows × bands", f"{len(clip.frames)} × {PATCH_FRAMES} × {MEL_BANDS}"),
            (f"{escape(seen.config.audio_backbone)}, per patch", f"{len(clip.frames)} × {AUDIO_DIM}"),
            ("F<sub>audio</sub>, after one linear layer", f"{len(clip.frames)} × {dims}"),
        ),
    )
    views = "".join(f"<div>{render_parts(view.right)}</div>" for view in (sound_view(seen), audio_view(seen)))
    start = place.frame * PATCH_SECONDS
    said = (
        f"Frame {place.frame + 1} shows {time_words(seen.moment)} and hears {start:.2f} to "
        f"{time_words(start + WINDOW_SECONDS)}: {PATCH_FRAMES * MEL_BANDS:,} numbers, then {AUDIO_DIM}, "
        f"then {dims}."
    )
    return Live(said, f'<div class="ln-rows">{rows}</div><div class="ln-two">{views}</div>{chain}')


def _wave(waveform: np.ndarray) -> str:
    """Return the outline of a waveform as a picture: least and largest value of every column."""
    parts = np.array_split(waveform, COLUMNS)
    high = [HEIGHT / 2 * (1 - float(part.max())) for part in parts]
    low = [HEIGHT / 2 * (1 - float(part.min())) for part in parts]
    forth = " ".join(f"{i},{y:.1f}" for i, y in enumerate(high))
    back = " ".join(f"{i},{y:.1f}" for i, y in reversed(list(enumerate(low))))
    loudest = float(np.abs(waveform).max())
    return (
        f'<svg class="ln-wave" viewBox="0 0 {COLUMNS - 1} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Waveform, loudest {loudest:.2f} of full scale"><polygon points="{forth} {back}"/></svg>'
    )


def _patches(runs: Runs, place: Place) -> str:
    """Return a button over every window of sound; the chosen one's feature is shown below."""
    width = 100 * PATCH_SECONDS / runs.clip.duration
    return "".join(
        f'<div style="left:{100 * i * PATCH_SECONDS / runs.clip.duration:.2f}%;width:{width:.2f}%">'
        + pick("frame", i, f"{i + 1}", i == place.frame, f"Patch {i + 1}, which frame {i + 1} hears")
        + "</div>"
        for i in range(len(runs.clip.frames))
    )


def _check_hear(_runs: Runs, _place: Place) -> Verdict:
    """Send silence through the front end."""
    cells = log_mel(np.zeros(SAMPLE_RATE, np.float32))
    value = float(cells.max())
    right = 0 if value == 0 else 1 if math.isfinite(value) else 2
    said = f"{value:.3f}".replace("-", "\N{MINUS SIGN}")
    return Verdict(
        right,
        f"One second of silence gives {said} in each of the {cells.numel():,} cells, the logarithm of the "
        f"offset {LOG_OFFSET}. A log-mel of zeros would be a sound: {1 - LOG_OFFSET:.2f} in every band.",
    )


HEAR_QUESTION = Question(
    "The clip falls silent. What stands in every cell of the log-mel then?",
    ("0: no energy", "A negative number, the logarithm of the offset", "Minus infinity, the logarithm of 0"),
    _check_hear,
)
