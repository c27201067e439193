"""Child processes that run the command a person would type; what they print is kept beside their work."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]  # where commands run
CONSOLE = "console.txt"
READ_BACK = 20_000  # bytes of the console that are looked at


def launch(arguments: Sequence[str], folder: Path) -> subprocess.Popen:
    """Start `python` with these arguments, in a session of its own; its words go to the folder's console.

    Raises OSError when the folder cannot be written.
    """
    with (folder / CONSOLE).open("ab") as words:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill(pid: int) -> None:
    """Kill a process of ours and its workers, never this one."""
    if pid in (0, os.getpid()):
        return
    try:
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            one.send_signal(signal.SIGKILL)
        process.wait(10)
    except psutil.Error:  # gone already, or slow to go
        return


def last_words(folder: Path, lines: int = 12) -> str:
    """Return the last lines that a child printed, without empty ones."""
    path = folder / CONSOLE
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - READ_BACK))
        text = file.read().decode(errors="replace")
    # A progress bar rewrites its line; the last writing counts.
    written = (line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
    return "\n".join([line for line in written if line.strip()][-lines:])


def last_sentence(folder: Path) -> str:
    """Return why a child ended, where it said so: its last line."""
    return last_words(folder, 1).strip().removeprefix("avseg: ")
