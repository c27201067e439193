"""The command `figure`."""

from pathlib import Path
from typing import Literal

import tyro

from avseg.errors import ConfigError


def figure(
    number: tyro.conf.Positional[Literal["6", "7"]],
    clips: tyro.conf.Positional[tuple[str, ...]],
    model: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    data: Path | None = None,
    frame: tyro.conf.UseAppendAction[tuple[int, ...]] = (),
    out: Path = Path("outputs/figures"),
    fps: float = 1.0,
    device: str = "auto",
) -> int:
    """Draw Figure 6 or 7 of the paper for clips of your own: OUT/figure-6.png and .pdf, or figure-7.

    Figure 6: of each clip a frame with its ground truth, nine channels of the mask feature before and after
    the mixer, and the mask with and without it. Figure 7: raw frames, ground truth and the masks of several
    models.

    Args:
        number: 6 or 7.
        clips: Video files; with --data, names of clips in that folder.
        model: Name or .safetensors file; repeat the flag for more rows of Figure 7. By default, as `predict`.
        data: A folder in AVSBench's format, with ground truth.
        frame: Frame of Figure 6, from 1; repeat the flag per clip. By default that of the largest mask.
        out: Folder of the two files.
        fps: Frames per second of video files, 0.2 to 30.
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from avseg.checkpoints import find_model, recommended_model
    from avseg.cost import load_with_cost
    from avseg.devices import choose_device
    from avseg.figures.channels import channel_panel, draw_channels
    from avseg.figures.clips import dataset_clip, file_clip
    from avseg.figures.drawing import write_figure
    from avseg.figures.sheet import draw_sheet
    from avseg.media.clip import check_rate

    if not clips:
        raise ConfigError("Name at least one clip.")
    if number == "6" and len(model) > 1:
        raise ConfigError("Figure 6 is of one model: give --model once.")
    if frame and (number == "7" or len(frame) != len(clips)):
        raise ConfigError("--frame is for Figure 6: give it once for each clip, or leave it out.")
    check_rate(fps)
    chosen = [dataset_clip(data, name) if data else file_clip(Path(name), fps) for name in clips]
    names = model or (recommended_model(Path(clips[0])),)
    predictors = [load_with_cost(find_model(name), choose_device(device)) for name in names]
    if number == "6":
        indices = [one - 1 for one in frame] or [None] * len(chosen)
        panels = [channel_panel(predictors[0], clip, index) for clip, index in zip(chosen, indices)]
        drawn = draw_channels(panels)
    else:
        drawn = draw_sheet(chosen, [[p.predict(clip.clip) for clip in chosen] for p in predictors])
    for path in write_figure(drawn, out, f"figure-{number}"):
        print(f"Written: {path}")
    return 0
