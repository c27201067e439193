"""Reads one's own recordings: videos or folders of frames; masks as PNG files, videos or COCO's file."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from avseg.data.coco import CocoImage, RunLengths, check_runs, read_coco
from avseg.data.conversion.classes import ClassNames, require_known
from avseg.data.conversion.masks import CocoMasks, PictureMasks, VideoMasks
from avseg.data.conversion.pictures import (
    PICTURE_ENDINGS,
    SOUND_ENDINGS,
    VIDEO_ENDINGS,
    FileSound,
    FramePictures,
    VideoPictures,
)
from avseg.data.conversion.recording import Masks, Pictures, Recording, newest
from avseg.data.labels import CLASSES
from avseg.data.samples import IGNORED
from avseg.errors import AvsegError, ConfigError, DatasetError
from avseg.files import visible

VIDEOS = ("videos", "clips", "raw_videos", "frames", "images", "JPEGImages")
MASKS = ("masks", "annotations", "Annotations", "labels", "gt_masks")
SOUNDS = ("sounds", "audio", "audios")
_NUMBERED = re.compile(r"(.+)[_-]\d+")


@dataclass(frozen=True)
class OwnFiles:
    """Where the parts of one's own recordings are."""

    videos: Path  # a folder of videos, or of folders of frames
    masks: Path  # a folder of folders of PNG files or of mask videos, or COCO's file
    sounds: Path | None  # a folder of sound files; None: those of the videos, or beside the frames

    @property
    def kind(self) -> str:
        """coco, png or mask-video."""
        if self.masks.is_file():
            return "coco"
        videos = any(path.suffix.lower() in VIDEO_ENDINGS for path in _listed(self.masks))
        return "mask-video" if videos else "png"


def find_own(source: Path, kind: str = "") -> OwnFiles | None:
    """Return the parts in a folder by their usual names, None without pictures or masks of that kind."""
    videos = next((source / name for name in VIDEOS if (source / name).is_dir()), None)
    if videos is None and any(path.suffix.lower() in VIDEO_ENDINGS for path in _listed(source)):
        videos = source
    files = [path for folder in (source, source / "annotations") for path in _listed(folder)]
    tables = [path for path in files if path.suffix.lower() == ".json"] if kind in ("", "coco") else []
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables[:5])
        raise ConfigError(f"{source} has several JSON files ({names}): name one with --masks.")
    folders = [source / name for name in MASKS if (source / name).is_dir()] if kind != "coco" else []
    masks = next(iter(tables or folders), None)
    if videos is None or masks is None:
        return None
    sounds = next((source / name for name in SOUNDS if (source / name).is_dir()), None)
    found = OwnFiles(videos, masks, sounds)
    return found if kind in ("", found.kind) else None


def read_own(files: OwnFiles, task: str, classes: ClassNames, frame_rate: float = 0.0) -> list[Recording]:
    """Return the recordings; every video is decoded once.

    frame_rate: of folders of frames, per second; 0 spreads them evenly over their sound, or takes 1 where
    there is none. Raises DatasetError, which names all recordings with missing or contradictory parts.
    """
    found = _find_pictures(files.videos)
    masks_of = _find_masks(files.masks, task, classes)
    if lacking := [path.name for name, path in found.items() if name not in masks_of]:
        raise DatasetError(
            f"{files.masks} has no masks for {_some(lacking)}; expected a folder of PNG files or a video of "
            "the same name, or COCO images in a folder of that name."
        )
    sounds = _by_stem(files.sounds, SOUND_ENDINGS) if files.sounds else {}
    recordings, problems = [], []
    for name, path in found.items():
        try:
            sound = _sound(path, sounds.get(name), files.sounds is None)
            pictures = _open(path, sound, frame_rate)
            masks, dated = masks_of[name]()
        except AvsegError as error:
            problems.append(str(error))
            continue
        modified = max(newest(path, *dated), newest(*([sound.path] if sound else [])))
        if isinstance(pictures, FramePictures):
            modified = max(modified, newest(*pictures.paths))
        label = _only_class(masks, classes) if task == "s4" else ""
        if task == "s4" and not label:
            problems.append(
                f"{name} has {_classes_in_words(masks)}, and a clip of s4 has one class: name it with "
                "--label, or convert to ms3."
            )
        recordings.append(Recording(name, pictures, masks, sound, modified, label=label))
    if problems:
        raise DatasetError("\n".join(problems))
    return recordings


def _find_pictures(folder: Path) -> dict[str, Path]:
    """Return videos and folders of frames by their names."""
    if not folder.is_dir():
        raise DatasetError(f"The folder {folder} does not exist.")
    found: dict[str, Path] = {}
    for path in visible(folder.iterdir()):
        is_video = path.is_file() and path.suffix.lower() in VIDEO_ENDINGS
        if not is_video and not (path.is_dir() and _pictures(path)):
            continue
        name = path.stem if is_video else path.name
        if name in found:
            raise DatasetError(f"{path.name} and {found[name].name} are both called {name}: rename one.")
        found[name] = path
    if not found:
        raise DatasetError(
            f"{folder} contains no videos; expected files such as NAME.mp4, or folders of frames, "
            "NAME/0001.jpg and so on."
        )
    return found


