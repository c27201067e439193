"""Writes a SynthAVS scene as a video file with sound, by the ffmpeg that comes with imageio-ffmpeg."""

import subprocess
import tempfile
import wave
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from avseg.errors import DatasetError
from avseg.synthavs.scenes import SAMPLE_RATE, Scene, mix, render


def write_wav(path: Path, waveform: np.ndarray) -> None:
    """Write float mono [samples] as 16-bit stereo PCM at 16 kHz, the form of AVSBench's audio_wav files."""
    mono = np.round(np.clip(waveform, -1, 1) * 32767).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.repeat(mono[:, None], 2, axis=1).tobytes())


def write_video(
    path: Path, scene: Scene, size: tuple[int, int], fps: int = 12, crf: int = 23, oversample: int = 1
) -> None:
    """Write a scene as H.264 (yuv420p, +faststart) with AAC sound at size (height, width).

    Frames are painted `oversample` times larger and shrunk.

    Raises DatasetError with ffmpeg's last words when it fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        write_wav(sound, mix(scene))
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[1]}x{size[0]}", "-r", str(fps), "-i", "-"),
            *("-i", str(sound), "-c:v", "libx264", "-preset", "medium", "-crf", str(crf), "-threads", "1"),
            *("-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", str(path)),
        ]
        with tempfile.TemporaryFile() as words:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=words)
            try:
                for index in range(scene.seconds * fps):
                    process.stdin.write(_frame(scene, index / fps, size, oversample).tobytes())
                process.stdin.close()
            except BrokenPipeError:
                pass  # ffmpeg stopped early; its return code and words tell why
            if process.wait() != 0:
                words.seek(0)
                last = words.read().decode(errors="replace").strip()[-300:]
                raise DatasetError(f"ffmpeg could not write {path}: {last}")


def _frame(scene: Scene, t: float, size: tuple[int, int], oversample: int) -> np.ndarray:
    rgb, _ = render(scene, t, (size[0] * oversample, size[1] * oversample))
    if oversample == 1:
        return rgb
    return np.asarray(Image.fromarray(rgb).reduce(oversample))
