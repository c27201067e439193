"""Several processes that share the work, as `accelerate launch` and torchrun start them.

They tell each process by variables, which another program may have left in the environment. A process that
believes those waits for others that never come, so they count only together with what the launchers set.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from avseg.devices import choose_device
from avseg.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from accelerate import PartialState

T = TypeVar("T")

LAUNCHED = "TORCHELASTIC_RUN_ID"  # set by torchrun, which `accelerate launch` uses too
VARIABLES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = timedelta(days=7)  # for another process that is still at work
PREFIXES = ("TORCHELASTIC_", "GROUP_", "ROLE_", "ACCELERATE_")


def command_line() -> str:
    """Return the command of this process as a person would type it."""
    return shlex.join(["python", "-m", "avseg", *sys.argv[1:]])


def world_size() -> int:
    """Return the number of processes that share the work; 1 without `accelerate launch`.

    Raises ConfigError where WORLD_SIZE or a rank was left by another program.
    """
    found = {name: os.environ[name] for name in VARIABLES[:3] if os.environ.get(name)}
    if all(value == {"WORLD_SIZE": "1"}.get(name, "0") for name, value in found.items()):
        return 1
    size, rank = found.get("WORLD_SIZE", ""), found.get("RANK", "")
    if LAUNCHED in os.environ and size.isdecimal() and rank.isdecimal() and int(rank) < int(size):
        return int(size)
    values = ", ".join(f"{name}={value}" for name, value in found.items())
    raise ConfigError(
        f"The environment says that this is one of several processes ({values}), but no launcher started it. "
        f"Remove the variables (unset {' '.join(found)}), or start with: accelerate launch -m avseg ..."
    )


def drop_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the launcher's variables, for a process of its own."""
    return {
        name: value
        for name, value in environment.items()
        if name not in VARIABLES and not name.startswith(PREFIXES)
    }


def process() -> tuple[int, int]:
    """Return this process's rank and the number of processes; 0 and 1 without `accelerate launch`.

    Raises ConfigError where another program left WORLD_SIZE or RANK in the environment.
    """
    if world_size() == 1:
        return 0, 1
    state = _state()
    return state.process_index, state.num_processes


def process_device(name: str) -> "torch.device":
    """Return the device of a name; "auto" gives every process of `accelerate launch` its own."""
    return _state().device if name == "auto" and process()[1] > 1 else choose_device(name)


def together(items: list[T]) -> list[T]:
    """Return the items of all processes, in the order of their ranks, once all have come this far."""
    if world_size() == 1:
        return items
    from accelerate.utils import gather_object

    _state()
    return gather_object(items)


def _state() -> "PartialState":
    from accelerate import PartialState

    return PartialState(timeout=PATIENCE)
