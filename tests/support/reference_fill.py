"""The parameters that the reference numbers were measured with: made from a released name and its shape."""

import json
import zlib
from pathlib import Path

import numpy as np
import torch

REFERENCE = Path(__file__).parent / "reference"
_ALL = tuple(path.stem for path in sorted((REFERENCE / "keys").glob("*.json")))
MODELS = tuple(name for name in _ALL if not name.startswith("tpavi"))  # of AVSegFormer
TPAVI_MODELS = tuple(name for name in _ALL if name.startswith("tpavi"))  # of AVSBench


def released_shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Return every parameter name of a released model with its shape."""
    shapes = json.loads((REFERENCE / "keys" / f"{model}.json").read_text())
    return {name: tuple(shape) for name, shape in shapes.items()}


def empty_state(model: str) -> dict[str, torch.Tensor]:
    """Return a released state dict without storage: names and shapes are there, values are not."""
    return {name: torch.empty(shape, device="meta") for name, shape in released_shapes(model).items()}


def fill(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the values of one parameter: float32, or an int64 zero for batch norm's counter.

    numpy.random.RandomState is a frozen stream, so the values are the same with every numpy.
    """
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    noise = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(np.asarray(_scaled(name, noise), dtype=np.float32))


def _scaled(name: str, noise: np.ndarray) -> np.ndarray:
    """Give the noise the size that keeps activations near one."""
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        return 1.0 + 0.2 * np.abs(noise)
    if last == "running_mean":
        return 0.05 * noise
    if "sampling_offsets" in name:
        return noise * (2.0 if last == "bias" else 0.05)
    if name.endswith(("level_embed", "learnable_query.weight", "query_generator.query.weight")):
        return 0.5 * noise
    if noise.ndim >= 2:
        gain = 2.0 if name.startswith(("vggish.", "backbone.")) else 1.0
        return noise * np.float32(np.sqrt(gain / np.prod(noise.shape[1:])))
    return 1.0 + 0.1 * noise if last == "weight" else 0.05 * noise
