"""Every command that writes files, on inputs of seconds."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from avseg.checkpoints import Card, save_model
from avseg.models.avsegformer import AVSegFormer
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from avseg.training.run_folder import RunFolder
from tests.avseg.compose.test_compositions import write_sources
from tests.support.media import counting
from tests.support.small_model import SMALL, small_config
from tests.support.small_released import small_released_file
from tests.support.small_run import write_run


def write_inputs(folder: Path) -> None:
    """Write a model, a clip with masks, a data set, a config, a run, and sources of compositions."""
    torch.manual_seed(0)
    save_model(folder / "model.safetensors", AVSegFormer(SMALL), Card("small", "random", ""))
    counting(folder / "clip.mp4", seconds=2)
    (folder / "videos").mkdir()
    counting(folder / "videos/clip.mp4", seconds=5)
    (folder / "masks/clip").mkdir(parents=True)
    for number in range(5):
        Image.fromarray(np.eye(64, 96, dtype=np.uint8)).save(folder / f"masks/clip/{number}.png")
    small_released_file(folder / "released.pth")
    write(SynthAVS("ms3", "test", 1, 2), folder / "data", videos=False)
    (folder / "config.json").write_text(small_config(epochs=1, synth_clips=2, validation_clips=1).to_json())
    write_run(RunFolder(folder / "run"))
    write_sources(folder / "sources")


def writing_commands(inputs: Path, out: Path) -> dict[str, list[str]]:
    """Return the arguments of every command by its name; each writes below `out`."""
    clip, model, data = (str(inputs / name) for name in ("clip.mp4", "model.safetensors", "data"))
    sources = [f"--{name}={inputs / 'sources' / name}" for name in ("images", "masks", "sounds")]
    here = ["--model", model, "--device", "cpu"]
    one = ["--clips", "1", "--workers", "1"]
    evaluated = ["--data", data, "--task", "ms3", "--no-robustness", "--workers", "0"]
    return {
        "predict": ["predict", clip, *here, "--out", str(out)],
        "what-if": ["what-if", clip, "--change", "mute", *here, "--out", str(out)],
        "record": ["record", clip, "--out", str(out / "frame.npz"), "--site", "queries", *here],
        "embed": ["embed", data, *here, "--out", str(out / "embeddings.npz")],
        "synth": ["synth", str(out), *one],
        "compose": ["compose", str(out), *sources, "--size", "64", *one],
        "convert": [
            *("convert", str(out), "--videos", str(inputs / "videos"), "--masks", str(inputs / "masks")),
            *("--split", "train"),
        ],
        "import-weights": [
            *("import-weights", str(inputs / "released.pth"), "--task", "s4"),
            *("--out", str(out / "imported.safetensors")),
        ],
        "figure": ["figure", "7", clip, *here, "--out", str(out)],
        "check": ["check", data, "--out", str(out)],
        "train": ["train", str(inputs / "config.json"), "--out", str(out / "run"), "--workers", "0"],
        "evaluate": ["evaluate", *here, *evaluated, "--out", str(out), "--status"],
        "share": ["share", clip, *here, "--out", str(out / "shared.html")],
        "curve": ["curve", str(inputs / "run"), "--out", str(out / "curve.png")],
    }
