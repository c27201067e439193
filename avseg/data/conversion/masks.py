"""Masks of recordings: PNG files, videos and COCO's annotations."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avseg.data.avsbench.files import binary, fit, indices, picture_size, read_picture
from avseg.data.coco import CocoImage, mask_of
from avseg.data.conversion.classes import ClassNames
from avseg.data.conversion.pictures import OWN_FILES
from avseg.data.conversion.recording import Masks, Moments, Pictures
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.data.samples import IGNORED, UNNAMED
from avseg.errors import DatasetError
from avseg.media.clip import MAX_SECONDS, read_clip

BRIGHT = 128  # a pixel of a mask video from this brightness on is foreground
STRETCH = 0.03  # by which the aspects of a mask and its picture may differ: sizes are rounded
LONGER = 0.5  # seconds by which a mask video and its video may differ in length


@dataclass(frozen=True)
class PictureMasks:
    """Masks as PNG files."""

    paths: tuple[Path, ...]
    as_indices: bool  # pixels are class indices; otherwise black and white
    classes: ClassNames

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, moments: Moments, size: tuple[int, int]) -> np.ndarray:
        return np.stack([fit(self.classes_of(k), size, smooth=False) for k in moments.among(len(self))])

    def classes_of(self, index: int) -> np.ndarray:
        """Return a mask at its own size, uint8 [h, w]."""
        path = self.paths[index]
        picture = read_picture(path)
        if not self.as_indices:
            return _named(binary(picture, path), self.classes)
        if self.classes.renamed and picture.mode in ("L", "P"):  # indices of its own
            classes = self.classes.relabelled(np.asarray(picture))
            if (wrong := classes[(classes >= len(CLASSES)) & (classes != IGNORED)]).size:
                raise DatasetError(f"{path} has the index {wrong.min()}, which the table of classes lacks.")
            return classes
        return self.classes.relabelled(indices(picture, path))


@dataclass(frozen=True)
class VideoMasks:
    """Masks as a video, bright where something sounds."""

    path: Path
    duration: float  # seconds
    size: tuple[int, int]
    grey: float  # share of the pixels that are neither black nor white
    classes: ClassNames

    @classmethod
    def of(cls, path: Path, classes: ClassNames) -> "VideoMasks":
        """Decode a video of masks once to know it; raises ClipError."""
        clip = read_clip(path, fps=0.2, seconds=MAX_SECONDS, limits=OWN_FILES)
        brightness = clip.frames.max(-1)
        grey = float(((brightness > 8) & (brightness < 247)).mean())
        return cls(path, clip.duration, clip.size, grey, classes)

    def __len__(self) -> int:
        return 1

    def read(self, moments: Moments, size: tuple[int, int]) -> np.ndarray:
        clip = read_clip(self.path, moments.rate, moments.start, moments.seconds, OWN_FILES)
        order = np.minimum(np.arange(len(moments.times)), len(clip.frames) - 1)
        masks = np.where(clip.frames[order].max(-1) >= BRIGHT, np.uint8(UNNAMED), np.uint8(0))
        return np.stack([fit(_named(mask, self.classes), size, smooth=False) for mask in masks])


@dataclass(frozen=True)
class CocoMasks:
    """Masks as annotations."""

    images: tuple[CocoImage, ...]
    classes: ClassNames

    def __len__(self) -> int:
        return len(self.images)

    @property
    def names(self) -> set[str]:
        """Names of the objects, without crowds."""
        return {item.name for image in self.images for item in image.objects if not item.is_crowd}

    def read(self, moments: Moments, size: tuple[int, int]) -> np.ndarray:
        return np.stack([self._classes_of(self.images[k], size) for k in moments.among(len(self))])

    def _classes_of(self, image: CocoImage, size: tuple[int, int]) -> np.ndarray:
        classes = np.zeros(size, np.uint8)
        for item in sorted(image.objects, key=lambda item: not item.is_crowd):  # single objects above crowds
            value = IGNORED if item.is_crowd else self.classes.foreground(item.name)
            if value:
                mask = mask_of(item.segmentation, image.size or size)
                classes[fit(mask, size, smooth=False)] = value
        return classes


def misfit(masks: Masks, pictures: Pictures) -> str:
    """Return how the size or the length of masks contradicts their pictures, "" if it does not."""
    if isinstance(masks, VideoMasks) and abs(masks.duration - pictures.duration) > LONGER:
        return f"its masks last {masks.duration:.1f} s, its pictures {pictures.duration:.1f} s"
    height, width = pictures.size
    for mask_height, mask_width in sizes(masks):
        if abs(mask_height * width / (mask_width * height) - 1) <= STRETCH:
            continue
        text = f"its masks have {mask_width} x {mask_height} pixels, its pictures {width} x {height}"
        if abs(mask_width * width / (mask_height * height) - 1) <= STRETCH:
            return f"{text}: the video is shown rotated, and the masks are not; turn the masks too"
        return text
    return ""


def sizes(masks: Masks) -> set[tuple[int, int]]:
    """Return the sizes (height, width) of masks, without decoding them; raises DatasetError."""
    if isinstance(masks, PictureMasks):
        return {picture_size(path) for path in masks.paths}
    if isinstance(masks, CocoMasks):
        return {image.size for image in masks.images if image.size is not None}
    return {masks.size} if isinstance(masks, VideoMasks) else set()


def _named(classes: np.ndarray, names: ClassNames) -> np.ndarray:
    """Return black and white masks with the class of all foreground, if there is one."""
    if not names.label:
        return classes
    return np.where(classes == UNNAMED, np.uint8(CLASS_INDEX[names.label]), classes)
