import os
import struct
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from avseg.errors import ClipError
from avseg.media.clip import VideoReader, read_clip, read_sound
from avseg.media.decode import Limits, checked_file
from avseg.predict import audio_for
from tests.support.media import SINE, counting, ffmpeg, number_of

RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    """5 s at 10 pictures per second, 96x64, a 440 Hz tone."""
    return counting(folder / "plain.mp4")


def refused(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(ClipError) as caught:
        read_clip(path, limits=limits)
    message = str(caught.value)
    assert path.name in message and message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"Dear diary,\n" * 50, "text"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nplain.ts\n#EXT-X-ENDLIST\n", "a playlist"),
        (b"ffconcat version 1.0\nfile plain.mp4\n", "a playlist"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "a web page or an SVG"),
    ],
)
def test_text_is_refused(folder: Path, plain: Path, content: bytes, kind: str):
    if not (folder / "plain.ts").exists():
        ffmpeg("-i", plain, "-c", "copy", folder / "plain.ts")
    for ending in ("mp4", "ts"):
        path = folder / f"text.{ending}"
        path.write_bytes(content)
        assert f"looks like {kind}" in refused(path)


def test_playlists_do_not_open_their_media_even_under_their_own_name(folder: Path, plain: Path):
    ffmpeg("-i", plain, "-c", "copy", folder / "segment.ts")
    path = folder / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nsegment.ts\n#EXT-X-ENDLIST\n")
    assert "a playlist" in refused(path)
    with pytest.raises(ClipError):
        read_sound(path)


def test_a_still_picture_is_refused(folder: Path):
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64", "-frames:v", "1", folder / "still.png")
    (folder / "still.mp4").write_bytes((folder / "still.png").read_bytes())
    assert "looks like an image" in refused(folder / "still.mp4")


def test_sound_only_is_refused(folder: Path):
    ffmpeg("-f", "lavfi", "-t", "1", "-i", SINE, folder / "only.mp4")
    assert "no video track" in refused(folder / "only.mp4")


def test_cover_art_is_no_moving_picture(folder: Path):
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64", "-frames:v", "1", folder / "cover.png")
    inputs = ["-f", "lavfi", "-t", "1", "-i", SINE, "-i", folder / "cover.png", "-map", "0", "-map", "1"]
    ffmpeg(*inputs, "-c:v", "copy", "-disposition:v:0", "attached_pic", folder / "cover.m4a")
    assert "no video track" in refused(folder / "cover.m4a")


