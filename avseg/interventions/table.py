"""The table of interventions: one row per change, with the values that it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.interventions import audio as sound
from avseg.interventions import model as inside

Value = float | int | str
SWEEP_POINTS = 9


@dataclass(frozen=True)
class Parameter:
    """One value that a change has."""

    name: str
    label: str
    default: Value
    kind: str = "number"  # number, whole, choice, text, clip (a file with sound) or model (a name or file)
    low: float = 0.0
    high: float = 0.0
    high_from: str = ""  # field of ModelConfig that is the largest value, in place of `high`
    step: float = 1.0
    unit: str = ""
    points: int = SWEEP_POINTS  # of a sweep over the whole range
    choices: tuple[str, ...] = ()
    said: str = "{:g}"  # how a sentence says the value
    zero: str = ""  # how it says 0, where that is special

    @property
    def numeric(self) -> bool:
        """Whether it has a range."""
        return self.kind in ("number", "whole")

    def range_in(self, config: object) -> tuple[float, float]:
        """Return the least and the largest value for a model."""
        return self.low, float(getattr(config, self.high_from, self.high)) if self.high_from else self.high

    def values_in(self, config: object) -> tuple[float, ...]:
        """Return the values of a sweep: all whole ones when they are few, else evenly over the range."""
        low, high = self.range_in(config)
        count = int(high - low) + 1 if self.kind == "whole" and high - low < self.points + 4 else self.points
        spread = np.round(np.linspace(low, high, count) / self.step) * self.step
        return tuple(dict.fromkeys(float(value) for value in spread))

    def read(self, value: Value, config: object) -> Value:
        """Return a value as its kind says, within the model's range; ConfigError in words for another one."""
        if not self.numeric:
            value = str(value).strip()
            if not value or (self.choices and value not in self.choices):
                raise ConfigError(f"{self.label}: {value or 'nothing'!r}; {self._wanted()}.")
            return value
        low, high = self.range_in(config)
        number = self._number(value)
        if not low <= number <= high or (self.kind == "whole" and number != int(number)):
            whole = "a whole number " if self.kind == "whole" else ""
            span = f"{whole}from {low:g} to {high:g}{' ' * bool(self.unit)}{self.unit}"
            raise ConfigError(f"{self.label}: {number:g} is not possible here; choose {span}.")
        return int(number) if self.kind == "whole" else number

    def words(self, value: Value) -> str:
        """Return a value as a sentence says it; of a file its name."""
        if self.numeric:
            number = self._number(value)
            return self.zero if number == 0 and self.zero else self.said.format(number)
        if self.kind == "clip":
            return Path(str(value)).stem
        return Path(str(value)).name.removesuffix(".safetensors") if self.kind == "model" else str(value)

    def _number(self, value: Value) -> float:
        try:
            return float(value)
        except ValueError:
            raise ConfigError(f"{self.label}: {value!r} is no number.") from None

    def _wanted(self) -> str:
        kinds = {"clip": "name a file with sound", "model": "name a model"}
        return f"choose {' or '.join(self.choices)}" if self.choices else kinds.get(self.kind, "name some")


@dataclass(frozen=True)
class Intervention:
    """A row of the table: one thing that can be changed."""

    name: str
    title: str
    sentence: str
    kind: str  # sound, model or weights
    phrase: str  # "without sound"; {name} is the value of that parameter
    table: str = ""  # of the paper
    parameters: tuple[Parameter, ...] = ()
    sound: Callable[..., np.ndarray] | None = None  # (waveform [samples], *values) to a waveform as long
    hooks: Callable[..., list[inside.Hook]] | None = None  # (model, *values)
    lacks: Callable[[ModelConfig], str] = lambda _config: ""  # why it is not possible, "" where it is

    @property
    def swept(self) -> Parameter | None:
        """The parameter that a sweep goes through: the first with a range."""
        return next((parameter for parameter in self.parameters if parameter.numeric), None)


_HEAD = Parameter("head", "Head", 1, "whole", 1, high_from="heads")
_LAYER = Parameter(
    "layer", "Layer, 0 for all", 0, "whole", high_from="decoder_layers", said="layer {:g}", zero="any layer"
)

