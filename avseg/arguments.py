"""Checks of values that arrive from a form, a command line or another program, which may send anything."""

from numbers import Real


def is_number(value: object, low: float, high: float) -> bool:
    """Return whether a value is a real number in [low, high]; NaN, truth values, text and lists are not."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(low <= value <= high)


def is_whole(value: object, low: float, high: float) -> bool:
    """Return whether a value is a whole number in [low, high]; 3.0 is one."""
    return is_number(value, low, high) and value == int(value)


def printed(value: object) -> str:
    """Return a value as a message shows it: short, whatever was sent."""
    return f"{value:g}" if isinstance(value, int | float) and abs(value) < 1e15 else repr(value)[:60]
