"""Long work in background threads: every task has a name, runs once at a time and reports its progress."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.services.model_thread import be_nice
from avseg.errors import AvsegError

Report = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True)
class Progress:
    """The progress of a task."""

    done: int = 0
    total: int = 0
    running: bool = True
    error: str = ""  # why the task failed

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 0.0


class BackgroundTasks:
    """Tasks by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}

    def start(self, name: str, task: Callable[[Report], object]) -> Progress:
        """Start a task unless it is running; returns its progress."""
        with self._lock:
            progress = self._progress.get(name)
            if progress and progress.running:
                return progress
            self._progress[name] = Progress()
        threading.Thread(target=self._run, args=(name, task), name=name, daemon=True).start()
        return self._progress[name]

    def progress(self, name: str) -> Progress | None:
        """Return the progress of a task, None if it was never started."""
        return self._progress.get(name)

    def _run(self, name: str, task: Callable[[Report], object]) -> None:
        def report(done: int, total: int) -> None:
            self._progress[name] = Progress(done, total)

        be_nice()
        message = "It ended unexpectedly; see the server's log."
        try:
            task(report)
            message = ""
        except (AvsegError, OSError) as error:
            message = str(error)
        finally:
            self._progress[name] = replace(self._progress[name], running=False, error=message)


BACKGROUND = BackgroundTasks()
