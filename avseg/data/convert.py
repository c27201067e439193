"""Converts videos with masks of any origin to AVSBench's folder format.

Layouts that are read, for every video VIDEOS/STEM.mp4 (or another video format):

    MASKS/STEM/*.png    masks in the order of their names, black and white, or class indices for avss
    MASKS/STEM.mkv      the masks as a video
    MASKS.json          COCO's annotations, of images STEM/NUMBER.jpg or STEM_NUMBER.jpg

The masks of a video are spread evenly over it: one per second, one per frame or anything between. Videos are
cut into clips of the format's length, 5 s, or 10 s for avss; an incomplete rest is left out.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from avseg.data.avsbench.files import binary, fit, indices, read_picture
from avseg.data.avsbench.layout import LAYOUTS, SPLITS, VIDEO_ID
from avseg.data.avsbench.write import GeneratedClip, write_split
from avseg.data.coco import CocoImage, mask_of, read_coco
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.data.samples import IGNORED, UNNAMED
from avseg.errors import ConfigError, DatasetError
from avseg.files import printable, visible
from avseg.media.clip import MAX_SECONDS, RELEASED_SLACK, Clip, read_clip

VIDEOS = (
    ".mp4",
    ".m4v",
    ".mov",
    ".webm",
    ".mkv",
    ".avi",
    ".mpg",
    ".mpeg",
    ".m2v",
    ".ts",
    ".wmv",
    ".flv",
    ".ogv",
)
HELD_OUT = 0.1  # of the videos, for each of val and test
_NUMBERED = re.compile(r"(.+)[_-]\d+")


class Masks(Protocol):
    """The masks of one video, in order."""

    def __len__(self) -> int: ...

    def read(self, index: int, size: tuple[int, int]) -> np.ndarray:
        """Return class indices uint8 [H, W]; UNNAMED without a class, IGNORED where the mask says so."""
        ...


@dataclass(frozen=True)
class PictureMasks:
    """Masks as PNG files."""

    paths: tuple[Path, ...]
    task: str
    label: str  # class of the foreground; "" if unknown, or if the pixels are class indices

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, size: tuple[int, int]) -> np.ndarray:
        path = self.paths[index]
        decode = indices if self.task == "avss" and not self.label else binary
        classes = decode(read_picture(path), path)
        return fit(_named(classes, self.label), size, smooth=False)


@dataclass(frozen=True)
class VideoMasks:
    """Masks as a video, bright where something sounds."""

    path: Path
    count: int
    label: str

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, size: tuple[int, int]) -> np.ndarray:
        grey = fit(_frames(self.path)[index].max(-1), size, smooth=False)
        return _named(np.where(grey > 127, np.uint8(UNNAMED), np.uint8(0)), self.label)


@dataclass(frozen=True)
class CocoMasks:
    """Masks as annotations."""

    images: tuple[CocoImage, ...]
    label: str

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int, size: tuple[int, int]) -> np.ndarray:
        classes = np.zeros(size, np.uint8)
        for item in self.images[index].objects:
            mask = mask_of(item.segmentation, self.images[index].size or size)
            value = IGNORED if item.is_crowd else CLASS_INDEX.get(self.label or item.name, UNNAMED)
            classes[fit(mask, size, smooth=False)] = value
        return classes


@dataclass(frozen=True)
class Piece:
    """One clip: a part of a video."""

    video: Path
    masks: Masks
    name: str
    start: float  # seconds
    duration: float  # of the whole video, seconds
    task: str
    label: str

    def read(self) -> GeneratedClip:
        """Return the clip for `write_split`; raises ClipError and DatasetError."""
        layout = LAYOUTS[self.task]
        clip = read_clip(self.video, fps=1, start=self.start, seconds=layout.seconds)
        size = layout.size or clip.frames.shape[1:3]
        frames = np.stack([fit(frame, size, smooth=True) for frame in clip.frames[: layout.seconds]])
        moments = (self.start + clip.times[: layout.seconds]) / self.duration
        chosen = [min(len(self.masks) - 1, int(moment * len(self.masks))) for moment in moments]
        classes = np.stack([self.masks.read(index, size) for index in chosen])
        found = [CLASSES[k] for k in np.unique(classes) if 0 < k < len(CLASSES)]
        sounding = (self.label,) if self.task == "s4" else tuple(found)
        return GeneratedClip(self.name, frames, classes, clip.waveform, sounding)


def convert(
    videos: Path,
    masks: Path,
    out: Path,
    task: str,
    split: str = "",
    label: str = "",
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write the clips of a folder of videos with masks below `out`; return how many each split has.

    split: train, val or test; by default a tenth of the videos each go to val and test, chosen by the hash of
    their names. label: class of all foreground; required for s4. Clips that `out` already has stay. Raises
    DatasetError, before anything is written, for missing masks and unreadable videos.
    """
    if split and split not in SPLITS:
        raise ConfigError(f"The split {split!r} does not exist; splits are {', '.join(SPLITS)}.")
    if label and label not in CLASS_INDEX:
        raise ConfigError(f"{label!r} is not one of AVSBench's 71 classes; see avseg.data.labels.CLASSES.")
    if task == "s4" and not label:
        raise ConfigError("The clips of s4 have one class: name it with --label, or convert to ms3.")
    if not videos.is_dir():
        raise DatasetError(f"The folder {videos} does not exist.")
    files = [path for path in visible(videos.iterdir()) if path.suffix.lower() in VIDEOS and path.is_file()]
    if not files:
        raise DatasetError(f"{videos} contains no videos; expected files such as NAME.mp4.")
    masks_of = _find_masks(masks, task, label)
    if lacking := [path.name for path in files if path.stem not in masks_of]:
        raise DatasetError(
            f"{masks} has no masks for {', '.join(lacking[:5])}{' ...' if lacking[5:] else ''}; expected "
            "a folder of PNG files or a video of the same name, or COCO images in a folder of that name."
        )
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for path, chosen in zip(files, _splits([path.stem for path in files], split), strict=True):
        pieces[chosen] += _pieces(path, masks_of[path.stem](), task, label)
    if not any(pieces.values()):
        raise DatasetError(
            f"No video in {videos} lasts {LAYOUTS[task].seconds} s, the length of a clip of {task}."
        )
    done, total = 0, sum(map(len, pieces.values()))
    for name, of_split in pieces.items():

        def advance(count: int, _: int, before: int = done) -> None:
            if on_progress is not None:
                on_progress(before + count, total)

        write_split(task, name, out, len(of_split), partial(_read, of_split), advance, workers)
        done += len(of_split)
    return {name: len(of_split) for name, of_split in pieces.items() if of_split}


