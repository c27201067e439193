"""Values that many visitors ask for at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

from app.services.cache import made_once


def test_a_value_that_many_ask_for_at_once_is_made_once():
    made, all_ask = [], threading.Barrier(8)

    @made_once
    def value(key: str) -> object:
        made.append(key)
        threading.Event().wait(0.02)
        return object()

    def ask(number: int) -> object:
        all_ask.wait()
        return value("ab"[number % 2])

    with ThreadPoolExecutor(8) as visitors:
        got = list(visitors.map(ask, range(8)))
    assert sorted(made) == ["a", "b"]
    assert len(set(map(id, got))) == 2
