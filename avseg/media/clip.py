"""Clip: the frames and sound of a range of a media file, and functions that read one.

Times. At 1 frame per second a clip is sampled like the released data sets: frame i is taken at i + 15/16 s
(the data sets keep the last sixteenth of every second) and paired with the i-th 0.96 s patch of sound. At any
other rate frame i is taken at (i + 0.5) / fps and its 0.96 s patch is centred on that time.
"""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from avseg.arguments import is_number, printed
from avseg.errors import ClipError
from avseg.files import printable
from avseg.media.audio import SAMPLE_RATE, silence
from avseg.media.decode import SOUND_FORMATS, Child, Limits, Log, checked_file, explain

WORKING_SIDE = 640
FPS_RANGE = (0.2, 30.0)
MAX_SECONDS = 600.0  # seconds
UNASKED_SECONDS = 60.0  # of a longer file that are read where no range is asked for
LATEST_START = 1e6  # seconds; ffmpeg takes no larger numbers of microseconds
FRAME_BYTES = 1_250_000_000  # for all frames; a long clip at a high rate gets a smaller working size
RELEASED_TIME = 15 / 16  # s within every second, at 1 frame per second
# The released front end needs at least 4.815 s of sound for five patches, for the five frames of a 5 s clip.
RELEASED_SLACK = 0.185
LEAD = 5.0  # seconds decoded before a range, to know the frame that is visible when it begins
MARGIN = 1.0  # seconds decoded after a range, to know whether the file continues
CHANNELS = ("left", "right")
Channel = Literal["left", "right"]
QUIET_RMS = 0.03  # of a track whose channels are compared with their mean
CANCELLED = 10  # times louder than the mean is a channel that the others cancel
CANCELLED_TEXT = (
    "The channels of the sound cancel each other (opposite phase): their mean, which the model gets as in "
    "AVSBench, is nearly silent, though each channel is audible. The model can also get the left or the "
    "right channel alone (Sound on the page, --audio left in a command)."
)
TOLERANCE = 0.001  # s; a frame that begins within a millisecond counts as begun


@dataclass(frozen=True)
class Notice:
    """Something that the person who chose a file should know; `str(notice)` is the sentence."""

    code: str
    """no-audio, audio-damaged, audio-silent, audio-cancelled, truncated, ends-early, damaged, small-frames;
    unreadable for a part of a data set's clip."""
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Clip:
    """A decoded range of a media file."""

    name: str
    path: Path | None  # the media file; None for a clip that was made in memory
    frames: np.ndarray  # uint8 [T, h, w, 3] RGB, upright, long side at most 640 px, even
    waveform: np.ndarray  # float32 [round(duration * 16000)], mono, 16 kHz, within [-1, 1]
    times: np.ndarray  # float64 [T], seconds after `start`
    fps: float  # frames per second
    size: tuple[int, int]  # (height, width) of the upright source, pixels
    duration: float  # seconds
    start: float  # where the range begins in the file, seconds
    has_sound: bool  # the file has an audio track that decodes
    notices: tuple[Notice, ...] = ()
    source_rate: float = 0.0  # frames per second of the source; 0 if unknown
    pixel_aspect: float = 1.0  # width of a source pixel over its height
    remedies: tuple[str, ...] = ()  # of `avseg.media.decode.Child`, to decode the file again
    decode_seconds: float = 0.0  # duration of reading
    source_frames: np.ndarray | None = None  # int64 [T], number of each frame in the file, from 0
    source_times: np.ndarray | None = None  # float64 [T], seconds in the file at which that frame begins
    letterbox: bool = False  # models get the frames padded to a square, not stretched to one as released

    @property
    def truncated(self) -> bool:
        """Whether the file continues after the range that was read."""
        return any(notice.code == "truncated" for notice in self.notices)


