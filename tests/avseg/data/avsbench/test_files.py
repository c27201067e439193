"""Masks of odd kinds, and WAV files of every kind that people have."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.data.avsbench.files import colours, indices, read_picture, read_wav
from avseg.data.labels import PALETTE
from avseg.errors import DatasetError
from avseg.media.audio import SAMPLE_RATE


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
