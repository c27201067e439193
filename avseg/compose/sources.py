"""Photographs with masks and recordings by class: where they are, and which split each belongs to.

Layouts that are read:

    IMAGES/STEM.jpg                   photographs of any size
    MASKS/CLASS/STEM.png              one mask per labelled class of a photograph: nonzero is the object
    MASKS/instances.json              or COCO's annotation file, in place of the folders of masks
    SOUNDS/CLASS/*.{wav,flac,ogg,...} recordings

A table `index.csv` beside the images (columns `file` and `original`) may tell which files come from the same
original photograph or recording; without it, every file is its own original. Splits are made by original, so
a recording that was cut into pieces is never in two of them.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from avseg.data.coco import Segmentation, mask_of, read_coco
from avseg.data.labels import CLASS_INDEX
from avseg.errors import ClipError, DatasetError
from avseg.files import is_visible, read_text, visible
from avseg.media.audio import SAMPLE_RATE
from avseg.media.clip import read_sound

SPLITS = ("train", "val", "test")
HELD_OUT = 0.1  # of the originals of a class, for each of val and test
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
RECORDINGS = (".wav", ".flac", ".ogg", ".mp3", ".m4a", ".opus")
LONGEST = 10.0  # seconds kept of a recording
SHORTEST = 0.15  # seconds
# Which recordings an object may make; a class without a row makes its own sound.
VOICES: Mapping[str, tuple[str, ...]] = {"person": ("man", "woman")}


@dataclass(frozen=True)
class Photo:
    """One photograph and where its masks are."""

    path: Path
    masks: tuple[tuple[str, Path | Segmentation], ...]  # class; file, or COCO's object
    original: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Labelled classes, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.masks))

    @property
    def is_product_shot(self) -> bool:
        """The border of the photograph is nearly white: a model could learn the studio, not the object."""
        return _has_white_border(self.path)

    def read(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the picture uint8 [H, W, 3] and a mask bool [H, W] per class; DatasetError if unreadable."""
        picture = read_photo(self.path)
        try:
            size = picture.shape[1::-1]
            masks: dict[str, np.ndarray] = {}
            for name, source in self.masks:
                mask = _mask(source, size) if isinstance(source, Path) else mask_of(source, size[::-1])
                masks[name] = masks[name] | mask if name in masks else mask
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise DatasetError(f"A mask of {self.path} cannot be read: {error}") from error
        return picture, masks


@dataclass(frozen=True)
class Recording:
    """One recording."""

    path: Path
    name: str  # class
    original: str

    def read(self) -> np.ndarray:
        """Return the waveform, float32 [samples] at 16 kHz mono, at most 10 s; DatasetError if unreadable."""
        return _waveform(self.path)


@dataclass(frozen=True, eq=False)
class Sources:
    """The photographs and recordings of one split, by class."""

    photos: tuple[Photo, ...]
    recordings: tuple[Recording, ...]
    backgrounds: tuple[Path, ...] = ()
    by_photo_class: Mapping[str, tuple[Photo, ...]] = field(init=False)
    by_sound: Mapping[str, tuple[Recording, ...]] = field(init=False)

    def __post_init__(self) -> None:
        photos, sounds = defaultdict(list), defaultdict(list)
        for photo in self.photos:
            for name in photo.classes:
                photos[name].append(photo)
        for recording in self.recordings:
            sounds[recording.name].append(recording)
        object.__setattr__(self, "by_photo_class", {k: tuple(v) for k, v in sorted(photos.items())})
        object.__setattr__(self, "by_sound", {k: tuple(v) for k, v in sorted(sounds.items())})

    def voices(self, name: str) -> tuple[str, ...]:
        """Return the classes of recordings that an object of a class can make, none without a recording."""
        return tuple(voice for voice in VOICES.get(name, (name,)) if voice in self.by_sound)

    @property
    def sounding(self) -> tuple[str, ...]:
        """Classes of objects that have photographs and recordings."""
        return tuple(name for name in self.by_photo_class if self.voices(name))

    def split(self, split: str) -> "Sources":
        """Return the sources of one split: a tenth of each class's originals (at least one) for val and test.

        A class with fewer than three originals is in the training split only. Backgrounds are split too.
        """
        if split not in SPLITS:
            raise DatasetError(f"The split {split!r} does not exist; splits are {', '.join(SPLITS)}.")
        photos = _assignment({p.original: p.classes[0] for p in self.photos if p.classes})
        sounds = _assignment({r.original: r.name for r in self.recordings})
        places = _assignment({path.name: "background" for path in self.backgrounds})
        return Sources(
            tuple(p for p in self.photos if photos.get(p.original) == split),
            tuple(r for r in self.recordings if sounds[r.original] == split),
            tuple(path for path in self.backgrounds if places[path.name] == split),
        )


