"""The table of steps: text, clip, what is measured, what is asked, and which tab shows the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.learn import text as words
from app.learn.audio_step import HEAR_QUESTION, hear_live
from app.learn.elements import Live, Opening, Question
from app.learn.mask_steps import ASK_QUESTION, MASK_QUESTION, MIX_QUESTION, ask_live, mask_live, mix_live
from app.learn.measurements import BENCH, Runs
from app.learn.metrics_step import SCORE_QUESTION, score_live
from app.learn.robustness_step import TRIAL, listen_live, question_of
from app.learn.state import Place
from app.learn.task_step import TASK_QUESTION, task_live
from app.learn.training_step import PRESET, TRAIN_QUESTION, train_live


@dataclass(frozen=True)
class Step:
    """One step of the lesson."""

    title: str  # in the rail
    heading: str  # the sentence of the screen
    text: str  # Markdown
    clip: str
    live: Callable[[Runs, Place], Live]
    question: Question | None  # None where the place decides
    opening: Opening


STEPS: dict[str, Step] = {
    "task": Step(
        "What AVS is",
        "Which pixels make the sound?",
        words.TASK,
        "dog-and-guitar",
        task_live,
        TASK_QUESTION,
        Opening("segment", "Play this clip in Segment"),
    ),
    "hear": Step(
        "What the model hears",
        "A second of sound becomes a picture, then a vector",
        words.HEAR,
        "dog-and-guitar",
        hear_live,
        HEAR_QUESTION,
        Opening("inside", "Open this patch in Inside", "sound"),
    ),
    "ask": Step(
        "Queries meet pixels",
        "The sound asks the picture, and attention answers",
        words.ASK,
        "dog-and-guitar",
        ask_live,
        ASK_QUESTION,
        Opening("inside", "Open the decoder in Inside", "decoder"),
    ),
    "mix": Step(
        "The mixer",
        "The sound turns channels of the picture up and down",
        words.MIX,
        "dog-and-guitar",
        mix_live,
        MIX_QUESTION,
        Opening("inside", "Open the mixer in Inside", "mixer"),
    ),
    "mask": Step(
        "The mask",
        "Two terms make the mask",
        words.MASK,
        "dog-and-guitar",
        mask_live,
        MASK_QUESTION,
        Opening("inside", "Open the mask head in Inside", "head"),
    ),
    "score": Step(
        "Losses and metrics",
        "What the benchmark counts, and what it does with an empty frame",
        words.SCORE,
        "siren-off-screen",
        score_live,
        SCORE_QUESTION,
        Opening("segment", "Move the threshold in Segment"),
    ),
    "listen": Step(
        "Does it really listen?",
        "Change the sound, keep the frames",
        words.LISTEN,
        "",
        listen_live,
        None,
        Opening("whatif", "Change this clip in What if"),
    ),
    "train": Step(
        "Train your own",
        "What a silent frame teaches, and how to start",
        words.TRAIN,
        "siren-off-screen",
        train_live,
        TRAIN_QUESTION,
        Opening("train", f"Open Train with the preset {PRESET}"),
    ),
}


def question_at(place: Place) -> Question:
    """Return the question that is asked at a place."""
    return STEPS[place.step].question or question_of(place)


def runs_at(place: Place) -> Runs:
    """Return the runs of the clip that is looked at; raises CheckpointError without a bundled model."""
    return BENCH.of(STEPS[place.step].clip or TRIAL[place.trial].clip)


def opening_at(place: Place) -> Opening:
    """Return where a place can be seen in another tab."""
    opening = STEPS[place.step].opening
    return replace(opening, ticks=place.trial) if place.step == "listen" else opening


def beside(place: Place, by: int) -> str | None:
    """Return the name of the step `by` steps further; None where there is none."""
    names = list(STEPS)
    index = names.index(place.step) + by
    return names[index] if 0 <= index < len(names) else None
