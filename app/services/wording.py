"""Numbers as the page writes them."""

SPACE = "\N{NO-BREAK SPACE}"


def plural(count: int, noun: str) -> str:
    """Return "1 frame", "2,500 frames"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(share: float, digits: int = 1) -> str:
    """Return a share of 0..1 as "9.1 %", with a space that does not break."""
    return f"{100 * share:.{digits}f}{SPACE}%"


def seconds(value: float) -> str:
    """Return a duration or a moment as "2.94 s", with a space that does not break."""
    return f"{value:.2f}{SPACE}s"
