"""What a visitor has open in the Segment tab."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from app.segment.preview import Preview
from app.segment.run import PlayableCopy, Timings
from app.services.session import ClipResult


@dataclass(frozen=True, eq=False)
class Displayed:
    """A result on the page whose files are still to be written."""

    result: ClipResult
    folder: Path  # of the player's files; the downloads go into `files` below it
    timings: Timings


@dataclass
class SegmentState:
    """The current run and the result that waits for its downloads."""

    SURVIVES_RELOAD: ClassVar[bool] = True

    model_picked: bool = False  # by the visitor, so the page no longer selects one for each clip
    preview: Preview | None = None
    unsaved: Displayed | None = None
    copy: PlayableCopy | None = None  # of the last upload
    asked: bool = False  # for a run that has not begun

    def release(self) -> None:
        """Forget the result whose downloads were not written."""
        self.unsaved = None