def read_clip(
    path: str | Path,
    fps: float = 1.0,
    start: float = 0.0,
    seconds: float = UNASKED_SECONDS,
    limits: Limits | None = None,
    channel: Channel | None = None,
) -> Clip:
    """Read at most `seconds` of a media file from `start` on, `fps` frames per second (0.2 to 30).

    The clip ends after `seconds` or with its last decoded frame, whatever the header says; its sound is
    padded with silence or trimmed to exactly that length. channel: hear only this one, not the mean of all.
    Raises ClipError for files that are not videos, are
    damaged beyond use or exceed the limits, and for invalid arguments.
    """
    started = time.perf_counter()
    limits = limits or Limits()
    check_rate(fps)
    check_range(start, seconds)
    path = checked_file(path, limits)
    frames, log, remedies = _read_pictures(path, fps, start, seconds, limits)
    lead = min(LEAD, start)
    end = log.picture_end - lead
    if not len(frames) or end <= 0:
        raise _no_picture(log, path, start, limits)
    duration = min(seconds, end)
    times = frame_times(duration, fps)
    waveform, has_sound, sound_notices = _read_waveform(path, log, start, duration, limits, channel)
    source_frames, source_times = _find_in_file(path, log, len(times), fps, start, limits, remedies)
    return Clip(
        name=printable(path.name),
        path=path,
        frames=_take(frames, len(times)),
        waveform=waveform,
        times=times,
        fps=float(fps),
        size=log.size,
        duration=duration,
        start=float(start),
        has_sound=has_sound,
        notices=(*sound_notices, *_picture_notices(log, start, seconds, end), *_size_notice(log, frames)),
        source_rate=1.0 / log.picture_gap,
        pixel_aspect=log.pixel_aspect,
        remedies=remedies,
        decode_seconds=time.perf_counter() - started,
        source_frames=source_frames,
        source_times=source_times,
    )


def frame_count(duration: float, fps: float) -> int:
    """Return the number of frames of a clip of `duration` seconds, at least 1.

    At 1 fps: one per second, the last one also if up to 0.185 s of its second are missing. So 4.815 s, the
    minimum for five patches of the released front end, give five frames (10.0 s give 10, 60.0 s give 60).
    At other rates: those whose time (i + 0.5) / fps lies within the clip.
    """
    if fps == 1:
        return max(1, math.floor(duration + RELEASED_SLACK + 1e-6))
    return max(1, math.ceil(duration * fps - 0.5 - 1e-6))


def frame_times(duration: float, fps: float) -> np.ndarray:
    """Return the times of the frames, float64 [T] seconds; a time past the end becomes the end."""
    times = (np.arange(frame_count(duration, fps)) + _first_time(fps) * fps) / fps
    return np.minimum(times, duration)


def read_sound(
    path: str | Path,
    start: float = 0.0,
    seconds: float = UNASKED_SECONDS,
    limits: Limits | None = None,
    channel: Channel | None = None,
) -> np.ndarray:
    """Return the first audio track of a video or audio file, float32 [samples] mono 16 kHz in [-1, 1].

    At most `seconds` from `start` on; a track that begins late is preceded by silence. channel: use only this
    one, not the mean of all. Raises ClipError if there is none, or none that decodes.
    """
    limits = limits or Limits()
    path = checked_file(path, limits)
    waveform, log = _decode_sound(path, start, seconds, limits, channel)
    if channel == "right" and log.is_mono:
        raise ClipError(f"{path.name} has no right channel: its sound is mono. Use the mean of the channels.")
    if not len(waveform):
        reason = "its audio track cannot be decoded" if log.sound else "it has no readable audio track"
        raise ClipError(f"{path.name}: {reason}. Use a file with sound: WAV, FLAC, MP3, M4A, OGG or a video.")
    return waveform


