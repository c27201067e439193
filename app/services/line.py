"""The line of calls that wait for the model: in which order, how many of one visitor, how long it takes.

Calls are served in the order of arrival, with one place per address, and below it one per visitor, in each
round: whoever sends ten calls waits with nine of them behind everybody's first one.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

PER_VISITOR = 8  # calls that may wait
PER_ADDRESS = 200  # behind a proxy that hides addresses, and in a classroom, all visitors share one
IN_ALL = 1000

E = TypeVar("E")


@dataclass(frozen=True)
class Caller:
    """Who sent a call. Clients choose their session, so addresses are limited too."""

    session: str
    address: str


@dataclass(frozen=True)
class Waiting:
    """The place of a visitor's next call."""

    ahead: int  # calls that run or are served before it
    seconds: float | None = None  # until its result, None if not known yet

    def __str__(self) -> str:
        """Return the place as a sentence."""
        calls = "1 call is" if self.ahead == 1 else f"{self.ahead} calls are"
        if self.seconds is None:
            return f"Waiting: {calls} before yours."
        return f"Waiting: {calls} before yours, about {duration(self.seconds)}."


def duration(seconds: float) -> str:
    """Return a rough duration: seconds in steps of five, minutes from two on."""
    if seconds < 120:
        return f"{max(5, 5 * math.ceil(seconds / 5))} s"
    return f"{math.ceil(seconds / 60)} min"


def refusal(waiting: Sequence[Caller], caller: Caller) -> str:
    """Return why one more call of a caller may not wait, empty if it may."""
    if sum(other.session == caller.session for other in waiting) >= PER_VISITOR:
        return f"{PER_VISITOR} of your calls are waiting already. Wait until one of them is done."
    if sum(other.address == caller.address for other in waiting) >= PER_ADDRESS:
        return f"{PER_ADDRESS} calls from your address are waiting already. Try again in a few minutes."
    if len(waiting) >= IN_ALL:
        return f"{IN_ALL} calls are waiting already. Try again in a few minutes."
    return ""


def enqueued(waiting: Sequence[E], call: E, caller_of: Callable[[E], Caller]) -> list[E]:
    """Return the calls in the order in which they are served, with a new one."""
    address = caller_of(call).address
    same_address = [other for other in waiting if caller_of(other).address == address]
    served = iter(_in_turn(same_address, call, lambda other: caller_of(other).session))
    slots = _in_turn(waiting, call, lambda other: caller_of(other).address)
    return [next(served) if caller_of(slot).address == address else slot for slot in slots]


def _in_turn(waiting: Sequence[E], call: E, key: Callable[[E], Hashable]) -> list[E]:
    """Insert a call at the end of its round: a key's n-th waiting call belongs to the n-th round."""
    turn, turns, place = sum(key(other) == key(call) for other in waiting), Counter[Hashable](), 0
    for index, other in enumerate(waiting):
        if turns[key(other)] <= turn:
            place = index + 1
        turns[key(other)] += 1
    return [*waiting[:place], call, *waiting[place:]]


class Line:
    """The place of every visitor whose next call waits for the model, kept up to date by the queue."""

    def __init__(self) -> None:
        self._places: dict[str, Waiting] = {}

    def place(self, session: str) -> Waiting | None:
        """Return the place of a visitor's next call, None while none of them waits."""
        return self._places.get(session)

    def clear(self) -> None:
        """Forget all places, before they are noted anew."""
        self._places = {}

    def note(self, session: str, place: Waiting) -> None:
        """Note the place of a call; of several of a visitor, the first one counts."""
        self._places.setdefault(session, place)


LINE = Line()
