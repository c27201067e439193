"""Who may open the page, where its host asks for a login."""

import os

from avseg.errors import ConfigError


def logins() -> list[tuple[str, str]] | None:
    """Return names and passwords of AVSEG_LOGIN, "name:password" with spaces between several; None without.

    Raises ConfigError for anything else, so that a typing error leaves no page open.
    """
    given = os.environ.get("AVSEG_LOGIN", "")
    if not given:
        return None
    found = [tuple(word.split(":", 1)) for word in given.split()]
    if not found or not all(len(pair) == 2 and all(pair) for pair in found):
        raise ConfigError("AVSEG_LOGIN is not understood: give name:password, with spaces between several.")
    return found
