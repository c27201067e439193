"""Which moments and bands of the sound, and which pixels of the frame, decide a mask: `attribute`.

The number that is attributed is the foreground logit, averaged over a region such as the predicted mask; for
AVSS, the log-odds of any class against the background. The sound is attributed against silence with the frame
as it is, the frame against a strongly blurred one with the sound as it is. (Against a grey frame the straight
line of integrated gradients changes contrast alone, to which normalisation layers react in a jump near zero.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from avseg.arguments import is_whole, printed
from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.interpret.inspection import shown_frame, window_inputs
from avseg.interpret.methods import (
    Method,
    Score,
    Tick,
    gradient_times_input,
    grid,
    integrated_gradients,
    occlusion,
    rank_correlation,
    shuffled,
)
from avseg.interpret.regions import Region, pixels_of
from avseg.late import F, torch
from avseg.media.audio import SILENT_LOG_MEL, patch_starts
from avseg.media.clip import Clip
from avseg.models.masks import foreground_logit, label_maps
from avseg.predict import Predictor, Progress, check_threshold

METHODS: dict[Method, str] = {
    "ig": "Integrated gradients",
    "gradient": "Gradient × input",
    "occlusion": "Occlusion",
}
STEPS, CELLS = 32, 8
MOST_STEPS, MOST_CELLS = 1000, 32
BLUR = 0.1  # of the frame's side, standard deviation of the blurred baseline
REFERENCE_SIZE, REFERENCE_BATCH = (
    128,
    8,
)  # variants scored at once for frames of 128 px; fewer for larger ones


@dataclass(frozen=True, eq=False)
class InputAttribution:
    """What each value of one input adds to the number, against its baseline."""

    values: np.ndarray  # float32, logits: sound [n*96, 64], rows of 10 ms and mel bands; frame [s, s]
    output: float  # the number with the input as it is
    baseline: float  # and with the baseline in its place
    sanity: (
        float  # rank correlation of |values| with those of shuffled weights; NaN: not measured or constant
    )

    @property
    def difference(self) -> float:
        """What the attributions of a complete method sum to."""
        return self.output - self.baseline

    @property
    def completeness_error(self) -> float:
        """|sum of the attributions - difference| / |difference|; 0 if both are 0."""
        error = abs(float(self.values.sum(dtype=np.float64)) - self.difference)
        return error / abs(self.difference) if self.difference else error and float("inf")

    @property
    def evidence(self) -> np.ndarray:
        """The positive attributions, 0 elsewhere: what speaks for the mask."""
        return np.maximum(self.values, 0)


@dataclass(frozen=True, eq=False)
class Attribution:
    """The attribution of one frame's mask to its sound and its picture."""

    config: ModelConfig
    model: str
    weights: str  # demo, released, trained or random
    method: Method
    steps: int  # of integrated gradients
    index: int  # of the frame in its clip
    moment: float  # seconds
    region: Region
    where: np.ndarray  # bool [s, s], the pixels over which the logit is averaged
    masked: bool  # they are foreground; if not, the mask is empty there
    frame: np.ndarray  # uint8 [H, W, 3], what the picture's attributions cover
    log_mel: np.ndarray  # float32 [n*96, 64]; n is 1, or the frames that a frame of TPAVI attends to
    starts: tuple[float, ...]  # n, seconds: when each patch of 96 rows begins in the clip
    sound: InputAttribution
    picture: InputAttribution
    seconds: float  # duration


