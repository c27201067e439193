"""The one thread that runs models, behind those that answer clicks.

A worker of the web server runs each event in any of forty threads. PyTorch's operators keep memory for each
thread that ever ran them, some 50 MB with the bundled models, for as long as the thread lives.
"""

import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

# Of the thread, and of the threads that PyTorch starts from it. Half the weight of another: at a much lower
# priority it would wait for every busy program of the machine, and let others wait while it holds the GIL.
NICE = 3

T = TypeVar("T")


class ModelThread:
    """Runs calls one after another, in the order in which they come, and in the context of their callers.

    The thread starts with the first call, and ends with the process, whatever it is doing.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self, call: Callable[[], T]) -> T:
        """Return what `call` returns, once its turn came; what it raises comes through.

        Raises RuntimeError for a call from within a call, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("A call that runs in the models' thread cannot wait for another one.")
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="models", daemon=True)
                self._thread.start()
        future: Future[T] = Future()
        context = contextvars.copy_context()  # Gradio's progress and the request are found through it
        self._calls.put((future, lambda: context.run(call)))
        return future.result()

    def _serve(self) -> None:
        be_nice()
        while True:
            _serve_one(*self._calls.get())


def be_nice() -> None:
    """Let those that answer clicks go first, from now on and as long as this thread lives."""
    if sys.platform == "linux":  # where a priority is a thread's own
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))


def _serve_one(future: Future[Any], call: Callable[[], Any]) -> None:
    """Run one call; a function of its own, so that no variable keeps the result while the next is awaited."""
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 (the caller raises it)
        future.set_exception(error)