def _open(path: Path, sound: FileSound | None, frame_rate: float) -> Pictures:
    if path.is_file():
        return VideoPictures.of(path)
    frames = _pictures(path)
    return FramePictures(frames, frame_rate or (len(frames) / sound.duration if sound else 1.0))


def _sound(path: Path, named: Path | None, beside: bool) -> FileSound | None:
    """Return the sound of a recording that is not in its video: named, in its folder or beside it."""
    if named is None and beside and path.is_dir():
        inside = [item for item in _listed(path) if item.suffix.lower() in SOUND_ENDINGS]
        named = _by_stem(path.parent, SOUND_ENDINGS).get(path.name, inside[0] if len(inside) == 1 else None)
    return FileSound(named) if named else None


def _only_class(masks: Masks, classes: ClassNames) -> str:
    """Return the one class of a recording, "" if it names none or several."""
    if classes.label or not isinstance(masks, CocoMasks):
        return classes.label
    found = {classes.index(name) or 0 for name in masks.names} - {0, IGNORED}
    return CLASSES[found.pop()] if len(found) == 1 else ""


def _classes_in_words(masks: Masks) -> str:
    names = sorted(masks.names) if isinstance(masks, CocoMasks) else []
    return f"the classes {', '.join(names)}" if names else "masks without a class"


_Opened = tuple[Masks, tuple[Path, ...]]


def _find_masks(masks: Path, task: str, classes: ClassNames) -> Mapping[str, Callable[[], _Opened]]:
    """Return how to open the masks of every recording, by its name, with the files that they are in."""
    if masks.is_file():
        images = read_coco(masks)
        names = {item.name for image in images for item in image.objects if not item.is_crowd}
        if task != "ms3" and not classes.label:
            require_known(classes, names, masks)
        groups = by_video(images)
        return {name: partial(_coco, group, classes, masks) for name, group in groups.items()}
    if not masks.is_dir():
        raise DatasetError(f"There is neither a folder nor a COCO file {masks}.")
    if task == "s4" and not classes.label:
        raise ConfigError("The clips of s4 have one class: name it with --label, or convert to ms3.")
    found: dict[str, Callable[[], _Opened]] = {}
    for path in visible(masks.iterdir()):
        if path.is_dir() and (pictures := in_order(visible(path.glob("*.[pP][nN][gG]")))):
            found[path.name] = partial(_png, pictures, task, classes)
        elif path.suffix.lower() in VIDEO_ENDINGS and path.is_file():
            if task == "avss" and not classes.label:
                raise ConfigError(f"{path.name} has no classes, which avss needs: name one with --label.")
            found[path.stem] = partial(_video, path, classes)
    return found


def _coco(images: tuple[CocoImage, ...], classes: ClassNames, path: Path) -> _Opened:
    for image in images:  # what cannot be drawn is reported before the work
        for item in image.objects:
            if isinstance(item.segmentation, RunLengths):
                try:
                    check_runs(item.segmentation)
                except DatasetError as error:
                    raise DatasetError(f"{path}, {image.file_name}: {error}") from None
    return CocoMasks(images, classes), (path,)


def _png(paths: tuple[Path, ...], task: str, classes: ClassNames) -> _Opened:
    masks = PictureMasks(paths, task == "avss" and not classes.label, classes)
    if masks.as_indices:  # a class that does not exist is reported before the work
        for number in range(len(paths)):
            masks.classes_of(number)
    return masks, paths


def _video(path: Path, classes: ClassNames) -> _Opened:
    return VideoMasks.of(path, classes), (path,)


def by_video(images: Iterable[CocoImage]) -> dict[str, tuple[CocoImage, ...]]:
    """Group images by the folder in their file name, else by the name before a number."""
    groups: dict[str, list[CocoImage]] = defaultdict(list)
    for image in images:
        path = Path(image.file_name)
        numbered = _NUMBERED.fullmatch(path.stem)
        groups[path.parent.name or (numbered.group(1) if numbered else path.stem)].append(image)
    return {
        stem: tuple(sorted(group, key=lambda image: natural(image.file_name)))
        for stem, group in groups.items()
    }


def in_order(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return files in the order of the numbers in their names."""
    return tuple(sorted(paths, key=lambda path: natural(path.name)))


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key by which frame 10 follows frame 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _pictures(folder: Path) -> tuple[Path, ...]:
    return in_order(path for path in _listed(folder) if path.suffix.lower() in PICTURE_ENDINGS)


def _by_stem(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    if not folder.is_dir():
        raise DatasetError(f"The folder {folder} does not exist.")
    return {path.stem: path for path in _listed(folder) if path.suffix.lower() in endings}


def _listed(folder: Path) -> list[Path]:
    """Return the files of a folder, none if it does not exist."""
    return [path for path in visible(folder.iterdir()) if path.is_file()] if folder.is_dir() else []


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
