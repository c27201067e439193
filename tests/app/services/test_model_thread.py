"""Models run in one thread, in order, in the context of whoever asks."""

import contextvars
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.services.model_thread import NICE, ModelThread
from app.services.session import MODELS
from avseg.errors import AvsegError


@pytest.fixture
def models() -> ModelThread:
    return ModelThread()


def test_all_calls_run_in_one_thread_one_at_a_time(models):
    running, most = [0], [0]

    def call() -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        threading.Event().wait(0.002)
        running[0] -= 1
        return threading.get_ident()

    with ThreadPoolExecutor(8) as callers:
        threads = set(callers.map(lambda _: models.run(call), range(16)))
    assert len(threads) == 1 and threads != {threading.get_ident()}
    assert most == [1]


def test_a_call_sees_the_context_of_its_caller_and_its_error_comes_through(models):
    visitor = contextvars.ContextVar("visitor", default="nobody")
    visitor.set("me")
    assert models.run(visitor.get) == "me"

    def fail() -> None:
        raise AvsegError("No sound.")

    with pytest.raises(AvsegError, match="No sound"):
        models.run(fail)
    assert models.run(lambda: 3) == 3, "the thread ended with the error"


def test_a_call_within_a_call_is_an_error_and_does_not_wait_forever(models):
    with pytest.raises(RuntimeError, match="cannot wait for another"):
        models.run(lambda: models.run(int))


def test_the_app_runs_every_model_in_that_thread():
    names = {MODELS.run("tiny-ms3", lambda _: threading.current_thread().name) for _ in range(2)}
    assert names == {"models"}


@pytest.mark.skipif(sys.platform != "linux", reason="a priority is the whole process's there")
def test_clicks_come_before_models(models):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert models.run(lambda: os.getpriority(os.PRIO_PROCESS, 0)) == max(own, NICE)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
