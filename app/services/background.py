"""Long work in the background, one thread per piece of work, each started once and asked how far it is."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from avseg.errors import AvsegError

Report = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is."""

    done: int = 0
    total: int = 0
    running: bool = True
    error: str = ""  # in words, when it failed

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 0.0


class Works:
    """Pieces of work by name."""

    def __init__(self):
        self._lock = threading.Lock()
        self._state: dict[str, Progress] = {}

    def start(self, name: str, task: Callable[[Report], object], again: bool = False) -> Progress:
        """Start a piece of work unless it runs or has run already; again: also when it has run."""
        with self._lock:
            known = self._state.get(name)
            if known and (known.running or not again):
                return known
            self._state[name] = Progress()
        thread = threading.Thread(target=self._run, args=(name, task), name=name, daemon=True)
        thread.start()
        return self._state[name]

    def state(self, name: str) -> Progress | None:
        """Return how far a piece of work is, None when it was never started."""
        return self._state.get(name)

    def running(self, name: str) -> bool:
        known = self._state.get(name)
        return known is not None and known.running

    def _run(self, name: str, task: Callable[[Report], object]) -> None:
        def report(done: int, total: int) -> None:
            self._state[name] = Progress(done, total)

        error = "It ended before it was done."
        try:
            task(report)
            error = ""
        except (AvsegError, OSError) as found:
            error = str(found)
        finally:
            self._state[name] = replace(self._state[name], running=False, error=error)


WORKS = Works()
