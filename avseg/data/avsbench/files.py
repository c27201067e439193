"""Reads the files of AVSBench: images, masks and WAV files; errors say what is wrong with a file."""

import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from avseg.data.labels import CLASSES, PALETTE
from avseg.data.samples import IGNORED, UNNAMED
from avseg.errors import DatasetError
from avseg.files import find_file, require_regular
from avseg.media.audio import resampled

ADVICE = "`python -m avseg check` with the data folder lists every such file."
FRAME, MASK, SOUND = (".png", ".jpg", ".jpeg"), (".png",), (".wav",)
"""Endings that a file may have in place of the format's, in lower or upper case."""
VOID, VOID_COLOUR = 255, (224, 224, 192)
"""A pixel to ignore, in masks with class indices and in colours, as in PASCAL VOC."""
MAX_PICTURE_BYTES = 100_000_000
MAX_WAV_BYTES = 500_000_000
ORIENTATION = "orientation"  # key of a picture's `info`: its EXIF orientation, 1 to 8; 1 is upright
THRESHOLD = 127  # a grey mask's pixel above it is foreground; PIL's own conversion to two values dithers
# What Pillow raises, depending on where a file is damaged.
_DAMAGED = (OSError, SyntaxError, ValueError, struct.error, zlib.error, Image.DecompressionBombError)


def read_picture(path: Path, endings: Sequence[str] = FRAME) -> Image.Image:
    """Return a decoded PNG or JPEG image, upright as its EXIF orientation says.

    Raises DatasetError if it is missing, unreadable, damaged or neither.
    """
    path = _regular(find_file(path, endings), MAX_PICTURE_BYTES)
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            picture.load()
            turn = _orientation(picture)
            if turn != 1:
                ImageOps.exif_transpose(picture, in_place=True)
            picture.info[ORIENTATION] = turn
            return picture
    except Image.UnidentifiedImageError:
        raise DatasetError(f"{path} is not an image; expected a PNG or JPEG file. {ADVICE}") from None
    except _DAMAGED as error:
        raise DatasetError(f"{path} is a damaged image ({error}). {ADVICE}") from None


def picture_size(path: Path) -> tuple[int, int]:
    """Return (height, width) of a frame without decoding it; raises DatasetError as `read_picture`."""
    try:
        file = _regular(find_file(path, FRAME), MAX_PICTURE_BYTES)
        with Image.open(file, formats=("PNG", "JPEG")) as picture:
            size = picture.height, picture.width
            return size[::-1] if _orientation(picture) > 4 else size
    except _DAMAGED:
        read_picture(path)  # raises the error that describes the damage
        raise


def _orientation(picture: Image.Image) -> int:
    value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _regular(path: Path, max_bytes: int) -> Path:
    try:
        return require_regular(path, max_bytes)
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {ADVICE}") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}. {ADVICE}") from None


def grey_values(picture: Image.Image, path: Path) -> np.ndarray:
    """Return the brightness of a mask's pixels, uint8 [H, W]."""
    return np.asarray(picture) if picture.mode == "L" else _rgb(picture, path).max(-1)


def foreground_level(grey: np.ndarray) -> int:
    """Return the brightness above which a mask's pixel is foreground.

    Any other than black in a mask of two values, which tools save as 0 and 1, or as 0 and a class; THRESHOLD
    in one with shades of grey.
    """
    shades = (grey > 0) & (grey < grey.max(initial=0))
    return THRESHOLD if shades.any() else 0


def binary(picture: Image.Image, path: Path) -> np.ndarray:
    """Return UNNAMED where a black and white mask is foreground, else 0, uint8 [H, W] (S4, MS3)."""
    grey = grey_values(picture, path)
    return np.where(grey > foreground_level(grey), np.uint8(UNNAMED), np.uint8(0))


def indices(picture: Image.Image, path: Path) -> np.ndarray:
    """Return a mask whose pixels are class indices, uint8 [H, W] (AVSS, labels_semantic).

    255, which many tools write at borders and for crowds, becomes IGNORED.
    """
    if picture.mode not in ("L", "P"):
        return colours(picture, path)
    classes = np.asarray(picture)
    void = classes == VOID
    if (top := int(np.where(void, 0, classes).max(initial=0))) >= len(CLASSES):
        raise DatasetError(
            f"{path} has the class index {top}; expected 0 to {len(CLASSES) - 1}, or {VOID} "
            f"for pixels to ignore. {ADVICE}"
        )
    return np.where(void, np.uint8(IGNORED), classes)


def colours(picture: Image.Image, path: Path) -> np.ndarray:
    """Return the class indices of a mask in AVSBench's colours, uint8 [H, W] (AVSS, labels_rgb)."""
    rgb = _rgb(picture, path)
    classes = _class_of_colour()[_code(rgb)]
    if (unknown := classes == UNNAMED).any():
        first, count = tuple(rgb[unknown][0].tolist()), int(unknown.sum())
        raise DatasetError(
            f"{path} has the colour {first} ({count} pixels), which is not one of AVSBench's 71. {ADVICE}"
        )
    return classes


DECODE: dict[str, Callable[[Image.Image, Path], np.ndarray]] = {
    "binary": binary,
    "index": indices,
    "colours": colours,
}


