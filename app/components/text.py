"""Deprecated names; import app.services.wording, app.services.clips and app.services.jobs instead."""

from app.services.clips import MAX_SECONDS as LONGEST  # noqa: F401
from app.services.jobs import CANCELLED as STOPPED  # noqa: F401
from app.services.wording import percent as share_words  # noqa: F401
from app.services.wording import plural
from app.services.wording import seconds as time_words  # noqa: F401


def frames_words(count: int) -> str:
    return plural(count, "frame")


def clips_words(count: int) -> str:
    return plural(count, "clip")