def attribute(
    predictor: Predictor,
    clip: Clip,
    frame: int,
    method: Method = "ig",
    region: Region | None = None,
    threshold: float = 0.5,
    steps: int = STEPS,
    cells: int = CELLS,
    sanity: bool = True,
    on_frame: Progress | None = None,
) -> Attribution:
    """Attribute the mask of one frame, or a region of it, to the sound and the picture.

    method: ig (integrated gradients with `steps` points), gradient (gradient x input), or occlusion of the
    frame in cells x cells patches and of the log-mel in 1.5 cells x cells of time and frequency. region:
    by default the predicted mask. sanity: repeat it with shuffled weights, which doubles the time. on_frame:
    called with (done, total) over all passes of the model; an exception raised there cancels. Frames that a
    frame of TPAVI attends to keep their pictures; their sounds are attributed together with its own. Raises
    ConfigError for a frame, method or region that does not exist.
    """
    check_method(method, steps, cells)
    check_threshold(threshold)
    region, started, model = region or Region(), time.perf_counter(), predictor.model
    pictures, patches, row = window_inputs(predictor, clip, frame)
    patches = patches.to(predictor.device)
    with torch.no_grad():
        logits = model(pictures, patches).logits[row : row + 1].float()
        pixels = pixels_of(region, label_maps(logits, threshold)[0].cpu().numpy())
    where = torch.from_numpy(pixels.where).to(predictor.device)
    sound, picture = patches[:, 0], pictures[row]  # [n, 96, 64], [3, s, s]
    height, width = picture.shape[1:]
    inputs = (
        _Input(_sound_score, sound, torch.full_like(sound, SILENT_LOG_MEL), _sound_cells(sound, cells)),
        _Input(_picture_score, picture, blurred(picture), grid(height, width, cells, cells)),
    )
    batch = max(1, REFERENCE_BATCH * REFERENCE_SIZE**2 // model.config.image_size**2)
    tick = _ticks(on_frame, sum(each.passes(method, steps) for each in inputs) * (1 + sanity))
    (heard, seen), *again = (
        [
            each.attributed(each.make(network, pictures, patches, row, where), method, steps, batch, tick)
            for each in inputs
        ]
        for network in ((model, shuffled(model)) if sanity else (model,))
    )
    random = [np.abs(values) for values, *_ in again[0]] if again else (None, None)
    bands = sound.shape[-1]
    return Attribution(
        config=model.config,
        model=model.card.name,
        weights=model.card.weights,
        method=method,
        steps=steps,
        index=frame,
        moment=float(clip.times[frame]),
        region=region,
        where=pixels.where,
        masked=pixels.masked,
        frame=shown_frame(clip, frame),
        log_mel=sound.cpu().numpy().reshape(-1, bands),
        starts=tuple(patch_starts(clip.times, clip.fps)[frame - row :][: len(sound)].tolist()),
        sound=_with_sanity(heard, random[0]),
        picture=_with_sanity(seen, random[1]),
        seconds=time.perf_counter() - started,
    )


def check_method(method: object, steps: object = STEPS, cells: object = CELLS) -> None:
    """Raise ConfigError unless the method exists, and its settings are possible."""
    if method not in get_args(Method):
        raise ConfigError(f"Method {printed(method)} is unknown: choose {', '.join(METHODS)}.")
    if not is_whole(steps, 1, MOST_STEPS):
        raise ConfigError(f"{printed(steps)} steps: choose 1 to {MOST_STEPS}.")
    if not is_whole(cells, 2, MOST_CELLS):
        raise ConfigError(f"{printed(cells)} cells: choose 2 to {MOST_CELLS}.")


def blurred(picture: torch.Tensor) -> torch.Tensor:
    """Return a picture [3, s, s] blurred by a Gaussian of a tenth of its side, mirrored at the border."""
    side = picture.shape[-1]
    reach = round(3 * BLUR * side)
    offsets = torch.arange(-reach, reach + 1, device=picture.device)
    kernel = torch.exp(-((offsets / (BLUR * side)) ** 2) / 2)
    kernel = (kernel / kernel.sum()).to(picture)
    for _ in range(2):  # along rows, then along columns
        padded = F.pad(picture, (reach, reach), mode="reflect")
        picture = F.conv1d(padded.view(-1, 1, padded.shape[-1]), kernel[None, None]).view_as(picture)
        picture = picture.transpose(1, 2).contiguous()
    return picture


def _sound_cells(sound: torch.Tensor, cells: int) -> torch.Tensor:
    """Return the cell of every value of the log-mel patches, int64 [n, 96, 64]."""
    patches, rows, bands = sound.shape
    return grid(patches * rows, bands, cells * 3 // 2, cells).view(patches, rows, bands)


@dataclass(frozen=True, eq=False)
class _Input:
    """One of the two inputs, and how a model's score of its variants is made."""

    make: Callable[..., Score]
    value: torch.Tensor  # sound [n, 96, 64], or picture [3, s, s]
    baseline: torch.Tensor
    cells: torch.Tensor  # int64, the cell of every position

    def passes(self, method: Method, steps: int) -> int:
        """Return how many variants `attributed` scores."""
        return 2 + {"ig": steps, "gradient": 1, "occlusion": int(self.cells.max()) + 1}[method]

    def attributed(
        self, score: Score, method: Method, steps: int, batch: int, tick: Tick
    ) -> tuple[np.ndarray, float, float]:
        """Return the attributions, [n*96, 64] or [s, s], and the scores of input and baseline."""
        with torch.no_grad():
            output, baseline = (float(score(end[None])) for end in (self.value, self.baseline))
        tick(2)
        if method == "ig":
            values = integrated_gradients(score, self.value, self.baseline, steps, batch, tick)
        elif method == "gradient":
            values = gradient_times_input(score, self.value, self.baseline)
            tick(1)
        else:
            cells = self.cells.to(self.value.device)
            values = occlusion(score, self.value, self.baseline, cells, batch, tick)
        flat = values.sum(0) if self.make is _picture_score else values.flatten(0, 1)
        return flat.float().cpu().numpy(), output, baseline


def _with_sanity(part: tuple[np.ndarray, float, float], random: np.ndarray | None) -> InputAttribution:
    values, output, baseline = part
    sanity = float("nan") if random is None else rank_correlation(np.abs(values), random)
    return InputAttribution(values, output, baseline, sanity)


def _ticks(on_frame: Progress | None, total: int) -> Tick:
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if on_frame is not None:
            on_frame(done, total)

    return tick


def _sound_score(
    model: Any, pictures: torch.Tensor, _patches: torch.Tensor, row: int, where: torch.Tensor
) -> Score:
    """Return the score of variants of the sound [k, n, 96, 64]; the frames are encoded once."""
    with torch.no_grad():
        features = model.encode_frames(pictures)
    decode = _decoder(model, row, len(pictures), where)

    def score(sounds: torch.Tensor) -> torch.Tensor:
        rows = torch.arange(len(pictures), device=sounds.device).repeat(len(sounds))
        return decode(features.pick(rows), sounds.flatten(0, 1)[:, None])

    return score


def _picture_score(
    model: Any, pictures: torch.Tensor, patches: torch.Tensor, row: int, where: torch.Tensor
) -> Score:
    """Return the score of variants of the frame [k, 3, s, s]; the other frames of its window stay."""
    frames = len(pictures)
    decode = _decoder(model, row, frames, where)
    if frames > 1:
        with torch.no_grad():
            others = model.encode_frames(pictures)

    def score(variants: torch.Tensor) -> torch.Tensor:
        features = model.encode_frames(variants)
        if frames > 1:
            features = others.with_row(row, features)
        return decode(features, patches.repeat(len(variants), 1, 1, 1))

    return score


def _decoder(model: Any, row: int, frames: int, where: torch.Tensor) -> Callable[..., torch.Tensor]:
    """Return the function from features and sounds of k windows to their numbers [k]."""
    options = {"clip_frames": frames} if frames > 1 else {}  # of TPAVI

    def decode(features: object, sounds: torch.Tensor) -> torch.Tensor:
        logits = model.decode(features, sounds, **options).logits[row::frames]
        return foreground_logit(logits.float())[:, where].mean(1)

    return decode
