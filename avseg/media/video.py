"""The only writers of WAV, MP4 and GIF files."""

import subprocess
import tempfile
import wave
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from avseg.errors import AvsegError, ClipError, ConfigError
from avseg.files import atomic_write, full_disk, write_error
from avseg.media.audio import SAMPLE_RATE, silence

COPY_SECONDS = 120  # at most, for `replace_audio`
STILLS_RATE = 10.0  # frames per second of a video of stills: players seek badly in fewer


def write_wav(file: Path | BinaryIO, waveform: np.ndarray, channels: int = 1) -> None:
    """Write a mono waveform float [samples] in [-1, 1] as 16-bit PCM at 16 kHz, the same in every channel."""
    if isinstance(file, Path):
        with atomic_write(file, durable=False) as unfinished, unfinished.open("wb") as stream:
            return write_wav(stream, waveform, channels)
    samples = np.rint(np.clip(waveform, -1, 1) * 32767).astype("<i2")
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(np.repeat(samples[:, None], channels, axis=1).tobytes())


def write_mp4(
    path: Path,
    frames: Iterable[np.ndarray],
    rate: float,
    waveform: np.ndarray,
    pixel_aspect: float = 1.0,
    crf: int = 20,
    preset: str = "veryfast",
    threads: int = 2,
) -> None:
    """Write frames uint8 [H, W, 3] with sound float [samples] as H.264 and AAC in MP4, for any browser.

    rate: frames per second, two decimals at most. crf, preset, threads: x264's quality, effort and threads.
    After an error `path` is as it was. Raises WriteError on a full disk, ClipError with ffmpeg's last words
    when the file cannot be written for another reason.
    """
    from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

    iterator = iter(frames)
    first = next(iterator)
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        atomic_write(path, durable=False) as unfinished,
    ):
        audio = Path(folder) / "audio.wav"
        write_wav(audio, waveform)
        writer = FFMPEG_VideoWriter(
            str(unfinished),
            first.shape[1::-1],
            rate,
            audiofile=str(audio),
            audio_codec="aac",
            preset=preset,
            logfile=log,
            threads=threads,
            ffmpeg_params=[*_options(pixel_aspect, crf), "-f", "mp4"],
        )
        process = writer.proc
        try:
            with writer:
                for frame in chain([first], iterator):
                    writer.write_frame(frame)
        except OSError as error:
            if process.wait() == 0:  # not ffmpeg's, but an error of whoever makes the frames
                raise
            raise _not_written(path, log) from error
        if process.returncode:
            raise _not_written(path, log)


def write_stills(
    path: Path, pictures: Sequence[np.ndarray], times: Sequence[float], duration: float, waveform: np.ndarray
) -> Path:
    """Write pictures uint8 [H, W, 3], each shown from its time (s) until the next one's, as .mp4 or .gif.

    The first picture is also shown before its time, the last one until `duration`. An MP4 has the sound.
    Raises ConfigError for another extension, and WriteError on a full disk.
    """
    starts = [0.0, *map(float, times[1:])]
    if path.suffix == ".gif":
        write_gif(path, pictures, np.diff([*starts, max(duration, starts[-1] + 0.1)]))
    elif path.suffix == ".mp4":
        write_mp4(path, _held(pictures, starts, duration), STILLS_RATE, waveform)
    else:
        raise ConfigError(f"{path.name} cannot be written: its extension must be .mp4 or .gif.")
    return path


def write_gif(path: Path, pictures: Sequence[np.ndarray], seconds: Sequence[float]) -> None:
    """Write pictures uint8 [H, W, 3] as an endless GIF, each with 256 colours of its own and its seconds."""
    frames = [Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE) for picture in pictures]
    times = [max(20, round(1000 * float(one))) for one in seconds]
    options = {"format": "GIF", "save_all": True, "append_images": frames[1:], "loop": 0, "optimize": False}
    with atomic_write(path, durable=False) as unfinished:
        frames[0].save(unfinished, duration=times, disposal=1, **options)


def _held(pictures: Sequence[np.ndarray], starts: Sequence[float], duration: float) -> Iterator[np.ndarray]:
    """Yield the picture of every moment; sides are even, as H.264 asks."""
    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
    for number in range(max(1, round(duration * STILLS_RATE))):
        index = int(np.searchsorted(starts, number / STILLS_RATE + 1e-6, side="right")) - 1
        yield pictures[index][:height, :width]


def replace_audio(video: Path, waveform: np.ndarray, path: Path, start: float = 0.0) -> Path:
    """Write a copy of an MP4 with another sound float32 [samples], which begins at `start` s of the video.

    The pictures are copied, not encoded again. Raises ClipError for a video that cannot be copied, WriteError
    on a full disk.
    """
    with tempfile.TemporaryDirectory() as folder, atomic_write(path, durable=False) as unfinished:
        audio = Path(folder) / "audio.wav"
        write_wav(audio, np.concatenate([silence(round(start * SAMPLE_RATE)), waveform]))
        inputs = ["-i", str(video), "-i", str(audio), "-map", "0:v:0", "-map", "1:a:0"]
        codecs = ["-c:v", "copy", "-c:a", "aac", "-movflags", "+faststart", "-f", "mp4"]
        command = [get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *inputs, *codecs, str(unfinished)]
        try:
            subprocess.run(command, capture_output=True, text=True, timeout=COPY_SECONDS, check=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            if number := full_disk(str(error.stderr)):
                raise write_error(number, path) from error
            raise ClipError(f"The sound of {video.name} could not be replaced: open it again.") from error
    return path


def _options(pixel_aspect: float, crf: int) -> list[str]:
    # Browsers take unmarked HD video as BT.709; say so, and encode so. Faststart lets it play while it loads.
    colour = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    filters = f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{colour},setsar={pixel_aspect:.6f}"
    return ["-vf", filters, "-crf", str(crf), "-movflags", "+faststart"]


def _not_written(path: Path, log: IO[str]) -> AvsegError:
    log.seek(0)
    said = log.read().strip()
    if number := full_disk(said):
        return write_error(number, path)
    return ClipError(f"ffmpeg could not write {path}: {said[-300:]}")
