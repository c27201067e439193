"""Composed clips as a data set: every clip follows from the sources and (seed, split, index) alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from avseg.compose.scenes import (
    AMBIENCE,
    LOUD_NOISE_LEVELS,
    Audio,
    Layers,
    Track,
    View,
    class_map,
    decode,
    draw_audio,
    draw_track,
    draw_view,
    mix,
    off_screen_class,
    only,
    render,
    visible,
)
from avseg.compose.sources import SPLITS, VOICES, Sources
from avseg.data.avsbench.write import GeneratedClip
from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import COMPOSED, DataReference, IsolatedClass, Sample, VisibleClass
from avseg.errors import ConfigError

ATTEMPTS = 20  # views that are drawn until one shows an object that can sound
# Sources of a second in audio pretraining, drawn with equal probability.
SOURCES, SOURCES_IN_NOISE = (0, 1, 1, 1, 1, 1, 2, 2), (0, 0, 0, 1, 1)
NOISY_CLIPS = 0.25  # share of the clips of audio pretraining with loud noise
MASKED = 12.0  # dB below the noise at which a source no longer counts as audible


@dataclass(frozen=True, eq=False)
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
    root: str = ""  # folder of the recipe, for reports
    chosen: Sources = field(init=False)

    def __post_init__(self) -> None:
        if self.task not in ("s4", "ms3", "avss") or self.split not in SPLITS:
            raise ConfigError(f"Composed clips have no task {self.task!r} with split {self.split!r}.")
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

    @property
    def rate(self) -> float:
        """Frames per second."""
        return 1.0

    @property
    def reference(self) -> DataReference:
        """Which data these are; their number of clips is left out, for no clip depends on it."""
        return DataReference(COMPOSED, self.task, self.split, self.root, self.seed)

    def name(self, index: int) -> str:
        """Return the clip's name, eleven characters while seed < 100."""
        return f"{self.split[:2]}{self.seed:02d}_{index:06d}"

    def scene(self, index: int) -> tuple[View, Layers, Audio]:
        """Return a clip's view, decoded, and its audio; raises IndexError past the end."""
        if not 0 <= index < self.clips:
            raise IndexError(f"Clip {index} of {self.clips}.")
        view, layers, present = _decoded_view(self, index // self.takes)
        # An object that is labelled but hardly in view is neither asked for nor heard from off screen.
        rng = np.random.default_rng([self.seed, SPLITS.index(self.split), index, 1])
        audio = draw_audio(rng, self.chosen, present or view.classes, self.seconds, self.task, self.resample)
        return view, layers, audio

    def waveform(self, index: int) -> np.ndarray:
        """Mix the audio of a clip, float32 [samples]."""
        return mix(self.scene(index)[2])

    def sounding_classes(self, index: int) -> frozenset[str]:
        """Return the classes that sound at any time in a clip, visible or not."""
        return _sounding_classes(self, index)

    def off_screen_audio(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """Return a waveform [samples] in which one class that is not visible sounds through the clip."""
        view, _, audio = self.scene(index)
        voice = off_screen_class(rng, self.chosen, view.classes)
        return mix(only(rng, self.chosen, audio, voice, None))

    def isolated_classes(self, index: int, rng: np.random.Generator) -> tuple[IsolatedClass, ...]:
        """Return two visible classes, each with its own audio; empty if fewer are visible."""
        audio = self.scene(index)[2]
        masks = [_rendered(self, index // self.takes, second)[1] for second in range(self.seconds)]
        names = [name for name in visible(masks[0]) if self.chosen.voices(name)]
        if len(names) < 2:
            return ()
        isolated = []
        for name in rng.choice(names, 2, replace=False):
            voice = str(rng.choice(self.chosen.voices(name)))
            empty = np.zeros((self.size, self.size), bool)
            mask = np.stack([by_class.get(name, empty) for by_class in masks])
            isolated.append(IsolatedClass(mix(only(rng, self.chosen, audio, voice, str(name))), mask))
        return tuple(isolated)

    def visible_classes(self, index: int, moments: Sequence[int] | None = None) -> tuple[VisibleClass, ...]:
        """Return the labelled classes in view in all frames, or in `moments`, sounding or silent."""
        audio = self.scene(index)[2]
        seconds = range(self.seconds) if moments is None else moments
        masks = [_rendered(self, index // self.takes, second)[1] for second in seconds]
        empty = np.zeros((self.size, self.size), bool)
        return tuple(
            VisibleClass(
                np.stack([by_class.get(name, empty) for by_class in masks]),
                np.array([name in audio.sounding(second) for second in seconds]),
            )
            for name in dict.fromkeys(name for by_class in masks for name in by_class)
        )

    def read(self, index: int, moments: Sequence[int] | None = None) -> Sample:
        """Return a clip, or only its frames `moments`. As in S4, training clips of s4 have one label."""
        return self._sample(index, self.scene(index), moments)

    def _sample(
        self, index: int, scene: tuple[View, Layers, Audio], moments: Sequence[int] | None = None
    ) -> Sample:
        audio = scene[2]
        seconds = tuple(range(self.seconds)) if moments is None else tuple(int(m) for m in moments)
        frames, classes = [], []
        for second in seconds:
            frame, masks = _rendered(self, index // self.takes, second)
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


def generate(clips: Compositions, index: int) -> GeneratedClip:
    """Return a composed clip as `avseg.data.avsbench.write.write_split` takes it."""
    scene = clips.scene(index)
    sample, audio = clips._sample(index, scene), scene[2]
    names = dict.fromkeys(name for second in range(clips.seconds) for name in sorted(audio.sounding(second)))
    sounding = [VOICES.get(name, (name,))[0] for name in names]
    return GeneratedClip(
        name=clips.name(index),
        frames=sample.frames,
        classes=sample.classes,
        waveform=sample.waveform,
        sounding=tuple(name for name in sounding if name in CLASS_INDEX),
    )


# Consecutive takes share their view, so a few entries save most of the decoding.
@lru_cache(maxsize=4)
def _decoded_view(clips: Compositions, group: int) -> tuple[View, Layers, tuple[str, ...]]:
    """Return the view of the clips of a group, decoded, and the classes visible in its first frame."""
    rng = np.random.default_rng([clips.seed, SPLITS.index(clips.split), group, 0])
    for _ in range(ATTEMPTS):
        view = draw_view(rng, clips.chosen)
        layers = decode(view)
        present = visible(render(view, layers, 0.0, clips.seconds, 64)[1])
        if any(clips.chosen.voices(name) for name in present):
            break
    return view, layers, present


@lru_cache(maxsize=16)
def _rendered(clips: Compositions, group: int, second: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the frame of a second of a group's view, and its visible masks."""
    view, layers, _ = _decoded_view(clips, group)
    return render(view, layers, second + 0.5, clips.seconds, clips.size)


@lru_cache(maxsize=4096)
def _sounding_classes(clips: Compositions, index: int) -> frozenset[str]:
    tracks = clips.scene(index)[2].tracks
    return frozenset(t.recording.name for t in tracks if any(t.on) and t.recording.name != AMBIENCE)


class AudioClips:
    """The audio of composed clips alone, for pretraining: every class of recordings equally often.

    In every second one class is audible, or two, or none but background noise. A quarter of the clips have
    white noise as loud as a source, and more seconds with nothing else: loud noise is not a source.
    """

    def __init__(self, clips: Compositions, count: int):
        self.clips, self.count = clips, count

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a waveform float32 [samples] and which of the 71 classes are audible, bool [T, 71]."""
        if not 0 <= index < self.count:
            raise IndexError(f"Clip {index} of {self.count}.")
        clips = self.clips
        rng = np.random.default_rng([clips.seed, index, 2])
        names = [name for name in clips.chosen.by_sound if name in CLASS_INDEX]
        audible = np.zeros((clips.seconds, len(CLASS_INDEX)), bool)
        tracks: list[Track] = []
        audio = draw_audio(rng, clips.chosen, (), clips.seconds)
        noisy = rng.random() < NOISY_CLIPS
        noise = float(rng.uniform(*LOUD_NOISE_LEVELS)) if noisy else audio.noise
        counts = SOURCES_IN_NOISE if noisy else SOURCES
        for second in range(clips.seconds):
            for name in rng.choice(names, int(rng.choice(counts)), replace=False):
                on = np.arange(clips.seconds) == second
                track = draw_track(rng, clips.chosen, str(name), None, on, clips.resample)
                tracks.append(track)
                audible[second, CLASS_INDEX[str(name)]] = track.loudness > noise - MASKED
        ambience = tuple(track for track in audio.tracks if track.recording.name == AMBIENCE)
        return mix(replace(audio, tracks=(*tracks, *ambience), noise=noise)), audible
