"""The files of AVSBench: pictures, masks and sound, each read as plain data or refused in words."""

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
THRESHOLD = 127  # a mask's pixel is foreground above it; PIL's own way to two values would dither


def read_picture(path: Path) -> Image.Image:
    """Return a PNG or JPEG picture, decoded; raises DatasetError when it is missing or is neither."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            picture.load()
            return picture
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {ADVICE}") from None
    except Image.UnidentifiedImageError:
        raise DatasetError(f"{path} is not a picture; expected a PNG or JPEG file. {ADVICE}") from None
    except _DAMAGED as error:
        raise DatasetError(f"{path} is a damaged picture ({error}). {ADVICE}") from None


def picture_size(path: Path) -> tuple[int, int]:
    """Return (height, width) of a picture without decoding it; raises DatasetError as `read_picture`."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            return picture.height, picture.width
    except _DAMAGED:
        read_picture(path)  # says what is the matter
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
    if (strange := classes == UNNAMED).any():
        first, count = tuple(rgb[strange][0].tolist()), int(strange.sum())
        raise DatasetError(
            f"{path} has the colour {first}, which is none of AVSBench's 71 ({count} such pixels). {ADVICE}"
        )
    return classes


DECODE: dict[str, Callable[[Image.Image, Path], np.ndarray]] = {
    "binary": binary,
    "index": indices,
    "colours": colours,
}


def fit(pixels: np.ndarray, size: tuple[int, int], smooth: bool) -> np.ndarray:
    """Return a picture [H, W, ...] at size (height, width); smooth=False, for masks, mixes no pixels."""
    if pixels.shape[:2] == size:
        return pixels
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], how))


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
    """Return the sound of a WAV file, float32 [samples], the mean of its channels at 16 kHz.

    Any rate, any number of channels; PCM of 8, 16, 24 or 32 bits, or float. Python's own `wave` refuses
    float, and before 3.12 also the usual headers of 24 bits. Raises DatasetError when it is missing, damaged
    or something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        words = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise DatasetError(f"{path} {words}. {ADVICE}") from None
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise DatasetError(f"{path} is not a WAV file. {ADVICE}")
    chunks = _chunks(data)
    form = chunks.get(b"fmt ", b"")
    if len(form) < 16 or b"data" not in chunks:
        raise DatasetError(f"{path} is a damaged WAV file: its sound or its form is missing. {ADVICE}")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if kind == 0xFFFE and len(form) >= 26:  # "extensible": the kind stands further down
        kind = struct.unpack_from("<H", form, 24)[0]
    if (kind, bits) not in _NUMBERS or not channels or not rate:
        raise DatasetError(
            f"{path} holds sound of kind {kind} with {bits} bits; expected PCM or float samples. {ADVICE}"
        )
    whole = len(chunks[b"data"]) // (channels * bits // 8) * (channels * bits // 8)
    samples = _NUMBERS[kind, bits](chunks[b"data"][:whole])
    mono = samples.reshape(-1, channels).mean(1, dtype=np.float32)
    mono = np.nan_to_num(mono, posinf=0.0, neginf=0.0)
    if not len(mono):
        raise DatasetError(f"{path} holds no samples. {ADVICE}")
    return AF.resample(torch.from_numpy(mono), rate, SAMPLE_RATE).numpy() if rate != SAMPLE_RATE else mono


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the parts of a RIFF file by name; the last one may be cut or say a length it does not have."""
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
