"""Decides which parts of a model compute in bfloat16: those that are measured to be faster on this machine.

The measurement takes about as long as the masks of five frames. It is made once per model size and machine,
and kept in the user's cache folder.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import torch

from avseg.config import from_dict
from avseg.errors import AvsegError, ConfigError
from avseg.files import atomic_write, read_json
from avseg.models.avsegformer import AVSegFormer
from avseg.runtime.accelerate import EXACT, Plan, accelerated
from avseg.runtime.blocks import FastAVSegFormer

LARGE = 20_000_000  # parameters: a smaller model takes milliseconds per frame, and auto keeps it exact
REPEATS = 3
GAIN = 1.1  # a part that is not faster by this factor stays exact
VERSION = 1  # of the layers in avseg.runtime: an older measurement says nothing about newer ones


def plan_for(model: AVSegFormer, precision: str) -> Plan:
    """Return how a model computes on its device: `fast` and, for large models, `auto` as measured there."""
    large = sum(parameter.numel() for parameter in model.parameters()) >= LARGE
    device = next(model.parameters()).device
    if precision == "exact" or (precision == "auto" and not large) or not has_bfloat16(device):
        return EXACT
    if device.type == "cuda":  # autocast, not measured part by part
        return Plan(*(True for _ in fields(Plan)))
    path, key = _cache_file(), _key(model)
    kept = _read(path)
    if key in kept:
        try:
            return from_dict(Plan, kept[key])
        except ConfigError:
            pass
    plan = measured_plan(model)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, durable=False) as file:
            file.write_text(json.dumps(kept | {key: asdict(plan)}, indent=1), encoding="utf-8")
    except (OSError, AvsegError):
        pass  # a home that cannot be written: measured again next time
    return plan


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies in bfloat16: CPUs with AMX or AVX-512 BF16, GPUs since Ampere."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


@torch.inference_mode()
def measured_plan(model: AVSegFormer) -> Plan:
    """Return the parts of a model on a CPU that bfloat16 makes faster, each timed on one frame."""
    exact, reduced = accelerated(model), accelerated(model, Plan(*(True for _ in fields(Plan))))
    try:
        pairs = zip(_parts(exact), _parts(reduced), strict=True)
        gains = {name: _gain(work, fast) for (name, work), (_, fast) in pairs}
    except (RuntimeError, TypeError):  # a backbone with a layer that has no bfloat16
        return EXACT
    return Plan(**{name: gain >= GAIN for name, gain in gains.items()})


def _gain(exact: Callable[[], object], reduced: Callable[[], object]) -> float:
    """Return how many times faster the second is: the best of REPEATS turns each, after one to warm up."""
    best = [float("inf")] * 2
    for turn in range(REPEATS + 1):
        for k, work in enumerate((exact, reduced)):
            started = time.perf_counter()
            work()
            if turn:
                best[k] = min(best[k], time.perf_counter() - started)
    return best[0] / best[1]


def _parts(model: FastAVSegFormer) -> list[tuple[str, Callable[[], object]]]:
    """Return the parts of Plan, each as a call on one frame of noise."""
    size, generator = model.config.image_size, torch.Generator().manual_seed(0)
    frames = torch.randn(1, 3, size, size, generator=generator).to(memory_format=torch.channels_last)
    log_mel = torch.randn(1, 1, 96, 64, generator=generator)
    pyramid = model.visual_backbone(frames)
    features = model.encode_pyramid(pyramid)
    audio = model.audio_projection(model.audio_backbone(log_mel).float())[:, None]
    *_, (queries, _) = model.decode_queries(audio, features)
    return [
        ("backbone", lambda: model.visual_backbone(frames)),
        ("audio", lambda: model.audio_backbone(log_mel)),
        ("encoder", lambda: model.encode_pyramid(pyramid)),
        ("decoder", lambda: list(model.decode_queries(audio, features))),
        ("head", lambda: model.mask_generation(features.mask_feature, queries)),
    ]


def _cache_file() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "avseg" / "speed.json"


def _read(path: Path) -> dict[str, object]:
    try:
        kept = read_json(path)
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _key(model: AVSegFormer) -> str:
    """Return what the measurement depends on, as digits: model, processor, threads and versions."""
    about = (asdict(model.config), processor(), torch.get_num_threads(), torch.__version__, VERSION)
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


def processor() -> str:
    """Return the name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
