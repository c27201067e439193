"""One token per job of a visitor: starting one cancels the visitor's earlier job of that name and no other.

token = visitor.jobs.start("segment")
for batch in batches:
    token.check()               # raises Cancelled once the visitor stopped it, started another, or left
"""

import threading

from avseg.errors import AvsegError

CANCELLED = "Stopped. Nothing was changed."


class Cancelled(AvsegError):
    """The visitor stopped this job, started it again, or left."""


class JobToken:
    """Says whether a job may go on; safe to use from any thread."""

    def __init__(self, name: str):
        self.name = name
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """The job is to end."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Let the job end at its next check."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise Cancelled once the job is to end."""
        if self.cancelled:
            raise Cancelled(CANCELLED)


class Jobs:
    """The jobs of one visitor, by name."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._running: dict[str, JobToken] = {}

    def start(self, name: str) -> JobToken:
        """Return the token of a new job; the earlier job of this name is cancelled."""
        with self._lock:
            self.cancel(name)
            self._running[name] = token = JobToken(name)
        return token

    def cancel(self, name: str) -> None:
        """Cancel the job of this name, if there is one."""
        with self._lock:
            if name in self._running:
                self._running.pop(name).cancel()

    def cancel_all(self) -> None:
        """Cancel every job."""
        with self._lock:
            for name in list(self._running):
                self.cancel(name)
