"""Timings that can be compared: turns interleaved in one run, medians with their spread, peak memory."""

import ctypes
import gc
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

Work = Callable[[], object]
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK_SIZE = 2048  # side of the matrices whose product gives the machine's peak


@dataclass(frozen=True)
class Seconds:
    """Durations of one piece of work, s."""

    turns: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of all turns."""
        return statistics.median(self.turns)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, as a share of the median."""
        if len(self.turns) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.turns, n=4, method="inclusive")
        return (high - low) / 2 / self.median


def interleaved(works: Mapping[str, Work], repeats: int, device: torch.device) -> dict[str, Seconds]:
    """Return the durations of several pieces of work, in turns A B A B, after one turn to warm up."""
    turns: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            synchronize(device)
            if turn:
                turns[name].append(time.perf_counter() - started)
    return {name: Seconds(tuple(values)) for name, values in turns.items()}


def synchronize(device: torch.device) -> None:
    """Wait for the work that was given to a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(work: Work, device: torch.device) -> int | None:
    """Return how many bytes the work needs at its peak; None where the system does not say."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)  # what earlier work has freed and the C library still holds
    try:
        CLEAR.write_text("5", encoding="utf-8")  # Linux: the peak starts again from what is used now
        before = _memory("VmRSS")
    except (OSError, ValueError):
        before = None
    work()
    return None if before is None else max(0, _memory("VmHWM") - before)


def _memory(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", STATUS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{STATUS} has no {field}.")
    return int(found[1]) * 1024


def gflop(work: Work) -> float:
    """Return the multiplications and additions of convolutions and matrix products, in units of 10^9."""
    from torch.utils.flop_counter import FlopCounterMode  # a quarter of a second, which the app need not wait

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9


@torch.inference_mode()
def matmul_peak(dtype: torch.dtype, device: torch.device) -> float:
    """Return the GFLOP/s of the product of two large matrices, the best of five."""
    left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device).to(dtype) for _ in range(2))
    turns = interleaved({"product": lambda: left @ right}, 5, device)["product"].turns
    return 2 * PEAK_SIZE**3 / min(turns) / 1e9


@contextmanager
def clocked(parts: Mapping[str, Iterable[nn.Module]], device: torch.device) -> Iterator[dict[str, float]]:
    """Yield a table that collects the seconds which the modules of every part take during the block."""
    seconds = dict.fromkeys(parts, 0.0)
    started: dict[str, float] = {}
    handles = []

    def start(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            synchronize(device)
            started[name] = time.perf_counter()

        return hook

    def stop(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            synchronize(device)
            seconds[name] += time.perf_counter() - started[name]

        return hook

    for name, modules in parts.items():
        for module in modules:
            handles.append(module.register_forward_pre_hook(start(name)))
            handles.append(module.register_forward_hook(stop(name)))
    try:
        yield seconds
    finally:
        for handle in handles:
            handle.remove()
