"""Reads the files of AVSBench: images, masks and WAV files; errors say what is wrong with a file."""

import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torchaudio.functional as AF
from PIL import Image

from avseg.data.labels import CLASSES, PALETTE
from avseg.data.samples import UNNAMED
from avseg.errors import DatasetError
from avseg.media.audio import SAMPLE_RATE

ADVICE = "`python -m avseg check` with the data folder lists every such file."
# What Pillow raises, depending on where a file is damaged.
_DAMAGED = (OSError, SyntaxError, ValueError, struct.error, zlib.error, Image.DecompressionBombError)
THRESHOLD = 127  # a mask's pixel above it is foreground; PIL's own conversion to two values dithers


def read_picture(path: Path) -> Image.Image:
    """Return a decoded PNG or JPEG image; raises DatasetError if it is missing, damaged or neither."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            picture.load()
            return picture
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {ADVICE}") from None
    except Image.UnidentifiedImageError:
        raise DatasetError(f"{path} is not an image; expected a PNG or JPEG file. {ADVICE}") from None
    except _DAMAGED as error:
        raise DatasetError(f"{path} is a damaged image ({error}). {ADVICE}") from None


def picture_size(path: Path) -> tuple[int, int]:
    """Return (height, width) of an image without decoding it; raises DatasetError as `read_picture`."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            return picture.height, picture.width
    except _DAMAGED:
        read_picture(path)  # raises the error that describes the damage
        raise


def binary(picture: Image.Image, path: Path) -> np.ndarray:
    """Return UNNAMED where a black and white mask is foreground, else 0, uint8 [H, W] (S4, MS3)."""
    grey = np.asarray(picture) if picture.mode == "L" else _rgb(picture, path).max(-1)
    return np.where(grey > THRESHOLD, np.uint8(UNNAMED), np.uint8(0))


def indices(picture: Image.Image, path: Path) -> np.ndarray:
    """Return a mask whose pixels are class indices, uint8 [H, W] (AVSS, labels_semantic)."""
    if picture.mode not in ("L", "P"):
        return colours(picture, path)
    classes = np.asarray(picture)
    if (top := int(classes.max())) >= len(CLASSES):
        raise DatasetError(f"{path} has the class index {top}; expected 0 to {len(CLASSES) - 1}. {ADVICE}")
    return classes


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
    """Return the class index of every colour, UNNAMED for all but 71, uint8 [2^24]."""
    table = np.full(1 << 24, UNNAMED, np.uint8)
    table[_code(PALETTE)] = np.arange(len(PALETTE))
    return table


def read_wav(path: Path) -> np.ndarray:
    """Return the audio of a WAV file, float32 [samples], the mean of its channels at 16 kHz.

    Any rate, any number of channels; PCM of 8, 16, 24 or 32 bits, or float. Python's own `wave` refuses
    float, and before 3.12 also the usual headers of 24 bits. Raises DatasetError if the file is missing,
    damaged or not a WAV file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (
            "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        )
        raise DatasetError(f"{path} {reason}. {ADVICE}") from None
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
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
            f"{path} has samples of kind {kind} with {bits} bits; expected PCM or float. {ADVICE}"
        )
    whole = len(chunks[b"data"]) // (channels * bits // 8) * (channels * bits // 8)
    samples = _NUMBERS[kind, bits](chunks[b"data"][:whole])
    mono = samples.reshape(-1, channels).mean(1, dtype=np.float32)
    mono = np.nan_to_num(mono, posinf=0.0, neginf=0.0)
    if not len(mono):
        raise DatasetError(f"{path} contains no samples. {ADVICE}")
    return AF.resample(torch.from_numpy(mono), rate, SAMPLE_RATE).numpy() if rate != SAMPLE_RATE else mono


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a RIFF file by name; the last may be truncated or have a wrong length."""
    chunks, at = {}, 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        chunks.setdefault(name, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return chunks


def _pcm24(data: bytes) -> np.ndarray:
    padded = np.zeros((len(data) // 3, 4), np.uint8)
    padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return padded.view("<i4")[:, 0] / np.float32(2**31)


_NUMBERS: dict[tuple[int, int], Callable[[bytes], np.ndarray]] = {
    (1, 8): lambda data: (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128,
    (1, 16): lambda data: np.frombuffer(data, "<i2").astype(np.float32) / 2**15,
    (1, 24): _pcm24,
    (1, 32): lambda data: np.frombuffer(data, "<i4").astype(np.float32) / 2**31,
    (3, 32): lambda data: np.frombuffer(data, "<f4"),
    (3, 64): lambda data: np.frombuffer(data, "<f8"),
}
