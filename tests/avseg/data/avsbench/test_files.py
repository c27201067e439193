"""Masks of odd kinds, and WAV files of every kind that people have."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.data.avsbench.files import (
    VOID_COLOUR,
    binary,
    channels_cancel,
    colours,
    indices,
    picture_size,
    read_picture,
    read_wav,
)
from avseg.data.labels import PALETTE
from avseg.data.samples import IGNORED, UNNAMED
from avseg.errors import DatasetError
from avseg.media.audio import SAMPLE_RATE
from avseg.media.clip import read_sound
from tests.support.media import ffmpeg, sound_of


def say(channels: int, rate: int, kind: int, bits: int, samples: bytes, extensible: bool = False) -> bytes:
    """Return a WAV file with a needless chunk before its sound, as ffmpeg writes."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, channels, rate, rate * block, block, bits)
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, kind) + bytes(14)
    parts = [(b"fmt ", form), (b"LIST", b"odd"), (b"data", samples)]
    body = b"".join(n + struct.pack("<I", len(p)) + p + bytes(len(p) % 2) for n, p in parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def test_pictures_of_odd_kinds(tmp_path: Path):
    path = tmp_path / "mask.png"
    Image.fromarray(PALETTE[np.arange(71)][None]).save(path)
    assert colours(read_picture(path), path).tolist() == [list(range(71))]
    assert indices(read_picture(path), path).tolist() == [list(range(71))]
    with pytest.raises(DatasetError, match="class index 71"):
        indices(Image.new("L", (2, 2), 71), path)
    Image.new("I;16", (2, 2), 70).save(path)
    with pytest.raises(DatasetError, match=r"mask\.png"):
        indices(read_picture(path), path)


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("kind,bits", [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
def test_wav_of_every_kind(tmp_path: Path, rate: int, kind: int, bits: int):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    stereo = np.stack([1.5 * tone, 0.5 * tone], 1)  # their mean is the tone
    if kind == 3:
        samples = stereo.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        samples = (np.round(stereo * 127) + 128).astype(np.uint8).tobytes()
    else:
        whole = np.round(stereo * (2 ** (bits - 1) - 1)).astype("<i4")
        samples = np.ascontiguousarray(whole[..., None].view(np.uint8)[..., : bits // 8]).tobytes()
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    for extensible in (False, True):
        path = tmp_path / "tone.wav"
        path.write_bytes(say(2, rate, kind, bits, samples, extensible))
        heard = read_wav(path)
        assert heard.dtype == np.float32 and heard.shape == (SAMPLE_RATE,)
        middle = slice(200, -200)
        assert np.abs(heard[middle] - expected[middle]).max() < (0.02 if bits == 8 else 0.003)


def test_wav_that_cannot_be_read(tmp_path: Path):
    path = tmp_path / "sound.wav"
    whole = say(1, 16_000, 1, 16, bytes(3200))
    path.write_bytes(whole[:-1600].replace(struct.pack("<I", 3200), b"\xff\xff\xff\xff"))
    assert len(read_wav(path)) == 800  # cut, or a stream that did not know its length
    for content, words in (
        (b"ID3", "not a WAV"),
        (whole[:30], "damaged"),
        (say(1, 16_000, 85, 16, bytes(64)), "kind 85"),
        (say(1, 16_000, 1, 16, b""), "no samples"),
        (say(0, 16_000, 1, 16, bytes(64)), "kind 1"),
    ):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=words):
            read_wav(path)


@pytest.mark.parametrize("value", [1, 38, 255])
def test_any_other_value_than_black_is_foreground_in_a_mask_of_two_values(tmp_path: Path, value: int):
    mask = np.zeros((4, 4), np.uint8)
    mask[1:3] = value
    palette = Image.fromarray(mask, "P")
    palette.putpalette([0, 0, 0, *[40, 40, 40] * 255])
    for picture in (Image.fromarray(mask), palette):
        picture.save(tmp_path / "mask.png")
        path = tmp_path / "mask.png"
        assert np.array_equal(binary(read_picture(path), path), np.where(mask, UNNAMED, 0))
    full = Image.new("L", (2, 2), value)
    assert (binary(full, tmp_path) == UNNAMED).all()


def test_grey_masks_keep_the_threshold(tmp_path: Path):
    assert binary(Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)), tmp_path).tolist() == [
        [0, 0, UNNAMED, UNNAMED]
    ]


def test_void_pixels_are_ignored(tmp_path: Path):
    path = tmp_path / "mask.png"
    assert indices(Image.fromarray(np.array([[0, 70, 255]], np.uint8)), path).tolist() == [[0, 70, IGNORED]]
    coloured = np.array([[PALETTE[0], PALETTE[5], VOID_COLOUR]], np.uint8)
    assert colours(Image.fromarray(coloured), path).tolist() == [[0, 5, IGNORED]]


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_frames_and_masks_are_upright(tmp_path: Path, ending: str):
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = 255  # white on the right; turned by 90 degrees it is white below
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"frame.{ending}"
    Image.fromarray(pixels).save(path, exif=exif)
    upright = np.asarray(read_picture(path).convert("L"))
    assert upright.shape == (8, 4) == picture_size(path)
    assert upright[:3].max() < 60 and upright[5:].min() > 200


def test_pictures_and_sounds_that_are_no_files(tmp_path: Path):
    os.mkfifo(tmp_path / "frame.png")
    (tmp_path / "sound.wav").symlink_to("/dev/zero")
    for read, name in ((read_picture, "frame.png"), (picture_size, "frame.png"), (read_wav, "sound.wav")):
        with pytest.raises(DatasetError, match=rf"{name} cannot be read: it is not a regular file"):
            read(tmp_path / name)


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw"])
def test_companded_wav_is_what_ffmpeg_decodes(tmp_path: Path, codec: str):
    path = tmp_path / "sound.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000:duration=1", "-c:a", codec, path)
    assert np.array_equal(read_wav(path), sound_of(path))


def test_wav_of_a_recorder_that_was_switched_off(tmp_path: Path):
    path = tmp_path / "sound.wav"
    whole = say(1, 16_000, 1, 16, np.full(8000, 1000, "<i2").tobytes())
    whole = whole.replace(b"LIST\x03\x00\x00\x00odd\x00", b"")  # ffmpeg refuses so short a list
    at = whole.index(b"data") + 4
    path.write_bytes(whole[:4] + bytes(4) + whole[8:at] + bytes(4) + whole[at + 4 :])
    assert read_wav(path).shape == read_sound(path).shape == (8000,)
    path.write_bytes(b"RF64" + whole[4:])
    assert len(read_wav(path)) == 8000


def test_channels_in_opposite_phase(tmp_path: Path):
    path = tmp_path / "sound.wav"
    tone = np.arange(-800, 800, dtype="<i2")
    path.write_bytes(say(2, 16_000, 1, 16, np.stack([tone, -tone], 1).tobytes()))
    assert channels_cancel(path) and not read_wav(path).any()
    path.write_bytes(say(2, 16_000, 1, 16, bytes(6400)))
    assert not channels_cancel(path)
