"""SynthAVS as a map-style dataset: every sample is determined by (seed, split, index)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from avseg.data.samples import SYNTHAVS, DataReference, IsolatedClass, Sample, VisibleClass
from avseg.errors import ConfigError
from avseg.synthavs.objects import SPLITS
from avseg.synthavs.remix import in_view, isolated, off_screen
from avseg.synthavs.scenes import Scene, frame_time, mix, render, sample_scene

TASKS = ("s4", "ms3", "avss")


@dataclass(frozen=True)
class SynthAVS:
    """A split of SynthAVS; indexing generates a clip.

    task: "s4" (one class sounds through the clip), "ms3" (sounds change, fall silent, are off screen) or
    "avss" (as ms3, 10 s). size: (height, width) of frames and masks. Raises ConfigError for an unknown task
    or split, and for a negative seed or number of clips.
    """

    task: str
    split: str
    seed: int
    clips: int
    size: tuple[int, int] = (224, 224)
    seconds: int = 0  # 0: 5, or 10 for avss
    resample_sounds: bool = False  # for training: resample the sounding classes of 3 in 4 clips every second

    def __post_init__(self) -> None:
        if self.task not in TASKS or self.split not in SPLITS:
            raise ConfigError(
                f"SynthAVS has no task {self.task!r} with split {self.split!r}; "
                f"tasks are {', '.join(TASKS)}, splits are {', '.join(SPLITS)}."
            )
        if self.seed < 0 or self.clips < 0:
            raise ConfigError(
                f"SynthAVS cannot draw {self.clips} clips from seed {self.seed}: give 0 or more."
            )
        if not self.seconds:
            object.__setattr__(self, "seconds", 10 if self.task == "avss" else 5)

    def __len__(self) -> int:
        return self.clips

    @property
    def rate(self) -> float:
        """Frames per second."""
        return 1.0

    @property
    def reference(self) -> DataReference:
        """Which data these are, without the number of clips, on which no clip depends."""
        return DataReference(SYNTHAVS, self.task, self.split, seed=self.seed)

    def name(self, index: int) -> str:
        """Return the clip's name: like a video name of AVSBench, eleven characters while seed < 100."""
        return f"{self.split[:2]}{self.seed:02d}_{index:06d}"

    def index_of(self, name: str) -> int | None:
        """Return the index of a clip by its name, None if no clip has this name."""
        number = name.rpartition("_")[2]
        index = int(number) if re.fullmatch("[0-9]{6}", number) else self.clips
        return index if index < self.clips and name == self.name(index) else None

    def scene(self, index: int) -> Scene:
        """Return the scene of a clip without rendering or mixing it; raises IndexError past the end."""
        if not 0 <= index < self.clips:
            raise IndexError(f"Clip {index} of {self.clips}.")
        rng = np.random.default_rng([self.seed, SPLITS.index(self.split), index])
        return sample_scene(rng, self.seconds, self.split, self.task, self.resample_sounds and index % 4 > 0)

    def waveform(self, index: int) -> np.ndarray:
        """Mix the audio of a clip, float32 [samples]."""
        return mix(self.scene(index))

    def sounding_classes(self, index: int) -> frozenset[str]:
        """Return the classes that sound at any time in a clip, visible or not."""
        return _sounding_classes(self, index)

    def off_screen_audio(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """Return a waveform [samples] in which one class that is not visible sounds through the clip."""
        return mix(off_screen(self.scene(index), rng))

    def isolated_classes(self, index: int, rng: np.random.Generator) -> tuple[IsolatedClass, ...]:
        """Return two visible classes, each with its own audio; empty if fewer are visible."""
        return isolated(self.scene(index), rng, self.size)

    def visible_classes(self, index: int, moments: Sequence[int] | None = None) -> tuple[VisibleClass, ...]:
        """Return the classes in view in all frames, or in `moments`, sounding or silent."""
        return in_view(self.scene(index), range(self.seconds) if moments is None else moments, self.size)

    def __getitem__(self, index: int) -> Sample:
        return self.read(index)

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        """Generate a clip, or only its frames `moments`. As in S4, training clips of s4 have one label."""
        scene = self.scene(index)
        indices = tuple(range(self.seconds)) if moments is None else tuple(int(m) for m in moments)
        rendered = [render(scene, frame_time(second), self.size) for second in indices]
        first_only = self.task == "s4" and self.split == "train"
        return Sample(
            name=self.name(index),
            moments=indices,
            frames=np.stack([rgb for rgb, _ in rendered]),
            waveform=mix(scene),
            classes=np.stack([classes for _, classes in rendered]),
            labelled=np.array([second == 0 or not first_only for second in indices]),
            real=np.ones(len(indices), bool),
        )


@lru_cache(maxsize=4096)
def _sounding_classes(clips: SynthAVS, index: int) -> frozenset[str]:
    return frozenset(sound.name for sound in clips.scene(index).sounds if any(sound.on))
