"""A model as a program that runs without this package: a PyTorch program (.pt2), or ONNX (.onnx).

The program takes frames float32 [T, 3, S, S], RGB normalised by ImageNet's mean and standard deviation, and
log_mel float32 [T, 1, 96, 64], and returns logits [T, C, s, s]. C is 1 (foreground where the logit is above
0) or 71 (the largest one is the class). AVSegFormer takes any T; in TPAVI frames attend to each other, so T
is fixed. The file carries its card: size, classes, normalisation.

This package writes such files and opens none: `torch.export.load` may unpickle, so open only a .pt2 file that
you wrote. A .onnx file has no code in it.
"""

import importlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from avseg.checkpoints import load_model
from avseg.data.labels import CLASSES
from avseg.data.transforms import IMAGE_MEAN, IMAGE_STD
from avseg.errors import ConfigError
from avseg.files import atomic_write
from avseg.models.build import SegmentationModel

TORCH, ONNX = ".pt2", ".onnx"
MOST_DIFFERENCE = 1e-4  # of a logit, between the model and its program
MOST_FRAMES = 3600  # of a program whose number of frames is free
TRACED, OTHER = 5, 2  # frames of the traced example, and of a second comparison
INPUTS, OUTPUT = ("frames", "log_mel"), "logits"
ABOUT = "avseg.json"  # in a .pt2 file; in ONNX, the metadata of the same names
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True)
class Exported:
    """A written program."""

    path: Path
    frames: int  # 0: any number
    difference: float  # largest difference of a logit from the model's
    compared: tuple[int, ...]  # numbers of frames at which they were compared


class LogitsOnly(nn.Module):
    """The model as a function of two tensors."""

    def __init__(self, model: SegmentationModel):
        super().__init__()
        self.model = model

    def forward(self, frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        """Return the logits [T, C, s, s]."""
        features: Any = self.model.encode_frames(
            frames
        )  # without len(), which would fix the number of frames
        return self.model.decode(features, log_mel).logits


def check_export(path: Path) -> str:
    """Return the extension of a file to be; raises ConfigError for another one and for missing packages."""
    kind = path.suffix.lower()
    if kind not in (TORCH, ONNX):
        raise ConfigError(f"--out is {path.name}; its extension must be {TORCH} (PyTorch) or {ONNX}.")
    if kind == ONNX:
        try:
            for name in PACKAGES:
                importlib.import_module(name)
        except ImportError as error:
            raise ConfigError(f"ONNX requires more packages: pip install {' '.join(PACKAGES)}.") from error
    return kind


def export(name: str | Path, path: Path, frames: int = 0, device: str | torch.device = "cpu") -> Exported:
    """Export a model by name or file, and compare the program with it before the file is written.

    frames: of a clip, for TPAVI; 0: 5, and 10 for avss. Raises CheckpointError without the model, ConfigError
    for a wrong extension or number, missing packages, and a program that differs by more than
    MOST_DIFFERENCE.
    """
    kind = check_export(path)
    model = load_model(name, device)
    fixed = model.config.architecture == "tpavi"
    if frames < 0 or (frames and not fixed):
        raise ConfigError("--frames is for TPAVI, whose frames attend to each other: 1 or more.")
    count = (frames or (10 if model.config.task == "avss" else TRACED)) if fixed else TRACED
    network = LogitsOnly(model).eval()
    example = example_inputs(model, count)
    free = (
        None if fixed else {name: {0: torch.export.Dim("frames", min=1, max=MOST_FRAMES)} for name in INPUTS}
    )
    with torch.no_grad():
        program = torch.export.export(network, example, dynamic_shapes=free)
    compared = (count,) if fixed else (count, OTHER)
    about = _about(model, count if fixed else 0)
    run: Any
    if kind == TORCH:
        content, run = _to_torch(program, about), program.module()
    else:
        content = _to_onnx(program, about)
        run = _onnx_runner(content)
    difference = max(_difference(network, run, model, n) for n in compared)
    if not difference <= MOST_DIFFERENCE:
        raise ConfigError(
            f"The program differs from the model by up to {difference:.1e} in a logit, more than "
            f"{MOST_DIFFERENCE:g}: nothing was written."
        )
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(content)
    return Exported(path, count if fixed else 0, difference, compared)


def example_inputs(model: SegmentationModel, frames: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return frames and log_mel of noise, with the statistics of real ones."""
    generator = torch.Generator().manual_seed(seed)
    side, device = model.config.image_size, next(model.parameters()).device
    images = torch.randn(frames, 3, side, side, generator=generator)
    log_mel = torch.randn(frames, 1, 96, 64, generator=generator) - 2
    return images.to(device), log_mel.to(device)


def _difference(network: nn.Module, run: Any, model: SegmentationModel, frames: int) -> float:
    inputs = example_inputs(model, frames, seed=frames)
    with torch.no_grad():
        return float((network(*inputs) - run(*inputs)).abs().max())


def _about(model: SegmentationModel, frames: int) -> dict[str, Any]:
    """Return what whoever runs the program has to know, as JSON."""
    config, card = model.config, model.card
    return {
        "card": asdict(card),
        "task": config.task,
        "image_size": config.image_size,
        "frames": frames or "any",
        "image_mean": IMAGE_MEAN,
        "image_std": IMAGE_STD,
        "classes": list(CLASSES) if config.task == "avss" else ["sounding"],
    }


def _to_torch(program: torch.export.ExportedProgram, about: dict[str, Any]) -> bytes:
    """Return the content of a .pt2 file; in memory, since PyTorch ends the process on a full disk."""
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={ABOUT: json.dumps(about, indent=2)})
    return file.getvalue()


def _to_onnx(program: torch.export.ExportedProgram, about: dict[str, Any]) -> bytes:
    """Return the content of a .onnx file with `about` as its metadata."""
    made = torch.onnx.export(
        program, dynamo=True, input_names=INPUTS, output_names=[OUTPUT], external_data=False, verbose=False
    )
    assert made is not None
    proto = made.model_proto
    for name, value in about.items():
        proto.metadata_props.add(key=name, value=value if isinstance(value, str) else json.dumps(value))
    return proto.SerializeToString()


def _onnx_runner(content: bytes) -> Any:
    """Return a function of two tensors that runs an ONNX model on the CPU."""
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(frames: torch.Tensor, log_mel: torch.Tensor) -> torch.Tensor:
        inputs = dict(zip(INPUTS, (frames.cpu().numpy(), log_mel.cpu().numpy()), strict=True))
        return torch.from_numpy(session.run([OUTPUT], inputs)[0]).to(frames.device)

    return run
