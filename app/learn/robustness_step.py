"""Step 7, does it really listen: a change of the sound, predicted first, then measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.components.text import share_words
from app.inside.elements import Control, render_parts
from app.learn.elements import Live, Question, Verdict, frames_row, listed, marked, numbers, sound_row
from app.learn.measurements import Runs
from app.learn.state import TRIALS, Place
from app.services.clips import bundled
from app.services.mask_statistics import LEAST_SHARE
from app.whatif import text as words
from app.whatif.effect import Effect, mean_where
from avseg.interventions.run import Change
from avseg.predict import Prediction

SAME = 0.9  # IoU from which masks count as the same
MOVED = 0.5  # IoU below which a mask counts as another one


@dataclass(frozen=True)
class Trial:
    """One change of a clip's sound."""

    title: str
    clip: str
    change: Change
    words: str
    options: tuple[str, str, str]
    read: Callable[[Effect], int]  # which option the masks bear out


def listen_live(runs: Runs, place: Place) -> Live:
    """The clip as it is; under the change as well once the prediction is made."""
    trial = TRIAL[place.trial]
    control = render_parts(
        [Control("Change", "trial", tuple((name, TRIAL[name].title) for name in TRIALS), place.trial)]
    )
    before = runs.shown.prediction
    rows = _rows("as it is", before)
    if place.answer is None:
        said = (
            f"{runs.about.title}, as it is: {_marked(before)}. Choose what will happen, then check: the "
            "model runs again."
        )
        return Live(said, f'{control}<div class="ln-rows">{rows}</div>')
    effect = runs.under(trial.change)
    said = f"{words.finding(effect)} {words.caption(effect)}"
    rows += _rows(trial.title.lower(), effect.after, effect.comparison.iou)
    stats = numbers(words.stats(effect))
    return Live(said, f'{control}<div class="ln-rows">{rows}</div>{stats}')


def _rows(label: str, prediction: Prediction, iou: Sequence[float] | None = None) -> str:
    clip = prediction.clip
    drawn = [marked(frame, prediction.mask(i)) for i, frame in enumerate(clip.frames)]
    shares = [share_words(share) for share in prediction.foreground]
    if iou is not None:
        shares = [f"{share}, IoU {value:.2f}" for share, value in zip(shares, iou, strict=True)]
    return frames_row(label, drawn, shares) + sound_row("hears", clip.waveform)


def _marked(prediction: Prediction) -> str:
    found = [str(i + 1) for i, share in enumerate(prediction.foreground) if share >= LEAST_SHARE]
    frames = f"frame{'s' * (len(found) > 1)} {listed(found)}"
    return f"something is marked in {frames}" if found else "nothing is marked"


def _check_listen(runs: Runs, place: Place) -> Verdict:
    """Run the clip again under the change."""
    trial = TRIAL[place.trial]
    effect = runs.under(trial.change)
    because = f"{words.finding(effect)} IoU of before and after: {_iou(effect):.2f}."
    return Verdict(trial.read(effect), because)


def _iou(effect: Effect) -> float:
    return mean_where(effect.comparison.iou, effect.comparison.before, effect.comparison.after)


def _read_mute(effect: Effect) -> int:
    if not (effect.comparison.after >= LEAST_SHARE).any():
        return 0
    return 1 if _iou(effect) >= SAME else 2


def _read_swap(effect: Effect) -> int:
    if not (effect.comparison.after >= LEAST_SHARE).any():
        return 2
    return 0 if _iou(effect) >= MOVED else 1


def _read_shift(effect: Effect) -> int:
    before, after = effect.comparison.before >= LEAST_SHARE, effect.comparison.after >= LEAST_SHARE
    if not after.any():
        return 2
    return 0 if np.array_equal(before, after) else 1


def question_of(place: Place) -> Question:
    """Return the question of the chosen change."""
    trial = TRIAL[place.trial]
    return Question(trial.words, trial.options, _check_listen)


_OTHER = "street-siren"
TRIAL: dict[str, Trial] = {
    "mute": Trial(
        "Mute",
        "dog-and-guitar",
        Change("mute"),
        "The same frames hear silence. What will be marked?",
        ("Nothing", f"The same as before (IoU {SAME} or more)", "Something else"),
        _read_mute,
    ),
    "swap": Trial(
        "Another clip's sound",
        "engine-not-siren",
        Change("swap", (_OTHER, 0.0)),
        f"A car with its engine on and a silent emergency car are in view. Now the frames hear the siren of "
        f"“{bundled()[_OTHER].title}”. What will be marked?",
        ("The same thing as before", "Something else", "Nothing: it is another clip's sound"),
        _read_swap,
    ),
    "shift": Trial(
        "Shift by 1 s",
        "dog-and-guitar",
        Change("shift", (1.0,)),
        "The sound comes one second later, and each frame hears only its own 0.96 s. Where will masks be?",
        ("In the same frames as before", "In other frames: they follow the sound", "In no frame"),
        _read_shift,
    ),
}
