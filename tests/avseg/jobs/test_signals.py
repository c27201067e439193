"""What ends a job is said in words that fit its cause."""

from pathlib import Path

import pytest

from avseg.errors import RunError
from avseg.jobs.signals import translate_errors, translate_loading_errors
from avseg.training.run_folder import RunFolder

# As torch says it.
BUS = (
    "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers are "
    "out of shared memory. Please try to raise your shared memory limit."
)
SHM = "unable to allocate shared memory(shm) for file </torch_7_1_0>: No space left on device (28)"
CAUGHT = f"Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback\nRuntimeError: {SHM}"
KILLED = "DataLoader worker (pid 7) is killed by signal: Killed. "
MEMORY = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to"


@pytest.mark.parametrize("said", [BUS, SHM, CAUGHT])
def test_full_shared_memory_is_not_taken_for_full_memory(tmp_path: Path, said: str):
    for translated in (translate_errors(RunFolder(tmp_path)), translate_loading_errors()):
        with pytest.raises(RunError, match=r"shared memory.*--shm-size=2g.*--workers 0"), translated:
            raise RuntimeError(said)


@pytest.mark.parametrize(("said", "advice"), [(KILLED, "Lower --workers"), (MEMORY, r"train\.batch_size")])
def test_other_causes_keep_their_advice(tmp_path: Path, said: str, advice: str):
    with pytest.raises(RunError, match=advice), translate_errors(RunFolder(tmp_path)):
        raise RuntimeError(said)


def test_other_errors_pass_unchanged(tmp_path: Path):
    for translated in (translate_errors(RunFolder(tmp_path)), translate_loading_errors()):
        with pytest.raises(RuntimeError, match="shapes differ"), translated:
            raise RuntimeError("shapes differ")
