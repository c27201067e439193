"""The audio conditions under which every clip is evaluated, to test whether a model uses the audio.

AVSBench-Robust (arXiv 2502.00358) tests silence, noise and an off-screen source. Its negatives come from
another front end than its positives, so that their scale gives them away; here all audio, silence and noise
too, passes through `avseg.media.audio` as the clip's own does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.utils.data import Dataset

from avseg.data.samples import Clips, RemixableClips
from avseg.data.transforms import Batch, ClipTensors, clip_patches, resize_classes, sound_samples
from avseg.errors import AvsegError
from avseg.evaluation.floors import CENTRE, LARGEST, largest_object
from avseg.media.audio import silence, white_noise

SILENCE, NOISE, OFFSCREEN, SWAPPED = "silence", "noise", "offscreen", "swapped"
SWITCHES = ("first", "second")  # each of two visible classes, sounding alone
CONDITIONS = (SILENCE, NOISE, OFFSCREEN, SWAPPED, *SWITCHES)

UNNAMED_NOTE = (
    "The data do not name the sounding classes: for the off-screen and swapped tests, the sound of any other "
    "clip was used, which may be of the same class."
)
NO_SWITCH_NOTE = (
    "The target-switch test needs sounds that can be mixed anew, as those of SynthAVS: it was left out."
)
SKIPPED_NOTE = "Other audio conditions were not evaluated."
REDUCED_NOTE = (
    "Parts of the model computed in bfloat16 (--precision); exact scores may differ in the last digit."
)
MUTE_NOTE = "All audio is muted (--mute): the score that is possible without audio."


@dataclass(frozen=True, eq=False)
class ConditionedClip:
    """A clip as model input, its F real frames, and its audio under the other conditions."""

    index: int
    name: str
    batch: Batch  # F frames, none of them padding
    padded: int  # frames that pad the clip and are not in `batch`
    audio: Mapping[str, torch.Tensor] = field(default_factory=dict)  # log_mel [F, 1, 96, 64] by condition
    targets: Mapping[str, torch.Tensor] = field(default_factory=dict)  # of SWITCHES: bool [F, H, W]
    rules: Mapping[str, torch.Tensor] = field(default_factory=dict)  # masks of trivial rules: bool [F, H, W]

    def to(self, device: torch.device) -> "ConditionedClip":
        """Return the clip on a device."""
        audio = {name: log_mel.to(device) for name, log_mel in self.audio.items()}
        targets = {name: target.to(device) for name, target in self.targets.items()}
        rules = {name: mask.to(device) for name, mask in self.rules.items()}
        return replace(self, batch=self.batch.to(device), audio=audio, targets=targets, rules=rules)


class ConditionedClips(Dataset):
    """The clips `indices` of a data set, by their index in it, each as a `ConditionedClip`.

    size: px. seed: of noise, of SynthAVS remixes and of the choice of swapped audio. robustness: whether to
    include the other conditions. prior: the mask of `centre_prior`, bool [size, size]. The error of reading a
    clip is returned, not raised: torch would wrap it.
    """

    def __init__(
        self,
        clips: Clips,
        size: int,
        indices: Sequence[int],
        seed: int = 0,
        robustness: bool = True,
        prior: torch.Tensor | None = None,
    ):
        self.clips, self.size, self.indices, self.seed = clips, size, tuple(indices), seed
        self.robustness, self.prior = robustness, prior
        self.tensors = ClipTensors(clips, size)

    def __getitem__(self, index: int) -> ConditionedClip | AvsegError:
        try:
            batch = self.tensors[index]
            waveforms, targets = self._conditions(index) if self.robustness else ({}, {})
            rules = self._rules(index, len(batch.real))
        except AvsegError as error:
            return error
        real = batch.real
        audio = {k: clip_patches(w, self.clips)[real] for k, w in waveforms.items()}
        return ConditionedClip(
            index=index,
            name=self.clips.name(index),
            batch=Batch(*(getattr(batch, name)[real] for name in Batch.__dataclass_fields__)),
            padded=int((~real).sum()),
            audio=audio,
            targets={name: target[real] for name, target in targets.items()},
            rules={name: mask[real] for name, mask in rules.items()},
        )

    def _rules(self, index: int, frames: int) -> dict[str, torch.Tensor]:
        """Return the masks of the trivial rules that depend on the data."""
        rules = {} if self.prior is None else {CENTRE: self.prior.expand(frames, -1, -1)}
        if isinstance(self.clips, RemixableClips) and (visible := self.clips.visible_classes(index)):
            rules[LARGEST] = resize_classes(torch.from_numpy(largest_object(visible)), self.size)
        return rules

    def _conditions(self, index: int) -> tuple[dict[str, np.ndarray], dict[str, torch.Tensor]]:
        """Return the waveforms [samples] by condition, and the masks of the SWITCHES."""
        length = sound_samples(self.clips)
        rng = np.random.default_rng([self.seed, index])
        waveforms = {SILENCE: silence(length), NOISE: white_noise(length, seed=rng)}
        targets: dict[str, torch.Tensor] = {}
        partner = swap_partner(self.clips, self.indices, index, self.seed)
        if partner is not None:
            waveforms[SWAPPED] = self.clips.waveform(partner)
        if isinstance(self.clips, RemixableClips):
            waveforms[OFFSCREEN] = self.clips.off_screen_audio(index, rng)
            for name, isolated in zip(SWITCHES, self.clips.isolated_classes(index, rng)):
                waveforms[name] = isolated.waveform
                targets[name] = resize_classes(torch.from_numpy(isolated.mask), self.size)
        elif partner is not None:
            waveforms[OFFSCREEN] = waveforms[SWAPPED]
        return waveforms, targets


def swap_partner(clips: Clips, indices: Sequence[int], index: int, seed: int) -> int | None:
    """Return which of the clips `indices` provides the swapped audio of a clip: one with other classes.

    Drawn from (seed, index) among the clips that sound and share no class with this one; None without such a
    clip. Where the data do not name the classes, any other clip.
    """
    own = clips.sounding_classes(index)
    for position in np.random.default_rng([seed, index]).permutation(len(indices)):
        other = int(indices[position])
        theirs = clips.sounding_classes(other)
        if other != index and (theirs is None or own is None or (theirs and own.isdisjoint(theirs))):
            return other
    return None


def notes(clips: Clips, indices: Sequence[int], robustness: bool) -> tuple[str, ...]:
    """Return what a reader has to know about the audio conditions of an evaluation."""
    if not robustness:
        return (SKIPPED_NOTE,)
    if isinstance(clips, RemixableClips):
        return ()
    unnamed = any(clips.sounding_classes(index) is None for index in indices)
    return (UNNAMED_NOTE, NO_SWITCH_NOTE) if unnamed else (NO_SWITCH_NOTE,)
