"""What the What if tab draws: pictures before and after, bars per frame, the sweep.

All frames travel inside the HTML; `script.js` chooses which of them are visible.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.services.clips import jpeg_uri
from app.services.permalink import address
from app.services.session import ClipResult
from app.whatif import text
from app.whatif.effect import ClipEffect, SweepResult
from app.whatif.presets import changes_text, offered
from avseg.config import ModelConfig
from avseg.interventions.compare import label_maps
from avseg.interventions.effect import in_words
from avseg.interventions.run import Change
from avseg.interventions.side_by_side import difference, greyed
from avseg.media.audio import log_mel
from avseg.media.draw import BINARY, overlay, resize, spectrogram
from avseg.media.export import colours_of
from avseg.predict import Prediction

MOST_PICTURES = 20  # of a long clip, evenly spaced; the bars cover every frame
PICTURE_WIDTH, CROWDED_WIDTH = 640, 400  # pixels; the smaller one from more than CROWDED pictures
CROWDED = 8
SOUND_SIZE = (64, 640)
THUMB = (68, 120)
TELLING = 0.25  # of the largest share: what a frame must show to be shown
AXIS_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0)  # shares


@dataclass(frozen=True)
class Figure:
    """Pictures of one kind, by frame."""

    kind: str  # before, after or change
    title: str
    note: str
    pictures: dict[int, str]  # data URIs
    sound: str = ""  # data URI of the spectrogram, empty for none
    silent: bool = False


def presets_bar(config: ModelConfig, result: ClipResult | None, changes: Sequence[Change] = ()) -> Markup:
    """Return the presets as buttons; the one whose change is on the page, alone, is pressed."""
    return render(
        "whatif/templates/presets.html", presets=offered(config, result), current=changes_text(changes)
    )


def telling_frame(shares: np.ndarray, frame: int) -> int:
    """Return `frame`, or the frame of the largest share where that of `frame` is small beside it."""
    frame = min(frame, len(shares) - 1)
    return frame if shares[frame] >= TELLING * shares.max() else int(shares.argmax())


def effect_page(effect: ClipEffect) -> Markup:
    """Return the pictures of an effect in their three views, and the bars that select the frame."""
    c, clip, count = effect.comparison, effect.before.clip, len(effect.before.labels)
    selected = telling_frame(c.changed, effect.result.frame)  # others would look the same before and after
    evenly = np.linspace(0, count - 1, min(count, MOST_PICTURES)).round().astype(int)
    width = CROWDED_WIDTH if len({selected, *evenly}) > CROWDED else PICTURE_WIDTH
    frames = {index: _scaled(clip.frames[index], width) for index in sorted({selected, *evenly.tolist()})}
    largest = max(c.before.max(), c.after.max(), 0 if c.truth is None else c.truth.max())
    return render(
        "whatif/templates/effect.html",
        selected=selected,
        times=clip.times / clip.duration,
        figures=[
            _figure("before", "Before", "unchanged", effect.before, frames),
            _figure("after", "After", in_words(effect.changes, capital=True), effect.after, frames),
            Figure("change", "Difference", "", _differences(effect, frames)),
        ],
        top=next((top for top in AXIS_TOPS if top >= largest), 1.0),
        c=c,
        address=address(changes=changes_text(effect.changes)),
    )


def sweep_page(swept: SweepResult) -> Markup:
    """Return a sweep: a thumbnail per value, and the IoU as a curve under them."""
    frame, pictures = telling_frame(swept.result.prediction.foreground, swept.result.frame), []
    for prediction in swept.sweep.predictions:
        several = prediction.task == "avss"
        labels = resize(label_maps(prediction, several)[frame], THUMB, smooth=False)
        colours = colours_of(prediction) if several else BINARY
        picture = overlay(resize(prediction.clip.frames[frame], THUMB), labels, colours, width=1.2)
        pictures.append(jpeg_uri(picture))
    return render(
        "whatif/templates/sweep.html",
        title=text.sweep_title(swept),
        caption=text.sweep_caption(swept),
        frame=frame,
        pictures=pictures,
        values=swept.sweep.values,
        neutral=swept.sweep.neutral,
        unchanged=swept.unchanged_iou,
        truth=swept.truth_iou,
        address=address(sweep=swept.change.text),
    )


def _figure(
    kind: str, title: str, note: str, prediction: Prediction, frames: dict[int, np.ndarray]
) -> Figure:
    colours, pictures = colours_of(prediction), {}
    for index, frame in frames.items():
        picture = overlay(frame, prediction.mask(index, frame.shape[:2]), colours)
        pictures[index] = jpeg_uri(picture, 82)
    waveform = prediction.clip.waveform
    rows = spectrogram(log_mel(waveform).numpy(), SOUND_SIZE)[..., 0]
    return Figure(kind, title, note, pictures, jpeg_uri(np.ascontiguousarray(rows)), not waveform.any())


def _differences(effect: ClipEffect, frames: dict[int, np.ndarray]) -> dict[int, str]:
    """Return the frames in grey with the foreground only before, only after and in both."""
    return {
        index: jpeg_uri(
            difference(effect.before, effect.after, index, frame.shape[:2]).over(greyed(frame)), 82
        )
        for index, frame in frames.items()
    }


def _scaled(frame: np.ndarray, width: int) -> np.ndarray:
    scale = min(1.0, width / frame.shape[1], width / frame.shape[0])
    return resize(frame, (round(frame.shape[0] * scale), round(frame.shape[1] * scale)))
