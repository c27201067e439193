"""The other sounds that every clip is heard with when a model is measured: does it listen?

AVSBench-Robust (arXiv 2502.00358) tries silence, noise and a source that is not in view. Its negatives come
from another front end than its positives, so that their scale gives them away; here every sound, silence and
noise too, passes through `avseg.media.audio` as the clip's own does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import torch
from torch.utils.data import Dataset

from avseg.data.labels import CLASS_INDEX
from avseg.data.samples import Clips
from avseg.data.transforms import Batch, ClipTensors, squash
from avseg.errors import AvsegError
from avseg.media.audio import SAMPLE_RATE, benchmark_patches, silence, white_noise
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.objects import NAMES
from avseg.synthavs.scenes import Scene, Sound, all_heard, frame_time, mix, truth

SILENCE, NOISE, OFFSCREEN, SWAPPED = "silence", "noise", "offscreen", "swapped"
SWITCHES = ("first", "second")  # each of two classes in view, heard alone
SOUNDS = (SILENCE, NOISE, OFFSCREEN, SWAPPED, *SWITCHES)

UNNAMED_NOTE = (
    "The data do not name what sounds: the off-screen and the swapped sound are those of another clip, "
    "which may hold the same class."
)
NO_SWITCH_NOTE = (
    "target_switch_iou needs scenes that can be mixed anew, as SynthAVS has; null for data on disk."
)
NOT_TRIED_NOTE = "Other sounds were not tried."
MUTE_NOTE = "Every clip is heard in silence (--mute): what the model can do when it cannot listen."


@dataclass(frozen=True, eq=False)
class Trial:
    """A clip as the model takes it, its F real frames, and the other sounds that it is heard with."""

    index: int
    name: str
    batch: Batch  # F frames, none of them padding
    padded: int  # frames that fill the clip up and are not in `batch`
    sounds: Mapping[str, torch.Tensor] = field(default_factory=dict)  # log_mel [F, 1, 96, 64] by name
    targets: Mapping[str, torch.Tensor] = field(default_factory=dict)  # of SWITCHES: bool [F, H, W]

    def to(self, device: torch.device) -> "Trial":
        """Return the trial on a device."""
        sounds = {name: sound.to(device) for name, sound in self.sounds.items()}
        targets = {name: target.to(device) for name, target in self.targets.items()}
        return replace(self, batch=self.batch.to(device), sounds=sounds, targets=targets)


class Trials(Dataset):
    """The clips `chosen` of a data set by their index in it, each a `Trial`, or the error of reading it.

    size: px. seed: of noise, of the sounds drawn for SynthAVS and of who lends a sound to whom. robustness:
    false leaves the other sounds out. An error is returned, not raised: a worker process would bury it.
    """

    def __init__(
        self, clips: Clips, size: int, chosen: Sequence[int], seed: int = 0, robustness: bool = True
    ):
        self.clips, self.size, self.chosen, self.seed = clips, size, tuple(chosen), seed
        self.robustness = robustness
        self.tensors = ClipTensors(clips, size)

    def __getitem__(self, index: int) -> Trial | AvsegError:
        try:
            batch = self.tensors[index]
            waveforms, targets = self._others(index) if self.robustness else ({}, {})
        except AvsegError as error:
            return error
        real = batch.real
        sounds = {k: benchmark_patches(w, self.clips.seconds)[real] for k, w in waveforms.items()}
        return Trial(
            index=index,
            name=self.clips.name(index),
            batch=Batch(*(getattr(batch, name)[real] for name in Batch.__dataclass_fields__)),
            padded=int((~real).sum()),
            sounds=sounds,
            targets={name: target[real] for name, target in targets.items()},
        )

    def _others(self, index: int) -> tuple[dict[str, np.ndarray], dict[str, torch.Tensor]]:
        """Return the waveforms [samples] by name, and the masks of the SWITCHES."""
        length = self.clips.seconds * SAMPLE_RATE
        rng = np.random.default_rng([self.seed, index])
        waveforms, targets = {SILENCE: silence(length), NOISE: white_noise(length, seed=rng)}, {}
        lender = partner(self.clips, self.chosen, index, self.seed)
        if isinstance(self.clips, SynthAVS):
            scene = self.clips.scene(index)
            if lender is not None:
                waveforms[SWAPPED] = mix(self.clips.scene(lender))
            waveforms[OFFSCREEN] = mix(off_screen(scene, rng))
            alone, targets = switches(scene, rng, self.clips.size, self.size)
            waveforms |= {name: mix(heard) for name, heard in alone.items()}
        elif lender is not None:
            waveforms[OFFSCREEN] = waveforms[SWAPPED] = self.clips.read(lender, (0,)).waveform
        return waveforms, targets


def partner(clips: Clips, chosen: Sequence[int], index: int, seed: int) -> int | None:
    """Return which of the `chosen` clips lends its sound to a clip: one in which other classes sound.

    Drawn from (seed, index) among the clips that sound and share no class with this one; None when there is
    none. Where the data do not name what sounds, any other clip.
    """
    own = sounding_classes(clips, index)
    for place in np.random.default_rng([seed, index]).permutation(len(chosen)):
        other = int(chosen[place])
        theirs = sounding_classes(clips, other)
        if other != index and (theirs is None or own is None or (theirs and own.isdisjoint(theirs))):
            return other
    return None


def sounding_classes(clips: Clips, index: int) -> frozenset[str] | None:
    """Return the classes that sound in a clip, in view or not; None where the data do not say.

    SynthAVS knows them from its scenes. The tables of S4 and AVSS name what is in view and sounds; that of
    MS3 does not.
    """
    if isinstance(clips, SynthAVS):
        return _of_scene(clips, index)
    entry = clips.entry(index) if hasattr(clips, "entry") else None
    return frozenset(entry.labels) if entry is not None and entry.given else None


@lru_cache(maxsize=4096)
def _of_scene(clips: SynthAVS, index: int) -> frozenset[str]:
    return frozenset(sound.name for sound in clips.scene(index).sounds if any(sound.on))


def off_screen(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the scene heard with nothing but one class that is not in view, through the whole clip."""
    return _only(scene, str(rng.choice(sorted(set(NAMES) - set(scene.visible)))), rng)


