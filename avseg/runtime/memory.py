"""How many frames a GPU computes at once in the memory that is free."""

from collections.abc import Callable

import torch

SHARE = 0.5  # of the free memory; other processes, and what is not measured, have the rest
MOST = 64  # frames; more are no faster, and progress moves in larger steps


@torch.inference_mode()
def frames_that_fit(run: Callable[[int], object], device: torch.device) -> int:
    """Return how many frames `run` computes at once in half of a GPU's free memory; runs one and two."""

    def peak(frames: int) -> int:
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run(frames)
        return torch.cuda.max_memory_allocated(device) - before

    run(1)  # whatever is allocated once
    return frames_within(torch.cuda.mem_get_info(device)[0], peak(1), peak(2))


def frames_within(free: int, one: int, two: int) -> int:
    """Return how many frames fit into free bytes, from the peak bytes of one and of two frames."""
    each = max(two - one, 1)
    return max(1, min(MOST, int((SHARE * free - (one - each)) / each)))
