"""What the bundled model says of a bundled clip: measured when a step first asks for it, then remembered."""

import threading
import time
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property

import numpy as np

from app.services.clips import bundled, truth_of
from app.services.models import model_file
from app.services.session import MODELS, ClipResult
from app.whatif.effect import Effect, ask
from avseg.checkpoints import bundled_models, read_card
from avseg.errors import CheckpointError
from avseg.evaluation.thresholds import ByThreshold, Pull, by_threshold, pulls, truth_at
from avseg.interpret.inspection import Inspection, inspect
from avseg.interventions.run import Change
from avseg.media.clip import Clip, read_clip

KEPT = 12  # clips in memory; of the bundled models each has a few megabytes


class Runs:
    """One clip, one model; every number of a step comes from here."""

    def __init__(self, clip: str, model: str):
        self.about, self.model = bundled()[clip], model
        self.seconds = 0.0  # that measuring took until now
        self._seen: dict[int, Inspection] = {}
        self._effects: dict[Change, Effect] = {}

    @cached_property
    def clip(self) -> Clip:
        """The clip at one frame per second."""
        return read_clip(self.about.path, fps=1)

    @cached_property
    def shown(self) -> ClipResult:
        """The prediction, as the other tabs take it; its frame is the one with the largest mask."""
        began = time.perf_counter()
        prediction = MODELS.predict(self.model, self.clip)
        self.seconds += time.perf_counter() - began
        peak = int(prediction.foreground.argmax())
        return ClipResult(prediction, self.about.title, self.model, self.about.name, peak)

    @cached_property
    def truth(self) -> tuple[np.ndarray, ...]:
        """The ground truth: classes uint8 [h, w] of every frame."""
        return truth_of(self.about.name, tuple(float(moment) for moment in self.clip.times))

    @cached_property
    def scores(self) -> ByThreshold:
        """The metrics of the prediction at every threshold."""
        return by_threshold(self.shown.prediction, self.wanted)

    @cached_property
    def wanted(self) -> np.ndarray:
        """The ground truth as a mask bool [T, s, s] at the model's size."""
        return truth_at(self.shown.prediction, self.truth)

    def pulls(self, frame: int) -> dict[str, Pull]:
        """Return what each loss asks of a frame."""
        return pulls(self.shown.prediction.probability[frame], self.wanted[frame])

    def seen(self, frame: int | None = None) -> Inspection:
        """Return one frame followed through the model, by default the one with the largest mask."""
        frame = self.shown.frame if frame is None else frame
        if frame not in self._seen:
            cut = self.shown.prediction.threshold
            self._seen[frame] = MODELS.run(self.model, inspect, self.clip, frame, cut)
            self.seconds += self._seen[frame].seconds
        return self._seen[frame]

    def under(self, change: Change) -> Effect:
        """Return what a change of the sound or the model does to the prediction."""
        if change not in self._effects:
            self._effects[change] = ask(self.shown, [change])
            self.seconds += self._effects[change].seconds
        return self._effects[change]

    def at(self, frame: int | None) -> ClipResult:
        """Return the result with a frame selected, for another tab."""
        return self.shown if frame is None else replace(self.shown, frame=frame)


class Bench:
    """The runs of all readers: the clips and the model are the same for everyone."""

    def __init__(self, kept: int = KEPT):
        self._most, self._lock = kept, threading.Lock()
        self._kept: OrderedDict[tuple[str, str, int], Runs] = OrderedDict()

    def of(self, clip: str) -> Runs:
        """Return the runs of a bundled clip; raises CheckpointError when no bundled model is there."""
        model = lesson_model()
        key = (clip, model, model_file(model).stat().st_mtime_ns)
        with self._lock:
            runs = self._kept.setdefault(key, Runs(clip, model))
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return runs


def lesson_model() -> str:
    """Return the bundled model of the lesson: the first for one of the binary tasks."""
    for name, path in bundled_models().items():
        if read_card(path)[0].task != "avss":
            return name
    raise CheckpointError("No bundled model for a binary task is there: put one into assets/models.")


BENCH = Bench()
