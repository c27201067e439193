"""AVSegFormer, a model for audio-visual segmentation: the engine of AVSeg Explorer.

    from avseg import Predictor, read_clip

    clip = read_clip("my_video.mp4", fps=1)
    prediction = Predictor("tiny-ms3").predict(clip)
    print(prediction.foreground, prediction.masks[0].shape)

The public names are imported on first use, so that `import avseg` costs nothing.
"""

import getpass
import importlib
import os

__version__ = "0.1.0"

_PUBLIC = {
    "load_model": "avseg.checkpoints",
    "AVSegFormer": "avseg.models.avsegformer",
    "AVSegOutput": "avseg.models.avsegformer",
    "PRESETS": "avseg.presets",
    "Config": "avseg.config",
    "ModelConfig": "avseg.config",
    "Predictor": "avseg.predict",
    "Prediction": "avseg.predict",
    "Clip": "avseg.media.clip",
    "read_clip": "avseg.media.clip",
    "record": "avseg.interpret.sites",
    "from_pretrained": "avseg.hub",
    "save_pretrained": "avseg.hub",
    "push_to_hub": "avseg.hub",
}
__all__ = ["__version__", *_PUBLIC]


def _name_user() -> None:
    """Name a user whom the system does not know, as containers under any id have: torch asks for a name."""
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        os.environ["USER"] = "avseg"


_name_user()


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'avseg' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
