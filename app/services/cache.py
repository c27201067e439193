"""A small cache that forgets what was used longest ago; any number of threads may ask it."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache, wraps
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """At most `size` values by key, of at most `limit` in weight; the least recently used go first.

    weigh: the weight of the value of a key. The newest value stays, whatever it weighs.
    """

    def __init__(self, size: int, weigh: Callable[[K], float] = lambda _: 0.0, limit: float = math.inf):
        self._size, self._weigh, self._limit = size, weigh, limit
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return a value, None without one."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            self._shrink_to(self._size, self._limit)

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        """Return a value, made where there is none. Two threads may make the same one; the later is kept.

        Its place is free before it is made, so that large values never exceed the size, even for a moment.
        """
        value = self.get(key)
        if value is None:
            with self._lock:
                self._shrink_to(self._size - 1, self._limit - self._weigh(key))
            value = make()
            self.put(key, value)
        return value

    def _shrink_to(self, size: int, weight: float) -> None:
        while self._values and (len(self._values) > size or sum(map(self._weigh, self._values)) > weight):
            self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)


def made_once(make: Callable[[K], V]) -> Callable[[K], V]:
    """Return `make` with its values kept: whoever asks while one is being made waits for it.

    With `functools.cache`, fifty visitors who ask for the same value at once make it fifty times.
    """
    kept, lock = cache(make), threading.RLock()

    @wraps(make)
    def get(key: K) -> V:
        with lock:
            return kept(key)

    return get