def switches(
    scene: Scene, rng: np.random.Generator, painted: tuple[int, int], size: int
) -> tuple[dict[str, Scene], dict[str, torch.Tensor]]:
    """Return the scene heard with each of two classes in view alone, and the mask [T, size, size] of each.

    painted: (height, width) at which the scene is drawn. Nothing when fewer than two classes are in view.
    """
    if len(scene.visible) < len(SWITCHES):
        return {}, {}
    pair = [str(name) for name in rng.choice(scene.visible, len(SWITCHES), replace=False)]
    scenes = {which: _only(scene, name, rng) for which, name in zip(SWITCHES, pair)}
    everything = all_heard(scene)
    maps = [truth(everything, frame_time(second), painted) for second in range(scene.seconds)]
    classes = squash(torch.from_numpy(np.stack(maps)), size)
    return scenes, {which: classes == CLASS_INDEX[name] for which, name in zip(SWITCHES, pair)}


def _only(scene: Scene, name: str, rng: np.random.Generator) -> Scene:
    gain, seed = float(rng.uniform(0.55, 1.0)), int(rng.integers(2**31))
    return replace(scene, sounds=(Sound(name, seed, gain, (True,) * scene.seconds),))


def notes(clips: Clips, chosen: Sequence[int], robustness: bool) -> tuple[str, ...]:
    """Return what a reader of the numbers has to know about the sounds that were tried."""
    if not robustness:
        return (NOT_TRIED_NOTE,)
    if isinstance(clips, SynthAVS):
        return ()
    unnamed = any(sounding_classes(clips, index) is None for index in chosen)
    return (UNNAMED_NOTE, NO_SWITCH_NOTE) if unnamed else (NO_SWITCH_NOTE,)
