"""The endpoint /compare for other programs."""

from itertools import combinations

import numpy as np

from app.components.updates import told
from app.services.clips import MAX_SECONDS, check_offered_rate, source_of, truth_of
from app.services.session import MODELS
from avseg.errors import ConfigError
from avseg.interventions.compare import compare as compare_predictions
from avseg.media.clip import read_clip

MOST = 4  # models at once


@told
def compare(
    models: list[str], clip: str = "dog-and-guitar", fps: float = 1, precision: str = "auto"
) -> dict[str, object]:
    """Segment one bundled clip with two to four models and say how far their masks agree.

    Use it to find where models differ: returns, for every model, the share of foreground in every frame and
    the IoU with the ground truth; and for every pair of models the IoU of their masks, per frame and on
    average over the frames where either marks something.

    Args:
        models: Names of two to four models.
        clip: Name of a bundled clip.
        fps: Frames per second: 1, 2, 4 or 8.
        precision: exact (float32), fast (bfloat16 where faster) or auto.
    """
    names = list(dict.fromkeys(models)) if isinstance(models, list) else []
    if not 2 <= len(names) <= MOST or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"Name two to {MOST} different models, such as tiny-ms3 and small-real.")
    source = source_of(clip, None)
    check_offered_rate(fps)
    for name in names:
        MODELS.config(name)
    loaded = read_clip(source.path, fps=fps, seconds=MAX_SECONDS)
    predictions = {name: MODELS.predict(name, loaded, precision=precision) for name in names}
    truth = np.stack(truth_of(source.name, tuple(float(time) for time in loaded.times)))
    rows = []
    for name, prediction in predictions.items():
        own = compare_predictions(prediction, prediction, truth)
        assert own.truth_before is not None
        rows.append(
            {
                "model": name,
                "weights": prediction.weights,
                "foreground": own.before.round(6).tolist(),
                "truth_iou": own.truth_before.round(6).tolist(),
            }
        )
    pairs = []
    for first, second in combinations(names, 2):
        found = compare_predictions(predictions[first], predictions[second])
        pairs.append(
            {
                "models": [first, second],
                "iou": round(found.mean_iou, 6),
                "frames": found.iou.round(6).tolist(),
            }
        )
    return {"clip": source.name, "times": loaded.times.tolist(), "models": rows, "pairs": pairs}