def read_sources(
    images: Path, masks: Path, sounds: Path, backgrounds: Path | None = None, index: Path | None = None
) -> Sources:
    """Return what the folders hold; see the module for their layout. Raises DatasetError if nothing fits.

    masks: a folder of masks per class, or COCO's json file. index: table of originals; by default `index.csv`
    beside the images folder, if there is one.
    """
    images, masks, sounds = Path(images), Path(masks), Path(sounds)
    for folder in (images, sounds):
        if not folder.is_dir():
            raise DatasetError(f"The folder {folder} does not exist.")
    beside = images.parent / "index.csv"
    originals = _originals(index or beside) if index or beside.is_file() else {}
    if masks.is_file():
        photos = _coco_photos(images, masks, originals)
    elif masks.is_dir():
        photos = _photos(images, masks, originals)
    else:
        raise DatasetError(f"There is neither a folder nor a COCO file {masks}.")
    recordings = tuple(
        Recording(path, path.parent.name, originals.get(_key(path), f"{path.parent.name}/{path.stem}"))
        for path in _files(sounds, RECORDINGS)
        if path.parent != sounds
    )
    if not photos or not recordings:
        lacking = "photographs with masks" if not photos else "recordings in folders named by class"
        raise DatasetError(f"No {lacking} were found in {images if not photos else sounds}.")
    places = tuple(_files(backgrounds, PICTURES)) if backgrounds else ()
    sources = Sources(photos, recordings, places)
    if not sources.sounding:
        raise DatasetError(
            "No class has both photographs and recordings. Photographs: "
            f"{', '.join(sources.by_photo_class)}. Recordings: {', '.join(sources.by_sound)}. Give the "
            "folders the same class names."
        )
    return sources


def class_index(name: str) -> int:
    """Return the index of an AVSBench class; a class that AVSBench lacks is 255, "unnamed"."""
    return CLASS_INDEX.get(VOICES.get(name, (name,))[0], 255)


def _photos(images: Path, masks: Path, originals: Mapping[str, str]) -> tuple[Photo, ...]:
    by_stem: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for path in _files(masks, (".png",)):
        if path.parent != masks:
            by_stem[path.stem].append((path.parent.name, path))
    return tuple(
        Photo(path, tuple(by_stem[path.stem]), originals.get(_key(path), path.stem))
        for path in _files(images, PICTURES)
        if path.stem in by_stem
    )


def _coco_photos(images: Path, annotations: Path, originals: Mapping[str, str]) -> tuple[Photo, ...]:
    """Read COCO's annotations; crowds are left out."""
    photos = {}
    for image in read_coco(annotations):
        objects = tuple((item.name, item.segmentation) for item in image.objects if not item.is_crowd)
        path = images / Path(image.file_name).name
        if objects and path.is_file():
            photos[path] = Photo(path, objects, originals.get(_key(path), path.stem))
    return tuple(photos[path] for path in sorted(photos))


def _originals(index: Path) -> dict[str, str]:
    try:
        rows = csv.DictReader(io.StringIO(read_text(index).removeprefix("\ufeff")))
        if not {"file", "original"} <= set(rows.fieldnames or ()):
            raise DatasetError(f"{index} needs the columns file and original.")
        return {"/".join(Path(row["file"]).parts[-2:]): row["original"] for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{index} cannot be read as a table ({error}).") from error


def _key(path: Path) -> str:
    return "/".join(path.parts[-2:])


def _files(folder: Path, endings: tuple[str, ...]) -> Iterable[Path]:
    """Return the regular, visible files of a folder and its subfolders, in order."""
    for path in visible(folder.rglob("*")):
        inside = path.relative_to(folder).parents
        if path.suffix.lower() in endings and all(map(is_visible, inside[:-1])) and path.is_file():
            yield path


def _assignment(groups: Mapping[str, str]) -> dict[str, str]:
    """Return the split of every original, given its class: stratified by class, in the order of a hash."""
    by_class: dict[str, list[str]] = defaultdict(list)
    for original, name in groups.items():
        by_class[name].append(original)
    result = {}
    for originals in by_class.values():
        ordered = sorted(originals, key=lambda text: hashlib.sha256(text.encode()).digest())
        count = max(1, round(HELD_OUT * len(ordered))) if len(ordered) >= 3 else 0
        for position, original in enumerate(ordered):
            result[original] = "val" if position < count else "test" if position < 2 * count else "train"
    return result


def read_photo(path: Path) -> np.ndarray:
    """Return a picture, uint8 [H, W, 3], upright as its EXIF says; DatasetError if it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error


def _mask(path: Path, size: tuple[int, int]) -> np.ndarray:
    with Image.open(path) as image:
        mask = ImageOps.exif_transpose(image)
        mask = mask.convert("L") if mask.mode != "P" else mask
        if mask.size != size:
            mask = mask.resize(size, Image.Resampling.NEAREST)
        return np.asarray(mask) > 0


@lru_cache(maxsize=16384)
def _has_white_border(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.draft("RGB", (64, 64))
            small = np.asarray(image.convert("RGB").resize((32, 32)))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    return float((border.min(axis=1) > 225).mean()) > 0.5


@lru_cache(maxsize=4096)
def _waveform(path: Path) -> np.ndarray:
    try:
        waveform = read_sound(path, seconds=LONGEST)
    except ClipError as error:
        raise DatasetError(str(error)) from error
    if len(waveform) < SHORTEST * SAMPLE_RATE:
        raise DatasetError(f"{path} is shorter than {SHORTEST} s.")
    return waveform
