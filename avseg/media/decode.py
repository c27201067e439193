"""Decodes untrusted media files: one bounded child ffmpeg per read, and no decoding in this process.

A file's header may be wrong about length, size and rate, so these are taken from the decoded frames: the
child reports every frame (`showinfo`), and a `Log` collects the reports. The ffmpeg is the one of
imageio-ffmpeg.
"""

import os
import re
import signal
import statistics
import subprocess
import threading
import time
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from avseg.errors import ClipError

# Demuxers that read only their own file. Playlists (hls, concat, dash), images, text and SVG, which ffmpeg
# would also open as "video", are excluded.
VIDEO_FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif"
SOUND_FORMATS = f"{VIDEO_FORMATS},wav,flac,mp3,aac"
VIDEO_NAMES = "MP4, MOV, WebM, MKV, AVI, MPEG, FLV, OGG, WMV or GIF"

CHUNK = 4096
MAX_ALLOCATION = 512 * 2**20  # bytes that the child may allocate at once
DECODER_THREADS = 2  # every thread holds frames of its own

_PICTURE = re.compile(
    rb"\[Parsed_showinfo_\d+ @ \w+\] n: *\d+ pts: *(-?\d+) "
    rb".*? duration: *(-?\d+) .*? sar:(\d+)/(\d+) s:(\d+)x(\d+)"
)
# Without its usual prefix behind a warning that lacks a newline, as about odd rotation angles.
_TIME_BASE = re.compile(rb"config in time_base: (\d+)/([1-9]\d*), frame_rate:")
_WAV = re.compile(rb"RIFF....WAVE", re.DOTALL)
_LENGTH = re.compile(rb"^  Duration: (\d+):(\d+):(\d+\.\d+)")
_SOUND = re.compile(rb"^  Stream #0:\d+\S*: Audio: (\w+)")
_VIDEO = re.compile(rb"^  Stream #0:\d+\S*: Video: (\w+)(?!.*\(attached pic\))")
_TOO_LARGE = re.compile(rb"Picture size (\d+)x(\d+) exceeds specified max pixel count")
_DAMAGE = re.compile(rb"error while decoding|corrupt|concealing|Error submitting packet", re.IGNORECASE)

# Remedies: leave out an audio track about which so little is known that it cannot even be copied, and rewrite
# colour tags with reserved values, which filters refuse, as "unknown" (2).
WITHOUT_AUDIO = "without audio"
_UNKNOWN_COLOURS = "colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"
_COLOUR_FILTERS = {
    "mpeg2video": f"mpeg2_metadata={_UNKNOWN_COLOURS}",
    "h264": f"h264_metadata={_UNKNOWN_COLOURS}",
    "hevc": f"hevc_metadata={_UNKNOWN_COLOURS}",
}

