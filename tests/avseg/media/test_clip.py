import io
import math
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import avseg.media.clip
from avseg.errors import ClipError
from avseg.media.clip import (
    Clip,
    VideoReader,
    fit_sound,
    frame_count,
    frame_times,
    read_clip,
    read_sound,
)
from tests.support.media import LOSSLESS, REAL_CLIPS, SINE, counting, ffmpeg, halves, number_of

RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    """5 s at 10 pictures per second, 96x64, a 440 Hz tone."""
    return counting(folder / "plain.mp4")


def numbers(clip: Clip) -> list[int]:
    return [number_of(frame) for frame in clip.frames]


def texts(clip: Clip) -> list[str]:
    return [str(notice) for notice in clip.notices]


def onset(waveform: np.ndarray) -> float:
    return float(np.argmax(np.abs(waveform) > 0.02)) / RATE


# --- how many frames, and when


@pytest.mark.parametrize(
    ("seconds", "count"),
    [(0.05, 1), (0.9, 1), (4.8, 4), (4.815, 5), (5.0, 5), (5.775, 5), (9.62, 9), (10.0, 10), (60.0, 60)],
)
def test_one_frame_per_second_with_the_slack_of_the_released_windows(seconds: float, count: int):
    assert frame_count(seconds, 1) == count


@pytest.mark.parametrize(
    ("seconds", "fps", "count"), [(5, 2, 10), (5, 0.2, 1), (5.02, 2, 10), (1, 30, 30), (0.3, 4, 1)]
)
def test_other_rates_count_the_moments_within_the_clip(seconds: float, fps: float, count: int):
    times = frame_times(seconds, fps)
    assert len(times) == count
    assert times[0] == min(0.5 / fps, seconds)
    assert np.all(times <= seconds)


def test_the_released_moment_is_the_last_sixteenth_of_each_second():
    assert frame_times(5.0, 1).tolist() == [0.9375, 1.9375, 2.9375, 3.9375, 4.9375]


# --- a plain file


def test_plain_clip(plain: Path):
    clip = read_clip(plain)
    assert clip.frames.shape == (5, 64, 96, 3) and clip.frames.dtype == np.uint8
    assert clip.size == (64, 96)
    assert (clip.name, clip.path, clip.start, clip.fps) == ("plain.mp4", plain, 0.0, 1.0)
    assert clip.duration == pytest.approx(5.0)
    assert len(clip.waveform) == 5 * RATE and clip.waveform.dtype == np.float32
    assert clip.has_sound and clip.notices == () and not clip.truncated
    assert clip.source_rate == pytest.approx(10)
    assert numbers(clip) == [9, 19, 29, 39, 49]


def test_tone_has_its_frequency(plain: Path):
    spectrum = np.abs(np.fft.rfft(read_clip(plain).waveform[RATE : 2 * RATE]))
    assert np.argmax(spectrum) == 440


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(2, [2, 7, 12, 17, 22, 27, 32, 37, 42, 47]), (0.5, [10, 30]), (0.2, [25]), (10, list(range(50)))],
)
def test_frames_are_taken_by_time(plain: Path, fps: float, expected: list[int]):
    assert numbers(read_clip(plain, fps=fps)) == expected


