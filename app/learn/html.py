"""The tour as HTML: the list of steps, the figures of a step, its question and the measured answer."""

import base64

from markupsafe import Markup

from app.components.render import macro, render
from app.learn.measurements import MeasuredClip, Measurement
from app.learn.state import LearnState
from app.learn.steps import STEPS
from app.services.clips import jpeg_uri

TITLE = "AVSegFormer in eight steps"
INTRODUCTION = "Every step runs the bundled model on a bundled clip, once you open it."


def sidebar(state: LearnState) -> Markup:
    """Return the steps as a list of buttons, with the completed ones marked."""
    completed = [name for name in STEPS if state.completed(name)]
    return render("learn/templates/sidebar.html", steps=STEPS, current=state.name, completed=completed)


def head(state: LearnState, measured: MeasuredClip) -> Markup:
    """Return the heading of a step, and the clip and model it runs."""
    number = list(STEPS).index(state.name) + 1
    caption = f"Step {number} of {len(STEPS)} · {measured.about.title} · {measured.model}, bundled"
    return macro("heading", state.step.heading, caption)


def figures(state: LearnState, measured: MeasuredClip, measurement: Measurement) -> Markup:
    """Return what a step shows: the clip with its sound, pictures, numbers, a command."""
    video = base64.b64encode(measured.about.path.read_bytes()).decode() if state.step.video else ""
    return render(
        "learn/templates/figures.html",
        summary=state.step.summary.format(**measurement.numbers),
        clip=measured.about.title,
        video=video,
        measurement=measurement,
        uri=jpeg_uri,
    )


def question(state: LearnState, measurement: Measurement) -> Markup:
    """Return the question of a step, the measured answer once there is one to check, and where to go next."""
    step, numbers, names = state.step, measurement.numbers, [None, *STEPS, None]
    answered, index = state.answer is not None, names.index(state.name)
    return render(
        "learn/templates/question.html",
        step=step,
        exercise=state.exercise,
        answer=state.answer,
        correct=measurement.correct,
        explanation=step.explanation.format(**numbers) if answered else "",
        results=[[text.format(**numbers) for text in tile] for tile in step.tiles] if answered else [],
        neighbours=(names[index - 1], names[index + 1]),
    )
