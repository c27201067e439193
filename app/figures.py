"""Pieces of the page as HTML: frames, sound and shares on one timeline, facts beside the video, notices.

All pictures travel inside the HTML, so that the page asks for no further file and no path is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from app.clips import Bundled, jpeg_uri
from app.measured import LEAST_SHARE, Measured
from app.text import clip_words, frames_words, rate_words, share_words, time_words
from avseg.audio import MEL_HIGH, MEL_LOW, hertz_to_mel, log_mel
from avseg.data.labels import Colour
from avseg.draw import overlay, resize, spectrogram
from avseg.export import colours_of
from avseg.predict import Prediction, Timing

MOST_TILES = 10
TILE_WIDTH, TILE_HEIGHT = 360, 240  # pixels, at most
ABOUT_WIDTH, ABOUT_HEIGHT = 536, 240  # pixels, at most; twice what the rail shows
SOUND_SIZE = (128, 1400)  # height, width of the log-mel picture
FREQUENCIES = ((7500, "7.5 kHz"), (1000, "1 kHz"), (125, "125 Hz"))
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0)  # tops of the share axis


@dataclass(frozen=True)
class Span:
    """A stretch of the time axis, seconds."""

    start: float
    end: float


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


def promises(rows: Sequence[tuple[str, str]]) -> str:
    """Return what will appear, while there is no result."""
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in rows)
    return f'<h2>What will appear here</h2><dl class="promises">{listed}</dl>'


def context(clip: str, model: str, weights: str) -> str:
    """Return what the header says about the page: clip, model, and a tag for weights that prove nothing."""
    tag = f'<span class="tag warn">{weights} weights</span>' if weights in ("toy", "random") else ""
    return (
        f'<span class="wide">Clip <b>{escape(clip)}</b></span>'
        f'<span class="wide">Model <b>{escape(model)}</b></span>{tag}'
    )


def facts(prediction: Prediction, measured: Measured, seconds: Timing) -> str:
    """Return the panel beside the video: shares, classes, what was looked at and what it took."""
    total = len(measured.shares)
    stats = [(f"{measured.marked} of {total}", "frames marked" if total > 1 else "frame marked")]
    if measured.marked:
        moment = time_words(float(prediction.clip.times[measured.peak]))
        stats.append((share_words(measured.mean), "of the picture in those, on average"))
        stats.append((share_words(measured.shares[measured.peak]), f"at most, at {moment}"))
    figures = "".join(f"<div><b>{number}</b><span>{words}</span></div>" for number, words in stats)
    table = _class_table(measured, colours_of(prediction), total) if measured.classes else ""
    rows = {
        "Clip": clip_words(prediction.clip),
        "Looked at": f"{frames_words(total)}, {rate_words(prediction.clip.fps)}",
        "Model": f"{prediction.model} on {prediction.device}",
    }
    if prediction.task != "avss":
        rows["Marked where"] = f"probability is above {prediction.threshold:.2f}"
    listed = "".join(f"<dt>{name}</dt><dd>{escape(words)}</dd>" for name, words in rows.items())
    return f'<div class="stats">{figures}</div>{table}<dl class="facts">{listed}</dl>{_run(seconds)}'


def _class_table(measured: Measured, colours: Mapping[int, Colour], total: int) -> str:
    rows = "".join(
        f'<tr><td><i class="swatch" style="background:{_css(colours[count.index])}"></i>{escape(count.name)}'
        f'</td><td class="num">{count.frames} of {total}</td>'
        f'<td class="num">{share_words(count.share)}</td></tr>'
        for count in measured.classes
    )
    head = '<tr><th>Class</th><th class="num">frames</th><th class="num">share of frame</th></tr>'
    return f'<table class="plain">{head}{rows}</table>'


def _run(seconds: Timing) -> str:
    parts = {"decode": seconds.decode, "model": seconds.model, "write": seconds.write}
    total = sum(parts.values())
    bar = "".join(f'<i class="{name}" style="flex-grow:{value:.3f}"></i>' for name, value in parts.items())
    words = " · ".join(f"{name} {value:.2f}" for name, value in parts.items())
    return (
        f'<div class="run"><div class="between"><span>Time taken</span><b>{total:.2f} s</b></div>'
        f'<div class="bar" aria-hidden="true">{bar}</div><small>{words} s</small></div>'
    )


def timeline(prediction: Prediction, measured: Measured, source: Bundled | None = None) -> str:
    """Return frames, sound and shares on one time axis, and all numbers as a table.

    source: the bundled clip, which adds what was put into its sound, second by second.
    """
    clip = prediction.clip
    spans = _spans(len(clip.times), clip.fps, clip.duration)
    rows = [
        _row("Frames", f"{clip.fps:g} per s", _tiles(prediction, measured, spans)),
        _row("Sound", "log-mel", _sound(prediction), _frequency_axis()),
    ]
    if source and any(source.heard):
        rows.append(_row("Heard", "as composed", _lanes(source, clip.duration)))
    top = next((scale for scale in SCALES if scale >= measured.shares.max()), 1.0)
    rows.append(_row("Mask", "% of picture", _bars(prediction, measured, spans, top), _share_axis(top)))
    rows.append(_row("", "", _time_axis(clip.duration)))
    return f'<div class="timeline">{"".join(rows)}</div>{_numbers(prediction, measured)}'


def _row(name: str, unit: str, body: str, axis: str = "") -> str:
    label = f"{name}<small>{unit}</small>" if name else ""
    cells = {"tl-name": label, "tl-axis": axis, "tl-body": body}
    return "".join(f'<div class="{kind}">{inner}</div>' for kind, inner in cells.items())


def _spans(count: int, fps: float, duration: float) -> list[Span]:
    """Return for how long each frame's mask stands: from i / fps on, the last one until the end."""
    return [Span(i / fps, duration if i == count - 1 else (i + 1) / fps) for i in range(count)]


