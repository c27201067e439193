"""The view of attributions: heat over the frame and over the spectrogram, and what they say."""

from collections.abc import Callable

import numpy as np

from app.inside.figures import TEXTS, Axes, Group, Picture, Scale, Tile, View, number, part, view
from app.inside.state import REGIONS, Choice
from avseg.figures.attribution import (
    band_ticks,
    heated_frame,
    heated_spectrogram,
    picture_heat,
    sound_heat,
    time_ticks,
    top,
)
from avseg.interpret.attribution import METHODS, Attribution, InputAttribution
from avseg.interpret.evidence import findings, main_bands, main_moments, share_on_region
from avseg.interpret.inspection import Inspection
from avseg.interpret.tpavi import TPAVIInspection

Attribute = Callable[[str, str], Attribution]
"""Returns the attribution of a frame by a method, for a kind of region."""

QUANTITY = "relative to the brightest"


def attribution_view(inspection: Inspection | TPAVIInspection, choice: Choice, attribute: Attribute) -> View:
    """Draw what speaks for the mask, or for its largest object, in the picture and in the sound."""
    found = attribute(choice.method, choice.region)
    frame = Picture("Evidence in the picture", heated_frame(found), False, found.frame.shape[:2])
    axes = Axes(tuple(time_ticks(found)), "s", tuple(band_ticks()))
    sound = Picture("Evidence in the sound", heated_spectrogram(found), False, (9, 16), axes=axes)
    said = [part("text", sentence, "says") for sentence in findings(found)]
    return view(
        TEXTS["attribution"][found.method],
        inspection,
        steps=found.steps,
        patches=len(found.starts),
        left=(
            part("control", "Method", "method", list(METHODS.items()), choice.method),
            part("control", "Of", "region", list(REGIONS.items()), choice.region),
            *said,
            part("text", TEXTS["attribution"]["note"], "small"),
        ),
        right=(
            Group(
                "Evidence for the mask",
                (
                    Tile("Picture", (frame,), below=_largest(picture_heat(found))),
                    Tile(f"Sound, {len(found.starts)} × 0.96 s", (sound,), below=_largest(sound_heat(found))),
                ),
                Scale(0.0, 1.0, QUANTITY, clipped=True),
                2,
            ),
        ),
        numbers=numbers_of(found),
    )


def numbers_of(found: Attribution) -> dict[str, object]:
    """Return the numbers of an attribution, as JSON may hold them."""
    bands, moments = main_bands(found), main_moments(found)
    return {
        "method": found.method,
        "steps": found.steps,
        "region": found.region.kind,
        "pixels": int(found.where.sum()),
        "empty": not found.masked,
        "sound": _numbers(found.sound),
        "picture": _numbers(found.picture),
        "bands": None if bands is None else [bands.low, bands.high, bands.share],
        "moments": None if moments is None else [moments.low, moments.high, moments.share],
        "share_of_evidence_on_region": share_on_region(found),
        "findings": list(findings(found)),
    }


def _largest(heat: np.ndarray) -> str:
    return f"brightest: {number(top(heat))} logits per cell, of {heat.shape[1]}×{heat.shape[0]}"


def _numbers(attributed: InputAttribution) -> dict[str, float | None]:
    values = {
        "output": attributed.output,
        "baseline": attributed.baseline,
        "attributed": float(attributed.values.sum()),
        "completeness_error": attributed.completeness_error,
        "rank_correlation_shuffled": attributed.sanity,
    }
    return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}