class VideoReader:
    """Decodes the frames of a clip's range from its file once more, at the size of the source.

    size: (height, width), even, long side at most `long_side`. rate: frames per second of the source, divided
    by a whole number if above `max_rate`; never below the clip's fps. count: number of frames. The child
    ffmpeg runs while `pictures()` is consumed.
    """

    def __init__(
        self, clip: Clip, long_side: int = 1920, max_rate: float = 30.0, limits: Limits | None = None
    ):
        self.clip, self.limits = clip, limits or Limits()
        self.source_rate = clip.source_rate or clip.fps
        rate = self.source_rate / max(1, math.ceil(self.source_rate / max_rate - 1e-3))
        self.rate = round(max(rate, clip.fps, 1.0), 2)  # moviepy passes two decimals to ffmpeg
        self.count = max(1, round(clip.duration * self.rate))
        scale = min(1.0, long_side / max(clip.size))
        self.size = tuple(max(2, int(side * scale) // 2 * 2) for side in clip.size)

    def pictures(self) -> Generator[np.ndarray]:
        """Yield `count` frames uint8 [H, W, 3] at `size`; close the generator to stop early.

        The last frame is repeated if the file ends early. Raises ClipError if nothing decodes, or if the file
        no longer exists.
        """
        # Each frame is the one visible in the middle of its interval, which is robust to jitter in the times.
        return self._decode(self.rate, 0.5 / self.rate, self.count, self.size)

    def samples(self) -> Generator[np.ndarray]:
        """Yield the frames of the clip, uint8 [H, W, 3], as `pictures` does, at the exact source size."""
        clip = self.clip
        return self._decode(clip.fps, _first_time(clip.fps), len(clip.times), clip.size)

    def _decode(self, rate: float, first: float, count: int, size: tuple[int, int]) -> Generator[np.ndarray]:
        """Yield the frames visible at `first`, `first` + 1/rate, ... s of the range."""
        clip, (height, width) = self.clip, size
        if clip.path is None:
            for index in range(count):
                frame = clip.frames[min(len(clip.frames) - 1, int(index / rate * clip.fps + 1e-6))]
                yield np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))
            return
        path, lead = checked_file(clip.path, self.limits), min(LEAD, clip.start)
        chain = _grid(rate, lead + first, f"scale={width}:{height}")
        output = ["-map", "0:V:0", "-vf", chain, "-frames:v", str(count), *_RAW]
        span = (clip.start - lead, lead + clip.duration + MARGIN)
        with Child(path, output, *span, self.limits, remedies=clip.remedies) as child:
            picture = None
            for _ in range(count):
                data = child.read(height * width * 3)
                if len(data) == height * width * 3:
                    picture = np.frombuffer(data, np.uint8).reshape(height, width, 3)
                if picture is None:
                    raise _no_picture(child.log, path, clip.start, self.limits)
                yield picture


_RAW = ["-fps_mode", "passthrough", "-f", "rawvideo"]
_PPM = ["-fps_mode", "passthrough", "-c:v", "ppm", "-f", "image2pipe"]


def _first_time(fps: float) -> float:
    return RELEASED_TIME if fps == 1 else 0.5 / fps


def check_rate(fps: object) -> None:
    """Raise ClipError unless clips can be read at this rate."""
    if not is_number(fps, *FPS_RANGE):
        low, high = FPS_RANGE
        raise ClipError(f"The rate is {printed(fps)} frames per second; choose {low:g} to {high:g}.")


def check_range(start: object, seconds: object, most: float = MAX_SECONDS) -> None:
    """Raise ClipError unless a range (s) can be read: from 0 or later, more than 0 s and at most `most` s."""
    if not is_number(start, 0, LATEST_START):
        raise ClipError(f"The start is {printed(start)} s; choose 0 or more, before the end of the file.")
    if not is_number(seconds, 0, most + 1e-6) or not seconds:
        raise ClipError(f"The range is {printed(seconds)} s long; choose more than 0 and at most {most:g} s.")


def read_range(start: object, end: object, most: float = MAX_SECONDS) -> tuple[float, float]:
    """Return start and length of a range, s; end: None for UNASKED_SECONDS later, or the end of the clip.

    Raises ClipError as `check_range`, and for a range that ends before it starts.
    """
    if end is None:
        seconds = min(UNASKED_SECONDS, most)
        check_range(start, seconds)
        return float(start), seconds
    if not is_number(end, 0, math.inf):
        raise ClipError(f"The range ends at {printed(end)} s; choose a number of seconds.")
    check_range(start, most)
    if end <= start:
        raise ClipError(f"The range ends at {end:g} s, before it starts at {start:g} s. Enter a later end.")
    check_range(start, end - start, most)
    return float(start), float(end - start)


def _grid(rate: float, offset: float, scale: str) -> str:
    """Return the filters for the frames visible at offset, offset + 1/rate, ... s, scaled and in RGB."""
    return (
        "showinfo=checksum=0,settb=AVTB,"
        f"setpts=PTS-{round((offset + TOLERANCE) * 1e6)},"
        f"tpad=stop_mode=clone:stop_duration={1 / rate + MARGIN:.6f},"
        f"fps=fps={rate:.6f}:start_time=0:round=up,{scale},setsar=1,format=rgb24"
    )