def _tiles(prediction: Prediction, measured: Measured, spans: list[Span]) -> str:
    """Return the frames with their masks; of many frames, ten that stand evenly on the axis."""
    groups = np.array_split(np.arange(len(spans)), min(MOST_TILES, len(spans)))
    cells = []
    for group in groups:
        index = int(group[len(group) // 2])
        width = spans[group[-1]].end - spans[group[0]].start
        moment, share = time_words(prediction.clip.times[index]), share_words(measured.shares[index])
        words = f"Frame {index + 1} at {moment}, {share} of the picture marked"
        cells.append(
            f'<figure style="flex-grow:{max(width, 1e-3):.4f}">'
            f'<img src="{_tile(prediction, index)}" alt="{words}">'
            f"<figcaption><b>{share}</b><span>{moment}</span></figcaption></figure>"
        )
    crowd = " many" if len(groups) > 6 else ""
    return f'<div class="tiles{crowd}">{"".join(cells)}</div>'


def _tile(prediction: Prediction, index: int) -> str:
    frame = prediction.clip.frames[index]
    scale = min(1.0, TILE_WIDTH / frame.shape[1], TILE_HEIGHT / frame.shape[0])
    size = (max(1, round(frame.shape[0] * scale)), max(1, round(frame.shape[1] * scale)))
    picture = overlay(resize(frame, size), prediction.mask(index, size), colours_of(prediction), width=1.8)
    return jpeg_uri(picture)


def _sound(prediction: Prediction) -> str:
    waveform = prediction.clip.waveform
    rows = log_mel(waveform).numpy()
    words = "Log-mel spectrogram of the sound that the model heard"
    silent = "" if waveform.any() else '<span class="empty">silence</span>'
    picture = jpeg_uri(np.ascontiguousarray(spectrogram(rows, SOUND_SIZE)[..., 0]))
    return f'<div class="sound"><img src="{picture}" alt="{words}">{silent}</div>'


def _frequency_axis() -> str:
    low, high = hertz_to_mel(np.array([MEL_LOW, MEL_HIGH]))
    places = [(1 - float(hertz_to_mel(np.array(hertz)) - low) / (high - low)) for hertz, _ in FREQUENCIES]
    return _axis({words: place for (_, words), place in zip(FREQUENCIES, places)})


def _share_axis(top: float) -> str:
    return _axis({f"{100 * top:g}": 0.0, f"{50 * top:g}": 0.5, "0": 1.0})


def _axis(labels: Mapping[str, float]) -> str:
    """Return labels at shares 0 (top) to 1 (bottom) of the height."""
    return "".join(
        f'<span style="top:{100 * place:.1f}%;transform:translateY(-{100 * place:.0f}%)">{words}</span>'
        for words, place in labels.items()
    )


def _lanes(source: Bundled, duration: float) -> str:
    """Return one line per class that is heard, where it is heard; a source out of the picture is hollow."""
    lanes = []
    for name in dict.fromkeys(name for second in source.heard for name in second):
        inside = name in source.visible
        marks = "".join(
            f'<i style="left:{100 * second / duration:.2f}%;width:{100 / duration:.2f}%"></i>'
            for second, heard in enumerate(source.heard)
            if name in heard and second < duration
        )
        first = next(second for second, heard in enumerate(source.heard) if name in heard)
        where = "" if inside else ", not in the picture"
        label = f'<span style="left:{100 * first / duration:.2f}%">{escape(name)}{where}</span>'
        lanes.append(f'<div class="lane{"" if inside else " hollow"}">{marks}{label}</div>')
    return "".join(lanes)


def _bars(prediction: Prediction, measured: Measured, spans: list[Span], top: float) -> str:
    duration, colours = prediction.clip.duration, colours_of(prediction)
    present = np.flatnonzero(measured.by_class[:, 1:].max(axis=0)) + 1
    drawn = []
    for index, span in enumerate(spans):
        left, width = 100 * span.start / duration, 100 * (span.end - span.start) / duration
        parts = "".join(
            f'<i style="height:{100 * measured.by_class[index, k] / top:.2f}%;'
            f'background:{_css(colours[int(k)])}"></i>'
            for k in present
            if measured.by_class[index, k] >= LEAST_SHARE
        )
        drawn.append(f'<div style="left:{left:.2f}%;width:{width:.2f}%">{parts}</div>')
    words = (
        f"Marked in {measured.marked} of {frames_words(len(spans))}, "
        f"at most {share_words(float(measured.shares.max()))} of the picture"
    )
    many = " many" if len(spans) > 60 else ""
    return f'<div class="bars{many}" role="img" aria-label="{words}">{"".join(drawn)}</div>'


def _time_axis(duration: float) -> str:
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120) if duration / step <= 8)
    labels = []
    for tick in np.arange(0, duration + 1e-6, step).round(3):
        place = 100 * tick / duration
        labels.append(
            f'<span style="left:{place:.2f}%;transform:translateX(-{place:.0f}%)">{tick:g} s</span>'
        )
    return f'<div class="times">{"".join(labels)}</div>'


def _numbers(prediction: Prediction, measured: Measured) -> str:
    rows = "".join(
        f'<tr><td class="num">{index + 1}</td><td class="num">{time_words(moment)}</td>'
        f'<td class="num">{share_words(share)}</td></tr>'
        for index, (moment, share) in enumerate(zip(prediction.clip.times, measured.shares))
    )
    head = '<tr><th class="num">Frame</th><th class="num">at</th><th class="num">share of frame</th></tr>'
    return (
        '<details class="numbers"><summary>All numbers as a table</summary>'
        f'<div><table class="plain">{head}{rows}</table></div></details>'
    )


def _css(colour: Colour) -> str:
    return "#{:02X}{:02X}{:02X}".format(*colour)
