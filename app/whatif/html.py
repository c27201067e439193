"""What the What if tab shows as HTML: the figures, the pictures before and after, the bars and the sweep.

All frames travel inside the HTML; `pairs.js` only chooses what of it is in view.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from app.components.text import frames_words, share_words
from app.services.clips import jpeg_uri
from app.whatif import text as words
from app.whatif.effect import Effect, Trial
from avseg.interventions.compare import label_maps
from avseg.media.audio import log_mel
from avseg.media.draw import BINARY, error_map, overlay, resize, spectrogram
from avseg.media.export import colours_of
from avseg.predict import Prediction

MOST_PICTURES = 20  # of a long clip, evenly; the bars are of every frame
PICTURE_WIDTH, CROWDED_WIDTH = 640, 400  # pixels; the smaller one where there are many
CROWDED = 8
SOUND_SIZE = (64, 640)
THUMB = (68, 120)
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0)  # tops of the share axis
VIEWS = (("beside", "Side by side"), ("split", "Drag split"), ("change", "Change map"))


def head(finding: str, line: str) -> str:
    """Return the sentence of the screen and the line below it."""
    return f'<h1>{escape(finding)}</h1><p class="caption">{escape(line)}</p>'


def empty() -> str:
    """Return what will appear, while there is no result."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(what)}</dd>" for name, what in words.EMPTY)
    return f'<div class="wi-empty"><h2>What will appear here</h2><dl class="promises">{rows}</dl></div>'


def stats(effect: Effect) -> str:
    """Return the figures of an effect."""
    cells = "".join(
        f"<div><b>{escape(number)}</b><span>{escape(what)}</span><small>{escape(over)}</small></div>"
        for number, what, over in words.stats(effect)
    )
    return f'<div class="wi-stats">{cells}</div>'


def effect_page(effect: Effect) -> str:
    """Return the pictures of an effect in their three views, and the bars that choose the frame."""
    count = len(effect.before.labels)
    shown = min(effect.shown.frame, count - 1)
    chosen = sorted({shown, *np.linspace(0, count - 1, min(count, MOST_PICTURES)).round().astype(int)})
    width = CROWDED_WIDTH if len(chosen) > CROWDED else PICTURE_WIDTH
    figures = [
        _figure("before", "Before", "as it is", _pictures(effect.before, chosen, width), effect.before),
        _figure(
            "after", "After", words.lead(effect.changes), _pictures(effect.after, chosen, width), effect.after
        ),
        _figure("change", "Change", _KEY, _differences(effect, chosen, width)),
    ]
    slider = (
        '<input type="range" class="wi-at" min="0" max="100" value="50" step="1" '
        'aria-label="How much of before is seen, per cent"><i class="wi-line"></i>'
    )
    clip = effect.before.clip
    times = ",".join(f"{moment:.4f}" for moment in clip.times / clip.duration)
    return (
        f'<div class="wi" data-view="beside" data-frame="{shown}" data-times="{times}">'
        f'<div class="wi-top"><h2 class="wi-where"></h2>{_views()}</div>'
        f'<div class="wi-stage">{"".join(figures)}{slider}</div>{_bars(effect)}</div>'
    )


_KEY = (
    '<i class="key lost"></i>only before <i class="key gained"></i>only after <i class="key kept"></i>in both'
)


def _views() -> str:
    buttons = "".join(
        f'<button type="button" data-view="{name}" aria-pressed="false">{title}</button>'
        for name, title in VIEWS
    )
    return f'<div class="wi-views" role="group" aria-label="View">{buttons}</div>'


def _figure(
    kind: str, title: str, line: str, pictures: dict[int, np.ndarray], heard: Prediction | None = None
) -> str:
    images = "".join(
        f'<img data-frame="{index}" src="{jpeg_uri(picture, 82)}" alt="{title}, frame {index + 1}" hidden>'
        for index, picture in pictures.items()
    )
    line = line if heard is None else escape(line)
    sound = _sound(heard) if heard else ""
    return (
        f'<figure class="wi-{kind}"><figcaption><b>{title}</b><span>{line}</span></figcaption>'
        f'<div class="wi-picture">{images}</div>{sound}</figure>'
    )