def _read_pictures(
    path: Path, fps: float, start: float, seconds: float, limits: Limits
) -> tuple[np.ndarray, Log, tuple[str, ...]]:
    """Return the sampled frames, what ffmpeg says about the file, and the remedies that it needed."""
    most = math.ceil((seconds + MARGIN) * fps) + 1
    area = FRAME_BYTES / (3 * most)
    fit = f"min(1,min({WORKING_SIDE}/max(iw,ih),sqrt({area:.1f}/(iw*ih))))"
    scale = f"scale=w='max(2,trunc(iw*{fit}/2)*2)':h='max(2,trunc(ih*{fit}/2)*2)'"
    lead = min(LEAD, start)
    output = [
        "-map",
        "0:V:0",
        "-vf",
        _grid(fps, lead + _first_time(fps), scale),
        "-frames:v",
        str(most),
        *_PPM,
    ]
    span = (start - lead, lead + seconds + MARGIN)
    remedies: tuple[str, ...] = ()
    while True:
        frames, log = _decode_pictures(Child(path, output, *span, limits, remedies=remedies), most)
        if len(frames) or log.remedy is None or log.remedy in remedies:
            return frames, log, remedies
        remedies = (*remedies, log.remedy)


def _decode_pictures(child: Child, most: int) -> tuple[np.ndarray, Log]:
    """Return at most that many pictures of a PPM stream, uint8 [T, h, w, 3], all of the first one's size."""
    with child:
        frames, count = np.empty((0, 0, 0, 3), np.uint8), 0
        while (picture := _next_ppm(child)) is not None:
            if not count:
                frames = np.empty((most, *picture.shape), np.uint8)  # memory is taken as it fills
            if picture.shape != frames.shape[1:]:
                picture = np.asarray(Image.fromarray(picture).resize(frames.shape[2:0:-1]))
            frames[count] = picture
            count += 1
        child.finish()
    return frames[:count], child.log


