"""A small cache that forgets what was used longest ago; any number of threads may ask it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """At most `size` values by key; the least recently used go first."""

    def __init__(self, size: int):
        self._size = size
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
            while len(self._values) > self._size:
                self._values.popitem(last=False)

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        """Return a value, made where there is none. Two threads may make the same one; the later is kept."""
        value = self.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def drop(self, chosen: Callable[[K], bool]) -> None:
        """Forget the values whose key is chosen."""
        with self._lock:
            for key in [key for key in self._values if chosen(key)]:
                del self._values[key]

    def __len__(self) -> int:
        return len(self._values)
