"""Small media files for tests, made by the ffmpeg that comes with imageio-ffmpeg."""

import subprocess
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

REAL_CLIPS = Path(__file__).resolve().parents[3] / "shared" / "media"
SINE = "sine=frequency=440:sample_rate=44100"
LOSSLESS = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"]


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg with these arguments; returns its standard output, raises when it fails."""
    command = [get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def counting(
    path: Path,
    seconds: float = 5.0,
    rate: float = 10,
    size: tuple[int, int] = (64, 96),
    sound: str | None = SINE,
    options: tuple[str, ...] = (),
) -> Path:
    """Write a video whose picture n is a plain grey that says n (`number_of` reads it); 109 at most."""
    height, width = size
    source = (
        f"color=c=black:s={width}x{height}:r={rate}:d={seconds},format=yuv444p,geq=lum=16+2*N:cb=128:cr=128"
    )
    inputs = ["-f", "lavfi", "-i", source]
    if sound:
        inputs += ["-f", "lavfi", "-t", str(seconds), "-i", sound]
    ffmpeg(
        *inputs,
        *LOSSLESS,
        "-pix_fmt",
        "yuv420p" if not (height % 2 or width % 2) else "yuv444p",
        *options,
        path,
    )
    return path


def number_of(picture: np.ndarray) -> int:
    """Return the number that a picture of `counting` shows."""
    return round(float(picture.mean()) * 219 / 255 / 2)


def halves(path: Path, seconds: float = 1.0, size: tuple[int, int] = (64, 96)) -> Path:
    """Write a silent video that is white in its upper half and black below."""
    source = f"color=c=white:s={size[1]}x{size[0]}:r=10:d={seconds},drawbox=y=ih/2:color=black:t=fill"
    ffmpeg("-f", "lavfi", "-i", source, *LOSSLESS, "-pix_fmt", "yuv420p", path)
    return path


def pictures_of(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Return all pictures of a video, uint8 [T, H, W, 3]; size is (height, width)."""
    data = ffmpeg(
        "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"
    )
    return np.frombuffer(data, np.uint8).reshape(-1, *size, 3)


def sound_of(path: Path) -> np.ndarray:
    """Return the sound of a file, float32 mono 16 kHz."""
    data = ffmpeg("-i", path, "-map", "0:a:0", "-ac", "1", "-ar", "16000", "-f", "f32le", "-")
    return np.frombuffer(data, "<f4")


def banner_of(path: Path) -> str:
    """Return what ffmpeg says about a file's streams."""
    command = [get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-i", str(path)]
    return subprocess.run(command, capture_output=True, timeout=60).stderr.decode(errors="replace")
