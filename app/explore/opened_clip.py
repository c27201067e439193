"""Opening a clip for a visitor, and running models over clips."""

import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.components.player.player import PlayerValue, player_value
from app.components.text import STOPPED
from app.explore.collection import Collection
from app.explore.scores import clip_iou, frame_ious
from app.explore.state import Desk, Opened, collection_of, desk_of, select
from app.services.dataset_clips import Read, named, read, with_video
from app.services.datasets import DataSet
from app.services.host import may_train
from app.services.jobs import Cancelled
from app.services.session import MODELS, Visitor
from avseg.errors import DatasetError
from avseg.predict import Prediction

SCORED_AT_ONCE = 200  # clips
SCORED_IN_PUBLIC = 40

Tell = Callable[[int, int], object]
"""Called with (done, total)."""


def open_view(visitor: Visitor) -> tuple[Opened, PlayerValue]:
    """Read the clip of the visitor's view and make its player; raises AvsegError."""
    desk = desk_of(visitor)
    data, there = collection_of(desk)
    view = desk.view
    if there is None or view.opened is None:
        raise DatasetError("No clip is open. Choose one first.")
    entry = there.facts.entries[view.opened]
    folder = _folder(visitor)
    found = with_video(data, entry, read(data, entry), folder)
    return Opened(view.data, view.opened, found), player_of(data, found, None, folder / "truth")


def player_of(data: DataSet, found: Read, prediction: Prediction | None, folder: Path) -> PlayerValue:
    """Return the player of a clip with a video: its ground truth, and a prediction where there is one.

    A model of 71 classes is compared with labels that name none as foreground.
    """
    if prediction is not None and prediction.task == "avss" and not named(data):
        prediction = replace(prediction, task=data.task, labels=(prediction.labels > 0).astype(np.uint8))
    return player_value(
        prediction,
        folder,
        truth=found.truth,
        clip=found.clip,
        task=data.task,
        video=found.clip.path,
        title=found.clip.name,
    )


def predict_view(visitor: Visitor, tell: Tell) -> PlayerValue:
    """Run the view's model over its clip and keep what it scored; returns the player. Raises AvsegError."""
    desk = desk_of(visitor)
    view, opened = desk.view, desk.opened
    data, there = collection_of(desk)
    if opened is None or not opened.stands(view):
        opened, _ = open_view(visitor)
    prediction = MODELS.predict(view.model, opened.read.clip, tell)
    opened = desk.opened = replace(opened, prediction=prediction, model=view.model)
    entry = there.facts.entries[opened.row]
    ious = frame_ious(prediction, opened.read.truth)
    there.scores.add(view.model, {(entry.split, entry.name): clip_iou(ious, opened.read.truth)})
    return player_of(data, opened.read, prediction, opened.read.clip.path.parent / uuid.uuid4().hex[:8])


def unscored(desk: Desk, there: Collection) -> list[int]:
    """Return the clips shown that have no IoU of the view's model, as many as are scored at once."""
    known = there.scores.of(desk.view.model)
    most = SCORED_AT_ONCE if may_train() else SCORED_IN_PUBLIC
    rows = (int(row) for row in select(desk, there).rows)
    names = ((row, there.facts.entries[row]) for row in rows)
    return [row for row, entry in names if (entry.split, entry.name) not in known][:most]


def score_view(visitor: Visitor, tell: Tell) -> None:
    """Run the view's model over the clips that are shown and have no IoU yet.

    Raises AvsegError; Stopped when the visitor's run was ended. What was scored until then is kept.
    """
    desk = desk_of(visitor)
    token = visitor.run = object()
    data, there = collection_of(desk)
    rows = unscored(desk, there) if there else []
    model, found = desk.view.model, {}
    try:
        for done, row in enumerate(rows):
            if visitor.run is not token:
                raise Cancelled(STOPPED)
            tell(done, len(rows))
            entry = there.facts.entries[row]
            clip = read(data, entry)
            ious = frame_ious(MODELS.predict(model, clip.clip), clip.truth)
            found[entry.split, entry.name] = clip_iou(ious, clip.truth)
    finally:
        if found:
            there.scores.add(model, found)


def _folder(visitor: Visitor) -> Path:
    """Return a new folder for an opened clip; older ones go, but for that of the clip the other tabs show."""
    root = visitor.folder / "explore"
    desk = desk_of(visitor)
    kept = {shown.prediction.clip.path.parent for shown in (visitor.result,) if shown}
    kept |= {opened.read.clip.path.parent for opened in (desk.opened,) if opened}
    for old in root.glob("clip-*") if root.is_dir() else ():
        if old not in kept:
            shutil.rmtree(old, ignore_errors=True)
    folder = root / f"clip-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    return folder
