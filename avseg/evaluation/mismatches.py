"""What makes a score incomparable with published ones; the report begins with it."""

from avseg.config import ModelConfig
from avseg.data.samples import Clips


def mismatches(config: ModelConfig, clips: Clips, index: int) -> tuple[str, ...]:
    """Return how model and data differ, in sentences; index: the clip whose frames represent all.

    Raises DatasetError when the clip cannot be read.
    """
    found = []
    if config.classes == 1 and clips.task == "avss":
        found.append(
            "The model predicts foreground, the data have classes: the score is that of the foreground, not "
            "comparable with scores on AVSS."
        )
    elif config.task != clips.task:
        found.append(
            f"The model is a {config.task} model, the data are {clips.task}: scores of models trained for "
            f"{clips.task} are not comparable."
        )
    height, width = clips.read(index, [0]).frames.shape[1:3]
    if max(height, width) < config.image_size:
        found.append(
            f"The frames have {width}×{height} px and are enlarged to the model's {config.image_size} px, "
            "which lowers the score: evaluate on the original frames."
        )
    return tuple(found)
