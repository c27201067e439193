"""How long a run of a model takes on this machine: what its last run took, per frame."""

import threading


class Estimates:
    """Seconds per frame of every model's last run since the page was started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._per_frame: dict[str, float] = {}

    def note(self, model: str, frames: int, seconds: float) -> None:
        """Take over what a run took."""
        with self._lock:
            self._per_frame[model] = seconds / max(1, frames)

    def seconds(self, model: str | None, frames: int) -> float | None:
        """Return what a run of so many frames will take, None before the model's first one."""
        with self._lock:
            per_frame = self._per_frame.get(model or "")
        return None if per_frame is None else per_frame * frames


ESTIMATES = Estimates()
