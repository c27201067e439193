"""The table of views, and the pictures of a view as files."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from app.inside import features, masks
from app.inside.activations import activations_view
from app.inside.attribution import Attribute, attribution_view
from app.inside.decoder import decoder_view
from app.inside.figures import View, part
from app.inside.mixer import mixer_view
from app.inside.state import Choice, settled
from app.inside.tpavi import tpavi_view_of
from avseg.files import atomic_write
from avseg.interpret.inspection import Activation, Inspection
from avseg.interpret.tpavi import TPAVIInspection
from avseg.media.draw import resize

FIXED: dict[str, Callable[[Inspection], View]] = {
    "frame": features.frame_view,
    "sound": features.sound_view,
    "audio": features.audio_view,
    "queries": features.queries_view,
    "layers": masks.layers_view,
    "mask": masks.mask_view,
}
SELECTABLE: dict[str, Callable[[Inspection, Choice], View]] = {
    "backbone": features.backbone_view,
    "encoder": features.encoder_view,
    "feature": features.feature_view,
    "mixer": mixer_view,
    "decoder": decoder_view,
    "head": masks.head_view,
}
VIEWS: tuple[str, ...] = (*FIXED, *SELECTABLE, "tpavi", "activations", "attribution")
NO_TPAVI = "This model has no TPAVI, which is AVSBench's: its mixer and its queries take in the sound."
FILE_WIDTH = 640  # pixels of a picture of cells


def view_of(
    inspection: Inspection | TPAVIInspection,
    choice: Choice,
    record: Callable[[str, int], Activation],
    attribute: Attribute,
) -> View:
    """Return the open view of a frame.

    record: returns the activations of a site and layer. attribute: see `attribution_view`.
    """
    if choice.view == "activations":
        return activations_view(inspection, choice, record)
    if choice.view == "attribution":
        return attribution_view(inspection, choice, attribute)
    if isinstance(inspection, TPAVIInspection):
        return tpavi_view_of(inspection, choice)
    if choice.view == "tpavi":
        mixer = mixer_view(inspection, settled(choice, inspection))
        return replace(mixer, left=(*mixer.left, part("text", NO_TPAVI)))
    if choice.view in FIXED:
        return FIXED[choice.view](inspection)
    return SELECTABLE[choice.view](inspection, settled(choice, inspection))


def shown(inspection: Inspection | TPAVIInspection, choice: Choice) -> Choice:
    """Return the choice with what its view selects where the visitor selected nothing."""
    return settled(choice, inspection) if isinstance(inspection, Inspection) else choice


def write_pictures(view: View, folder: Path) -> list[Path]:
    """Write every picture of a view as PNG; returns the files in the order of the view."""
    paths = []
    for index, (picture, _) in enumerate(view.pictures, start=1):
        slug = re.sub(r"[^a-z0-9]+", "-", picture.name.lower()).strip("-")
        paths.append(folder / f"{index:02d}-{slug}.png")
        image = picture.image
        if picture.cells:
            height, width = picture.shape
            size = (max(1, round(FILE_WIDTH * height / width)), FILE_WIDTH)
            image = resize(np.ascontiguousarray(image), size, smooth=False)
        with atomic_write(paths[-1], durable=False) as unfinished:
            Image.fromarray(image).save(unfinished, "PNG")
    return paths
