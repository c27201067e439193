"""The table of interventions: one row per change, with its parameters."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avseg.config import ModelConfig
from avseg.errors import ConfigError
from avseg.files import read_json
from avseg.interventions import audio as sound
from avseg.interventions import model as inside

Value = float | int | str
SWEEP_POINTS = 9


@dataclass(frozen=True)
class Parameter:
    """A parameter of a change."""

    name: str
    label: str
    default: Value
    kind: str = "number"  # number, whole, choice, numbers (3, 40-47), clip (a file with sound) or model
    low: float = 0.0
    high: float = 0.0
    high_from: str = ""  # field of ModelConfig that is the largest value, in place of `high`
    step: float = 1.0
    unit: str = ""
    points: int = SWEEP_POINTS  # of a sweep over the whole range
    choices: tuple[str, ...] = ()
    text: str = "{:g}"  # format of the value in a sentence
    zero: str = ""  # text for 0, if special
    noun: str = ""  # of numbers: what one of them names

    @property
    def numeric(self) -> bool:
        """Whether the parameter is a number with a range."""
        return self.kind in ("number", "whole")

    def range_in(self, config: object) -> tuple[float, float]:
        """Return the smallest and largest value for a model."""
        return self.low, float(getattr(config, self.high_from, self.high)) if self.high_from else self.high

    def values_in(self, config: object) -> tuple[float, ...]:
        """Return the values of a sweep: all whole numbers if they are few, else evenly spaced values."""
        low, high = self.range_in(config)
        count = int(high - low) + 1 if self.kind == "whole" and high - low < self.points + 4 else self.points
        spread = np.round(np.linspace(low, high, count) / self.step) * self.step
        return tuple(dict.fromkeys(float(value) for value in spread))

    def read(self, value: Value, config: object) -> Value:
        """Convert a value to its kind; ConfigError if it is not valid or out of the model's range."""
        if not self.numeric:
            value = str(value).strip()
            if not value or (self.choices and value not in self.choices):
                raise ConfigError(f"{self.label}: {value or 'nothing'!r}; {self._expected()}.")
            if self.kind == "numbers" and isinstance(config, ModelConfig):
                inside.numbers(value, getattr(config, self.high_from), self.noun)
            return value
        low, high = self.range_in(config)
        number = self._number(value)
        if not low <= number <= high or (self.kind == "whole" and number != int(number)):
            whole = "a whole number " if self.kind == "whole" else ""
            span = f"{whole}from {low:g} to {high:g}{' ' * bool(self.unit)}{self.unit}"
            raise ConfigError(f"{self.label}: {number:g} is out of range; choose {span}.")
        return int(number) if self.kind == "whole" else number

    def words(self, value: Value) -> str:
        """Return the text of a value in a sentence; for a file, its name."""
        if self.numeric:
            number = self._number(value)
            return self.zero if number == 0 and self.zero else self.text.format(number)
        if self.kind == "numbers":
            return f"{self.noun if str(value).isdecimal() else self.name} {value}"
        if self.kind == "clip":
            return _clip_title(Path(str(value)))
        return Path(str(value)).name.removesuffix(".safetensors") if self.kind == "model" else str(value)

    def _number(self, value: Value) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"{self.label}: {value!r} is not a number.") from None

    def _expected(self) -> str:
        kinds = {"clip": "name a file with sound", "model": "name a model"}
        return f"choose {' or '.join(self.choices)}" if self.choices else kinds.get(self.kind, "give a value")


