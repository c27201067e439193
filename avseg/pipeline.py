"""Predicts clips in three stages that overlap: one thread reads the next clip, another writes the last one.

The files of a clip are begun with its first masks. At most one clip is read ahead, and one still written,
while the model works on another, so that memory does not grow with their number.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from avseg.errors import AvsegError
from avseg.media.clip import Clip
from avseg.media.export import Written
from avseg.predict import OnStart
from avseg.prediction import Prediction


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one clip: its prediction and files, or the error."""

    path: Path
    prediction: Prediction | None = None
    written: Written | None = None
    error: AvsegError | None = None


def predict_clips(
    paths: Sequence[Path],
    folders: Sequence[Path],
    read: Callable[[Path], Clip],
    predict: Callable[[Path, Clip, OnStart], Prediction],
    write: Callable[[Prediction, Path], Written],
) -> Iterator[Outcome]:
    """Yield the outcome of every clip, in order; any error but AvsegError is raised.

    read: the clip of a path, in the reading thread. predict: its prediction; calls its last argument as
    `Predictor.predict` calls `on_start`. write: the files of a prediction in a folder, in the writing thread.
    """
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:

        def predicted(path: Path, folder: Path, reading: Future[Clip]) -> Callable[[], Outcome]:
            """Predict a clip, and return what waits for its files."""
            writing: list[Future[Written]] = []

            def start(growing: Prediction) -> None:
                writing.append(writer.submit(write, growing, folder))

            try:
                prediction = predict(path, reading.result(), start)
            except AvsegError as error:
                return partial(Outcome, path, error=error)
            return partial(_written, path, prediction, writing[0])

        unfinished: deque[Callable[[], Outcome]] = deque()
        readings = [reader.submit(read, path) for path in paths[:1]]
        for position, (path, folder) in enumerate(zip(paths, folders, strict=True)):
            reading = readings.pop()
            readings = [reader.submit(read, following) for following in paths[position + 1 : position + 2]]
            unfinished.append(predicted(path, folder, reading))
            if len(unfinished) > 1:
                yield unfinished.popleft()()
        yield from (outcome() for outcome in unfinished)


def _written(path: Path, prediction: Prediction, writing: Future[Written]) -> Outcome:
    try:
        return Outcome(path, prediction, writing.result())
    except AvsegError as error:
        return Outcome(path, error=error)
