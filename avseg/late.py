"""Modules that are slow to import, imported on first use: `from avseg.late import torch`.

A program that does not compute, such as `python -m avseg info` or a page that nobody has used yet, does not
wait for them. What is evaluated at import cannot come from here: base classes, decorators and, without
`from __future__ import annotations`, annotations.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch as torch
    import torch.nn.functional as F
    import torchaudio.functional as AF
    from torch import nn as nn
else:

    class _Late(ModuleType):
        """A module that is imported when the first attribute is asked for."""

        def __getattr__(self, name: str) -> object:
            return getattr(importlib.import_module(self.__name__), name)

    torch, nn, F = _Late("torch"), _Late("torch.nn"), _Late("torch.nn.functional")
    AF = _Late("torchaudio.functional")

__all__ = ["AF", "F", "nn", "torch"]
