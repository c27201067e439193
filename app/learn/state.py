"""Where a visitor is in the tour."""

from dataclasses import dataclass, field
from typing import ClassVar

from app.learn.steps import STEPS, Exercise, Step


@dataclass
class LearnState:
    """The open step, the exercise chosen in it, and the answers given so far."""

    SURVIVES_RELOAD: ClassVar[bool] = True  # the tab is drawn from it whenever it is opened

    name: str = next(iter(STEPS))  # of the step
    chosen: str = ""  # name of the exercise; the first one where the step has none of this name
    answers: dict[str, int] = field(default_factory=dict)  # index of the option, by name of the exercise

    @property
    def step(self) -> Step:
        """The open step."""
        return STEPS[self.name]

    @property
    def exercise(self) -> Exercise:
        """The open exercise."""
        return next((e for e in self.step.exercises if e.name == self.chosen), self.step.exercises[0])

    @property
    def answer(self) -> int | None:
        """The option chosen in the open exercise, None before."""
        return self.answers.get(self.exercise.name)

    def completed(self, name: str) -> bool:
        """Return whether every exercise of a step has an answer."""
        return all(exercise.name in self.answers for exercise in STEPS[name].exercises)
