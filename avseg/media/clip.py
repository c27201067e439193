"""Clip: what the model sees and hears of one media file, and the ways to read one.

Times. At 1 frame per second the clip is cut as the released data sets were: frame i shows i + 15/16 s (the
data sets keep the last sixteenth of every second) and goes with the i-th 0.96 s patch of sound. At any other
rate frame i shows (i + 0.5) / fps and its 0.96 s patch is centred on that moment.
"""

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.errors import ClipError
from avseg.media.audio import SAMPLE_RATE
from avseg.media.decode import SOUND_FORMATS, Child, Limits, Log, checked_file, explain

WORKING_SIDE = 640
FPS_RANGE = (0.2, 30.0)
LONGEST_RANGE = 600.0  # seconds
FRAME_BYTES = 1_250_000_000  # all frames of a clip; a long clip at a high rate gets a smaller working size
RELEASED_MOMENT = 15 / 16  # of a second, at 1 frame per second
# 4.815 s of sound are the least that gives the released front end five patches, for the five frames of a 5 s
# clip.
RELEASED_SLACK = 0.185
LEAD = 5.0  # seconds decoded ahead of a range, to know the picture that stands when the range begins
MARGIN = 1.0  # seconds decoded after a range, to know whether the file goes on
NUDGE = 0.001  # a frame that begins within a millisecond of a moment counts as begun


@dataclass(frozen=True)
class Notice:
    """Something that the person who chose a file should know; `str(notice)` is the sentence."""

    code: str
    """no-audio, audio-damaged, audio-silent, truncated, ends-early, damaged, small-frames; unreadable for a
    part of a data set's clip."""
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Clip:
    """A range of a media file, decoded."""

    name: str
    path: Path
    frames: np.ndarray  # uint8 [T, h, w, 3] RGB, upright, long side at most 640 px, even
    waveform: np.ndarray  # float32 [round(duration * 16000)], mono, 16 kHz, within [-1, 1]
    times: np.ndarray  # float64 [T], seconds after `start`
    fps: float  # frames taken per second
    size: tuple[int, int]  # (height, width) of the upright source, pixels
    duration: float  # seconds
    start: float  # where the range begins in the file, seconds
    has_sound: bool  # the file has a sound track that decodes
    notices: tuple[Notice, ...] = ()
    source_rate: float = 0.0  # pictures per second that were decoded; 0 when nobody counted
    pixel_aspect: float = 1.0  # width of a source pixel over its height
    decode_seconds: float = 0.0  # what reading took

    @property
    def truncated(self) -> bool:
        """Whether the file goes on after the range that was read."""
        return any(notice.code == "truncated" for notice in self.notices)


def read_clip(
    path: str | Path,
    fps: float = 1.0,
    start: float = 0.0,
    seconds: float = 60.0,
    limits: Limits | None = None,
) -> Clip:
    """Read at most `seconds` of a media file from `start` on, `fps` frames per second (0.2 to 30).

    The clip lasts until `seconds` or the end of its last decoded picture, whatever the header says; its sound
    is padded with silence or trimmed to exactly that. Raises ClipError for files that are no video, damaged
    beyond use, or beyond the limits, and for impossible arguments.
    """
    began = time.perf_counter()
    limits = limits or Limits()
    _check_range(fps, start, seconds)
    path = checked_file(path, limits)
    frames, log = _read_pictures(path, fps, start, seconds, limits)
    lead = min(LEAD, start)
    end = log.picture_end - lead
    if not len(frames) or end <= 0:
        raise _no_picture(log, path, start, limits)
    duration = min(seconds, end)
    times = frame_times(duration, fps)
    waveform, has_sound, sound_notices = _read_waveform(path, log, start, duration, limits)
    return Clip(
        name=path.name,
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
        decode_seconds=time.perf_counter() - began,
    )


def frame_count(duration: float, fps: float) -> int:
    """Return how many frames a clip of `duration` seconds has, at least 1.

    At 1 fps: one per second, the last one also when up to 0.185 s of its second are missing; so 4.815 s, the
    least that gives the released front end five patches, gives five frames (10.0 s give 10, 60.0 s give 60).
    At other rates: as many as have their moment (i + 0.5) / fps within the clip.
    """
    if fps == 1:
        return max(1, math.floor(duration + RELEASED_SLACK + 1e-6))
    return max(1, math.ceil(duration * fps - 0.5 - 1e-6))