def _pictures(prediction: Prediction, chosen: Sequence[int], width: int) -> dict[int, np.ndarray]:
    colours, found = colours_of(prediction), {}
    for index in chosen:
        frame = _scaled(prediction.clip.frames[index], width)
        found[int(index)] = overlay(frame, prediction.mask(int(index), frame.shape[:2]), colours)
    return found


def _differences(effect: Effect, chosen: Sequence[int], width: int) -> dict[int, np.ndarray]:
    """Return the frames, grey, with what is marked only before, only after and in both."""
    several, found = effect.before.task == effect.after.task == "avss", {}
    for index in chosen:
        frame = _scaled(effect.before.clip.frames[index], width)
        grey = np.repeat(frame.mean(axis=2, keepdims=True) * 0.7, 3, axis=2).astype(np.uint8)
        one, other = (p.mask(int(index), frame.shape[:2]) for p in (effect.before, effect.after))
        if not several:
            one, other = (one > 0).astype(np.uint8), (other > 0).astype(np.uint8)
        found[int(index)] = error_map(grey, other, one)
    return found


def _scaled(frame: np.ndarray, width: int) -> np.ndarray:
    scale = min(1.0, width / frame.shape[1], width / frame.shape[0])
    return resize(frame, (round(frame.shape[0] * scale), round(frame.shape[1] * scale)))


def _sound(prediction: Prediction) -> str:
    waveform = prediction.clip.waveform
    rows = spectrogram(log_mel(waveform).numpy(), SOUND_SIZE)[..., 0]
    silent = "" if waveform.any() else '<span class="wi-silent">silence</span>'
    picture = jpeg_uri(np.ascontiguousarray(rows))
    alt = "Log-mel spectrogram of what was heard"
    return f'<div class="wi-sound"><img src="{picture}" alt="{alt}">{silent}<i class="wi-now"></i></div>'


def _bars(effect: Effect) -> str:
    """Return a button per frame with its two shares and its IoU; the chosen one is shown above."""
    c = effect.comparison
    most = max(c.before.max(), c.after.max(), 0 if c.truth is None else c.truth.max())
    top = next((scale for scale in SCALES if scale >= most), 1.0)
    cells = []
    for index in range(len(c.times)):
        real = (
            ""
            if c.truth is None
            else f'<i class="real" style="bottom:{100 * c.truth[index] / top:.1f}%"></i>'
        )
        cells.append(
            f'<button type="button" data-frame="{index}" aria-label="{words.frame_words(effect, index)}">'
            f'<span class="wi-pair"><i class="was" style="height:{100 * c.before[index] / top:.1f}%"></i>'
            f'<i class="now" style="height:{100 * c.after[index] / top:.1f}%"></i>{real}</span>'
            f"<span>{index + 1}</span><small>{c.iou[index]:.2f}</small></button>"
        )
    truth = "" if c.truth is None else '<i class="key real"></i>ground truth'
    key = f'<i class="key was"></i>before <i class="key now"></i>after {truth}'
    axis = f"<span>{100 * top:g} %</span><span>{50 * top:g}</span><span>0</span>"
    crowd = " many" if len(cells) > 16 else ""
    return (
        f'<div class="wi-head"><h2>Share of every frame</h2><span>{key}</span></div>'
        f'<div class="wi-bars{crowd}"><div class="wi-axis">{axis}<b>frame</b><b>IoU</b></div>'
        f'<div class="wi-cells">{"".join(cells)}</div></div>{_table(effect)}'
    )


