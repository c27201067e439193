"""Numbers as the page writes them."""

SPACE = "\N{NO-BREAK SPACE}"


def plural(count: int, noun: str) -> str:
    """Return "1 frame", "2,500 frames"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def seconds(value: float) -> str:
    """Return a duration or a moment as "2.94 s", with a space that does not break."""
    return f"{value:.2f}{SPACE}s"


def duration(value: float) -> str:
    """Return seconds as "40 s", "2 min 10 s", "3 h 5 min", "2 days 4 h"."""
    value = round(value)
    for size, unit, small, smaller in (
        (86400, "days", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if value >= size:
            rest = value % size // small
            unit = "day" if unit == "days" and value < 2 * size else unit
            return f"{value // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{value} s"


def byte_size(count: float) -> str:
    """Return bytes as "1.1 GB" or "80 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