def _read(pieces: list[Piece], index: int) -> GeneratedClip:
    return pieces[index].read()


def _pieces(path: Path, masks: Masks, task: str, label: str) -> list[Piece]:
    """Return the clips of a video; their names begin with eleven characters of its own, as AVSBench's do."""
    length, duration = LAYOUTS[task].seconds, _whole(path).duration
    stem = re.sub(r"[^\w-]+", "-", printable(path.stem, 100))
    video = (
        stem if len(stem) == VIDEO_ID else hashlib.sha256(path.stem.encode("utf-8", "replace")).hexdigest()
    )
    name = f"{video[:VIDEO_ID]}-{stem}"
    count = int((duration + RELEASED_SLACK) // length)
    return [
        Piece(path, masks, f"{name}_{number}", number * length, duration, task, label)
        for number in range(count)
    ]


def _splits(stems: list[str], split: str) -> list[str]:
    if split:
        return [split] * len(stems)
    order = sorted(stems, key=lambda stem: hashlib.sha256(stem.encode("utf-8", "replace")).digest())
    count = max(1, round(HELD_OUT * len(stems))) if len(stems) >= 3 else 0
    chosen = dict.fromkeys(order[:count], "val") | dict.fromkeys(order[count : 2 * count], "test")
    return [chosen.get(stem, "train") for stem in stems]


def _find_masks(masks: Path, task: str, label: str) -> Mapping[str, Callable[[], Masks]]:
    """Return how to open the masks of every video, by its stem."""
    if masks.is_file():
        images = read_coco(masks)
        names = dict.fromkeys(item.name for image in images for item in image.objects)
        if task == "avss" and not label and (unknown := [name for name in names if name not in CLASS_INDEX]):
            raise DatasetError(
                f"{masks} has categories that are not among AVSBench's 71 classes: {', '.join(unknown[:5])}. "
                "Rename them, name one class for all with --label, or convert to ms3."
            )
        return {stem: partial(CocoMasks, group, label) for stem, group in _by_video(images).items()}
    if not masks.is_dir():
        raise DatasetError(f"There is neither a folder nor a COCO file {masks}.")
    found: dict[str, Callable[[], Masks]] = {}
    for path in visible(masks.iterdir()):
        if path.is_dir() and (pictures := _in_order(visible(path.glob("*.[pP][nN][gG]")))):
            found[path.name] = partial(PictureMasks, pictures, task, label)
        elif path.suffix.lower() in VIDEOS and path.is_file():
            if task == "avss" and not label:
                raise ConfigError(f"{path.name} has no classes, which avss needs: name one with --label.")
            found[path.stem] = partial(_video_masks, path, label)
    return found


def _by_video(images: Iterable[CocoImage]) -> dict[str, tuple[CocoImage, ...]]:
    """Group images by the folder in their file name, else by the name before a number."""
    groups: dict[str, list[CocoImage]] = defaultdict(list)
    for image in images:
        path = Path(image.file_name)
        numbered = _NUMBERED.fullmatch(path.stem)
        groups[path.parent.name or (numbered.group(1) if numbered else path.stem)].append(image)
    return {
        stem: tuple(sorted(group, key=lambda image: _natural(image.file_name)))
        for stem, group in groups.items()
    }


def _in_order(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(sorted(paths, key=lambda path: _natural(path.name)))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key by which frame 10 follows frame 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _video_masks(path: Path, label: str) -> Masks:
    return VideoMasks(path, len(_frames(path)), label)


@lru_cache(maxsize=1)
def _frames(path: Path) -> np.ndarray:
    return read_clip(path, fps=1, seconds=MAX_SECONDS).frames


def _whole(path: Path) -> Clip:
    return read_clip(path, fps=0.2, seconds=MAX_SECONDS)


def _named(classes: np.ndarray, label: str) -> np.ndarray:
    return np.where(classes == UNNAMED, np.uint8(CLASS_INDEX[label]), classes) if label else classes
