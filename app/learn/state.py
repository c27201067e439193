"""Where a reader stands: the step, what is looked at in it, and what was answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.inside.state import NUMBERS, Choice

FRAMES = 5  # of every bundled clip at one frame per second
TRIALS = ("mute", "swap", "shift")


@dataclass(frozen=True)
class Place:
    """One reader's place in the lesson."""

    step: str = "task"
    frame: int = 0  # of step "hear", from 0
    trial: str = TRIALS[0]  # of step "listen"
    choice: Choice = field(default_factory=Choice)  # layer, head, query and channel, as in the Inside tab
    answers: Mapping[str, int] = field(default_factory=dict)  # checked answers by question

    @property
    def question(self) -> str:
        """The name of the question that is asked here."""
        return f"{self.step}:{self.trial}" if self.step == "listen" else self.step

    @property
    def answer(self) -> int | None:
        """What was answered to it; None before."""
        return self.answers.get(self.question)

    def answered(self, answer: int) -> "Place":
        """Return the place with the question answered."""
        return replace(self, answers={**self.answers, self.question: answer})

    def done(self, step: str) -> bool:
        """Say whether all questions of a step are answered."""
        names = [f"{step}:{trial}" for trial in TRIALS] if step == "listen" else [step]
        return all(name in self.answers for name in names)


def moved(place: Place, data: Mapping[str, object], steps: Mapping[str, object]) -> Place:
    """Return the place after what the page sent; whatever is no choice is left out."""
    wanted: dict[str, object] = {}
    numbers: dict[str, int] = {}
    for name, value in data.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        known = (
            (name == "step" and isinstance(value, str) and value in steps)
            or (name == "trial" and isinstance(value, str) and value in TRIALS)
            or (name == "frame" and whole and 0 <= value < FRAMES)
        )
        if known:
            wanted[name] = value
        elif name in NUMBERS and whole:
            numbers[name] = value
    return replace(place, **wanted, choice=replace(place.choice, **numbers))
