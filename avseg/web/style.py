"""The style that the page and shared files have in common: colours as variables, and the rules of charts."""

import tomllib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
CHARTS = HERE / "charts.css"


@cache
def tokens() -> dict[str, tuple[str, str]]:
    """Return the colours by name, for light and for dark."""
    table = tomllib.loads((HERE / "tokens.toml").read_text(encoding="utf-8"))
    return {name: (light, dark) for name, (light, dark) in table.items()}


def token_rules() -> str:
    """Return the rules that define the colours as variables: the dark ones within .dark, but not on paper."""
    light, dark = ("".join(f"--{name}:{pair[k]};" for name, pair in tokens().items()) for k in range(2))
    return f":root{{{light}}}\n@media not print{{.dark{{{dark}}}}}"
