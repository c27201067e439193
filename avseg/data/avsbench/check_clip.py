"""Checks every file of one clip of AVSBench against its format."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from avseg.data.avsbench.check_report import Finding
from avseg.data.avsbench.files import (
    DECODE,
    FRAME,
    MASK,
    ORIENTATION,
    SOUND,
    THRESHOLD,
    channels_cancel,
    foreground_level,
    grey_values,
    read_picture,
    read_wav,
)
from avseg.data.avsbench.layout import Entry
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.data.samples import IGNORED
from avseg.errors import DatasetError
from avseg.files import find_file, is_visible
from avseg.media.audio import PATCH_FRAMES, SAMPLE_RATE, samples_of_rows

MODES = {"binary": ("L", "1"), "index": ("L",), "colours": ("RGB",)}
_LONGEST = 0.775  # seconds of audio after the last frame; with more, the released front end adds a patch

Size = tuple[int, int]


class ClipCheck:
    """The check of one clip: `findings`, and the number of frames, masks and WAV files read without error."""

    def __init__(self, folder: Path, entry: Entry):
        self.folder, self.entry = folder, entry
        self.findings: list[Finding] = []
        self.files: Counter[str] = Counter()
        self.turns: list[int] = []  # EXIF orientation of every frame

    def run(self) -> "ClipCheck":
        entry = self.entry
        frames = [entry.frame(moment) for moment in range(entry.frames)]
        masks = [entry.masks(moment) for moment in range(entry.labelled)]
        everything = [*frames, *(path for pair in masks for path, _ in pair), entry.sound]
        parents = {os.path.dirname(path) for path in everything}
        if closed := [path for path in sorted(parents) if _is_closed(self.folder / path)]:
            self.add("unreadable folder", closed[0], "permission denied")
            return self
        if not any(os.path.lexists(_find(self.folder / path)) for path in everything):
            self.add("missing clip", "", f"none of its {len(everything)} files exists")
            return self
        sizes = self._frames(frames)
        self._masks(masks, sizes)
        self._sound(sum(size is not None for size in sizes))
        return self

    def add(self, kind: str, path: str, detail: str) -> None:
        self.findings.append(Finding(kind, self.entry.split, self.entry.name, path, detail))

    def _frames(self, paths: list[str]) -> list[Size | None]:
        """Check the frames and return the size of each, None for one that is missing or cannot be decoded."""
        existing = self._listed(paths, FRAME, "extra frame")
        sizes: list[Size | None] = []
        for moment, path in enumerate(paths):
            picture = None
            if path in existing:
                picture = self._picture(path, FRAME, "unreadable frame")
            elif moment < self.entry.required:
                self.add("missing frame", path, f"frame {moment + 1} of {self.entry.frames} is missing")
            sizes.append(picture and (picture.height, picture.width))
            self.turns.append(picture.info[ORIENTATION] if picture else 1)
            if picture is not None:
                self.files["frames"] += 1
                self._frame(path, picture, next(size for size in sizes if size))
        if self.entry.required <= len(existing) < len(paths):
            self.add("short clip", "", f"{len(existing)} frames, usually {len(paths)}")
        return sizes

    def _frame(self, path: str, picture: Image.Image, first: Size) -> None:
        expected = self.entry.layout.size or first
        if (size := (picture.height, picture.width)) != expected:
            self.add("frame size", path, f"{_pixels(size)}, expected {_pixels(expected)}")
        if picture.mode != "RGB":
            self.add("frame mode", path, f"{picture.mode}, expected RGB")

    def _masks(self, masks: list[list[tuple[str, str]]], sizes: list[Size | None]) -> None:
        """Check every kind of mask that the clip has; the first kind is compared with the others."""
        decoded: dict[int, np.ndarray] = {}
        kinds = list(zip(*masks))  # one row of (path, how) per kind of mask
        existing = [kind for kind in kinds if (self.folder / kind[0][0]).parent.is_dir()]
        for kind in existing or kinds[:1]:
            listed = self._listed([path for path, _ in kind], MASK, "extra mask")
            for moment, (path, how) in enumerate(kind):
                if path not in listed:
                    if moment < self.entry.required:
                        self.add("missing mask", path, f"mask {moment + 1} of {len(kind)} is missing")
                elif (classes := self._mask(path, how, sizes[moment], self.turns[moment])) is not None:
                    if moment not in decoded:
                        decoded[moment] = classes
                        self._contents(path, classes)
                    elif not np.array_equal(decoded[moment], classes):
                        self.add("masks disagree", path, f"differs from {self.entry.masks(moment)[0][0]}")

    def _mask(self, path: str, how: str, size: Size | None, turn: int) -> np.ndarray | None:
        picture = self._picture(path, MASK, "unreadable mask")
        if picture is None:
            return None
        if size is not None and (own_turn := picture.info[ORIENTATION]) != turn:
            self.add("orientation", path, f"EXIF orientation {own_turn}, its frame has {turn}")
        if size is not None and (mask_size := (picture.height, picture.width)) != size:
            self.add("mask size", path, f"{_pixels(mask_size)}, its frame has {_pixels(size)}")
        if picture.mode not in MODES[how]:
            self.add("mask mode", path, f"{picture.mode}, expected {MODES[how][0]}")
        elif how == "binary":
            self._levels(path, grey_values(picture, self.folder / path))
        try:
            classes = DECODE[how](picture, self.folder / path)
        except DatasetError as error:
            self.add("unknown class", path, str(error))
            return None
        self.files["masks"] += 1
        return classes

    def _levels(self, path: str, grey: np.ndarray) -> None:
        """Add a finding for a black and white mask with other values than 0 and 255."""
        values = [int(value) for value in np.unique(grey) if 0 < value < 255]
        if values and foreground_level(grey):
            kind = "dim mask" if grey.max() <= THRESHOLD else "grey mask"
            self.add(kind, path, f"{len(values)} values between black and white")
        elif values:
            self.add("low mask", path, f"its values are 0 and {values[0]}")

    def _contents(self, path: str, classes: np.ndarray) -> None:
        present = [int(k) for k in np.unique(classes) if k not in (0, IGNORED)]
        self.files["filled"] += bool(present)
        if not present:
            self.add("empty mask", path, "no foreground")
        if ignored := np.count_nonzero(classes == IGNORED):
            self.add("ignored pixels", path, f"{ignored:,} pixels")
        named = {CLASS_INDEX[name] for name in self.entry.labels}
        if self.entry.task == "avss" and (unlisted := [CLASSES[i] for i in present if i not in named]):
            self.add(
                "unlisted class", path, f"{', '.join(unlisted)}; the table names {self.entry.annotation!r}"
            )

    def _sound(self, frames: int) -> None:
        path = self.entry.sound
        if not os.path.lexists(_find(self.folder / path)):
            self.add("missing sound", path, "the WAV file is missing")
            return
        try:
            waveform = read_wav(self.folder / path)
        except DatasetError as error:
            self.add("unreadable sound", path, str(error))
            return
        self.files["sounds"] += 1
        seconds = len(waveform) / SAMPLE_RATE
        shortest, longest = samples_of_rows(frames * PATCH_FRAMES), (frames + _LONGEST) * SAMPLE_RATE
        if self.entry.rate != 1:
            shortest = int(frames / self.entry.rate * SAMPLE_RATE)
            longest = shortest + _LONGEST * SAMPLE_RATE
        if first := self.entry.layout.heard_from:
            shortest, longest = shortest + first * SAMPLE_RATE, float("inf")
        if frames and not shortest <= len(waveform) < longest:
            self.add("sound length", path, f"{seconds:.2f} s for {frames} frames")
        if not waveform.any() and channels_cancel(self.folder / path):
            self.add("cancelled sound", path, "its channels are in opposite phase, so their mean is silent")
        elif not waveform.any():
            self.add("silent sound", path, f"{seconds:.2f} s of zeros")

    def _listed(self, paths: list[str], endings: Sequence[str], extra: str) -> set[str]:
        """Return which of these paths, all in one folder, exist; add a finding `extra` for other files."""
        if self.entry.layout.shared_folders:
            return {path for path in paths if os.path.lexists(find_file(self.folder / path, endings))}
        parent = os.path.dirname(paths[0])
        try:
            names = os.listdir(self.folder / parent)
        except OSError:
            return set()
        existing = {f"{parent}/{name}" for name in names if is_visible(Path(name))}
        files = {f"{parent}/{find_file(self.folder / path, endings).name}": path for path in paths}
        for path in sorted(existing.difference(files)):
            self.add(extra, path, f"the format has {len(paths)} files here")
        return {files[path] for path in existing.intersection(files)}

    def _picture(self, path: str, endings: Sequence[str], kind: str) -> Image.Image | None:
        try:
            return read_picture(self.folder / path, endings)
        except DatasetError as error:
            self.add(kind, path, str(error))
            return None


def _is_closed(folder: Path) -> bool:
    """Return whether a folder exists that this user may not list."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _find(path: Path) -> Path:
    return find_file(path, FRAME if path.suffix != ".wav" else SOUND)


def _pixels(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