def _clip_title(path: Path) -> str:
    """Return a bundled clip's title in quotes, from the description beside it; the file's name of others."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        return f"“{read_json(path.with_suffix('.json'))['title']}”"
    return path.stem


@dataclass(frozen=True)
class Intervention:
    """A row of the table: one change."""

    name: str
    title: str
    sentence: str
    kind: str  # sound, model or weights
    phrase: str  # "without sound"; {name} is the value of that parameter
    table: str = ""  # of the paper
    parameters: tuple[Parameter, ...] = ()
    sound: Callable[..., np.ndarray] | None = (
        None  # (waveform [samples], *values) to a waveform of equal length
    )
    hooks: Callable[..., list[inside.Hook]] | None = None  # (model, *values)
    lacks: Callable[[ModelConfig], str] = lambda _config: ""  # why it is unavailable, or ""

    @property
    def swept(self) -> Parameter | None:
        """The parameter that a sweep varies: the first with a range."""
        return next((parameter for parameter in self.parameters if parameter.numeric), None)


_HEAD = Parameter("head", "Head", 1, "whole", 1, high_from="heads")
_LAYER = Parameter(
    "layer", "Layer, 0 for all", 0, "whole", high_from="decoder_layers", text="layer {:g}", zero="any layer"
)
_STAGE = Parameter("stage", "Stage, 0 for all", 0, "whole", high=4, text="stage {:g}", zero="all stages")

INTERVENTIONS: tuple[Intervention, ...] = (
    Intervention(
        "swap",
        "Another clip's sound",
        "Keep the frames, take the sound of another clip.",
        "sound",
        "with the sound of {clip}",
        parameters=(
            Parameter("clip", "Sound of", "", "clip"),
            Parameter("start", "From", 0.0, high=60.0, step=0.5, unit="s", text="{:g} s"),
        ),
        sound=sound.another,
    ),
    Intervention(
        "shift",
        "Shift in time",
        "Delay the sound by k seconds (or advance it); silence fills the gap.",
        "sound",
        "with the sound shifted by {seconds}",
        parameters=(Parameter("seconds", "k", 1.0, low=-4.0, high=4.0, step=0.25, unit="s", text="{:+g} s"),),
        sound=sound.shifted,
    ),
    Intervention(
        "gain",
        "Gain",
        "Make the sound louder or quieter, clipped at full scale.",
        "sound",
        "with the sound at {decibels}",
        parameters=(Parameter("decibels", "Gain", -20.0, low=-40.0, high=40.0, unit="dB", text="{:+g} dB"),),
        sound=sound.louder,
    ),
    Intervention(
        "mute", "Mute", "Replace the sound with silence.", "sound", "without sound", sound=sound.muted
    ),
    Intervention(
        "noise",
        "Add noise",
        "Add white noise to the sound; with Mute, the noise alone.",
        "sound",
        "with noise at {level}",
        parameters=(
            Parameter("level", "Level", -20.0, low=-60.0, high=0.0, unit="dB", points=7, text="{:g} dB"),
        ),
        sound=sound.noisy,
    ),
    Intervention(
        "mixer-off",
        "Mixer off",
        "Pass the mask feature unchanged.",
        "model",
        "without the mixer",
        "Table 2 (c)",
        hooks=inside.mixer_off,
        lacks=inside.no_mixer,
    ),
    Intervention(
        "mixer-head",
        "Zero a mixer head",
        "Set the attention of one head of the mixer to zero.",
        "model",
        "without head {head} of the mixer",
        parameters=(_HEAD,),
        hooks=inside.mixer_head,
        lacks=inside.no_mixer,
    ),
    Intervention(
        "top-channels",
        "Zero the strongest channels",
        "Zero the k channels that the sound amplifies most.",
        "model",
        "without its top {count} channels",
        parameters=(Parameter("count", "k", 8, "whole", 1, high_from="embed_dim"),),
        hooks=inside.strongest_channels,
        lacks=inside.no_omega,
    ),
    Intervention(
        "channels",
        "Zero channels by number",
        "Zero these channels of the mixed feature.",
        "model",
        "without {channels}",
        parameters=(
            Parameter("channels", "Channels", "1-8", "numbers", high_from="embed_dim", noun="channel"),
        ),
        hooks=inside.named_channels,
        lacks=inside.only_avsegformer,
    ),
    Intervention(
        "learnable-off",
        "Drop learnable queries",
        "Decode with the audio queries only.",
        "model",
        "without learnable queries",
        "Table 2 (b)",
        hooks=inside.learnable_off,
        lacks=inside.no_learnable,
    ),
    Intervention(
        "audio-off",
        "Drop audio queries",
        "Decode with the learnable queries only; the mixer still gets the sound.",
        "model",
        "without audio queries",
        hooks=inside.audio_off,
        lacks=inside.only_audio,
    ),
    Intervention(
        "keep-queries",
        "Keep k queries",
        "Remove the other queries from the mask.",
        "model",
        "with {count} of its queries",
        "Table 2 (a)",
        parameters=(
            Parameter("count", "k", 1, "whole", 1, high_from="queries"),
            Parameter("which", "Which", "strongest", "choice", choices=("strongest", "first")),
        ),
        hooks=inside.keep_queries,
        lacks=inside.only_avsegformer,
    ),
    Intervention(
        "drop-queries",
        "Drop queries by number",
        "Remove these queries from the mask.",
        "model",
        "without {queries}",
        parameters=(Parameter("queries", "Queries", "1", "numbers", high_from="queries", noun="query"),),
        hooks=inside.drop_queries,
        lacks=inside.only_avsegformer,
    ),
    Intervention(
        "decoder-cut",
        "Fewer decoder layers",
        "Stop the decoder after layer k.",
        "model",
        "with the decoder cut after layer {layers}",
        parameters=(Parameter("layers", "k", 1, "whole", 1, high_from="decoder_layers"),),
        hooks=inside.decoder_cut,
        lacks=inside.only_avsegformer,
    ),
    Intervention(
        "decoder-head",
        "Zero a decoder head",
        "Set one head of the cross-attention to zero.",
        "model",
        "without decoder head {head} in {layer}",
        parameters=(_HEAD, _LAYER),
        hooks=inside.decoder_head,
        lacks=inside.only_avsegformer,
    ),
    Intervention(
        "encoder-off",
        "Skip the encoder",
        "Decode from the projected backbone features.",
        "model",
        "without the encoder",
        hooks=inside.encoder_off,
        lacks=inside.no_encoder,
    ),
    Intervention(
        "tpavi-off",
        "TPAVI off",
        "Pass a stage of TPAVI without the sound.",
        "model",
        "without TPAVI in {stage}",
        parameters=(_STAGE,),
        hooks=inside.tpavi_off,
        lacks=inside.no_tpavi,
    ),
    Intervention(
        "tpavi-own",
        "TPAVI: own frame only",
        "Attend to the own frame and its second of sound, not to the other frames of the window.",
        "model",
        "with the own frame alone in {stage}",
        parameters=(_STAGE,),
        hooks=inside.tpavi_own,
        lacks=inside.no_tpavi,
    ),
    Intervention(
        "checkpoint",
        "Another checkpoint",
        "Compare two models on the same clip.",
        "weights",
        "with {model}",
        parameters=(Parameter("model", "Model", "", "model"),),
    ),
)
INTERVENTION = {row.name: row for row in INTERVENTIONS}
