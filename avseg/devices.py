"""Chooses the device that runs the model, and names the precisions in which it can compute."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, get_args

from avseg.arguments import printed
from avseg.errors import ConfigError
from avseg.late import torch

Precision = Literal["auto", "exact", "fast"]
"""exact: float32; fast: bfloat16 wherever it is faster on this machine; auto: fast for large models."""
PRECISIONS: tuple[str, ...] = get_args(Precision)


def check_precision(precision: object) -> None:
    """Raise ConfigError unless the value is one of PRECISIONS."""
    if precision not in PRECISIONS:
        raise ConfigError(f"The precision is {printed(precision)}; choose {', '.join(PRECISIONS)}.")


DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of CUDA, ROCm, and CUDA in WSL


def choose_device(name: str) -> torch.device:
    """Return a device by name; "auto" is cuda if available, else cpu, for every command.

    mps is never chosen by itself: it has no float64 and not all operations.

    Raises ConfigError for a name that is not a device and for a device that is not available.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"{name!r} is not a device. Choose auto, cpu, cuda, cuda:1 or mps.") from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"The device {name!r} is not available ({reason}). Choose auto or cpu.") from error
    return device


def default_device() -> str:
    """Return the name of what "auto" chooses; without torch where Linux has no driver of a GPU."""
    if sys.platform == "linux" and not any(Path(driver).exists() for driver in DRIVERS):
        return "cpu"
    return str(choose_device("auto"))
