"""The device, the precision and the processes of a training run."""

import os
import shutil

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs

from avseg.config import Config
from avseg.devices import choose_device
from avseg.errors import ConfigError
from avseg.processes import VARIABLES, world_size
from avseg.runtime.choice import has_bfloat16

COMPILERS = ("g++", "clang++")  # one of which torch.compile calls for a CPU


def accelerator_for(config: Config, device: str) -> Accelerator:
    """Return the accelerator of this process, on the device of this name.

    Raises ConfigError for a device that is not available, or that cannot be chosen for several processes.
    """
    chosen, several = choose_device(device), world_size() > 1
    if several and device not in ("auto", "cpu", "cuda"):
        raise ConfigError(
            f"Several processes cannot share the device {device!r}: choose auto, cpu or cuda, and GPUs by "
            "CUDA_VISIBLE_DEVICES."
        )
    if config.train.mixed_precision == "fp16" and chosen.type != "cuda":
        raise ConfigError(
            f"mixed_precision fp16 needs a CUDA device, not {chosen}: choose bf16 or no for this device."
        )
    if config.train.compile and chosen.type == "cpu" and not any(map(shutil.which, COMPILERS)):
        raise ConfigError(
            f"train.compile needs a C++ compiler on a CPU ({' or '.join(COMPILERS)}), and there is none: "
            "install one, or leave it out."
        )
    if not several:
        AcceleratorState._reset_state(reset_partial_state=True)  # of an earlier run in this process
    # Frozen parameters get no gradient.
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    options = {"mixed_precision": precision_on(config, chosen), "kwargs_handlers": [parallel]}
    if several:
        return Accelerator(cpu=chosen.type == "cpu", **options)
    for name in VARIABLES:  # WORLD_SIZE=1 and the like, which Accelerator would take for one of several
        os.environ.pop(name, None)
    os.environ["ACCELERATE_TORCH_DEVICE"] = str(chosen)  # its own choice is the first of MPS, CUDA, ...
    try:
        return Accelerator(cpu=chosen.type == "cpu", **options)
    finally:
        del os.environ["ACCELERATE_TORCH_DEVICE"]


def precision_on(config: Config, device: torch.device) -> str:
    """Return the precision of the forward pass: "auto" is bf16 on GPUs that have it, otherwise no."""
    if config.train.mixed_precision != "auto":
        return config.train.mixed_precision
    return "bf16" if device.type == "cuda" and has_bfloat16(device) else "no"
