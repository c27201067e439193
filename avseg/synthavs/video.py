"""Renders a SynthAVS scene as a video file with audio."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.errors import ClipError, DatasetError
from avseg.media.video import write_mp4
from avseg.synthavs.scenes import Scene, mix, render


def write_video(
    path: Path, scene: Scene, size: tuple[int, int], fps: int = 12, crf: int = 23, oversample: int = 1
) -> None:
    """Write a scene as MP4 at size (height, width), rendered `oversample` times larger and downsampled.

    Raises DatasetError with ffmpeg's message if it fails.
    """
    try:
        write_mp4(path, _frames(scene, size, fps, oversample), fps, mix(scene), 1.0, crf, "medium", threads=1)
    except ClipError as error:
        raise DatasetError(str(error)) from error


def _frames(scene: Scene, size: tuple[int, int], fps: int, oversample: int) -> Iterator[np.ndarray]:
    for index in range(scene.seconds * fps):
        rgb, _ = render(scene, index / fps, (size[0] * oversample, size[1] * oversample))
        yield rgb if oversample == 1 else np.asarray(Image.fromarray(rgb).reduce(oversample))
