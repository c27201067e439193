"""Opening a clip for a visitor, and running models on clips."""

import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.explore.collection import Collection
from app.explore.state import ExploreState, OpenedClip
from app.services.background import Report
from app.services.datasets import DataSet
from app.services.host import may_train
from app.services.jobs import JobToken
from app.services.session import MODELS, Visitor
from avseg.data.avsbench.clip import DatasetClip, read_dataset_clip, with_video
from avseg.errors import DatasetError
from avseg.evaluation.clip import clip_iou, frame_ious
from avseg.files import make_folder
from avseg.interpret.embeddings import mistakes_of
from avseg.player.value import PlayerValue, player_value
from avseg.predict import Prediction

MAX_SCORED = 200  # clips at once
MAX_SCORED_PUBLIC = 40


def open_clip(visitor: Visitor) -> tuple[OpenedClip, PlayerValue]:
    """Read the clip of the visitor's view and make its player; raises AvsegError."""
    state = visitor.state(ExploreState)
    dataset, collection = state.open_collection()
    view = state.view
    if collection is None or view.row is None:
        raise DatasetError("Select a clip first.")
    entry = collection.facts.entries[view.row]
    folder = _new_folder(visitor, state)
    content = with_video(read_dataset_clip(dataset.folder, entry), dataset.folder, entry, folder)
    return OpenedClip(view.data, view.row, content), clip_player(dataset, content, None, folder / "truth")


def predict_clip(visitor: Visitor, token: JobToken, progress: Report) -> PlayerValue:
    """Run the view's model on its clip and keep the prediction and its IoU; returns the player.

    Raises AvsegError; Cancelled between two frames once the token is.
    """
    state = visitor.state(ExploreState)
    view, opened = state.view, state.opened
    dataset, collection = state.open_collection()
    if opened is None or not opened.belongs_to(view):
        opened, _ = open_clip(visitor)

    def on_frame(done: int, total: int) -> None:
        token.check()
        progress(done, total)

    prediction = MODELS.predict(view.model, opened.content.clip, on_frame)
    state.opened = opened = replace(opened, prediction=prediction, model=view.model)
    entry = collection.facts.entries[opened.row]
    name = (entry.split, entry.name)
    iou = clip_iou(frame_ious(prediction, opened.content.truth), opened.content.truth)
    collection.scores.add(view.model, {name: iou}, {name: mistakes_of(prediction, opened.content)})
    folder = opened.content.clip.path.parent / uuid.uuid4().hex[:8]
    return clip_player(dataset, opened.content, prediction, folder)


def unscored_rows(state: ExploreState, collection: Collection) -> list[int]:
    """Return the matching clips without an IoU of the view's model, as many as are scored at once."""
    if not state.view.model:
        return []
    rows = state.rows(collection)
    return rows[np.isnan(collection.iou(state.view.model)[rows])][
        : MAX_SCORED if may_train() else MAX_SCORED_PUBLIC
    ].tolist()


def score_clips(state: ExploreState, token: JobToken, progress: Report) -> None:
    """Run the view's model on the matching clips that have no IoU yet.

    Raises AvsegError; Cancelled between two clips once the token is. The IoU of finished clips is kept.
    """
    dataset, collection = state.open_collection()
    rows = unscored_rows(state, collection) if collection else []
    model, ious, mistakes = state.view.model, {}, {}
    try:
        for done, row in enumerate(rows):
            token.check()
            progress(done, len(rows))
            entry = collection.facts.entries[row]
            content = read_dataset_clip(dataset.folder, entry)
            prediction = MODELS.predict(model, content.clip)
            iou = clip_iou(frame_ious(prediction, content.truth), content.truth)
            ious[entry.split, entry.name] = iou
            mistakes[entry.split, entry.name] = mistakes_of(prediction, content)
    finally:
        if ious:
            collection.scores.add(model, ious, mistakes)


def clip_player(
    dataset: DataSet, content: DatasetClip, prediction: Prediction | None, folder: Path
) -> PlayerValue:
    """Return the player of a clip: its ground truth, and a prediction where there is one.

    The masks of a 71-class model count as foreground where the labels name no classes.
    """
    if prediction is not None and prediction.task == "avss" and dataset.task != "avss":
        foreground = (prediction.labels > 0).astype(np.uint8)
        prediction = replace(prediction, task=dataset.task, labels=foreground)
    return player_value(
        prediction,
        folder,
        truth=content.truth,
        clip=content.clip,
        task=dataset.task,
        video=content.clip.path,
        title=content.clip.name,
    )


def _new_folder(visitor: Visitor, state: ExploreState) -> Path:
    """Return a new folder for a clip; deletes older ones, except those of clips that are still in use."""
    root = visitor.folder / "explore"
    used = {result.prediction.clip.path.parent for result in (visitor.result,) if result}
    used |= {opened.content.clip.path.parent for opened in (state.opened,) if opened}
    for old in root.glob("clip-*") if root.is_dir() else ():
        if old not in used:
            shutil.rmtree(old, ignore_errors=True)
    return make_folder(root / f"clip-{uuid.uuid4().hex[:12]}")
