"""Before, after and their difference side by side: a PNG of one frame, a GIF, an MP4 with the changed sound.

write_side_by_side(Path("mute.mp4"), before, after, changes)
"""

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.arguments import is_whole
from avseg.errors import ConfigError
from avseg.evaluation.metrics import iou
from avseg.files import atomic_write
from avseg.interventions.compare import label_maps
from avseg.interventions.effect import in_words
from avseg.interventions.run import Change
from avseg.media.audio import log_mel
from avseg.media.clip import Clip, VideoReader
from avseg.media.draw import (
    FALSE_ALARM,
    MISS,
    NEUTRAL,
    Layer,
    error_layer,
    mask_layer,
    resize,
    spectrogram,
)
from avseg.media.export import colours_of
from avseg.media.sheet import INK_2, Sheet, fit
from avseg.media.video import write_gif, write_mp4
from avseg.prediction import Prediction, Progress

PANEL = 480  # pixels, longest side of a picture
GAP, HEAD, SOUND, FOOT = 12, 34, 40, 34  # pixels
VIDEO_RATE = 15.0  # frames per second at most
MOST_FRAMES = 60  # of a GIF, evenly spaced
KINDS = (".png", ".gif", ".mp4")
KEY = (("only before", MISS), ("only after", FALSE_ALARM), ("in both", (176, 176, 176)))


@dataclass(frozen=True, eq=False)
class _Panel:
    """One of the three columns."""

    title: str
    note: str
    layers: tuple[Layer, ...]  # one per frame
    sound: np.ndarray | None  # uint8 [SOUND, width, 3], the log-mel spectrogram of its audio
    silent: bool = False
    grey: bool = False  # the picture below the layer


@dataclass(frozen=True, eq=False)
class _Pair:
    """Everything but the pictures."""

    clip: Clip
    size: tuple[int, int]  # height, width of a picture
    panels: tuple[_Panel, ...]
    captions: tuple[str, ...]  # one per frame


def write_side_by_side(
    path: Path,
    before: Prediction,
    after: Prediction,
    changes: Sequence[Change],
    title: str = "",
    frame: int = 0,
    on_progress: Progress | None = None,
) -> Path:
    """Write before, after and their difference: as .png of one frame, .gif of all frames, or .mp4.

    The MP4 is the source video with the masks of its frames and the sound of `after`. title: of the clip, by
    default its file's name. frame: index, for a PNG. on_progress: called with (done, total) after each
    picture; an exception raised there cancels and leaves no file. Raises ConfigError for another extension
    and for a frame that does not exist, ClipError if the source can no longer be read, and WriteError on a
    full disk.
    """
    check_kind(path)
    clip, count = before.clip, len(before.labels)
    if not is_whole(frame, 0, count - 1):
        raise ConfigError(f"{clip.name} has no frame {frame + 1}: choose 1 to {count}.")
    pair = _pair(before, after, changes, title)
    if path.suffix == ".mp4":
        reader = VideoReader(clip, long_side=PANEL, max_rate=VIDEO_RATE)
        with closing(_video(pair, reader, on_progress)) as pictures:
            write_mp4(path, pictures, reader.rate, after.clip.waveform)
        return path
    if path.suffix == ".png":
        with atomic_write(path, durable=False) as unfinished:
            Image.fromarray(_draw(pair, frame, clip.frames[frame])).save(unfinished, "PNG")
        return path
    indices = np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int).tolist()
    pictures = []
    for done, index in enumerate(indices, start=1):
        pictures.append(_draw(pair, index, clip.frames[index]))
        if on_progress:
            on_progress(done, len(indices))
    write_gif(path, pictures, [clip.duration / len(indices)] * len(indices))
    return path


def check_kind(path: Path) -> None:
    """Raise ConfigError unless the extension is one that `write_side_by_side` writes."""
    if path.suffix not in KINDS:
        raise ConfigError(f"{path.name} cannot be written: its extension must be {', '.join(KINDS)}.")


def difference(before: Prediction, after: Prediction, index: int, size: tuple[int, int]) -> Layer:
    """Return the layer of a frame that shows the foreground only before, only after and in both.

    Of two models with classes, a pixel whose class changed counts as only after.
    """
    masks = [prediction.mask(index, size) for prediction in (before, after)]
    if not before.task == after.task == "avss":
        masks = [(mask > 0).astype(np.uint8) for mask in masks]
    return error_layer(masks[1], masks[0])


