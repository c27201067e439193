"""Predicts a clip's masks under changes of the sound or the model.

`INTERVENTIONS` is the table that the command line, the app and the notebooks list. Changes combine and apply
in the order of the table. Sound rows change the waveform before the audio front end; model rows act through
hooks that are removed when the block ends.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.interventions.model import Hook
from avseg.interventions.table import INTERVENTION, INTERVENTIONS, Intervention, Parameter, Value
from avseg.late import nn
from avseg.media.clip import Clip
from avseg.predict import Prediction, Predictor, Progress

__all__ = [
    "INTERVENTION",
    "INTERVENTIONS",
    "Change",
    "Intervention",
    "Parameter",
    "Sweep",
    "checked",
    "checkpoint_of",
    "intervene",
    "read_change",
    "read_changes",
    "sweep",
    "what_if",
]

_EXCLUSIVE = ({"learnable-off", "audio-off"},)  # together they leave no query


@dataclass(frozen=True)
class Change:
    """A row by name, with values of its parameters in order; missing ones take the defaults."""

    name: str
    values: tuple[Value, ...] = ()

    @property
    def row(self) -> Intervention:
        """The row of the table; ConfigError for an unknown name."""
        if self.name not in INTERVENTION:
            raise ConfigError(f"Unknown change {self.name!r}. Changes: {', '.join(INTERVENTION)}.")
        return INTERVENTION[self.name]

    @property
    def given(self) -> tuple[Value, ...]:
        """All values, including the defaults."""
        parameters = self.row.parameters
        if len(self.values) > len(parameters):
            names = ", ".join(parameter.name for parameter in parameters) or "no values"
            raise ConfigError(f"{self.name} takes {names}; found {len(self.values)} values.")
        return (*self.values, *(parameter.default for parameter in parameters[len(self.values) :]))

    @property
    def text(self) -> str:
        """The change as `read_change` takes it: "shift=2"; of a clip's file, only the name."""
        pairs = zip(self.row.parameters, self.values)
        values = [parameter.words(v) if parameter.kind == "clip" else _written(v) for parameter, v in pairs]
        return f"{self.name}={','.join(values)}" if values else self.name

    @property
    def words(self) -> str:
        """The change in a sentence: "with the sound shifted by +2 s"."""
        pairs = zip(self.row.parameters, self.given, strict=True)
        texts = {parameter.name: parameter.words(value) for parameter, value in pairs}
        return self.row.phrase.format(**texts)


def _written(value: Value) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def read_change(text: str) -> Change:
    """Parse a change such as "mute", "shift=2" or "decoder-head=3,1"; ConfigError for an unknown name.

    A file's name may contain commas: "swap=a,b.mp4", or with a start "swap=a,b.mp4,3".
    """
    name, _, values = text.partition("=")
    row = Change(name.strip()).row
    parts = _split(values, row.parameters) if values.strip() else []
    return Change(row.name, tuple(part.strip() for part in parts))


def read_changes(texts: object) -> tuple[Change, ...]:
    """Parse a list of changes; ConfigError for anything else, and for an unknown name."""
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError('Give a list of changes, such as ["mute", "shift=2"].')
    return tuple(map(read_change, texts))


def _split(values: str, parameters: tuple[Parameter, ...]) -> list[str]:
    """Split values at commas; a first parameter that is text keeps its own, and numbers may follow it."""
    if not parameters or parameters[0].kind not in ("clip", "model", "numbers"):
        return values.split(",")
    parts, followers = values.split(","), 0
    while followers < min(len(parameters), len(parts)) - 1 and _is_number(parts[-1 - followers]):
        followers += 1
    first = len(parts) - followers
    return [",".join(parts[:first]), *parts[first:]]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def checked(changes: Sequence[Change], config: object) -> tuple[Change, ...]:
    """Return changes in the order of the table, with all values converted.

    config: of the model. Raises ConfigError for a row that is unknown, given twice or not in the model, a
    value out of the model's range, and rows that exclude each other.
    """
    named = {change.row.name: change for change in changes}
    if len(named) < len(changes):
        raise ConfigError("Each change can be given only once.")
    for exclusive in _EXCLUSIVE:
        if exclusive <= set(named):
            titles = " and ".join(INTERVENTION[name].title.lower() for name in sorted(exclusive))
            raise ConfigError(f"These changes exclude each other, as no query would be left: {titles}.")
    applied = []
    for row in INTERVENTIONS:
        if row.name in named:
            if isinstance(config, ModelConfig) and (reason := row.lacks(config)):
                raise ConfigError(reason)
            pairs = zip(row.parameters, named[row.name].given, strict=True)
            applied.append(
                Change(row.name, tuple(parameter.read(value, config) for parameter, value in pairs))
            )
    return tuple(applied)


