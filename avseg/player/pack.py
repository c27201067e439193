"""The pictures and counts of a player in one file, which the browser fetches once and reads in pieces."""

import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.files import atomic_write
from avseg.interpret.threshold_counts import Truth, count_pixels
from avseg.media.audio import log_mel
from avseg.media.clip import Clip
from avseg.media.draw import resize, spectrogram
from avseg.prediction import Prediction

MOST_THUMBS = 20
THUMB_WIDTH, THUMB_HEIGHT = 224, 140  # pixels, at most

Piece = tuple[int, int]
"""A part of the pack: offset and length in bytes."""

Map = tuple[int, int, int, int]
"""A map of one byte per pixel: offset and length in bytes, width and height; see `_Writer.map`."""


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
    pixels: int  # of a frame, as counted
    classes: int  # K, that were counted
    probability: tuple[Map, ...] = ()  # [T] at model size, 255 is 1
    labels: tuple[Map, ...] = ()  # [T] class indices at model size; AVSS only
    truth: tuple[Map | None, ...] = ()  # [T] class indices; None for a frame without a label
    marked: Piece | None = None  # the arrays of ThresholdCounts
    hits: Piece | None = None
    area: Piece | None = None


class _Writer:
    """Puts pieces one after the other."""

    def __init__(self):
        self.data = io.BytesIO()

    def add(self, content: bytes) -> Piece:
        offset = self.data.tell()
        self.data.write(content)
        return offset, len(content)

    def image(self, picture: np.ndarray, kind: str = "PNG", **options: int) -> Piece:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind, **(options or {"compress_level": 3}))
        return self.add(file.getvalue())

    def map(self, values: np.ndarray) -> Map:
        """Add values uint8 [h, w] as differences between neighbours of a row, compressed by zlib.

        Not as a picture: browsers that guard against fingerprinting change what a page reads from a canvas.
        """
        height, width = values.shape
        rows = np.diff(values, axis=1, prepend=np.uint8(0))  # modulo 256
        return *self.add(zlib.compress(rows.tobytes())), width, height


def write_pack(
    path: Path, clip: Clip, prediction: Prediction | None, truth: Truth | None, indices: tuple[int, ...]
) -> Parts:
    """Write what a player shows of a clip; indices: the classes to be counted.

    truth holds class indices, 0 and 1 for the binary tasks. Pixels are counted at the size of `clip.frames`,
    which is the source's up to 640 px.
    """
    writer, probability, labels = _Writer(), (), ()
    thumbs, sound = _thumbs(writer, clip), writer.image(_sound(clip))
    if prediction:
        grey = np.rint(prediction.probability * 255).astype(np.uint8)
        probability = tuple(map(writer.map, grey))
        labels = tuple(map(writer.map, prediction.labels)) if prediction.task == "avss" else ()
    truths = tuple(None if picture is None else writer.map(picture) for picture in truth or ())
    counts = count_pixels(clip, prediction, truth, indices)
    tables = (counts.marked, counts.hits, counts.area)
    pieces = [None if table is None else writer.add(table.tobytes()) for table in tables]
    with atomic_write(path, durable=False) as unfinished:
        unfinished.write_bytes(writer.data.getvalue())
    height, width = clip.frames.shape[1:3]
    return Parts(thumbs, sound, height * width, len(indices), probability, labels, truths, *pieces)


def _thumbs(writer: _Writer, clip: Clip) -> tuple[Thumb, ...]:
    height, width = clip.frames.shape[1:3]
    scale = min(1.0, THUMB_WIDTH / width, THUMB_HEIGHT / height)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    thumbs = []
    for group in np.array_split(np.arange(len(clip.frames)), min(MOST_THUMBS, len(clip.frames))):
        middle = int(group[len(group) // 2])
        picture = writer.image(resize(clip.frames[middle], size), "JPEG", quality=82)
        thumbs.append(Thumb(middle, int(group[0]), int(group[-1]), picture))
    return tuple(thumbs)


def _sound(clip: Clip) -> np.ndarray:
    """Return the log-mel picture uint8 [128, w], as wide as its rows but at most 1400 px."""
    rows = log_mel(clip.waveform).numpy()
    width = min(1400, max(2 * len(rows), 64))
    return np.ascontiguousarray(spectrogram(rows, (128, width))[..., 0])
