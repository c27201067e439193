"""What a visitor has open in the panel that adds models."""

from dataclasses import dataclass
from typing import ClassVar

FIRST = "s4-pvt-aug2023"


@dataclass(frozen=True)
class Added:
    """A model that is ready, for the tab whose list it was added from."""

    tab: str = ""
    model: str = ""  # its name on the page
    number: int = 0  # tells two of the same name apart


@dataclass
class AddModelState:
    """The panel of one visitor."""

    SURVIVES_RELOAD: ClassVar[bool] = True

    opened: bool = False
    tab: str = "segment"  # whose list gets the new model
    expanded: str = FIRST  # the row that shows its command
    older: bool = False  # the first release is listed
    half: bool = False  # models are stored as bfloat16
    watched: tuple[str, ...] = ()  # keys of additions that the visitor started, until they end
    ended: tuple[str, ...] = ()  # of those, what the strip still speaks of
    selected: tuple[str, ...] = ()  # of those, whose model the page selected
    number: int = 0
