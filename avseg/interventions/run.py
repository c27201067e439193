"""What if: a clip's masks under changes of the sound or the model, any of the table's rows together.

`INTERVENTIONS` is the table; the command line, the app and the notebooks are made from its rows. Changes
combine and apply in the order of the table. Sound rows change the waveform before the same audio front end;
model rows act through hooks that are gone when the block ends.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from avseg.errors import ConfigError
from avseg.interventions.model import Hook
from avseg.interventions.table import INTERVENTION, INTERVENTIONS, Intervention, Parameter, Value
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
    "intervene",
    "read_change",
    "sweep",
    "what_if",
]

_APART = ({"learnable-off", "audio-off"},)  # what leaves nothing when done together


@dataclass(frozen=True)
class Change:
    """A row by its name, with values for its parameters in their order; missing ones take the defaults."""

    name: str
    values: tuple[Value, ...] = ()

    @property
    def row(self) -> Intervention:
        """The row; ConfigError when there is none of the name."""
        if self.name not in INTERVENTION:
            raise ConfigError(f"Nothing is called {self.name!r} here. Changes: {', '.join(INTERVENTION)}.")
        return INTERVENTION[self.name]

    @property
    def given(self) -> tuple[Value, ...]:
        """All values, defaults filled in."""
        parameters = self.row.parameters
        if len(self.values) > len(parameters):
            takes = ", ".join(parameter.name for parameter in parameters) or "nothing"
            raise ConfigError(f"{self.name} takes {takes}, found {len(self.values)} values.")
        return (*self.values, *(parameter.default for parameter in parameters[len(self.values) :]))

    @property
    def words(self) -> str:
        """What a sentence says of it: "with the sound shifted by +2 s"."""
        pairs = zip(self.row.parameters, self.given, strict=True)
        return self.row.phrase.format(**{known.name: known.words(value) for known, value in pairs})


def read_change(words: str) -> Change:
    """Return the change of "mute", "shift=2" or "decoder-head=3,1"; ConfigError for a name that is no row."""
    name, _, values = words.partition("=")
    row = Change(name.strip()).row
    one = len(row.parameters) == 1  # "channels=3,17" has one value with a comma in it
    parts = [values] if one else values.split(",")
    return Change(row.name, tuple(part.strip() for part in parts) if values.strip() else ())


def checked(changes: Sequence[Change], config: object) -> tuple[Change, ...]:
    """Return changes in the order of the table, values read and filled in.

    Raises ConfigError for an unknown row, a row given twice, a value out of the model's range, and rows that
    leave nothing together. config: of the model.
    """
    named = {change.row.name: change for change in changes}
    if len(named) < len(changes):
        raise ConfigError("The same change stands there twice: give each once.")
    for apart in _APART:
        if apart <= set(named):
            both = " and ".join(INTERVENTION[name].title.lower() for name in sorted(apart))
            raise ConfigError(f"Not together: {both}. No query would be left.")
    found = []
    for row in INTERVENTIONS:
        if row.name in named:
            pairs = zip(row.parameters, named[row.name].given, strict=True)
            found.append(Change(row.name, tuple(parameter.read(value, config) for parameter, value in pairs)))
    return tuple(found)


@contextmanager
def intervene(model: nn.Module, changes: Sequence[Change]) -> Iterator[None]:
    """Change the model during the block: `with intervene(model, [Change("mixer-off")]): model(...)`.

    Only model rows act here. Only forward passes of the thread that opened the block are changed, and the
    hooks go when it ends, whatever happened in it. A `record` opened inside sees the changed pass.
    Raises ConfigError for a change that the model has no part for.
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
    """Return the masks of a clip under some changes, none for the clip as it is.

    on_frame: called after every batch; what it raises ends the work. load: gives the predictor of the row
    `checkpoint`, by default one loaded anew on the same device. Raises ConfigError for a combination or a
    value that is not possible, ClipError when another clip's sound cannot be read.
    """
    other = next((change.given[0] for change in changes if change.row.kind == "weights"), None)
    if other is not None:
        Change("checkpoint").row.parameters[0].read(other, None)
        predictor = load(str(other)) if load else Predictor(str(other), predictor.device)
    found = checked(changes, predictor.model.config)
    waveform = clip.waveform
    for change in found:
        if change.row.sound:
            waveform = change.row.sound(waveform, *change.values)
    heard = ", ".join(change.words for change in found if change.row.sound) or "original"
    with intervene(predictor.model, found):
        return predictor.predict(clip, waveform, threshold, on_frame, heard)


@dataclass(frozen=True, eq=False)
class Sweep:
    """One change over its range."""

    change: str  # name of the row
    parameter: Parameter  # what `values` are of
    values: tuple[float, ...]  # V
    predictions: tuple[Prediction, ...]  # V


def sweep(
    predictor: Predictor,
    clip: Clip,
    change: Change | str,
    values: Sequence[float] | None = None,
    rest: Sequence[Change] = (),
    threshold: float = 0.5,
    on_frame: Progress | None = None,
) -> Sweep:
    """Return the masks for one change at each of some values, by default over the whole range of its row.

    The values are of the first parameter that has a range; others keep what `change` says. rest: changes
    that hold for every value. on_frame: called with (done, total) over all frames. Raises ConfigError for a
    row without a range.
    """
    change = Change(change) if isinstance(change, str) else change
    parameter = change.row.swept
    if parameter is None:
        raise ConfigError(f"{change.row.title} has no range to go through.")
    values = parameter.values_in(predictor.model.config) if values is None else tuple(values)
    place, frames = change.row.parameters.index(parameter), len(clip.frames)

    def tick(before: int, done: int, _total: int) -> None:
        on_frame(before + done, frames * len(values))

    found = []
    for index, value in enumerate(values):
        given = (*change.given[:place], value, *change.given[place + 1 :])
        step = partial(tick, index * frames) if on_frame else None
        found.append(what_if(predictor, clip, [*rest, replace(change, values=given)], threshold, step))
    return Sweep(change.name, parameter, values, tuple(found))
