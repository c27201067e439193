"""What a visitor has open in What if."""

from dataclasses import dataclass

from app.whatif.effect import ClipEffect
from avseg.config import ModelConfig
from avseg.predict import Prediction


@dataclass
class WhatIfState:
    """The last run, and the model that the form is fitted to."""

    effect: ClipEffect | None = None
    fitted: ModelConfig | None = None  # None: the form is as it was built
    requests: int = 0  # runs that other tabs asked for; makes each one an event of its own
    swept: Prediction | None = None  # whose sweep is on the page, or was asked for
    unasked: bool = False  # the sweep runs because the tab was opened, and makes way for anything else

    def release(self) -> None:
        """Forget the last run."""
        self.effect = self.swept = None
