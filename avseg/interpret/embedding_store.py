"""Embeddings of the clips of a data set by one model: computed once, saved beside the index as they come."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from avseg.data.avsbench.clip import DatasetClip, read_dataset_clip
from avseg.data.avsbench.index import cache_file, table_state
from avseg.data.avsbench.layout import Entry
from avseg.errors import DatasetError
from avseg.evaluation.frame_mistakes import KINDS
from avseg.files import atomic_write, make_folder, require_regular
from avseg.interpret.embeddings import FEATURES, ClipEmbedding

SAVED_EVERY = 64  # clips
_VERSION = 2
_BAD = (OSError, ValueError, LookupError, BadZipFile, EOFError)

StoredClips = dict[str, Any]
"""Some clips: rows [n], frames [n] of each, iou, mistakes, and of every feature the means float16 [n, D] and
the values of all frames float16 [sum, D]."""
_SUMMARY = ("key", "rows", "frames", "iou", "mistakes", *(f"mean_{feature}" for feature in FEATURES))


@dataclass(eq=False)
class EmbeddingStore:
    """What has been computed so far of N clips; a row counts where `done`."""

    folder: Path | None  # of the saved parts; None: they stay in memory
    key: str  # the state of the table and of the model
    done: np.ndarray  # bool [N]
    iou: np.ndarray  # float32 [N]; NaN while unknown
    mistakes: np.ndarray  # int16 [N, kinds of KINDS]; -1 while unknown
    frame_count: int = 0  # of the clips that are done
    _means: dict[str, np.ndarray] = field(default_factory=dict)  # float16 [N, D]
    _parts: list[StoredClips | Path] = field(default_factory=list)
    _new: list[tuple[int, ClipEmbedding | None]] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path, task: str, clips: int, model: Path) -> EmbeddingStore:
        """Return what is saved for a task's folder and a model's file, nothing of another state of either."""
        place = store_folder(folder, task, model)
        key = f"{_VERSION} {table_state(folder, task)} {place.name if place else ''}"
        kinds = np.full((clips, len(KINDS)), -1, np.int16)
        store = cls(place, key, np.zeros(clips, bool), np.full(clips, np.nan, np.float32), kinds)
        if place is not None:
            older = place.name.split("-")[0]
            for other in place.parent.glob(f"{older}-*"):
                if other != place:  # of a file of the model that was written over
                    shutil.rmtree(other, ignore_errors=True)
            for path in sorted(place.glob("*.npz")):
                store._load(path)
        return store

    def __len__(self) -> int:
        return len(self.done)

    @property
    def complete(self) -> bool:
        return bool(self.done.all())

    def means(self, feature: str) -> np.ndarray:
        """Return a feature of FEATURES of every clip, the mean over its frames, float16 [N, D]; else NaN."""
        return self._means.get(feature, np.full((len(self), 1), np.nan, np.float16))

    def frames(self, feature: str, every: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a feature of M frames, float16 [M, D], their clips and their numbers from 0, both int32 [M].

        every: 3 for each third frame, in the order of the clips.
        """
        values, rows, numbers = [], [], []
        for source in self._parts:
            try:
                part = _read(source, "rows", "frames", feature) if isinstance(source, Path) else source
            except _BAD:  # damaged since
                continue
            values.append(part[feature])
            rows.append(np.repeat(part["rows"], part["frames"]))
            numbers += [np.arange(count, dtype=np.int32) for count in part["frames"]]
        if not values:
            return np.zeros((0, 1), np.float16), np.zeros(0, np.int32), np.zeros(0, np.int32)
        row, number = np.concatenate(rows), np.concatenate(numbers)
        order = np.lexsort((number, row))[::every]
        return np.concatenate(values)[order], row[order].astype(np.int32), number[order]

    def fill(
        self,
        folder: Path,
        entries: Sequence[Entry],
        run: Callable[[DatasetClip], ClipEmbedding],
        on_progress: Callable[[int, int], object],
        rows: Sequence[int] | None = None,
    ) -> None:
        """Compute the clips that are not done (of `rows`, or all), and save now and then.

        run: `embed` of a model. on_progress: called with (clips done, clips in all) before every clip and at
        the end; an exception raised there ends it, and what was computed is kept. A clip that cannot be read
        has no embedding; avseg.data.avsbench.check reports it.
        """
        chosen = np.arange(len(self)) if rows is None else np.asarray(rows, int)
        missing = chosen[~self.done[chosen]]
        ready = len(chosen) - len(missing)
        try:
            for count, row in enumerate(missing):
                on_progress(ready + count, len(chosen))
                try:
                    found = run(read_dataset_clip(folder, entries[row]))
                except DatasetError:
                    found = None
                self._new.append((int(row), found))
                if len(self._new) >= SAVED_EVERY:
                    self.save()
        finally:
            self.save()
        on_progress(len(chosen), len(chosen))

    def save(self) -> None:
        """Save what is new; without disk space it stays in memory."""
        if not self._new:
            return
        part, self._new = _part(self._new), []
        self._take(part)
        source: StoredClips | Path = part
        if self.folder is not None:
            path = self.folder / f"{int(part['rows'][0]):06d}.npz"
            with suppress(OSError):
                make_folder(self.folder)
                with atomic_write(path) as file, file.open("wb") as out:
                    np.savez(out, key=np.array(self.key), **part)
                source = path
        self._parts.append(source)

    def _load(self, path: Path) -> None:
        try:
            part = _read(path, *_SUMMARY)  # the frames wait until a map of them is wanted
            known = str(part["key"]) == self.key and part["rows"].max(initial=-1) < len(self)
            if known and not self.done[part["rows"]].any():  # two programs may have computed the same clips
                self._take(part)
                self._parts.append(path)
        except _BAD:  # computed again
            return

    def _take(self, part: StoredClips) -> None:
        """Add the means of a part to those of all clips."""
        rows = part["rows"]
        for feature in FEATURES:
            values = part[f"mean_{feature}"]
            if values.shape[1]:
                means = self._means.setdefault(feature, _nothing(len(self), values.shape[1]))
                means[rows] = values
        self.frame_count += int(part["frames"].sum())
        self.iou[rows], self.mistakes[rows], self.done[rows] = part["iou"], part["mistakes"], True


