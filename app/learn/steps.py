"""The table of steps, read from steps.toml: text, question, and the tab that shows the same."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from app.services.handoff import (
    EvaluateRequest,
    InsideRequest,
    Request,
    SegmentRequest,
    TrainRequest,
    WhatIfRequest,
)


@dataclass(frozen=True)
class Exercise:
    """A question about a clip, asked before it is measured."""

    name: str
    clip: str  # name of the bundled clip
    question: str
    options: tuple[str, str, str]
    title: str = ""  # on the button that selects it, in a step with several
    change: str = ""  # of the sound, as the command line writes it


@dataclass(frozen=True)
class Step:
    """One step of the tour; the {numbers} of its sentences are those of its measurement."""

    title: str  # in the list of steps
    heading: str
    text: str  # Markdown with KaTeX, in the paper's terms, with its sections and equations
    summary: str  # above the figures
    explanation: str  # after an answer
    tiles: tuple[tuple[str, str, str], ...]  # value, name, note; after an answer
    tab: str  # id of the tab that shows the same
    button: str  # opens it
    exercises: tuple[Exercise, ...]
    view: str = ""  # of the Inside tab
    preset: str = ""  # of the Train tab
    video: bool = False  # shows the clip as a video with sound

    def request(self, exercise: Exercise, model: str) -> Request:
        """Return what the other tab is asked to show."""
        requests: dict[str, Request] = {
            "segment": SegmentRequest(model),
            "inside": InsideRequest(self.view),
            "whatif": WhatIfRequest((exercise.change,)),
            "evaluate": EvaluateRequest(model),
            "train": TrainRequest(self.preset),
        }
        return requests[self.tab]


def _steps() -> dict[str, Step]:
    table = tomllib.loads(Path(__file__).with_name("steps.toml").read_text(encoding="utf-8"))
    return {
        name: Step(exercises=tuple(Exercise(**exercise) for exercise in row.pop("exercises")), **row)
        for name, row in table.items()
    }


STEPS: dict[str, Step] = _steps()
