"""What the What if tab draws: pictures before and after, bars per frame, the sweep.

All frames travel inside the HTML; `script.js` chooses which of them are visible.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from app.components.render import macro, render
from app.services.clips import jpeg_uri
from app.services.wording import percent
from app.whatif import text
from app.whatif.effect import Effect, SweepResult
from avseg.interventions.compare import label_maps
from avseg.media.audio import log_mel
from avseg.media.draw import BINARY, error_map, overlay, resize, spectrogram
from avseg.media.export import colours_of
from avseg.predict import Prediction

MOST_PICTURES = 20  # of a long clip, evenly spaced; the bars cover every frame
PICTURE_WIDTH, CROWDED_WIDTH, CROWDED = (
    640,
    400,
    8,
)  # pixels; the smaller width from more than CROWDED pictures
SOUND_SIZE = (64, 640)
THUMB = (68, 120)
AXIS_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0)  # shares
MANY_BARS = 16


@dataclass(frozen=True)
class Figure:
    """Pictures of one kind, by frame."""

    kind: str  # before, after or change
    title: str
    note: str
    pictures: dict[int, str]  # data URIs
    sound: str = ""  # data URI of the spectrogram, empty for none
    silent: bool = False


@dataclass(frozen=True)
class Bar:
    """The bars of one frame, and its row of the table; heights are percentages of the axis."""

    label: str
    before: float
    after: float
    truth: float | None
    iou: float
    cells: tuple[str, ...]


@dataclass(frozen=True)
class SweepValue:
    """One value of a sweep; IoUs are 0..1."""

    value: float
    picture: str  # data URI
    unchanged: float
    truth: float | None
    neutral: bool  # the value at which the row changes nothing


def head(finding: str, line: str) -> Markup:
    """Return the headline and the line below it."""
    return macro("heading", finding, line)


def empty() -> Markup:
    """Return what is drawn while there is no result."""
    return macro("empty_state", *text.EMPTY)


def stats(effect: Effect) -> Markup:
    """Return the tiles of an effect."""
    return macro("tiles", text.stats(effect))


def effect_page(effect: Effect) -> Markup:
    """Return the pictures of an effect in their three views, and the bars that select the frame."""
    count = len(effect.before.labels)
    selected = min(effect.result.frame, count - 1)
    evenly = np.linspace(0, count - 1, min(count, MOST_PICTURES)).round().astype(int)
    frames = sorted({selected, *evenly.tolist()})
    width = CROWDED_WIDTH if len(frames) > CROWDED else PICTURE_WIDTH
    lead = text.lead(effect.changes)
    clip, c = effect.before.clip, effect.comparison
    largest = max(c.before.max(), c.after.max(), 0 if c.truth is None else c.truth.max())
    top = next((top for top in AXIS_TOPS if top >= largest), 1.0)
    return render(
        "whatif/templates/effect.html",
        selected=selected,
        times=",".join(f"{time:.4f}" for time in clip.times / clip.duration),
        views=text.VIEWS,
        figures=[
            _figure("before", "Before", "unchanged", effect.before, frames, width),
            _figure("after", "After", lead, effect.after, frames, width),
            Figure("change", "Difference", "", _differences(effect, frames, width)),
        ],
        top=100 * top,
        bars=[_bar(effect, index, top) for index in range(count)],
        many=count > MANY_BARS,
        truth=c.truth is not None,
    )


def sweep_page(swept: SweepResult) -> Markup:
    """Return a sweep: a thumbnail per value, and the IoU as a curve under them."""
    frame = min(swept.result.frame, len(swept.result.prediction.labels) - 1)
    neutral = _neutral_value(swept)
    truth = swept.truth_iou
    columns = []
    for index, (value, prediction) in enumerate(
        zip(swept.sweep.values, swept.sweep.predictions, strict=True)
    ):
        several = prediction.task == "avss"
        labels = resize(label_maps(prediction, several)[frame], THUMB, smooth=False)
        colours = colours_of(prediction) if several else BINARY
        picture = overlay(resize(prediction.clip.frames[frame], THUMB), labels, colours, width=1.2)
        same, real = float(swept.unchanged_iou[index]), None if truth is None else float(truth[index])
        columns.append(SweepValue(value, jpeg_uri(picture), same, real, value == neutral))
    return render(
        "whatif/templates/sweep.html",
        title=text.sweep_title(swept),
        caption=text.sweep_caption(swept),
        frame=frame,
        columns=columns,
        lines=[("unchanged", swept.unchanged_iou)] + ([] if truth is None else [("truth", truth)]),
        truth=truth is not None,
    )


def _figure(
    kind: str, title: str, note: str, prediction: Prediction, frames: Sequence[int], width: int
) -> Figure:
    colours, pictures = colours_of(prediction), {}
    for index in frames:
        frame = _scaled(prediction.clip.frames[index], width)
        picture = overlay(frame, prediction.mask(index, frame.shape[:2]), colours)
        pictures[index] = jpeg_uri(picture, 82)
    waveform = prediction.clip.waveform
    rows = spectrogram(log_mel(waveform).numpy(), SOUND_SIZE)[..., 0]
    sound = jpeg_uri(np.ascontiguousarray(rows))
    return Figure(kind, title, note, pictures, sound, silent=not waveform.any())


def _differences(effect: Effect, frames: Sequence[int], width: int) -> dict[int, str]:
    """Return the frames in grey with the foreground only before, only after and in both."""
    several, pictures = effect.before.task == effect.after.task == "avss", {}
    for index in frames:
        frame = _scaled(effect.before.clip.frames[index], width)
        grey = np.repeat(frame.mean(axis=2, keepdims=True) * 0.7, 3, axis=2).astype(np.uint8)
        before, after = (p.mask(index, frame.shape[:2]) for p in (effect.before, effect.after))
        if not several:
            before, after = (before > 0).astype(np.uint8), (after > 0).astype(np.uint8)
        pictures[index] = jpeg_uri(error_map(grey, after, before), 82)
    return pictures


def _scaled(frame: np.ndarray, width: int) -> np.ndarray:
    scale = min(1.0, width / frame.shape[1], width / frame.shape[0])
    return resize(frame, (round(frame.shape[0] * scale), round(frame.shape[1] * scale)))


def _bar(effect: Effect, index: int, top: float) -> Bar:
    c = effect.comparison
    cells = [str(index + 1), f"{c.times[index]:.2f} s"]
    cells += [percent(share[index]) for share in (c.before, c.after, c.changed)]
    cells.append(f"{c.iou[index]:.2f}")
    if c.truth is not None:
        cells += [f"{c.truth_before[index]:.2f}", f"{c.truth_after[index]:.2f}"]
    return Bar(
        text.frame_label(effect, index),
        before=100 * c.before[index] / top,
        after=100 * c.after[index] / top,
        truth=None if c.truth is None else 100 * c.truth[index] / top,
        iou=float(c.iou[index]),
        cells=tuple(cells),
    )


def _neutral_value(swept: SweepResult) -> float | None:
    """Return the value at which the row changes nothing, None where the sweep has none."""
    if swept.sweep.parameter.unit in ("s", "dB") and swept.change.name != "noise":
        return 0.0
    return swept.sweep.values[-1] if swept.change.name in ("keep-queries", "decoder-cut") else None