def _table(effect: Effect) -> str:
    """Return all numbers of the pictures as text."""
    c = effect.comparison
    truth = c.truth_before is not None
    rows = []
    for index, moment in enumerate(c.times):
        cells = [
            str(index + 1),
            f"{moment:.2f} s",
            *(share_words(s[index]) for s in (c.before, c.after, c.changed)),
        ]
        cells.append(f"{c.iou[index]:.2f}")
        cells += [f"{c.truth_before[index]:.2f}", f"{c.truth_after[index]:.2f}"] if truth else []
        rows.append("<tr>" + "".join(f'<td class="num">{cell}</td>' for cell in cells) + "</tr>")
    names = ["frame", "at", "before", "after", "changed", "IoU", *["truth, before", "truth, after"] * truth]
    heads = "".join(f'<th class="num">{name}</th>' for name in names)
    return (
        f'<details class="wi-numbers"><summary>Numbers of {frames_words(len(rows))}</summary>'
        f'<div><table class="plain"><tr>{heads}</tr>{"".join(rows)}</table></div></details>'
    )


def range_page(trial: Trial) -> str:
    """Return a sweep: a thumbnail per value, and the IoU as a curve under them."""
    frame = min(trial.shown.frame, len(trial.shown.prediction.labels) - 1)
    own = _own_value(trial)
    columns = "".join(
        _column(trial, place, frame, value == own) for place, value in enumerate(trial.sweep.values)
    )
    count = len(trial.sweep.values)
    lines = _line(trial.same, "same") + ("" if trial.truth is None else _line(trial.truth, "real"))
    key = '<i class="dot"></i>IoU with the unchanged mask'
    key += "" if trial.truth is None else ' <i class="dot hollow"></i>IoU with ground truth'
    return (
        f'<div class="wi-head"><h2>{escape(words.range_title(trial))}</h2>'
        f"<span>pictures: frame {frame + 1}; curve: all frames</span></div>"
        f'<div class="wi-range" style="--count:{count}">{columns}'
        f'<svg viewBox="0 0 {count} 1" preserveAspectRatio="none" aria-hidden="true">{lines}</svg></div>'
        f'<p class="wi-key">{key}</p><p class="caption">{escape(words.range_line(trial))}</p>'
    )


def _column(trial: Trial, place: int, frame: int, own: bool) -> str:
    prediction, value = trial.sweep.predictions[place], trial.sweep.values[place]
    labels = label_maps(prediction, prediction.task == "avss")[frame]
    colours = colours_of(prediction) if prediction.task == "avss" else BINARY
    picture = resize(prediction.clip.frames[frame], THUMB)
    picture = overlay(picture, resize(labels, THUMB, smooth=False), colours, width=1.2)
    same, real = trial.same[place], None if trial.truth is None else trial.truth[place]
    hollow = "" if real is None else f'<i class="dot hollow" style="bottom:{100 * real:.1f}%"></i>'
    said = f"{value:g}: IoU {same:.2f} with the unchanged" + (
        "" if real is None else f", {real:.2f} with truth"
    )
    return (
        f'<div class="wi-column{" wi-own" if own else ""}" role="img" aria-label="{said}">'
        f'<img src="{jpeg_uri(picture)}" alt=""><div class="wi-plot">{hollow}'
        f'<i class="dot" style="bottom:{100 * same:.1f}%"></i></div><b>{same:.2f}</b>'
        f"<span>{value:g}</span></div>"
    )


def _own_value(trial: Trial) -> float | None:
    """Return the value at which the row changes nothing, where the sweep has it."""
    values, parameter = trial.sweep.values, trial.sweep.parameter
    if parameter.unit in ("s", "dB") and trial.change.name != "noise":
        return 0.0
    return values[-1] if trial.change.name in ("keep-queries", "decoder-cut") else None


def _line(values: np.ndarray, kind: str) -> str:
    points = " ".join(f"{place + 0.5},{1 - value:.4f}" for place, value in enumerate(values))
    return f'<polyline class="{kind}" points="{points}"/>'