def greyed(picture: np.ndarray) -> np.ndarray:
    """Return a picture uint8 [H, W, 3] in darkened grey, the ground of a difference."""
    return np.repeat(picture.mean(axis=2, keepdims=True) * 0.7, 3, axis=2).astype(np.uint8)


def _pair(before: Prediction, after: Prediction, changes: Sequence[Change], title: str) -> _Pair:
    clip, count = before.clip, len(before.labels)
    height, width = clip.frames.shape[1:3]
    size = fit(height, round(width * clip.pixel_aspect), PANEL)
    several = before.task == after.task == "avss"
    agreement = iou(label_maps(before, several), label_maps(after, several))
    models = dict.fromkeys((before.model, after.model))
    name = f"{title or clip.name}, {' and '.join(models)}"
    captions = tuple(
        f"{name}. Frame {index + 1} of {count} at {clip.times[index]:.2f} s, IoU {agreement[index]:.2f}"
        for index in range(count)
    )
    layers = tuple(difference(before, after, index, size) for index in range(count))
    panels = (
        _masked("Before", "unchanged", before, size),
        _masked("After", in_words(changes, capital=True), after, size),
        _Panel("Difference", "", layers, None, grey=True),
    )
    return _Pair(clip, size, panels, captions)


def _masked(title: str, note: str, prediction: Prediction, size: tuple[int, int]) -> _Panel:
    colours = colours_of(prediction)
    layers = tuple(
        mask_layer(prediction.mask(index, size), colours) for index in range(len(prediction.labels))
    )
    waveform = prediction.clip.waveform
    sound = spectrogram(log_mel(waveform).numpy(), (SOUND, size[1]))
    return _Panel(title, note, layers, sound, silent=not waveform.any())


def _video(pair: _Pair, reader: VideoReader, on_progress: Progress | None) -> Generator[np.ndarray]:
    """Yield the pictures of the video."""
    clip, last = pair.clip, len(pair.captions) - 1
    with closing(reader.pictures()) as pictures:
        for number, picture in enumerate(pictures):
            moment = number / reader.rate
            yield _draw(pair, min(last, math.floor(moment * clip.fps + 1e-6)), picture, moment)
            if on_progress:
                on_progress(number + 1, reader.count)


def _draw(pair: _Pair, index: int, picture: np.ndarray, moment: float | None = None) -> np.ndarray:
    """Draw a frame of all panels; moment (s): where the sound is, by default where the frame is."""
    height, width = pair.size
    step = width + GAP
    total = HEAD + height + GAP // 2 + SOUND + FOOT
    sheet = Sheet(_even(len(pair.panels) * step + GAP), _even(total))
    picture = resize(np.ascontiguousarray(picture), pair.size)
    moment = float(pair.clip.times[index]) if moment is None else moment
    for number, panel in enumerate(pair.panels):
        x, below = GAP + number * step, HEAD + height + GAP // 2
        start = sheet.text(x, HEAD / 2, panel.title, bold=True) + 10
        sheet.text(x + start, HEAD / 2, panel.note, 13, INK_2, most=width - start)
        ground = greyed(picture) if panel.grey else picture
        sheet.picture(x, HEAD, panel.layers[index].over(ground), pair.size)
        if panel.sound is not None:
            _sound(sheet, x, below, panel, moment / pair.clip.duration)
        else:
            _key(sheet, x, below + SOUND / 2)
    sheet.text(GAP, total - FOOT / 2, pair.captions[index], 13, INK_2, most=len(pair.panels) * step - GAP)
    return sheet.array()


def _sound(sheet: Sheet, x: int, y: int, panel: _Panel, share: float) -> None:
    """Draw the spectrogram of a panel and where it is played."""
    height, width = panel.sound.shape[:2]
    sheet.box(x, y, width, height, NEUTRAL)
    if panel.silent:
        sheet.text(x + 8, y + height / 2, "silence", 12, INK_2)
    else:
        sheet.picture(x, y, panel.sound, (height, width))
    sheet.box(x + min(share, 1) * (width - 2), y, 2, height, FALSE_ALARM)


def _key(sheet: Sheet, x: float, y: float) -> None:
    """Draw what the colours of the difference mean."""
    for name, colour in KEY:
        sheet.box(x, y - 6, 12, 12, colour)
        x += 18 + sheet.text(x + 18, y, name, 12, INK_2) + 16


def _even(side: int) -> int:
    return side + side % 2
