"""The paper's Figure 6: channels of the mask feature before and after the mixer, and the masks.

panels = [channel_panel(predictor, clip) for clip in clips]
write_figure(draw_channels(panels), folder, "figure-6")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from avseg.arguments import is_whole
from avseg.errors import ConfigError
from avseg.figures.clips import FigureClip
from avseg.figures.drawing import label_row, masked, new_figure, picture
from avseg.interpret.inspection import Inspection, MaskMap, inspect
from avseg.interpret.maps import colour_range, mixing
from avseg.interventions.run import Change, intervene
from avseg.media.draw import heat_map, resize
from avseg.predict import Predictor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NINE = 9  # channels, as in the paper


@dataclass(frozen=True, eq=False)
class ChannelPanel:
    """One frame of a clip. n: number of channels."""

    title: str
    model: str
    frame: np.ndarray  # uint8 [H, W, 3]
    truth: np.ndarray | None  # uint8 [h, w], None where the frame has no label
    channels: tuple[int, ...]  # n numbers from 1, the largest effect on the mask first
    before: np.ndarray  # float32 [n, s/4, s/4], of F_mask
    after: np.ndarray  # float32 [n, s/4, s/4], of F_hat
    mask: np.ndarray  # uint8 [H, W], label map
    unmixed: np.ndarray | None  # uint8 [H, W], without the mixer; None where the model has none


def channel_panel(
    predictor: Predictor, clip: FigureClip, frame: int | None = None, count: int = NINE
) -> ChannelPanel:
    """Run the model on one frame of a clip, with and without its mixer.

    frame: index; by default the frame with the largest mask. count: of channels. Raises ConfigError for a
    frame that does not exist and for a model without a mask feature.
    """
    frames = len(clip.clip.frames)
    if frame is None:
        frame = int(predictor.predict(clip.clip).foreground.argmax())
    if not is_whole(frame, 0, frames - 1):
        raise ConfigError(f"{clip.title} has no frame {frame + 1}: choose 1 to {frames}.")
    inspection = inspect(predictor, clip.clip, frame)
    unmixed = None
    if inspection.config.mixer != "none":
        with intervene(predictor.model, [Change("mixer-off")]):
            unmixed = inspect(predictor, clip.clip, frame).final
    chosen = mixing(inspection).effect_order[:count]
    return ChannelPanel(
        title=clip.title,
        model=inspection.model,
        frame=inspection.frame,
        truth=None if clip.truth is None else clip.truth[frame],
        channels=tuple(int(channel) + 1 for channel in chosen),
        before=inspection.mask_feature[chosen],
        after=inspection.mixed[chosen],
        mask=_at_source_size(inspection, inspection.final),
        unmixed=None if unmixed is None else _at_source_size(inspection, unmixed),
    )


def draw_channels(panels: Sequence[ChannelPanel]) -> "Figure":
    """Return the figure: two rows per panel, the maps of a panel on one scale."""
    columns = max(len(panel.channels) for panel in panels) + 2
    aspect = panels[0].frame.shape[0] / panels[0].frame.shape[1]
    figure = new_figure(columns, 2 * len(panels), aspect)
    grid = figure.subplots(2 * len(panels), columns, squeeze=False)
    for index, panel in enumerate(panels):
        top, bottom = grid[2 * index], grid[2 * index + 1]
        picture(top[0], panel.frame, panel.title)
        picture(bottom[0], masked(panel.frame, panel.truth), "ground truth")
        low, high, _ = colour_range(np.concatenate([panel.before, panel.after]), percentile=99.5)
        size = panel.frame.shape[:2]
        for column, channel in enumerate(panel.channels, start=1):
            for axes, maps in ((top[column], panel.before), (bottom[column], panel.after)):
                cells = heat_map(maps[column - 1], low, high).picture
                title = f"c{channel}" if axes is top[column] else ""
                picture(axes, resize(cells, size, smooth=False), title)
        for axes in (*top[len(panel.channels) + 1 : -1], *bottom[len(panel.channels) + 1 : -1]):
            axes.set_axis_off()
        label_row(top[1], "before")
        label_row(bottom[1], "after")
        picture(top[-1], masked(panel.frame, panel.mask), "with mixer")
        picture(bottom[-1], masked(panel.frame, panel.unmixed), "without")
    return figure


def _at_source_size(inspection: Inspection, mask: MaskMap) -> np.ndarray:
    size = inspection.frame.shape[:2]
    if inspection.config.classes > 1:
        return resize(mask.labels, size, smooth=False)
    return (resize(mask.probability, size) > inspection.threshold).astype(np.uint8)
