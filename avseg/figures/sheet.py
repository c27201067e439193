"""The paper's Figure 7: raw frames, ground truth and the masks of several models, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from avseg.errors import ConfigError
from avseg.figures.clips import FigureClip
from avseg.figures.drawing import label_row, masked, new_figure, picture
from avseg.media.export import colours_of
from avseg.predict import Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COLUMNS = 10
MOST_FRAMES = 5  # of a clip


def draw_sheet(clips: Sequence[FigureClip], predictions: Sequence[Sequence[Prediction]]) -> "Figure":
    """Return the figure: a column per frame, evenly spaced ones of every clip, and a row per model.

    predictions: of each model in turn, one per clip. Raises ConfigError for more clips than columns.
    """
    if not 1 <= len(clips) <= MOST_COLUMNS:
        raise ConfigError(f"Figure 7 shows 1 to {MOST_COLUMNS} clips; {len(clips)} are named.")
    most = min(MOST_FRAMES, MOST_COLUMNS // len(clips))
    columns = [
        (number, int(frame), place == 0)
        for number, clip in enumerate(clips)
        for place, frame in enumerate(_evenly(len(clip.clip.frames), most))
    ]
    frame = clips[0].clip.frames[0]
    figure = new_figure(len(columns), 2 + len(predictions), frame.shape[0] / frame.shape[1])
    grid = figure.subplots(2 + len(predictions), len(columns), squeeze=False)
    for column, (number, index, first) in enumerate(columns):
        clip = clips[number]
        frame, truth = clip.clip.frames[index], clip.truth
        picture(grid[0, column], frame, clip.title if first else f"{clip.clip.times[index]:.0f} s")
        picture(grid[1, column], masked(frame, None if truth is None else truth[index]))
        for row, of_model in enumerate(predictions, start=2):
            prediction = of_model[number]
            mask = prediction.mask(index, frame.shape[:2])
            picture(grid[row, column], masked(frame, mask, colours_of(prediction)))
    for row, name in enumerate(("raw", "ground truth", *(of_model[0].model for of_model in predictions))):
        label_row(grid[row, 0], name)
    return figure


def _evenly(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)
