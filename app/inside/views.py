"""The table of views: which function draws which box of the map."""

from collections.abc import Callable

from app.inside.decoder import decoder_view
from app.inside.elements import View
from app.inside.features import (
    audio_view,
    backbone_view,
    encoder_view,
    feature_view,
    frame_view,
    queries_view,
    sound_view,
)
from app.inside.masks import head_view, layers_view, mask_view
from app.inside.mixer import mixer_view
from app.inside.state import Choice, settled
from avseg.interpret.inspection import Inspection

FIXED: dict[str, Callable[[Inspection], View]] = {
    "frame": frame_view,
    "sound": sound_view,
    "audio": audio_view,
    "queries": queries_view,
    "layers": layers_view,
    "mask": mask_view,
}
CHOSEN: dict[str, Callable[[Inspection, Choice], View]] = {
    "backbone": backbone_view,
    "encoder": encoder_view,
    "feature": feature_view,
    "mixer": mixer_view,
    "decoder": decoder_view,
    "head": head_view,
}
VIEWS: tuple[str, ...] = (*FIXED, *CHOSEN)


def view_of(seen: Inspection, choice: Choice) -> View:
    """Return the chosen view of a frame."""
    if choice.view in FIXED:
        return FIXED[choice.view](seen)
    return CHOSEN[choice.view](seen, settled(choice, seen))
