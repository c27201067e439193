"""Which device computes."""

import torch

from avseg.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """Return the device of a name, "auto" being cuda when there is one; else raises ConfigError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"{name!r} is no device. Choose auto, cpu, cuda, cuda:1 or mps.") from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"The device {name!r} cannot be used here ({reason}). Choose auto or cpu."
        ) from error
    return device