def _find_in_file(
    path: Path, log: Log, count: int, fps: float, start: float, limits: Limits, remedies: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return number int64 [T] and time float64 [T], s, of the frames of the file that a clip consists of."""
    lead, begins = min(LEAD, start), np.sort(np.asarray(log.starts))
    moments = lead + _first_time(fps) + np.arange(count) / fps + TOLERANCE
    numbers = np.maximum(np.searchsorted(begins, moments, side="right") - 1, 0)
    times = start - lead + begins[numbers]
    earlier = 0
    if start > lead:
        earlier = _count_frames(path, start - lead + begins[0] - log.picture_gap / 2, limits, remedies)
    return numbers + earlier, times


def _count_frames(path: Path, before: float, limits: Limits, remedies: Sequence[str]) -> int:
    """Return how many frames of a file begin before a time, s; nothing is decoded."""
    return int((frame_starts(path, limits, remedies, before + MARGIN) < before).sum())


def frame_starts(
    path: Path, limits: Limits, remedies: Sequence[str] = (), seconds: float = MAX_SECONDS
) -> np.ndarray:
    """Return when the frames of a file's first `seconds` begin, float64 [N], s; nothing is decoded."""
    output = ["-map", "0:V:0", "-c", "copy", "-f", "mkvtimestamp_v2"]
    starts = []
    with Child(path, output, 0.0, seconds, limits, remedies=remedies) as child:
        child.read_line()  # a comment
        while line := child.read_line():
            starts.append(int(line) / 1000)  # milliseconds
    return np.sort(np.array(starts))


def _next_ppm(child: Child) -> np.ndarray | None:
    """Return the next picture of a PPM stream, whose header contains its size."""
    if child.read_line() != b"P6\n":
        return None
    size = child.read_line().split()
    if len(size) != 2:  # the child was killed
        return None
    width, height = map(int, size)
    child.read_line()  # the maximum value, 255
    data = child.read(width * height * 3)
    if len(data) < width * height * 3:
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def _take(frames: np.ndarray, count: int) -> np.ndarray:
    """Return exactly `count` frames; the last one replaces those past the end."""
    if len(frames) < count:
        return np.concatenate([frames, np.repeat(frames[-1:], count - len(frames), axis=0)])
    return frames[:count]


def _decode_sound(
    path: Path, start: float, seconds: float, limits: Limits, channel: Channel | None = None
) -> tuple[np.ndarray, Log]:
    lead = min(LEAD, start)
    # Gaps and a late beginning become silence, so that sample n belongs to n / 16000 s of the video.
    one_channel = f"pan=mono|c0=c{CHANNELS.index(channel)}," if channel else ""
    chain = f"{one_channel}aresample={SAMPLE_RATE}:async=1:first_pts=0"
    output = ["-map", "0:a:0", "-af", chain, "-ac", "1", "-c:a", "pcm_f32le", "-f", "f32le"]
    most = round((lead + seconds) * SAMPLE_RATE) * 4
    with Child(path, output, start - lead, lead + seconds, limits, SOUND_FORMATS) as child:
        data = child.read(most)
        if len(data) < most:
            child.finish()
    samples = np.frombuffer(data[: len(data) // 4 * 4], "<f4")[round(lead * SAMPLE_RATE) :]
    samples = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -1.0, 1.0), child.log


def fit_sound(waveform: np.ndarray, duration: float) -> np.ndarray:
    """Return the sound as float32 [round(duration * 16000)], padded with silence or trimmed."""
    fitted = silence(max(1, round(duration * SAMPLE_RATE)))
    samples = np.asarray(waveform, np.float32)[: len(fitted)]
    fitted[: len(samples)] = samples
    return fitted


def _read_waveform(
    path: Path, log: Log, start: float, duration: float, limits: Limits, channel: Channel | None
) -> tuple[np.ndarray, bool, list[Notice]]:
    """Return the sound of the range, whether the file has an audio track that decodes, and notices."""
    if log.sound is None:
        return (
            fit_sound(np.empty(0), duration),
            False,
            [Notice("no-audio", "No audio track: the model gets silence.")],
        )
    samples, _ = _decode_sound(path, start, duration, limits, channel)
    waveform = fit_sound(samples, duration)
    if not len(samples):
        return (
            waveform,
            False,
            [Notice("audio-damaged", "The audio track cannot be decoded: the model gets silence.")],
        )
    if channel is None and _rms(waveform) < QUIET_RMS:
        left, _ = _decode_sound(path, start, duration, limits, "left")
        if _rms(left) > CANCELLED * _rms(waveform):
            return waveform, True, [Notice("audio-cancelled", CANCELLED_TEXT)]
    if not waveform.any():
        return waveform, True, [Notice("audio-silent", "The audio track contains only silence.")]
    return waveform, True, []


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


def _picture_notices(log: Log, start: float, seconds: float, end: float) -> list[Notice]:
    notices = []
    claimed = (log.claimed_seconds or 0.0) - start
    if end > seconds + 0.2:
        which = f"its first {seconds:g} s" if start == 0 else f"{seconds:g} s from {start:g} s on"
        notices.append(Notice("truncated", f"The file is longer: only {which} are used."))
    elif end < seconds - 0.2 and claimed > end + max(0.5, 0.05 * claimed):
        text = (
            f"The video ends at {start + end:.1f} s, though its header says {log.claimed_seconds:.1f} s: "
            "the file may be incomplete. The rest is not used."
        )
        notices.append(Notice("ends-early", text))
    if log.damaged:
        notices.append(Notice("damaged", "Parts of the file are damaged: some frames may be wrong."))
    return notices


def _size_notice(log: Log, frames: np.ndarray) -> list[Notice]:
    height, width = frames.shape[1:3]
    if max(height, width) + 2 >= min(WORKING_SIDE, max(log.size)):
        return []
    text = (
        f"So many frames fit into memory only at {width}x{height} pixels; a shorter range gives finer masks."
    )
    return [Notice("small-frames", text)]


def _no_picture(log: Log, path: Path, start: float, limits: Limits) -> ClipError:
    if start > 0 and log.has_video and not log.too_large:
        length = f" (its header says {log.claimed_seconds:.1f} s)" if log.claimed_seconds else ""
        return ClipError(f"{path.name} has no frames after {start:g} s{length}. Choose an earlier start.")
    return explain(log, path, limits)