INTERVENTIONS: tuple[Intervention, ...] = (
    Intervention(
        "swap",
        "Another clip's sound",
        "The frames stay; the sound comes from elsewhere.",
        "sound",
        "with the sound of {clip}",
        parameters=(
            Parameter("clip", "Sound of", "", "clip"),
            Parameter("start", "From", 0.0, high=60.0, step=0.5, unit="s", said="{:g} s"),
        ),
        sound=sound.another,
    ),
    Intervention(
        "shift",
        "Shift in time",
        "The sound comes k seconds later (or earlier); silence fills the gap.",
        "sound",
        "with the sound shifted by {seconds}",
        parameters=(Parameter("seconds", "k", 1.0, low=-4.0, high=4.0, step=0.25, unit="s", said="{:+g} s"),),
        sound=sound.shifted,
    ),
    Intervention(
        "gain",
        "Gain",
        "Louder or quieter; clipped at full scale.",
        "sound",
        "with the sound at {decibels}",
        parameters=(Parameter("decibels", "Gain", -20.0, low=-40.0, high=40.0, unit="dB", said="{:+g} dB"),),
        sound=sound.louder,
    ),
    Intervention(
        "mute", "Mute", "Every log-mel cell becomes log 0.01.", "sound", "without sound", sound=sound.muted
    ),
    Intervention(
        "noise",
        "Add noise",
        "White noise on top; with Mute it is heard alone.",
        "sound",
        "with noise at {level}",
        parameters=(
            Parameter("level", "Level", -20.0, low=-60.0, high=0.0, unit="dB", points=7, said="{:g} dB"),
        ),
        sound=sound.noisy,
    ),
    Intervention(
        "mixer-off",
        "Mixer off",
        "The mask feature passes unchanged.",
        "model",
        "without the mixer",
        "Table 2 (c)",
        hooks=inside.mixer_off,
        lacks=inside.no_mixer,
    ),
    Intervention(
        "mixer-head",
        "Zero a mixer head",
        "One head of the mixer hears nothing.",
        "model",
        "without head {head} of the mixer",
        parameters=(_HEAD,),
        hooks=inside.mixer_head,
        lacks=inside.no_mixer,
    ),
    Intervention(
        "top-channels",
        "Zero the strongest channels",
        "Of the mixed feature, the k of largest weight.",
        "model",
        "without its top {count} channels",
        parameters=(Parameter("count", "k", 8, "whole", 1, high_from="embed_dim"),),
        hooks=inside.strongest_channels,
        lacks=inside.no_omega,
    ),
    Intervention(
        "channels",
        "Zero chosen channels",
        "Of the mixed feature, by their numbers.",
        "model",
        "without channels {channels}",
        parameters=(Parameter("channels", "Channels, from 0 on", "0-7", "text"),),
        hooks=inside.named_channels,
    ),
    Intervention(
        "learnable-off",
        "Drop learnable queries",
        "Audio queries alone.",
        "model",
        "without learnable queries",
        "Table 2 (b)",
        hooks=inside.learnable_off,
        lacks=inside.no_learnable,
    ),
    Intervention(
        "audio-off",
        "Drop audio queries",
        "Learnable queries alone; the mixer still hears.",
        "model",
        "without audio queries",
        hooks=inside.audio_off,
        lacks=inside.only_audio,
    ),
    Intervention(
        "keep-queries",
        "Keep k queries",
        "The others say nothing to the mask.",
        "model",
        "with {count} of its queries",
        "Table 2 (a)",
        parameters=(
            Parameter("count", "k", 1, "whole", 1, high_from="queries"),
            Parameter("which", "Which", "strongest", "choice", choices=("strongest", "first")),
        ),
        hooks=inside.keep_queries,
    ),
    Intervention(
        "decoder-cut",
        "Fewer decoder layers",
        "The queries leave after layer k.",
        "model",
        "with the decoder cut after layer {layers}",
        parameters=(Parameter("layers", "k", 1, "whole", 1, high_from="decoder_layers"),),
        hooks=inside.decoder_cut,
    ),
    Intervention(
        "decoder-head",
        "Zero a decoder head",
        "One head of the cross-attention sees nothing.",
        "model",
        "without decoder head {head} in {layer}",
        parameters=(_HEAD, _LAYER),
        hooks=inside.decoder_head,
    ),
    Intervention(
        "encoder-off",
        "Skip the encoder",
        "Backbone features go straight on.",
        "model",
        "without the encoder",
        hooks=inside.encoder_off,
        lacks=inside.no_encoder,
    ),
    Intervention(
        "checkpoint",
        "Another checkpoint",
        "The same clip, two models.",
        "weights",
        "with {model}",
        parameters=(Parameter("model", "Model", "", "model"),),
    ),
)
INTERVENTION = {row.name: row for row in INTERVENTIONS}
