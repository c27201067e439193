"""Try every command that writes on a disk of 16 MB that is full, and print what it says and what it harms.

    python -m tests.full_disk

The disk is a tmpfs in a mount namespace of its own, which ends with the process; without the right to mount
one, the script says so. Each command first runs with space, then again with none, and with half of what it
needs. The exit status is 1 unless each says one sentence and leaves the files of its first run as they were.
"""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from avseg.__main__ import main
from avseg.presets import PRESETS
from tests.support.full_disk import contents, harmed
from tests.support.small_released import NAME, SMALL_PRESET
from tests.support.writing_commands import write_inputs, writing_commands

SIZE = 16 * 2**20  # bytes; a checkpoint of the small model has 2.4 MB
MOUNTED = "AVSEG_TEST_DISK"  # the folder, in the process that has the disk


def run(command: list[str]) -> tuple[int, list[str]]:
    """Run a command; return its status and its messages."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = main(command)
    return status, [line for line in said.getvalue().splitlines() if line.startswith("avseg: ")]


def fill(disk: Path, free: int) -> None:
    """Fill the disk but for some bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        file.write(bytes(max(0, shutil.disk_usage(disk).free - free)))


def try_commands(disk: Path) -> int:
    """Run every command on the disk; return the number of those that fail."""
    failed = 0
    with tempfile.TemporaryDirectory() as inputs:
        write_inputs(Path(inputs))
        out = disk / "out"
        print("command          free kB  status  harmed  message")
        for name, command in writing_commands(Path(inputs), out).items():
            first, _ = run(command)
            whole = contents(out)
            again = [*command, "--train.epochs", "2", "--resume"] if name == "train" else command
            for free in (0, max(map(len, whole.values())) // 2):
                fill(disk, free)
                status, said = run(again)
                damage = harmed(whole, contents(out))
                failed += first != 0 or status != 1 or len(said) != 1 or bool(damage)
                message = " / ".join(said).replace(str(disk), "DISK")
                print(f"{name:16} {free // 1000:7}  {status:6}  {len(damage):6}  {message}")
                (disk / "ballast").unlink()
            shutil.rmtree(out)
            if name == "train":
                fill(disk, 300_000)
                status, said = run(command)
                failed += status != 1 or "There is no checkpoint yet" not in said[0]
                print(f"{'train new':16} {300:7}  {status:6}  {0:6}  {said[0].replace(str(disk), 'DISK')}")
                (disk / "ballast").unlink()
                shutil.rmtree(out)
    return failed


if __name__ == "__main__":
    if folder := os.environ.get(MOUNTED):
        PRESETS[NAME] = SMALL_PRESET  # which the small released file fits
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder], check=True)
        sys.exit(1 if try_commands(Path(folder)) else 0)
    with tempfile.TemporaryDirectory() as folder:
        namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
            sys.exit("This system lets nobody mount a disk here; tests/avseg/test_full_disk.py needs none.")
        command = [*namespace, sys.executable, "-m", "tests.full_disk"]
        sys.exit(subprocess.run(command, env=os.environ | {MOUNTED: folder}, check=False).returncode)