def test_more_frames_than_pictures_repeats_pictures(plain: Path):
    clip = read_clip(plain, fps=30, seconds=1)
    assert len(clip.frames) == 30
    assert numbers(clip) == [i // 3 for i in range(30)]


def test_a_range_gives_the_same_pictures_and_sound_as_the_whole(plain: Path):
    whole, part = read_clip(plain, fps=2), read_clip(plain, fps=2, start=1.5, seconds=2)
    assert part.times.tolist() == [0.25, 0.75, 1.25, 1.75]
    assert numbers(part) == numbers(whole)[3:7]
    assert part.start == 1.5 and part.duration == 2
    np.testing.assert_allclose(part.waveform, whole.waveform[24_000:56_000], atol=2e-3)
    assert part.truncated and texts(part) == ["The file is longer: only 2 s from 1.5 s on are used."]


def test_a_range_far_into_the_file_knows_the_picture_that_stands(folder: Path):
    path = counting(folder / "slow.mp4", seconds=20, rate=0.5)
    clip = read_clip(path, fps=1, start=13, seconds=3)
    assert numbers(clip) == [6, 7, 7]


def test_the_first_part_is_used_when_the_file_is_longer(plain: Path):
    clip = read_clip(plain, seconds=3)
    assert len(clip.frames) == 3 and len(clip.waveform) == 3 * RATE
    assert clip.truncated and texts(clip) == ["The file is longer: only its first 3 s are used."]


def test_a_start_past_the_end_is_an_error(plain: Path):
    with pytest.raises(ClipError, match=r"no frames after 9 s \(its header says 5\.0 s\)"):
        read_clip(plain, start=9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fps": 0.1},
        {"fps": 31},
        {"fps": math.nan},
        {"start": -1},
        {"start": math.inf},
        {"seconds": 0},
        {"seconds": 1e6},
    ],
)
def test_impossible_numbers(plain: Path, wrong: dict[str, float]):
    with pytest.raises(ClipError, match="choose"):
        read_clip(plain, **wrong)


# --- shapes, containers, sound


def test_working_size_is_bounded_and_even(folder: Path):
    path = counting(folder / "wide.mp4", seconds=0.3, size=(361, 1283))
    clip = read_clip(path)
    assert clip.size == (361, 1283)
    assert clip.frames.shape == (1, 180, 640, 3)