def frame_times(duration: float, fps: float) -> np.ndarray:
    """Return the moments of the frames, float64 [T] seconds; one that lies past the end becomes the end."""
    moments = (np.arange(frame_count(duration, fps)) + _first_moment(fps) * fps) / fps
    return np.minimum(moments, duration)


def read_sound(
    path: str | Path, start: float = 0.0, seconds: float = 60.0, limits: Limits | None = None
) -> np.ndarray:
    """Return the first sound track of a video or sound file, float32 [samples] mono 16 kHz within [-1, 1].

    At most `seconds` from `start` on; a track that begins late is preceded by silence. Raises ClipError when
    there is none, or none that decodes.
    """
    limits = limits or Limits()
    path = checked_file(path, limits)
    waveform, log = _decode_sound(path, start, seconds, limits)
    if not len(waveform):
        found = "its sound track does not decode" if log.sound else "it has no sound that can be read"
        raise ClipError(f"{path.name}: {found}. Use a file with sound: WAV, FLAC, MP3, M4A, OGG or a video.")
    return waveform


class VideoReader:
    """The pictures of a clip's range in order, at the source's own size and rate, for writing a video.

    size: (height, width), even, long side at most `long_side`. rate: pictures per second, the source's own
    where that is at most `max_rate`, else a whole fraction of it; never below the clip's fps. count: pictures
    in all. The child ffmpeg runs while `pictures()` is consumed.
    """

    def __init__(
        self, clip: Clip, long_side: int = 1920, max_rate: float = 30.0, limits: Limits | None = None
    ):
        self.clip, self.limits = clip, limits or Limits()
        self.source_rate = clip.source_rate or clip.fps
        rate = self.source_rate / max(1, math.ceil(self.source_rate / max_rate - 1e-3))
        self.rate = round(max(rate, clip.fps, 1.0), 2)  # two digits are what the writer of the video can say
        self.count = max(1, round(clip.duration * self.rate))
        scale = min(1.0, long_side / max(clip.size))
        self.size = tuple(max(2, int(side * scale) // 2 * 2) for side in clip.size)

    def pictures(self) -> Generator[np.ndarray]:
        """Yield `count` pictures uint8 [H, W, 3]; close the generator to stop early.

        The last picture is held when the file ends early. Raises ClipError when nothing decodes.
        """
        height, width = self.size
        if not self.clip.path.is_file():  # a clip that was made, not read
            yield from self._held_frames()
            return
        # Each picture is the one that stands in the middle of its interval: robust to jitter in the times.
        lead = min(LEAD, self.clip.start)
        chain = _grid(self.rate, lead + 0.5 / self.rate, f"scale={width}:{height}")
        output = ["-map", "0:V:0", "-vf", chain, "-frames:v", str(self.count), *_RAW]
        span = (self.clip.start - lead, lead + self.clip.duration + MARGIN)
        with Child(self.clip.path, output, *span, self.limits) as child:
            picture = None
            for _ in range(self.count):
                data = child.read(height * width * 3)
                if len(data) == height * width * 3:
                    picture = np.frombuffer(data, np.uint8).reshape(height, width, 3)
                if picture is None:
                    raise _no_picture(child.log, self.clip.path, self.clip.start, self.limits)
                yield picture

    def _held_frames(self) -> Generator[np.ndarray]:
        for index in range(self.count):
            frame = self.clip.frames[min(len(self.clip.frames) - 1, int(index / self.rate * self.clip.fps))]
            yield np.asarray(Image.fromarray(frame).resize(self.size[::-1], Image.Resampling.BILINEAR))


_RAW = ["-fps_mode", "passthrough", "-f", "rawvideo"]
_PPM = ["-fps_mode", "passthrough", "-c:v", "ppm", "-f", "image2pipe"]


def _first_moment(fps: float) -> float:
    return RELEASED_MOMENT if fps == 1 else 0.5 / fps


def _check_range(fps: float, start: float, seconds: float) -> None:
    low, high = FPS_RANGE
    if not low <= fps <= high:
        raise ClipError(f"{fps:g} frames per second is out of range: choose {low:g} to {high:g}.")
    if not 0 <= start < math.inf:
        raise ClipError(f"The clip cannot start at {start:g} s: choose 0 or more.")
    if not 0 < seconds <= LONGEST_RANGE:
        raise ClipError(
            f"A clip of {seconds:g} s cannot be read: choose more than 0 and at most {LONGEST_RANGE:g} s."
        )


def _grid(rate: float, offset: float, scale: str) -> str:
    """Return the filters that give the picture standing at offset, offset + 1/rate, ... s, scaled to RGB."""
    return (
        "showinfo=checksum=0,settb=AVTB,"
        f"setpts=PTS-{round((offset + NUDGE) * 1e6)},"
        f"tpad=stop_mode=clone:stop_duration={1 / rate + MARGIN:.6f},"
        f"fps=fps={rate:.6f}:start_time=0:round=up,{scale},setsar=1,format=rgb24"
    )


def _read_pictures(
    path: Path, fps: float, start: float, seconds: float, limits: Limits
) -> tuple[np.ndarray, Log]:
    most = math.ceil((seconds + MARGIN) * fps) + 1
    area = FRAME_BYTES / (3 * most)
    fit = f"min(1,min({WORKING_SIDE}/max(iw,ih),sqrt({area:.1f}/(iw*ih))))"
    scale = f"scale=w='max(2,trunc(iw*{fit}/2)*2)':h='max(2,trunc(ih*{fit}/2)*2)'"
    lead = min(LEAD, start)
    output = [
        "-map",
        "0:V:0",
        "-vf",
        _grid(fps, lead + _first_moment(fps), scale),
        "-frames:v",
        str(most),
        *_PPM,
    ]
    with Child(path, output, start - lead, lead + seconds + MARGIN, limits) as child:
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


def _next_ppm(child: Child) -> np.ndarray | None:
    """Return the next picture of a PPM stream, which says the size of every picture by itself."""
    if child.read_line() != b"P6\n":
        return None
    size = child.read_line().split()
    if len(size) != 2:  # the child was ended from outside
        return None
    width, height = map(int, size)
    child.read_line()  # the largest value, 255
    data = child.read(width * height * 3)
    if len(data) < width * height * 3:
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def _take(frames: np.ndarray, count: int) -> np.ndarray:
    """Return exactly `count` frames; the last picture stands in for those past the end."""
    if len(frames) < count:
        return np.concatenate([frames, np.repeat(frames[-1:], count - len(frames), axis=0)])
    return frames[:count]


def _decode_sound(path: Path, start: float, seconds: float, limits: Limits) -> tuple[np.ndarray, Log]:
    lead = min(LEAD, start)
    # Gaps and a late beginning become silence, so that sample n is heard at n / 16000 s of the picture's
    # time.
    chain = f"aresample={SAMPLE_RATE}:async=1:first_pts=0"
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
    fitted = np.zeros(max(1, round(duration * SAMPLE_RATE)), np.float32)
    kept = np.asarray(waveform, np.float32)[: len(fitted)]
    fitted[: len(kept)] = kept
    return fitted


def _read_waveform(
    path: Path, log: Log, start: float, duration: float, limits: Limits
) -> tuple[np.ndarray, bool, list[Notice]]:
    """Return the sound of the range, whether the file has any that decodes, and notices."""
    if log.sound is None:
        return (
            fit_sound(np.empty(0), duration),
            False,
            [Notice("no-audio", "No audio track: the model gets silence.")],
        )
    heard, _ = _decode_sound(path, start, duration, limits)
    waveform = fit_sound(heard, duration)
    if not len(heard):
        return (
            waveform,
            False,
            [Notice("audio-damaged", "The audio track cannot be decoded: the model gets silence.")],
        )
    if not waveform.any():
        return waveform, True, [Notice("audio-silent", "The audio track contains only silence.")]
    return waveform, True, []


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
        says = f" (the file says it lasts {log.claimed_seconds:.1f} s)" if log.claimed_seconds else ""
        return ClipError(f"{path.name} has no picture from {start:g} s on{says}. Choose an earlier start.")
    return explain(log, path, limits)