_NOT_VIDEO = {
    "a playlist": (b"#EXTM3U", b"ffconcat"),
    "an image": (b"\x89PNG", b"\xff\xd8\xff", b"BM"),
    "an audio file": (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf1"),
    "a web page or an SVG": (b"<",),
    "a PDF document": (b"%PDF",),
    "an archive": (b"PK\x03\x04", b"\x1f\x8b"),
}


@dataclass(frozen=True)
class Limits:
    """Limits of one read."""

    file_bytes: int = 200_000_000
    pixels: int = 8192 * 4352
    """Largest frame that is decoded (8K)."""
    wait_seconds: float = 90.0
    """Maximum total time spent waiting for the child ffmpeg."""


class Log:
    """What the child reports while it decodes: the header's claims, and time and size of every frame."""

    def __init__(self):
        self.starts = array("d")  # seconds, one per decoded frame
        self.lengths = array("d")  # display duration of each in seconds; 0 if the file has none
        self.size: tuple[int, int] | None = None  # (height, width) of the first frame, upright
        self.pixel_aspect = 1.0  # width of a pixel over its height
        self.claimed_seconds: float | None = None  # according to the header
        self.video = ""  # codec of the first video track, without cover art
        self.too_large: tuple[int, int] | None = None  # (height, width) of a refused frame
        self.sound: str | None = None  # codec of the first audio track
        self.is_mono = False  # the first audio track has one channel
        self.damaged = 0
        self.last_lines: deque[bytes] = deque(maxlen=40)
        self._in_header = True
        self._tick = 0.0  # seconds

    def feed(self, line: bytes) -> None:
        """Parse one line of the child's stderr."""
        if picture := _PICTURE.match(line):
            self._add_picture(*map(int, picture.groups()))
            return
        if not self._in_header and (tick := _TIME_BASE.search(line)):
            self._tick = int(tick.group(1)) / int(tick.group(2))
            return
        if line.startswith(b"[Parsed_showinfo"):
            return
        self.last_lines.append(line)
        self.damaged += bool(_DAMAGE.search(line))
        if self.too_large is None and (size := _TOO_LARGE.search(line)):
            self.too_large = (int(size.group(2)), int(size.group(1)))
        if line.startswith((b"Stream mapping:", b"Output #")):
            self._in_header = False
        if self._in_header:
            self._read_header(line)

    def _add_picture(self, start: int, length: int, sar_width: int, sar_height: int, *size: int) -> None:
        self.starts.append(start * self._tick)
        self.lengths.append(length * self._tick)
        if self.size is None:
            self.size = (size[1], size[0])
            self.pixel_aspect = sar_width / sar_height if sar_width and sar_height else 1.0

    def _read_header(self, line: bytes) -> None:
        if length := _LENGTH.match(line):
            hours, minutes, seconds = map(float, length.groups())
            self.claimed_seconds = 3600 * hours + 60 * minutes + seconds
        if self.sound is None and (sound := _SOUND.match(line)):
            self.sound = sound.group(1).decode()
            self.is_mono = b" Hz, mono" in line
        if not self.video and (video := _VIDEO.match(line)):
            self.video = video.group(1).decode()

    @property
    def has_video(self) -> bool:
        """The header names a video track."""
        return bool(self.video)

    @property
    def remedy(self) -> str | None:
        """What to try where no frame could be decoded: a key for `Child`."""
        if b"sample rate not set" in self.text or b"incorrect codec parameters" in self.text:
            return WITHOUT_AUDIO
        if b"Invalid color space" in self.text and self.video in _COLOUR_FILTERS:
            return self.video
        return None

    @property
    def text(self) -> bytes:
        return b"".join(self.last_lines)

    @property
    def picture_gap(self) -> float:
        """Mean seconds between frames; for a single frame, its duration (or 1/25)."""
        gaps = [b - a for a, b in zip(self.starts, self.starts[1:]) if b > a] or list(self.lengths)
        return statistics.fmean(gaps) if gaps and max(gaps) > 0 else 0.04

    @property
    def picture_end(self) -> float:
        """End of the last frame, seconds; an implausibly long display duration is limited."""
        if not self.starts:
            return 0.0
        last = max(range(len(self.starts)), key=self.starts.__getitem__)
        length = self.lengths[last]
        if length <= 0:
            length = self.picture_gap
        if len(self.starts) > 1:
            longest = max(b - a for a, b in zip(self.starts, self.starts[1:]))
            length = min(length, max(1.0, longest))
        return self.starts[last] + length


class Child:
    """A running ffmpeg that decodes a range of one file to a pipe; use it as a context manager.

    path: an absolute path from `checked_file`. output: options of the first output, which goes to the pipe.
    formats: the allowed demuxers. remedies: see `Log.remedy`. Only time spent waiting for the child counts
    towards `limits.wait_seconds`, so a slow reader is not penalised. Raises ClipError when it is over.
    """

    def __init__(
        self,
        path: Path,
        output: list[str],
        start: float,
        seconds: float,
        limits: Limits,
        formats: str = VIDEO_FORMATS,
        remedies: Sequence[str] = (),
    ):
        self.log, self.path, self.limits = Log(), path, limits
        self._waited, self._waiting_since = 0.0, None
        self._timed_out, self._closed = False, threading.Event()
        self._process = subprocess.Popen(
            _command(path, output, start, seconds, limits, formats, remedies),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes of output; fewer only at its end."""
        return self._wait_for(lambda: self._process.stdout.read(size))

    def read_line(self) -> bytes:
        """Return the output up to the next newline, at most 64 bytes."""
        return self._wait_for(lambda: self._process.stdout.readline(64))

    def finish(self) -> int:
        """Wait until the child has exited and `log` is complete; return its exit status."""
        status = self._wait_for(self._process.wait)
        self._listener.join()
        return status

    def close(self) -> None:
        """Kill the child if it is running."""
        self._closed.set()
        self._kill()
        self._process.wait()
        self._listener.join()
        self._process.stdout.close()
        self._process.stderr.close()

    def _wait_for(self, action):
        self._waiting_since = time.monotonic()
        result = action()
        self._waited += time.monotonic() - self._waiting_since
        self._waiting_since = None
        if self._timed_out:
            raise ClipError(
                f"{self.path.name} took longer than {self.limits.wait_seconds:g} s to decode. Choose a "
                "shorter range, or make a smaller copy of it (for example 1280x720 at 30 frames per second)."
            )
        return result

    def _watch(self) -> None:
        while not self._closed.wait(0.05):
            since = self._waiting_since
            waiting = time.monotonic() - since if since is not None else 0.0
            if self._waited + waiting > self.limits.wait_seconds:
                self._timed_out = True
                self._kill()
                return

    def _listen(self) -> None:
        for line in iter(lambda: self._process.stderr.readline(CHUNK), b""):
            self.log.feed(line)

    def _kill(self) -> None:
        if self._process.poll() is not None:
            return
        if hasattr(os, "killpg"):
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()


def _command(
    path: Path,
    output: list[str],
    start: float,
    seconds: float,
    limits: Limits,
    formats: str,
    remedies: Sequence[str],
) -> list[str]:
    quiet = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"]
    bounds = ["-max_alloc", str(MAX_ALLOCATION), "-max_pixels", str(limits.pixels)]
    bounds += ["-threads", str(DECODER_THREADS), "-format_whitelist", formats, "-protocol_whitelist", "file"]
    # A change of frame size must not restart the filters: they count the time.
    span = ["-reinit_filter", "0", *(["-ss", f"{start:.6f}"] if start > 0 else []), "-t", f"{seconds:.6f}"]
    # In some containers (MPEG-TS) ffmpeg counts time from the first packet of the selected streams. Selecting
    # both kinds in every read gives video and audio the same zero.
    audio = [] if WITHOUT_AUDIO in remedies else ["-map", "0:a:0?"]
    same_zero = ["-map", "0:V:0?", *audio, "-c", "copy", "-f", "null", "-"]
    for codec in _COLOUR_FILTERS.keys() & {*remedies}:
        span += ["-bsf:v", _COLOUR_FILTERS[codec]]
    if "wav" in formats and _is_wav(path):
        span += ["-f", "wav"]  # samples may look like another format: a loud tone of 2.5 kHz like MPEG-TS
    return [get_ffmpeg_exe(), *quiet, *bounds, *span, "-i", os.fspath(path), *output, "pipe:1", *same_zero]


def _is_wav(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return bool(_WAV.match(file.read(12)))
    except OSError:  # the child says why
        return False


def checked_file(path: str | Path, limits: Limits) -> Path:
    """Return the absolute path of a regular, non-empty file within the size limit; ClipError otherwise."""
    path = Path(os.path.abspath(os.path.expanduser(path)))
    if not path.exists():
        raise ClipError(f"{path} does not exist. Check the name and the folder.")
    if path.is_dir():
        raise ClipError(f"{path} is a folder, not a media file. Give one file inside it.")
    if not path.is_file():
        raise ClipError(f"{path} is not a regular file. Save the media to a file first.")
    size = path.stat().st_size
    if size == 0:
        raise ClipError(f"{path.name} is empty (0 bytes). Save, download or record it again.")
    if size > limits.file_bytes:
        raise ClipError(
            f"{path.name} has {size / 1e6:.0f} MB; the limit is {limits.file_bytes / 1e6:.0f} MB. "
            "Cut out the part you need, or make a smaller copy."
        )
    return path


def explain(log: Log, path: Path, limits: Limits) -> ClipError:
    """Return the error that explains why no frame of a file could be decoded."""
    name, text = path.name, log.text
    with path.open("rb") as file:
        kind = _kind_of(file.read(64))
    if b"Permission denied" in text:
        return ClipError(f"{name} cannot be read: permission denied. Change its permissions.")
    if kind or b"Format not on whitelist" in text:
        looks = f": its content looks like {kind}" if kind else " in a supported format"
        return ClipError(f"{name} is not a video file{looks}. Use {VIDEO_NAMES}.")
    if log.too_large:
        height, width = log.too_large
        return ClipError(
            f"{name} has frames of {width}x{height} pixels; the limit is {limits.pixels / 1e6:.1f} million. "
            "Make a smaller copy."
        )
    if b"matches no streams" in text:
        return ClipError(f"{name} has no video track (only sound or a cover image). Use a file with video.")
    if b"moov atom not found" in text:
        return ClipError(
            f"{name} is incomplete: the index at its end (moov) is missing. Download or export it again."
        )
    if log.has_video:
        return ClipError(f"{name} has a video track that cannot be decoded. It is damaged: export it again.")
    return ClipError(f"{name} cannot be read as a video: it is damaged or not a video. Use {VIDEO_NAMES}.")


def _kind_of(head: bytes) -> str | None:
    """Recognise common files that are not videos from their first bytes."""
    for kind, signatures in _NOT_VIDEO.items():
        if head.startswith(signatures):
            return kind
    if _WAV.match(head):
        return "an audio file"
    return "text" if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head) else None