def store_folder(folder: Path, task: str, model: Path) -> Path | None:
    """Return where the embeddings of a task's folder by a model's file are saved; None if nowhere may be."""
    index = cache_file(folder, task)
    if index is None:
        return None
    name = hashlib.sha256(str(model.resolve()).encode()).hexdigest()[:12]
    status = model.stat()
    version = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:12]
    return index.with_name(f"{index.stem}-embeddings") / f"{name}-{version}"


def write_embeddings(
    path: Path, store: EmbeddingStore, entries: Sequence[Entry], extra: Mapping[str, np.ndarray]
) -> None:
    """Write an .npz of all clips and frames: `split`, `clip`, a mean per feature, the frames of each.

    Of every frame, `frame_clip` is its clip's row and `frame_number` counts from 1. Raises WriteError.
    """
    arrays: StoredClips = {
        "split": np.array([entry.split for entry in entries]),
        "clip": np.array([entry.name for entry in entries]),
        "iou": store.iou,
        **{kind: store.mistakes[:, k] for k, kind in enumerate(KINDS)},
        **extra,
    }
    for feature in FEATURES:
        arrays[feature] = store.means(feature)
        arrays[f"frame_{feature}"], rows, numbers = store.frames(feature)
    arrays |= {"frame_clip": rows, "frame_number": numbers + 1}
    make_folder(path.parent)
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _part(found: Sequence[tuple[int, ClipEmbedding | None]]) -> StoredClips:
    there = [one for _, one in found if one is not None]
    ious = [np.nan if one is None or one.iou is None else one.iou for _, one in found]
    unknown = (-1,) * len(KINDS)
    means = {
        f"mean_{feature}": np.stack(
            [_mean(getattr(one, feature)) if one else _nothing(1, width)[0] for _, one in found]
        )
        for feature, width in ((f, getattr(there[0], f).shape[1] if there else 0) for f in FEATURES)
    }
    return {
        **means,
        "rows": np.array([row for row, _ in found], np.int32),
        "frames": np.array([0 if one is None else len(one.audio) for _, one in found], np.int32),
        "iou": np.array(ious, np.float32),
        "mistakes": np.array(
            [unknown if one is None else [getattr(one.mistakes, kind) for kind in KINDS] for _, one in found],
            np.int16,
        ),
        **{
            feature: np.concatenate([getattr(one, feature) for one in there])
            if there
            else np.zeros((0, 0), np.float16)
            for feature in FEATURES
        },
    }


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean float16 [D] of the frames [T, D] that have a feature; NaN without any."""
    known = values[np.isfinite(values).all(axis=1)].astype(np.float32)
    return known.mean(axis=0).astype(np.float16) if len(known) else np.full_like(values[0], np.nan)


def _read(path: Path, *names: str) -> StoredClips:
    with np.load(require_regular(path), allow_pickle=False) as saved:
        return {name: saved[name] for name in names or saved.files}


def _nothing(clips: int, width: int) -> np.ndarray:
    return np.full((clips, width), np.nan, np.float16)