@contextmanager
def intervene(model: nn.Module, changes: Sequence[Change]) -> Iterator[None]:
    """Change the model during the block: `with intervene(model, [Change("mixer-off")]): model(...)`.

    Only model rows act here, and only on forward passes of the thread that opened the block. The hooks are
    removed when it ends, also after an error. A `record` opened inside records the changed pass. Raises
    ConfigError for a change that does not apply to the model.
    """
    rows = [(change.row, change.values) for change in checked(changes, model.config)]
    hooks = [hook for row, values in rows if row.hooks for hook in row.hooks(model, *values)]
    thread, handles = threading.get_ident(), []
    try:
        for hook in hooks:
            handles.append(_register(hook, thread))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _register(hook: Hook, thread: int) -> object:
    def late(_module: nn.Module, inputs: tuple, output: object) -> object:
        return hook.act(inputs, output) if threading.get_ident() == thread else None

    def early(_module: nn.Module, inputs: tuple) -> None:
        if threading.get_ident() == thread:
            hook.act(inputs, None)

    if hook.early:
        return hook.module.register_forward_pre_hook(early)
    return hook.module.register_forward_hook(late)


def what_if(
    predictor: Predictor,
    clip: Clip,
    changes: Sequence[Change],
    threshold: float = 0.5,
    on_frame: Progress | None = None,
    load: Callable[[str], Predictor] | None = None,
) -> Prediction:
    """Return the masks of a clip under some changes, or under none.

    on_frame: called after every batch; an exception raised there cancels the prediction. load: returns the
    predictor for the row `checkpoint`; by default it is loaded on the same device. Raises ConfigError for an
    invalid combination or value, and ClipError if the sound of another clip cannot be read.
    """
    if (other := checkpoint_of(changes)) is not None:
        predictor = load(other) if load else Predictor(other, predictor.device)
    applied = checked(changes, predictor.model.config)
    waveform = clip.waveform
    for change in applied:
        if change.row.sound:
            waveform = change.row.sound(waveform, *change.values)
    audio = ", ".join(change.words for change in applied if change.row.sound) or "original"
    with intervene(predictor.model, applied):
        return predictor.predict(clip, waveform, threshold, on_frame, audio)


def checkpoint_of(changes: Sequence[Change]) -> str | None:
    """Return the checkpoint that the changes run, None for the predictor's own; ConfigError for no name."""
    other = next((change for change in changes if change.row.kind == "weights"), None)
    return None if other is None else str(other.row.parameters[0].read(other.given[0], None))


@dataclass(frozen=True, eq=False)
class Sweep:
    """Predictions for one change at several values."""

    change: str  # name of the row
    parameter: Parameter  # what `values` are of
    values: tuple[float, ...]  # V
    predictions: tuple[Prediction, ...]  # V

    @property
    def neutral(self) -> float | None:
        """The value at which the row changes nothing, None where there is none."""
        if self.parameter.unit in ("s", "dB") and self.change != "noise":
            return 0.0
        return self.values[-1] if self.change in ("keep-queries", "decoder-cut") else None


def sweep(
    predictor: Predictor,
    clip: Clip,
    change: Change | str,
    values: Sequence[float] | None = None,
    rest: Sequence[Change] = (),
    threshold: float = 0.5,
    on_frame: Progress | None = None,
) -> Sweep:
    """Return the masks for one change at several values, by default over the whole range of its row.

    The values are those of the first parameter that has a range; the others are taken from `change`. rest:
    changes applied for every value; another checkpoint among them is loaded once, and the range is its own.
    on_frame: called with (done, total) over all frames. Raises ConfigError for a row without a range.
    """
    change = Change(change) if isinstance(change, str) else change
    parameter = change.row.swept
    if parameter is None:
        raise ConfigError(f"{change.row.title} has no range to sweep.")
    if (other := checkpoint_of(rest)) is not None:
        predictor = Predictor(other, predictor.device)
    values = parameter.values_in(predictor.model.config) if values is None else tuple(values)
    position, frames = change.row.parameters.index(parameter), len(clip.frames)

    def tick(before: int, done: int, _total: int) -> None:
        on_frame(before + done, frames * len(values))

    predictions = []
    for index, value in enumerate(values):
        arguments = (*change.given[:position], value, *change.given[position + 1 :])
        step = partial(tick, index * frames) if on_frame else None
        applied = [*rest, replace(change, values=arguments)]
        predictions.append(what_if(predictor, clip, applied, threshold, step, lambda _: predictor))
    return Sweep(change.name, parameter, values, tuple(predictions))