def test_many_frames_are_kept_smaller_and_it_is_said(plain: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(avseg.media.clip, "FRAME_BYTES", 3 * 48 * 32 * 13)
    clip = read_clip(plain, fps=2, seconds=5)
    assert clip.frames.shape == (10, 32, 48, 3) and clip.size == (64, 96)
    assert texts(clip) == [
        "So many frames fit into memory only at 48x32 pixels; a shorter range gives finer masks."
    ]


def test_a_very_short_clip_takes_its_last_picture(folder: Path):
    clip = read_clip(counting(folder / "short.mp4", seconds=0.3))
    assert numbers(clip) == [2]
    assert clip.times.tolist() == [clip.duration] == [pytest.approx(0.3)]
    assert len(clip.waveform) == 4800


def test_a_last_frame_past_the_last_picture_takes_it(folder: Path):
    clip = read_clip(counting(folder / "almost.mp4", seconds=1.9))
    assert numbers(clip) == [9, 18]


@pytest.mark.parametrize("degrees", [90, 180])
def test_rotation_is_honoured(folder: Path, degrees: int):
    upright = folder / "halves.mp4"
    if not upright.exists():
        halves(upright)
    path = folder / f"rotated{degrees}.mp4"
    ffmpeg("-display_rotation", str(degrees), "-i", upright, "-c", "copy", path)
    clip = read_clip(path)
    assert clip.size == ((64, 96) if degrees == 180 else (96, 64))
    edges = {90: np.s_[:, :16], 180: np.s_[-16:]}
    assert clip.frames[0][edges[degrees]].mean() > 240
    assert 100 < clip.frames[0].mean() < 155
    assert next(VideoReader(clip).pictures())[edges[degrees]].mean() > 240


def test_webm_without_a_duration(folder: Path):
    path = folder / "browser.webm"
    source = f"{SINE}:duration=2"
    options = ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-live", "1", "-f", "webm"]
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=2", "-f", "lavfi", "-i", source, *options, path)
    clip = read_clip(path)
    assert len(clip.frames) == 2 and clip.duration == pytest.approx(2, abs=0.11)
    assert clip.has_sound and np.abs(clip.waveform).max() > 0.05


@pytest.mark.parametrize("ending", ["avi", "ts", "flv"])
def test_other_containers(folder: Path, plain: Path, ending: str):
    codecs = ["-c:v", "flv1", "-q:v", "2", "-c:a", "mp3"] if ending == "flv" else ["-c", "copy"]
    path = folder / f"other.{ending}"
    ffmpeg("-i", plain, *codecs, path)
    clip = read_clip(path)
    np.testing.assert_allclose(numbers(clip), [9, 19, 29, 39, 49], atol=1)
    assert clip.has_sound and clip.duration == pytest.approx(5, abs=0.11)


def test_animated_gif(folder: Path):
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=2", folder / "moving.gif")
    clip = read_clip(folder / "moving.gif")
    assert len(clip.frames) == 2 and not clip.has_sound


def test_without_sound(folder: Path):
    clip = read_clip(counting(folder / "silent.mp4", seconds=2, sound=None))
    assert not clip.has_sound and not clip.waveform.any() and len(clip.waveform) == 2 * RATE
    assert texts(clip) == ["No audio track: the model gets silence."]


def test_a_silent_track_is_said_to_be_silent(folder: Path):
    clip = read_clip(counting(folder / "zero.mp4", seconds=1, sound="anullsrc"))
    assert clip.has_sound and texts(clip) == ["The audio track contains only silence."]


@pytest.mark.parametrize("ending", ["mp4", "ts"])
def test_sound_that_starts_late_stays_late(folder: Path, ending: str):
    path = folder / f"late.{ending}"
    if not path.exists():
        first = counting(folder / "quiet.mp4", seconds=4, sound=None)
        tone = ["-itsoffset", "2", "-f", "lavfi", "-t", "1.5", "-i", SINE]
        ffmpeg("-i", first, *tone, "-c:v", "copy", "-c:a", "aac", path)
    clip = read_clip(path)
    assert onset(clip.waveform) == pytest.approx(2.0, abs=0.03)
    assert not clip.waveform[int(3.6 * RATE) :].any()
    assert onset(read_clip(path, start=1.0).waveform) == pytest.approx(1.0, abs=0.03)
    assert numbers(clip) == [9, 19, 29, 39]


def test_sound_that_is_no_number_becomes_silence(folder: Path):
    waveform = (0.5 * np.sin(np.arange(2 * RATE) / 5)).astype("<f4")
    waveform[RATE // 2 : RATE] = np.nan
    waveform[RATE] = np.inf
    waveform[RATE + 1] = 30.0
    (folder / "nan.f32").write_bytes(waveform.tobytes())
    raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", folder / "nan.f32"]
    picture = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=2"]
    ffmpeg(*picture, *raw, *LOSSLESS, "-c:a", "pcm_f32le", folder / "nan.mov")
    clip = read_clip(folder / "nan.mov")
    assert np.isfinite(clip.waveform).all() and np.abs(clip.waveform).max() <= 1
    assert not clip.waveform[RATE // 2 : RATE].any()
    np.testing.assert_allclose(clip.waveform[: RATE // 2], waveform[: RATE // 2], atol=1e-5)


def test_short_sound_is_padded_and_long_sound_trimmed(folder: Path):
    one = counting(folder / "one.mp4", seconds=1)
    ffmpeg(
        "-i",
        one,
        "-f",
        "lavfi",
        "-t",
        "3",
        "-i",
        SINE,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c:v",
        "copy",
        folder / "long.mp4",
    )
    clip = read_clip(folder / "long.mp4")
    assert clip.duration == pytest.approx(1.0) and len(clip.waveform) == RATE
    assert fit_sound(np.ones(3), 0.001).tolist() == [1, 1, 1] + [0] * 13


@pytest.mark.parametrize(
    "name", ["-dash.mp4", "a|b.mp4", "two words.mp4", "concat:x.mp4", "%03d.mp4", "ü 'quote'.mp4"]
)
def test_awkward_names(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    one = folder / "name.mp4"
    if not one.exists():
        counting(one, seconds=1)
    (folder / name).write_bytes(one.read_bytes())
    monkeypatch.chdir(folder)
    assert len(read_clip(name).frames) == 1


def test_a_picture_size_that_changes_on_the_way(folder: Path):
    small = counting(folder / "small.ts", seconds=2, options=("-g", "1"))
    large = counting(
        folder / "large.ts", seconds=2, size=(128, 160), options=("-g", "1", "-output_ts_offset", "2")
    )
    (folder / "change.ts").write_bytes(small.read_bytes() + large.read_bytes())
    clip = read_clip(folder / "change.ts")
    assert clip.size == (64, 96)
    np.testing.assert_allclose(numbers(clip), [9, 19, 9, 19], atol=1)


def test_variable_rate(folder: Path):
    path = folder / "variable.mkv"
    source = "color=c=black:s=96x64:r=10:d=4,format=yuv444p,geq=lum=16+2*N:cb=128:cr=128"
    chain = "select='lt(t,1)+eq(n,25)+gte(t,3)'"
    ffmpeg("-f", "lavfi", "-i", source, "-vf", chain, "-fps_mode", "vfr", *LOSSLESS, path)
    assert numbers(read_clip(path, fps=2)) == [2, 7, 9, 9, 9, 25, 32, 37]


# --- sound files


@pytest.mark.parametrize("ending", ["wav", "mp3", "m4a", "ogg", "mp4"])
def test_sound_files(folder: Path, plain: Path, ending: str):
    path = folder / f"tone.{ending}"
    picture = ["-i", plain, "-map", "0:v", "-map", "1:a"] if ending == "mp4" else []
    codec = ["-c:a", "libopus"] if ending == "ogg" else []
    ffmpeg(*picture[:2], "-f", "lavfi", "-t", "2", "-i", SINE, *picture[2:], *codec, path)
    waveform = read_sound(path, seconds=1)
    assert waveform.dtype == np.float32 and abs(len(waveform) - RATE) < 200
    assert np.argmax(np.abs(np.fft.rfft(waveform, RATE))) == pytest.approx(440, abs=1)


def test_a_sound_that_is_not_there(folder: Path):
    path = counting(folder / "mute.mp4", seconds=0.5, sound=None)
    with pytest.raises(ClipError, match="no readable audio track"):
        read_sound(path)
    with pytest.raises(ClipError, match="does not exist"):
        read_sound(folder / "missing.wav")


# --- which frame of the file each frame is

BFRAMES = ("-preset", "fast", "-bf", "3", "-g", "12")


def test_every_frame_names_its_frame_of_the_file(folder: Path):
    reordered = counting(folder / "b-frames.mp4", seconds=9, rate=12, options=BFRAMES)
    video = ["-map", "0:v", "-c", "copy"]
    ffmpeg("-i", reordered, *video, folder / "no times.avi")
    ffmpeg("-i", reordered, *video, "-output_ts_offset", "4", folder / "late.ts")
    # Three frames in four are dropped in the second half, and their times kept.
    uneven = ["-vf", "select='lt(t,4.5)+not(mod(n,4))'", "-fps_mode", "vfr", *LOSSLESS, "-an"]
    ffmpeg("-i", reordered, *uneven, folder / "uneven.mp4")
    for path in (reordered, folder / "no times.avi", folder / "late.ts", folder / "uneven.mp4"):
        every = read_clip(path, fps=24, seconds=20)  # each frame of the file at least once
        shown = dict(zip(map(number_of, every.frames), every.source_frames.tolist(), strict=True))
        assert sorted(set(shown.values())) == list(range(len(shown)))
        for fps, start in ((1, 0), (4, 0.3), (1, 5.5), (3, 7.2)):
            clip = read_clip(path, fps=fps, start=start, seconds=2)
            numbers = [number_of(frame) for frame in clip.frames]
            assert clip.source_frames.tolist() == [shown[number] for number in numbers], (
                path.name,
                fps,
                start,
            )
            np.testing.assert_allclose(clip.source_times, np.array(numbers) / 12, atol=2e-3)
            samples = [number_of(sample) for sample in VideoReader(clip).samples()]
            assert samples == numbers


def test_a_source_that_was_deleted_is_an_error(folder: Path):
    clip = read_clip(counting(folder / "deleted.mp4", seconds=1))
    clip.path.unlink()
    for pictures in (VideoReader(clip).pictures(), VideoReader(clip).samples()):
        with pytest.raises(ClipError, match=r"deleted\.mp4 does not exist"):
            next(pictures)


# --- the pictures for the overlay


def test_reader_streams_every_picture_of_the_range(plain: Path):
    reader = VideoReader(read_clip(plain, start=1, seconds=2))
    assert (reader.size, reader.rate, reader.count, reader.source_rate) == (
        (64, 96),
        10,
        20,
        pytest.approx(10),
    )
    assert [number_of(picture) for picture in reader.pictures()] == list(range(10, 30))


def test_reader_halves_high_rates_and_never_falls_below_the_clips(folder: Path):
    fast = counting(folder / "fast60.mp4", seconds=1, rate=60)
    reader = VideoReader(read_clip(fast))
    assert reader.rate == 30 and reader.count == 30
    assert [number_of(picture) for picture in reader.pictures()][:3] == [1, 3, 5]
    slow = counting(folder / "slow1.mp4", seconds=3, rate=1)
    assert VideoReader(read_clip(slow, fps=4)).rate == 4


def test_reader_makes_odd_sizes_even_and_bounds_large_ones(folder: Path):
    clip = read_clip(counting(folder / "odd.mp4", seconds=0.2, size=(41, 63)))
    assert clip.size == (41, 63)
    assert next(VideoReader(clip).pictures()).shape == (40, 62, 3)
    assert VideoReader(clip, long_side=32).size == (20, 32)


def test_reader_stops_when_it_is_closed(plain: Path):
    pictures = VideoReader(read_clip(plain)).pictures()
    before = threading.active_count()
    next(pictures)
    pictures.close()
    time.sleep(0.2)
    assert threading.active_count() <= before


# --- real clips, where they are

SLOW = pytest.mark.slow
REAL = [
    pytest.param("vas_puppy_bark.mp4", 6, (224, 398), True),
    pytest.param("vgg_canary_cage.mp4", 10, (360, 480), True, marks=SLOW),
    pytest.param("vgg_harp.mp4", 10, (360, 480), True, marks=SLOW),
    pytest.param("vgg_baby_cry.mp4", 10, (240, 320), True, marks=SLOW),
    pytest.param("avsb_ms3_violin_guitar.mp4", 5, (360, 640), True),
    pytest.param("difffoley_drag_car.mp4", 10, (360, 640), True, marks=SLOW),
    pytest.param("imageio_cockatoo_yuv444.mp4", 14, (720, 1280), False, marks=SLOW),
    pytest.param("rot90_ios9_short.mov", 1, (1280, 720), True),
    pytest.param("no_duration_vp9_opus.webm", 5, (720, 1280), False),
    pytest.param("vfr_awesome movie.mov", 7, (480, 640), True),
]


@pytest.mark.skipif(not REAL_CLIPS.is_dir(), reason="no real clips beside the project")
@pytest.mark.parametrize(("name", "count", "size", "audible"), REAL)
def test_real_clips(name: str, count: int, size: tuple[int, int], audible: bool):
    clip = read_clip(REAL_CLIPS / name)
    assert len(clip.frames) == len(clip.times) == count
    assert clip.size == size and max(clip.frames.shape[1:3]) <= 640
    assert len(clip.waveform) == round(clip.duration * RATE)
    assert clip.has_sound and clip.waveform.any() == audible
    assert clip.frames.std() > 1


@pytest.mark.parametrize("said", [b"", b"P6\n", b"P6\n4", b"P6\n4 2\n255\n", b"P6\n4 2\n255\n" + bytes(23)])
def test_a_picture_that_was_cut_short_is_none(said: bytes):
    stream = io.BytesIO(said)
    child = SimpleNamespace(read=stream.read, read_line=stream.readline)
    assert avseg.media.clip._next_ppm(child) is None
