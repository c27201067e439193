"""The pictures and counts of a player in one file, which the browser fetches once and reads in pieces."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.interpret.mask_statistics import LEAST_SHARE
from avseg.media.audio import log_mel
from avseg.media.clip import Clip
from avseg.media.draw import resize, spectrogram
from avseg.predict import Prediction

LEVELS = 101  # thresholds 0.00, 0.01 ... 1.00
MOST_THUMBS = 20
THUMB_WIDTH, THUMB_HEIGHT = 224, 140  # pixels, at most
MOST_CLASSES = 12

Truth = Sequence[np.ndarray | None]
"""Ground truth of every frame, uint8 [h, w] of any size; None for a frame that has no label."""

Piece = tuple[int, int]
"""A part of the pack: offset and length in bytes."""


@dataclass(frozen=True)
class Thumb:
    """A small picture of a frame; it represents the frames `first` to `last`."""

    frame: int
    first: int
    last: int
    piece: Piece  # JPEG


@dataclass(frozen=True)
class Parts:
    """What is in a pack. Counts are little-endian uint32."""

    thumbs: tuple[Thumb, ...]
    sound: Piece  # grey PNG of the log-mel rows
    probability: tuple[Piece, ...] = ()  # [T] grey PNG at model size, 255 is 1
    labels: tuple[Piece, ...] = ()  # [T] grey PNG of class indices at model size; AVSS only
    truth: tuple[Piece | None, ...] = ()  # [T] grey PNG of class indices; None for a frame without a label
    marked: Piece | None = None  # [T, K, 101] pixels of a class whose probability is above a threshold
    hits: Piece | None = None  # [T, K, 101] those of them that are so in the ground truth
    area: Piece | None = None  # [T, K] pixels of a class in the ground truth


@dataclass(frozen=True)
class Shape:
    """What was counted."""

    pixels: int  # of a frame
    classes: int  # K


class _Writer:
    """Puts pieces one after the other."""

    def __init__(self):
        self.data = io.BytesIO()

    def add(self, content: bytes) -> Piece:
        offset = self.data.tell()
        self.data.write(content)
        return offset, len(content)

    def png(self, picture: np.ndarray) -> Piece:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG", compress_level=3)
        return self.add(file.getvalue())

    def jpeg(self, picture: np.ndarray) -> Piece:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=82)
        return self.add(file.getvalue())


def write_pack(
    path: Path, clip: Clip, prediction: Prediction | None, truth: Truth | None, indices: tuple[int, ...]
) -> tuple[Path, Parts, Shape]:
    """Write what a player shows of a clip; indices: the classes to be counted.

    truth holds class indices, 0 and 1 for the binary tasks. Pixels are counted at the size of `clip.frames`,
    which is the source's up to 640 px.
    """
    writer, probability, labels = _Writer(), (), ()
    several = prediction.labels if prediction and prediction.task == "avss" else None
    thumbs, sound = _thumbs(writer, clip), writer.png(_sound(clip))
    if prediction:
        grey = np.rint(prediction.probability * 255).astype(np.uint8)
        probability = tuple(writer.png(picture) for picture in grey)
        labels = tuple(writer.png(picture) for picture in several) if several is not None else ()
    truths = tuple(None if picture is None else writer.png(picture) for picture in truth or ())
    marked, hits, area = _counts(clip, prediction, several, truth, indices)
    pieces = [None if counted is None else writer.add(counted.tobytes()) for counted in (marked, hits, area)]
    path.write_bytes(writer.data.getvalue())
    height, width = clip.frames.shape[1:3]
    parts = Parts(thumbs, sound, probability, labels, truths, *pieces)
    return path, parts, Shape(height * width, len(indices))


def class_order(prediction: Prediction | None, truth: Truth | None) -> tuple[int, ...]:
    """Return the classes of an AVSS clip, 1 to 12 of them: what is marked in most frames first."""
    frames = np.zeros(256)
    for maps, worth in ((prediction.labels if prediction else (), 1.0), (truth or (), 1.01)):
        for picture in maps:
            if picture is not None:
                share = np.bincount(picture.ravel(), minlength=256) / picture.size
                frames += worth * (share >= LEAST_SHARE) + share / 1000
    frames[0] = 0
    order = [int(index) for index in np.argsort(-frames, kind="stable") if frames[index] >= 1]
    return tuple(order[:MOST_CLASSES]) or (1,)


def _thumbs(writer: _Writer, clip: Clip) -> tuple[Thumb, ...]:
    height, width = clip.frames.shape[1:3]
    scale = min(1.0, THUMB_WIDTH / width, THUMB_HEIGHT / height)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    thumbs = []
    for group in np.array_split(np.arange(len(clip.frames)), min(MOST_THUMBS, len(clip.frames))):
        middle = int(group[len(group) // 2])
        picture = writer.jpeg(resize(clip.frames[middle], size))
        thumbs.append(Thumb(middle, int(group[0]), int(group[-1]), picture))
    return tuple(thumbs)


def _sound(clip: Clip) -> np.ndarray:
    """Return the log-mel picture uint8 [128, w], as wide as its rows but at most 1400 px."""
    rows = log_mel(clip.waveform).numpy()
    width = min(1400, max(2 * len(rows), 64))
    return np.ascontiguousarray(spectrogram(rows, (128, width))[..., 0])


def _counts(
    clip: Clip,
    prediction: Prediction | None,
    labels: np.ndarray | None,
    truth: Truth | None,
    indices: tuple[int, ...],
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return `marked`, `hits` and `area` of a pack, None where there is nothing to count."""
    size, count = clip.frames.shape[1:3], len(clip.frames)
    marked = np.zeros((count, len(indices), LEVELS), "<u4") if prediction else None
    area = np.zeros((count, len(indices)), "<u4") if truth is not None else None
    hits = np.zeros_like(marked) if prediction and truth is not None else None
    for frame in range(count):
        level = _levels(resize(prediction.probability[frame], size)) if prediction else None
        label = None if labels is None else resize(labels[frame], size, smooth=False)
        real = truth[frame] if truth is not None else None
        real = None if real is None else resize(real, size, smooth=False)
        for k, index in enumerate(indices):
            found = None if level is None else level if label is None else level[label == index]
            if found is not None:
                marked[frame, k] = _above(found)
            if real is None:
                continue
            inside = real == index
            area[frame, k] = inside.sum()
            if found is not None:
                hits[frame, k] = _above(level[inside if label is None else inside & (label == index)])
    return marked, hits, area


def _levels(probability: np.ndarray) -> np.ndarray:
    """Return how many of the thresholds lie below each probability, 0 to 100."""
    return np.ceil(probability * np.float32(100)).astype(np.uint8)


def _above(levels: np.ndarray) -> np.ndarray:
    """Return how many pixels are above each threshold, [101]; threshold k is passed by levels above k."""
    return levels.size - np.cumsum(np.bincount(levels.ravel(), minlength=LEVELS))
