"""Training clips composed from photographs with masks and recordings by class, like VPO and AVS-Synthetic.

sources = read_sources(images, masks, sounds)
clips = Compositions(sources, task="ms3", split="train", seed=1, clips=1000)
sample = clips.read(0)               # frames, waveform and classes, as of any data set
"""

from avseg.compose.dataset import Compositions
from avseg.compose.sources import Photo, Recording, Sources, read_sources

__all__ = ["Compositions", "Photo", "Recording", "Sources", "read_sources"]
