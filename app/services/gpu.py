"""The GPU of a Space that lends one for the length of a call (ZeroGPU); anywhere else nothing is to be done.

There a call runs in a forked process: what goes in and comes out is pickled, so numpy comes back, never CUDA
tensors, and nothing that the call changes is visible here.
"""

import os
from collections.abc import Callable
from typing import TypeVar, cast

from avseg.errors import AvsegError

try:
    import spaces  # before torch and gradio: it takes over whatever asks for CUDA
except ImportError:
    spaces = None

T = TypeVar("T")

LENT = spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
SECONDS = int(os.environ.get("AVSEG_GPU_SECONDS", "60"))
"""How long a call may take on a lent GPU; visitors' quotas are charged by it."""


def on_gpu(function: Callable[..., T], *args: object) -> T:
    """Return function(*args), called where the GPU is; an AvsegError comes back with its message."""
    value, error = _on_gpu(function, args)
    if error is not None:
        raise error
    return cast(T, value)


def _caught(function: Callable[..., T], args: tuple[object, ...]) -> tuple[T | None, AvsegError | None]:
    # Of an error that leaves a lent GPU's process only the class's name would arrive.
    try:
        return function(*args), None
    except AvsegError as error:
        return None, error


_on_gpu = spaces.GPU(duration=SECONDS)(_caught) if spaces else _caught
