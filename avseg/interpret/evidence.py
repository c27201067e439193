"""What an attribution says, in numbers and sentences: which bands and moments, how much is on the region.

Evidence is the sum of the positive attributions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from avseg.interpret.attribution import METHODS, Attribution, InputAttribution
from avseg.interpret.mask_statistics import percent
from avseg.media.audio import PATCH_FRAMES, PATCH_SECONDS, SILENT_LOG_MEL, mel_edges

OCTAVES = (125, 250, 500, 1000, 2000, 4000, 7500)  # Hz
MOMENTS = 6  # per patch: 0.16 s each
ENOUGH = 0.6  # share of the evidence that the named span holds at least


@dataclass(frozen=True)
class Span:
    """The shortest span of bands or moments that holds most of the evidence."""

    low: float  # Hz or seconds
    high: float
    share: float  # of the evidence, 0..1


def main_bands(attribution: Attribution) -> Span | None:
    """Return the fewest neighbouring octaves with at least 60 % of the sound's evidence, None without any."""
    centres = mel_edges()[1:-1]
    octave = np.digitize(centres, OCTAVES[1:-1])
    evidence = np.bincount(octave, attribution.sound.evidence.sum(0), len(OCTAVES) - 1)
    return _shortest(evidence, np.array(OCTAVES, float))


def main_moments(attribution: Attribution) -> Span | None:
    """Return the shortest stretch of 0.16 s parts with at least 60 % of the sound's evidence, or None.

    Of several patches (TPAVI), times are as if they followed each other without the gaps between them.
    """
    rows = attribution.sound.evidence.sum(1).reshape(-1, PATCH_FRAMES // MOMENTS).sum(1)
    edges = attribution.starts[0] + np.arange(len(rows) + 1) * PATCH_SECONDS / MOMENTS
    return _shortest(rows, edges)


def share_on_region(attribution: Attribution) -> float:
    """Return the share of the picture's evidence that lies on the region, 0..1; 0 without any evidence."""
    evidence = attribution.picture.evidence
    total = evidence.sum(dtype=np.float64)
    return float(evidence[attribution.where].sum(dtype=np.float64) / total) if total else 0.0


def findings(attribution: Attribution) -> Iterator[str]:
    """Yield sentences: what the sound adds, what the picture adds, and how far to trust both."""
    region = attribution.region.words
    if not attribution.masked and attribution.region.kind != "frame":
        area = "the frame" if attribution.region.box is None else "the box"
        yield f"The mask is empty there, so the logit is averaged over all of {area}."
        region = area
    yield _sound(attribution, region)
    yield _picture(attribution, region)
    yield _checks(attribution)


def _sound(attribution: Attribution, region: str) -> str:
    sound, bands, moments = attribution.sound, main_bands(attribution), main_moments(attribution)
    if attribution.log_mel.max() <= SILENT_LOG_MEL + 1e-3:
        return "The sound is digital silence, which is the baseline: there is nothing to attribute."
    change = f"{_change('The sound', sound, region)} ({_ends(sound, 'in silence')})"
    if bands is None or moments is None:
        return f"{change}."
    return (
        f"{change}; {percent(bands.share, 0)} of the evidence from the sound lies between {hertz(bands.low)} "
        f"and {hertz(bands.high)}, {percent(moments.share, 0)} between {moments.low:.2f} and "
        f"{moments.high:.2f} s."
    )


def _picture(attribution: Attribution, region: str) -> str:
    picture = attribution.picture
    change = f"{_change('The picture', picture, region)} ({_ends(picture, 'for a blurred frame')})"
    if attribution.where.all() or not picture.evidence.any():
        return f"{change}."
    share, area = share_on_region(attribution), attribution.where.mean()
    return f"{change}; {percent(share, 0)} of its evidence lies on {region}, {percent(area, 0)} of the frame."


def _checks(attribution: Attribution) -> str:
    sound, picture = attribution.sound, attribution.picture
    name = METHODS[attribution.method]
    steps = f" with {attribution.steps} steps" if attribution.method == "ig" else ""
    text = (
        f"{name}{steps}: the attributions miss these differences by {_error(sound)} for the sound and "
        f"{_error(picture)} for the picture (complete ones miss nothing)."
    )
    if np.isnan(sound.sanity) and np.isnan(picture.sanity):
        return text
    return (
        f"{text} With shuffled weights after the backbones, the rank correlation of the attribution is "
        f"{_correlation(sound)} for the sound and {_correlation(picture)} for the picture (at 1, it would "
        "not depend on what the model learned)."
    )


def _change(subject: str, part: InputAttribution, region: str) -> str:
    verb = "raises" if part.difference >= 0 else "lowers"
    return f"{subject} {verb} the mean logit over {region} by {abs(part.difference):.1f}"


def _ends(part: InputAttribution, without: str) -> str:
    return f"{part.baseline:+.1f} {without}, {part.output:+.1f} with it".replace("-", "\N{MINUS SIGN}")


def _error(part: InputAttribution) -> str:
    error = part.completeness_error
    return percent(error, 1 if error < 0.1 else 0) if np.isfinite(error) else "all"


def _correlation(part: InputAttribution) -> str:
    return "undefined" if np.isnan(part.sanity) else f"{part.sanity:.2f}".replace("-", "\N{MINUS SIGN}")


def hertz(value: float) -> str:
    """Return a frequency as "500 Hz" or "7.5 kHz"."""
    return f"{value:g} Hz" if value < 1000 else f"{value / 1000:g} kHz"


def _shortest(evidence: np.ndarray, edges: np.ndarray) -> Span | None:
    """Return the shortest run of parts with enough of the evidence; of equally short ones, the fullest."""
    total = evidence.sum()
    if total <= 0:
        return None
    sums = np.concatenate([[0.0], np.cumsum(evidence / total)])
    for length in range(1, len(evidence) + 1):
        shares = sums[length:] - sums[:-length]
        first = int(shares.argmax())
        if shares[first] >= ENOUGH - 1e-9:
            break
    return Span(float(edges[first]), float(edges[first + length]), float(shares[first]))
