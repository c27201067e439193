"""An open data set: facts, masks, tags, scores and integrity report; a few stay in memory."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from app.explore.maps import Maps
from app.explore.marks import Marks
from app.explore.saved_views import SavedViews
from app.explore.scores import Scores
from app.explore.tags import Tags
from app.services.background import BACKGROUND, Progress
from app.services.cache import LRUCache
from app.services.datasets import DataSet
from app.services.host import public_host
from avseg.data.avsbench.check import check
from avseg.data.avsbench.check_report import CheckReport, load_report, save_report
from avseg.data.avsbench.facts import ClipFacts, read_facts
from avseg.data.avsbench.index import cache_file, table_state
from avseg.data.avsbench.mask_index import MaskIndex
from avseg.data.labels import CLASS_INDEX, CLASSES
from avseg.evaluation.frame_mistakes import KINDS

OPEN_COLLECTIONS = 4


@dataclass(eq=False)
class Collection:
    """A data set whose table was read."""

    dataset: DataSet
    key: str  # the state of its table
    facts: ClipFacts
    masks: MaskIndex
    scores: Scores
    marks: Marks
    report: CheckReport | None = None

    def __len__(self) -> int:
        return len(self.facts)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per clip; `sounding_objects` is NA where the data do not say; `text` is searched."""
        facts = self.facts
        table = pd.DataFrame(
            [(e.split, e.name, e.video, e.subset, e.frames, e.labelled) for e in facts.entries],
            columns=["split", "clip", "video", "subset", "frames", "labelled_frames"],
        )
        table["classes"] = [" ".join(labels) for labels in facts.labels]
        table["sounding_objects"] = pd.Series(facts.sounding_objects, dtype="Int16")
        table["offscreen"] = pd.Series(facts.offscreen, dtype=bool)
        texts = zip(table["clip"], table["classes"], [e.annotation for e in facts.entries], table["split"])
        table["text"] = [" ".join(words).lower() for words in texts]
        return table.astype({"split": str, "clip": str, "text": str})

    @cached_property
    def sounding(self) -> pd.DataFrame:
        """Which classes sound in which clip, bool [N, C], most frequent class first."""
        values = np.zeros((len(self), len(CLASSES)), bool)
        for row, names in enumerate(self.facts.labels):
            values[row, [CLASS_INDEX[name] for name in names]] = True
        counts = values.sum(axis=0)
        order = [k for k in np.argsort(-counts, kind="stable") if counts[k]]
        return pd.DataFrame(values[:, order], columns=[CLASSES[k] for k in order])

    @cached_property
    def maps(self) -> Maps:
        """The embeddings of the clips by model, and their maps."""
        return Maps(self.dataset, self.key, self.facts.entries, self.scores)

    def columns(self, model: str) -> pd.DataFrame:
        """Return what is known of every clip, one row each: the table, the masks and the IoU of a model."""
        known = pd.Series(self.masks.known)
        return self.table.assign(
            frames_with_mask=pd.Series(self.masks.frames_with_mask).astype("Int16").where(known),
            empty_frames=self.masks.empty_frames,
            mask_share=self.masks.area,
            iou=self.iou(model),
        )

    def iou(self, model: str) -> np.ndarray:
        """Return the IoU of every clip under a model, float [N]; NaN while unknown."""
        column = np.full(len(self), np.nan)
        for clip, iou in self.scores.of(model).items():
            if (row := self.facts.rows.get(clip)) is not None:
                column[row] = iou
        return column

    def mistakes(self, model: str) -> np.ndarray:
        """Return how many frames of every clip have a mistake, int [N, kinds of KINDS]; -1 while unknown."""
        counts = np.full((len(self), len(KINDS)), -1, np.int16)
        for clip, mistakes in self.scores.mistakes_of(model).items():
            if (row := self.facts.rows.get(clip)) is not None:
                counts[row] = [getattr(mistakes, kind) for kind in KINDS]
        return counts

    def read_masks(self) -> Progress:
        """Read the masks in the background, once; returns the progress."""
        done = int(self.masks.done.sum())
        if done == len(self):
            return Progress(done, done, running=False)
        task = f"masks {self.dataset.key} {self.key}"
        progress = BACKGROUND.progress(task)
        if progress and (progress.running or progress.error):
            return progress
        entries, path = self.facts.entries, _beside_index(self.dataset, "-masks.npz")
        folder = self.dataset.folder
        return BACKGROUND.start(
            task, lambda report: self.masks.read_masks(folder, entries, path, self.key, report)
        )

    def check_files(self, start: bool = False) -> Progress | None:
        """Return the progress of the check of all files, None before its first start; start: start it."""
        task = f"check {self.dataset.key} {self.key}"
        if not start:
            return BACKGROUND.progress(task)

        def work(progress) -> None:
            report = check(self.dataset.folder, self.dataset.task, workers=1, on_progress=progress)
            if path := _beside_index(self.dataset, "-check.json"):
                save_report(report, path, self.key)
            self.report = report

        return BACKGROUND.start(task, work)


class Collections:
    """The data sets that were opened last."""

    def __init__(self, size: int = OPEN_COLLECTIONS):
        self._open: LRUCache[tuple[str, str], Collection] = LRUCache(size)

    def of(self, dataset: DataSet) -> Collection:
        """Open a data set, or return it from memory while its table is unchanged.

        Raises DatasetError if the table cannot be read.
        """
        key = table_state(dataset.folder, dataset.task)
        return self._open.get_or_make((dataset.key, key), lambda: _open(dataset, key))

    def refresh(self, dataset: DataSet) -> None:
        """Read reports about an open data set that were written since."""
        collection = self._open.get((dataset.key, table_state(dataset.folder, dataset.task)))
        if collection is not None:
            collection.scores.refresh()


COLLECTIONS = Collections()


def _open(dataset: DataSet, key: str) -> Collection:
    facts = read_facts(dataset.folder, dataset.task)
    report_path = _beside_index(dataset, "-check.json")
    return Collection(
        dataset=dataset,
        key=key,
        facts=facts,
        masks=MaskIndex.load(_beside_index(dataset, "-masks.npz"), facts.entries, key),
        scores=Scores(dataset, _beside_index(dataset, "-scores.json")),
        marks=_marks(dataset),
        report=load_report(report_path, key) if report_path else None,
    )


def _marks(dataset: DataSet) -> Marks:
    """Return the marks saved beside the index; those of a public host's visitor are kept in the visit."""
    if public_host():
        return Marks()
    tags, views = (_beside_index(dataset, ending) for ending in ("-flags.jsonl", "-views.json"))
    return Marks(Tags(tags), SavedViews(views))


def _beside_index(dataset: DataSet, ending: str) -> Path | None:
    index = cache_file(dataset.folder, dataset.task)
    return index and index.with_name(index.stem + ending)