def fit(pixels: np.ndarray, size: tuple[int, int], smooth: bool) -> np.ndarray:
    """Return an image [H, W, ...] at size (height, width); smooth=False, for masks: nearest neighbour."""
    if pixels.shape[:2] == size:
        return pixels
    resampling = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], resampling))


def _rgb(picture: Image.Image, path: Path) -> np.ndarray:
    try:
        return np.asarray(picture.convert("RGB"))
    except ValueError:
        raise DatasetError(
            f"{path} has pixels of kind {picture.mode}; expected 8 bits of grey or colour. {ADVICE}"
        ) from None


def _code(rgb: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(rgb.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


@cache
def _class_of_colour() -> np.ndarray:
    """Return the class index of every colour, UNNAMED for all but these and VOID's, uint8 [2^24]."""
    table = np.full(1 << 24, UNNAMED, np.uint8)
    table[_code(np.array([VOID_COLOUR]))] = IGNORED
    table[_code(PALETTE)] = np.arange(len(PALETTE))
    return table


def read_wav(path: Path) -> np.ndarray:
    """Return the audio of a WAV file, float32 [samples], the mean of its channels at 16 kHz.

    Any rate, any number of channels; PCM of 8, 16, 24 or 32 bits, float, mu-law or A-law. Python's own `wave`
    refuses most of these. Raises DatasetError if the file is missing, damaged or not a WAV file.
    """
    return _at_rate(*_wav_channels(path))


def channels_cancel(path: Path) -> bool:
    """Return whether the mean of a WAV file's channels is silent though a channel is not."""
    channels, _ = _wav_channels(path)
    return bool(channels.any()) and not channels.mean(1, dtype=np.float32).any()


def _at_rate(channels: np.ndarray, rate: int) -> np.ndarray:
    mono = channels.mean(1, dtype=np.float32)
    return resampled(mono, rate)


def _wav_channels(path: Path) -> tuple[np.ndarray, int]:
    """Return the samples of a WAV file, float32 [samples, channels], and its rate."""
    path = _regular(find_file(path, SOUND), MAX_WAV_BYTES)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}. {ADVICE}") from None
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise DatasetError(f"{path} is not a WAV file. {ADVICE}")
    chunks = _chunks(data)
    fmt = chunks.get(b"fmt ", b"")
    if len(fmt) < 16 or b"data" not in chunks:
        raise DatasetError(f"{path} is a damaged WAV file: its data or its format is missing. {ADVICE}")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if kind == 0xFFFE and len(fmt) >= 26:  # "extensible": the kind follows further down
        kind = struct.unpack_from("<H", fmt, 24)[0]
    if (kind, bits) not in _NUMBERS or not channels or not rate:
        raise DatasetError(
            f"{path} has samples of kind {kind} with {bits} bits; expected PCM, float, mu-law or A-law. "
            f"{ADVICE}"
        )
    whole = len(chunks[b"data"]) // (channels * bits // 8) * (channels * bits // 8)
    samples = _NUMBERS[kind, bits](chunks[b"data"][:whole])
    if not len(samples):
        raise DatasetError(f"{path} contains no samples. {ADVICE}")
    return np.nan_to_num(samples.reshape(-1, channels), posinf=0.0, neginf=0.0), rate


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a RIFF file by name; the last may be truncated or have a wrong length.

    Recorders that are switched off, and programs that write into a pipe, leave the lengths at zero: then the
    samples extend to the end of the file.
    """
    chunks: dict[bytes, bytes] = {}
    at, unfinished = 12, struct.unpack_from("<I", data, 4)[0] == 0
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"data" and unfinished and not length:
            length = len(data)
        chunks.setdefault(name, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return chunks


def _pcm24(data: bytes) -> np.ndarray:
    padded = np.zeros((len(data) // 3, 4), np.uint8)
    padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return padded.view("<i4")[:, 0] / np.float32(2**31)


@cache
def _mu_law() -> np.ndarray:
    """Return the sample of every mu-law byte, float32 [256] (ITU-T G.711)."""
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 15) << 3) + 132 << (code >> 4 & 7)) - 132
    return (np.where(code & 128, -magnitude, magnitude) / 2**15).astype(np.float32)


@cache
def _a_law() -> np.ndarray:
    """Return the sample of every A-law byte, float32 [256] (ITU-T G.711)."""
    code = np.arange(256) ^ 0x55
    segment, step = code >> 4 & 7, ((code & 15) << 4) + 8
    magnitude = np.where(segment, step + 256 << np.maximum(segment - 1, 0), step)
    return (np.where(code & 128, magnitude, -magnitude) / 2**15).astype(np.float32)


_NUMBERS: dict[tuple[int, int], Callable[[bytes], np.ndarray]] = {
    (1, 8): lambda data: (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128,
    (1, 16): lambda data: np.frombuffer(data, "<i2").astype(np.float32) / 2**15,
    (1, 24): _pcm24,
    (1, 32): lambda data: np.frombuffer(data, "<i4").astype(np.float32) / 2**31,
    (3, 32): lambda data: np.frombuffer(data, "<f4"),
    (3, 64): lambda data: np.frombuffer(data, "<f8"),
    (6, 8): lambda data: _a_law()[np.frombuffer(data, np.uint8)],
    (7, 8): lambda data: _mu_law()[np.frombuffer(data, np.uint8)],
}
