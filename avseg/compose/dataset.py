"""Composed clips as a data set: every clip follows from the sources and (seed, split, index) alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from avseg.compose.scenes import (
    Audio,
    Layers,
    View,
    class_map,
    decode,
    draw_audio,
    draw_view,
    mix,
    render,
    visible,
)
from avseg.compose.sources import SPLITS, Sources
from avseg.data.samples import Sample
from avseg.errors import ConfigError

ATTEMPTS = 20  # views that are drawn until one shows an object that can sound


@dataclass(frozen=True)
class Compositions:
    """A split of composed clips; reading one decodes its photographs and recordings.

    sources: of all splits; the dataset takes those of its own. size: pixels of the square frames. takes:
    consecutive clips that share one view and differ in their audio, so that only the sound tells them apart.
    resample: draw what sounds anew in every second, for training. Raises ConfigError for impossible values.
    """

    sources: Sources
    task: str
    split: str
    seed: int
    clips: int
    size: int = 224
    takes: int = 1
    resample: bool = False
    seconds: int = 0  # 0: 5, or 10 for avss
    chosen: Sources = field(init=False)

    def __post_init__(self) -> None:
        if self.task not in ("s4", "ms3", "avss") or self.split not in SPLITS:
            raise ConfigError(f"There is no task {self.task!r} or no split {self.split!r} of composed clips.")
        if min(self.seed, self.clips) < 0 or min(self.takes, self.size) < 1:
            raise ConfigError(
                "Composed clips need a seed and a number of clips from 0, takes and size from 1."
            )
        object.__setattr__(self, "seconds", self.seconds or (10 if self.task == "avss" else 5))
        object.__setattr__(self, "chosen", self.sources.split(self.split))
        if not self.chosen.sounding:
            raise ConfigError(f"The {self.split} split lacks a class with both photographs and recordings.")

    def __len__(self) -> int:
        return self.clips

    def name(self, index: int) -> str:
        """Return the clip's name, eleven characters while seed < 100."""
        return f"{self.split[:2]}{self.seed:02d}_{index:06d}"

    def scene(self, index: int) -> tuple[View, Layers, Audio]:
        """Return a clip's view, decoded, and its audio; raises IndexError past the end."""
        if not 0 <= index < self.clips:
            raise IndexError(f"Clip {index} of {self.clips}.")
        split = SPLITS.index(self.split)
        rng = np.random.default_rng([self.seed, split, index // self.takes, 0])
        for _ in range(ATTEMPTS):
            view = draw_view(rng, self.chosen)
            layers = decode(view)
            present = visible(render(view, layers, 0.0, self.seconds, 64)[1])
            if any(self.chosen.voices(name) for name in present):
                break
        # An object that is labelled but hardly in view is neither asked for nor heard from off screen.
        rng = np.random.default_rng([self.seed, split, index, 1])
        audio = draw_audio(rng, self.chosen, present or view.classes, self.seconds, self.task, self.resample)
        return view, layers, audio

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        """Return a clip, or only its frames `moments`. As in S4, training clips of s4 have one label."""
        view, layers, audio = self.scene(index)
        seconds = tuple(range(self.seconds)) if moments is None else tuple(int(m) for m in moments)
        frames, classes = [], []
        for second in seconds:
            frame, masks = render(view, layers, second + 0.5, self.seconds, self.size)
            frames.append(frame)
            classes.append(class_map(masks, audio.sounding(second), self.size))
        first_only = self.task == "s4" and self.split == "train"
        return Sample(
            name=self.name(index),
            moments=seconds,
            frames=np.stack(frames),
            waveform=mix(audio),
            classes=np.stack(classes),
            labelled=np.array([second == 0 or not first_only for second in seconds]),
            real=np.ones(len(seconds), bool),
        )
