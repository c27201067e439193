"""Pictures and sounds of recordings: videos, folders of frames, and sound files beside them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avseg.data.avsbench.files import fit, picture_size, read_picture, read_wav
from avseg.data.conversion.recording import Moments, Part
from avseg.errors import DatasetError
from avseg.media.audio import SAMPLE_RATE, silence
from avseg.media.clip import MAX_SECONDS, WORKING_SIDE, frame_starts, frame_times, read_clip, read_sound
from avseg.media.decode import Limits

VIDEO_ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".wmv", ".flv"),
    ".ogv",
)
SOUND_ENDINGS = (".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", *VIDEO_ENDINGS)
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")
OWN_FILES = Limits(file_bytes=20_000_000_000, wait_seconds=900)  # nobody else's: only their own disk counts
UNSTEADY = 0.02  # a share of the longest and shortest interval between frames, in which a steady rate differs


@dataclass(frozen=True)
class VideoPictures:
    """A video file."""

    path: Path
    count: int
    duration: float
    size: tuple[int, int]
    has_sound: bool
    is_steady: bool  # its frame rate is constant

    @classmethod
    def of(cls, path: Path) -> "VideoPictures":
        """Decode a video once to know it; raises ClipError, and DatasetError for one that is too long."""
        whole = read_clip(path, fps=0.2, seconds=MAX_SECONDS, limits=OWN_FILES)
        if whole.truncated:
            raise DatasetError(f"{path.name} is longer than {MAX_SECONDS:g} s. Cut it into shorter videos.")
        starts = frame_starts(path, OWN_FILES, whole.remedies)
        gaps = np.diff(starts)
        # Containers round times, to a millisecond in WebM.
        steady = not len(gaps) or np.ptp(gaps) <= 0.0021 + UNSTEADY * gaps.mean()
        return cls(path, len(starts), whole.duration, whole.size, whole.has_sound, bool(steady))

    def read(self, start: float, seconds: float, rate: float) -> Part:
        clip = read_clip(self.path, rate, start, seconds, OWN_FILES)
        assert clip.source_frames is not None
        count = len(frame_times(seconds, rate))
        moments = Moments(
            start,
            seconds,
            rate,
            start + clip.times[:count],
            clip.source_frames[:count],
            self.count,
            self.duration,
        )
        return Part(clip.frames[:count], moments, clip.waveform)


@dataclass(frozen=True)
class FramePictures:
    """A folder of frames, or a few files."""

    paths: tuple[Path, ...]
    rate: float  # frames per second

    has_sound = False

    @property
    def count(self) -> int:
        return len(self.paths)

    @property
    def duration(self) -> float:
        return len(self.paths) / self.rate

    @property
    def size(self) -> tuple[int, int]:
        return picture_size(self.paths[0])

    def read(self, start: float, seconds: float, rate: float) -> Part:
        times = start + frame_times(seconds, rate)
        numbers = np.minimum((times * self.rate + 1e-6).astype(np.int64), len(self.paths) - 1)
        height, width = self.size
        scale = min(1.0, WORKING_SIDE / max(height, width))
        size = max(2, round(height * scale)), max(2, round(width * scale))
        frames = [
            fit(np.asarray(read_picture(self.paths[number]).convert("RGB")), size, smooth=True)
            for number in numbers
        ]
        moments = Moments(start, seconds, rate, times, numbers, self.count, self.duration)
        return Part(np.stack(frames), moments, None)


@dataclass(frozen=True)
class FileSound:
    """A sound file, or the sound of a video."""

    path: Path

    def read(self, start: float, seconds: float) -> np.ndarray:
        return read_sound(self.path, start, seconds, OWN_FILES)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(read_sound(self.path, 0.0, MAX_SECONDS, OWN_FILES)) / SAMPLE_RATE


@dataclass(frozen=True)
class JoinedSounds:
    """A WAV file per second, each cut or padded to its second."""

    paths: tuple[Path, ...]

    def read(self, start: float, seconds: float) -> np.ndarray:
        waveform = silence(len(self.paths) * SAMPLE_RATE)
        for number, path in enumerate(self.paths):
            samples = read_wav(path)[:SAMPLE_RATE]
            waveform[number * SAMPLE_RATE :][: len(samples)] = samples
        return waveform[round(start * SAMPLE_RATE) : round((start + seconds) * SAMPLE_RATE)]


@dataclass(frozen=True)
class NoSound:
    """Silence."""

    def read(self, start: float, seconds: float) -> np.ndarray:
        return silence(round(seconds * SAMPLE_RATE))
