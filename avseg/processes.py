"""The variables by which `accelerate launch` and torchrun tell a process that it is one of several.

Another program may have left them in the environment. A process that believes them waits for others that
never come, so they count only together with what those launchers set.
"""

import os
import shlex
import sys
from collections.abc import Mapping

from avseg.errors import ConfigError

LAUNCHED = "TORCHELASTIC_RUN_ID"  # set by torchrun, which `accelerate launch` uses too
VARIABLES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
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