def test_a_cut_file_without_its_index(folder: Path, plain: Path):
    data = plain.read_bytes()
    (folder / "cut.mp4").write_bytes(data[: len(data) // 2])
    assert "is incomplete" in refused(folder / "cut.mp4")


def test_a_cut_file_with_its_index_is_used_as_far_as_it_goes(folder: Path, plain: Path):
    ffmpeg("-i", plain, "-c", "copy", "-movflags", "+faststart", folder / "fast.mp4")
    data = (folder / "fast.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(data[: int(len(data) * 0.6)])
    clip = read_clip(folder / "half.mp4")
    assert 0.5 < clip.duration < 4.5 and len(clip.waveform) == round(clip.duration * RATE)
    assert any(n.code == "ends-early" and "header says 5.0 s" in n.text for n in clip.notices)


def test_files_that_are_no_files(folder: Path, plain: Path):
    assert "does not exist" in refused(folder / "missing.mp4")
    (folder / "empty.mp4").touch()
    assert "empty" in refused(folder / "empty.mp4")
    (folder / "folder.mp4").mkdir()
    assert "is a folder" in refused(folder / "folder.mp4")
    (folder / "link.mp4").symlink_to(plain)
    assert checked_file(folder / "link.mp4", Limits()).name == "link.mp4"  # hub caches are made of links
    (folder / "dangling.mp4").symlink_to(folder / "nothing")
    assert "does not exist" in refused(folder / "dangling.mp4")
    os.mkfifo(folder / "pipe.mp4")
    assert "not a regular file" in refused(folder / "pipe.mp4")


def test_file_size_limit(plain: Path):
    assert "the limit is" in refused(plain, Limits(file_bytes=1000))


def test_pixel_limit(folder: Path):
    path = counting(folder / "large.mp4", seconds=0.2, size=(512, 512))
    assert "512x512 pixels" in refused(path, Limits(pixels=500 * 500))
    assert len(read_clip(path, limits=Limits(pixels=640 * 640)).frames) == 1


def test_waiting_limit_ends_the_child(folder: Path):
    path = folder / "heavy.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=3", "-c:v", "libx264", "-preset", "ultrafast", path
    )
    before, began = threading.active_count(), time.monotonic()
    assert "longer than 0.02 s to decode" in refused(path, Limits(wait_seconds=0.02))
    assert time.monotonic() - began < 2
    time.sleep(0.2)
    assert threading.active_count() <= before


def test_a_track_of_an_unknown_kind_does_not_take_the_picture_with_it(folder: Path, plain: Path):
    ffmpeg("-i", plain, "-c", "copy", folder / "known.mkv")
    content = bytearray((folder / "known.mkv").read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    rate = content.index(b"\xb5\x88") + 2  # SamplingFrequency, 8 bytes
    content[rate : rate + 8] = bytes(8)
    path = folder / "unknown.mkv"
    path.write_bytes(content)
    clip = read_clip(path, seconds=2)
    assert [notice.code for notice in clip.notices] == ["audio-damaged", "truncated"]
    assert np.array_equal(clip.frames, read_clip(plain, seconds=2).frames)
    assert sum(1 for _ in VideoReader(clip).pictures()) == 20


def test_reserved_colour_tags_are_read_as_unknown(folder: Path, plain: Path):
    reserved = "mpeg2_metadata=colour_primaries=3:transfer_characteristics=3:matrix_coefficients=3"
    ffmpeg("-i", plain, "-an", "-c:v", "mpeg2video", "-q:v", "2", folder / "plain.m2v")
    ffmpeg("-i", folder / "plain.m2v", "-c", "copy", "-bsf:v", reserved, folder / "reserved.m2v")
    clip = read_clip(folder / "reserved.m2v", seconds=2)
    assert [number_of(frame) for frame in clip.frames] == [9, 19]
    assert sum(1 for _ in VideoReader(clip).pictures()) == 20


def test_an_odd_rotation_angle_keeps_every_frame(folder: Path, plain: Path):
    content = bytearray(plain.read_bytes())
    matrix, diagonal = content.index(b"tkhd") + 44, round(2**16 * 0.5**0.5)
    struct.pack_into(">9i", content, matrix, diagonal, diagonal, 0, -diagonal, diagonal, 0, 0, 0, 1 << 30)
    path = folder / "turned.mp4"
    path.write_bytes(content)
    clip = read_clip(path)
    assert len(clip.frames) == 5 and clip.duration == pytest.approx(5) and not clip.notices


def test_a_tone_that_looks_like_another_format_is_still_a_wav(folder: Path):
    path = folder / "tone.wav"
    tone = (32767 * np.sin(2 * np.pi * 2500 * np.arange(RATE) / RATE)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    assert len(read_sound(path)) == RATE


def test_channels_in_opposite_phase_are_said_and_offered(folder: Path, plain: Path):
    path = folder / "opposite.mp4"
    ffmpeg("-i", plain, "-c:v", "copy", "-af", "pan=stereo|c0=c0|c1=-1*c0", path)
    clip = read_clip(path)
    assert [notice.code for notice in clip.notices] == ["audio-cancelled"]
    assert np.abs(clip.waveform).max() < 0.01
    left, right = audio_for("left", clip), audio_for("right", clip)
    assert left.shape == clip.waveform.shape and np.abs(left).max() > 0.05
    assert np.abs(left + right).max() < 0.01
    with pytest.raises(ClipError, match="no right channel"):
        audio_for("right", read_clip(plain))
