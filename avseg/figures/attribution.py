"""An attribution as a picture: the frame and the log-mel spectrogram, each with its heat, and its numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avseg.figures.drawing import DPI, FONT, GREY, INK
from avseg.files import atomic_writes, make_folder
from avseg.interpret.attribution import METHODS, Attribution
from avseg.interpret.evidence import OCTAVES, hertz
from avseg.interpret.maps import colour_range
from avseg.media.audio import PATCH_FRAMES, PATCH_SECONDS, hertz_to_mel, mel_edges
from avseg.media.draw import heat_over, outline, resize, spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURE_CELLS = 48  # per side: attributions of single pixels are summed over cells, which the eye can follow
SOUND_CELLS = (48, 32)  # moments per patch, bands
TICKS = [f for f in OCTAVES if f != 250]  # Hz; 250 is too close to 125
LARGEST = 720  # pixels, longest side of the drawn frame


def picture_heat(attribution: Attribution) -> np.ndarray:
    """Return the evidence of the picture on cells, float32 [48, 48] or finer than the picture itself."""
    return pooled(attribution.picture.values, (PICTURE_CELLS, PICTURE_CELLS))


def sound_heat(attribution: Attribution) -> np.ndarray:
    """Return the evidence of the sound on cells, float32 [bands, moments], high bands first."""
    moments, bands = SOUND_CELLS
    patches = len(attribution.starts)
    return pooled(attribution.sound.values, (moments * patches, bands)).T[::-1]


def pooled(values: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """Return the sums of values [h, w] over cells, 0 where a sum is negative; at most one cell per value."""
    for axis, count in enumerate(cells):
        length = values.shape[axis]
        starts = np.unique(np.arange(count) * length // count)
        values = np.add.reduceat(values, starts, axis=axis)
    return np.maximum(values, 0)


def heated_frame(attribution: Attribution, largest: int = LARGEST) -> np.ndarray:
    """Return the frame uint8 [H, W, 3], grey, with its evidence as heat and the region outlined in white."""
    frame = attribution.frame
    scale = min(1.0, largest / max(frame.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
    heat = picture_heat(attribution)
    drawn = heat_over(resize(frame, (height, width)), heat, 0.0, top(heat)).picture
    region = resize(attribution.where.astype(np.uint8), (height, width), smooth=False)
    line = outline(region, 1.6)[..., None]
    return (drawn * (1 - line) + 255 * line).astype(np.uint8)


def heated_spectrogram(attribution: Attribution) -> np.ndarray:
    """Return the log-mel spectrogram uint8 [512, W, 3], grey, with its evidence as heat, low bands below."""
    rows = len(attribution.log_mel)
    size = (512, 768 if rows == PATCH_FRAMES else 1536)
    heat = sound_heat(attribution)
    return heat_over(spectrogram(attribution.log_mel, size, dark=True), heat, 0.0, top(heat)).picture


def top(heat: np.ndarray) -> float:
    """Return the value that is drawn brightest."""
    return colour_range(heat, percentile=99.5)[1]


def band_ticks() -> list[tuple[float, str]]:
    """Return where frequencies lie on the axis of mel bands, 0 (bottom) to 1, with their text."""
    low, high = hertz_to_mel(mel_edges()[[0, -1]])
    return [(float((hertz_to_mel(np.array(f)) - low) / (high - low)), hertz(f)) for f in TICKS]


def time_ticks(attribution: Attribution) -> list[tuple[float, str]]:
    """Return where seconds lie on the axis of log-mel rows, 0 (left) to 1, with their text.

    Of several patches, the beginning of each one.
    """
    starts = attribution.starts
    if len(starts) > 1:
        return [(index / len(starts), f"{start:.2f}") for index, start in enumerate(starts)]
    shares = np.arange(0, PATCH_SECONDS + 1e-6, PATCH_SECONDS / 4)
    return [(float(part / PATCH_SECONDS), f"{starts[0] + part:.2f}") for part in shares]


def draw_attribution(attribution: Attribution) -> "Figure":
    """Return the figure: the frame at the left, the spectrogram at the right."""
    from matplotlib.figure import Figure

    frame = heated_frame(attribution)
    figure = Figure(figsize=(7.2, 0.6 + 3.4 * min(1.2, frame.shape[0] / frame.shape[1])), dpi=DPI)
    figure.set_layout_engine("constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(frame)
    left.set_axis_off()
    right.imshow(heated_spectrogram(attribution), extent=(0, 1, 0, 1), aspect="auto")
    _ticks(right, time_ticks(attribution), band_ticks())
    method = f"{attribution.model}, {METHODS[attribution.method].lower()}"
    for axes, name, part in ((left, "picture", attribution.picture), (right, "sound", attribution.sound)):
        note = f"difference {part.difference:+.2f}, completeness error {part.completeness_error:.1%}"
        if np.isfinite(part.sanity):
            note += f", shuffled weights {part.sanity:+.2f}"
        axes.set_title(f"{method}: {name}\n{note}", fontsize=FONT, color=INK, loc="left")
    return figure


def _ticks(axes: "Axes", moments: list[tuple[float, str]], bands: list[tuple[float, str]]) -> None:
    axes.set_xticks([place for place, _ in moments], [text for _, text in moments])
    axes.set_yticks([place for place, _ in bands], [text for _, text in bands])
    axes.tick_params(labelsize=FONT, colors=GREY, length=2, width=0.5)
    axes.set_xlabel("seconds", fontsize=FONT, color=GREY, labelpad=1)


def write_attribution(attribution: Attribution, folder: Path) -> tuple[Path, Path]:
    """Write attribution.npz and attribution.png into a folder, and return them.

    The arrays are sound, picture, log_mel, frame, where and starts, as in `Attribution`.
    """
    make_folder(folder)
    arrays: dict[str, Any] = {
        "sound": attribution.sound.values,
        "picture": attribution.picture.values,
        "log_mel": attribution.log_mel,
        "frame": attribution.frame,
        "where": attribution.where,
        "starts": np.array(attribution.starts),
    }
    paths = folder / "attribution.npz", folder / "attribution.png"
    figure = draw_attribution(attribution)
    with atomic_writes(*paths) as (npz, png):
        with npz.open("wb") as file:
            np.savez_compressed(file, **arrays)
        figure.savefig(png, format="png")
    return paths
