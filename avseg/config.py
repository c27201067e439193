"""Every setting of the model and of training, as frozen dataclasses that check themselves and travel as JSON.

The command line and the saved files are made from these fields; nothing else carries a setting.
"""

import dataclasses
import json
import math
import typing
from dataclasses import MISSING, dataclass, field, fields
from typing import Literal

from avseg.errors import ConfigError

T = typing.TypeVar("T")

Task = Literal["s4", "ms3", "avss"]
Edition = Literal["paper", "apr2023", "aug2023"]
Mixer = Literal["none", "cross", "channel", "gated"]
Reformer = Literal["none", "attention", "query"]

CLASSES_OF_TASK = {"s4": 1, "ms3": 1, "avss": 71}
FRAMES_OF_TASK = {"s4": 5, "ms3": 5, "avss": 10}


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of one AVSegFormer (paper Sec. 3; values of Table 3 are the defaults)."""

    task: Task = "ms3"
    """s4 and ms3 predict one channel, avss predicts 71 classes."""
    backbone: str = "pvt_v2_b5"
    """Any timm model that gives features at strides 4, 8, 16 and 32."""
    backbone_channels: tuple[int, ...] = ()
    """Widths of the four stages of a timm ResNet; empty keeps the model's own."""
    audio_backbone: Literal["vggish", "vggish-small"] = "vggish"
    """The audio network: VGGish, or its small sibling for the bundled models."""
    image_size: int = 224
    """Height and width that frames are resized to, px, a multiple of 32."""
    embed_dim: int = 256
    """D: channels of every token, query and mask feature."""
    encoder_layers: int = 6
    """Layers of multi-scale deformable self-attention; 0 leaves the projected features as they are."""
    decoder_layers: int = 6
    """Layers of the query decoder."""
    heads: int = 8
    """Attention heads of encoder, decoder and mixer."""
    points: int = 4
    """Sampling points per head and level in the encoder."""
    feedforward_dim: int = 2048
    """Hidden width of the feed-forward blocks of encoder and decoder."""
    queries: int = 300
    """N_query of Table 2 (a)."""
    learnable_queries: bool = True
    """Adds Q_learn to the audio queries, Table 2 (b)."""
    query_generator_layers: int = 0
    """0 repeats the audio feature (paper); aug2023 generates the queries with 6 layers."""
    mixer: Mixer = "channel"
    """Table 2 (c): none, cross (CRA), channel (CHA, Eq. 2), gated (CHA as released)."""
    reformer: Reformer = "query"
    """Table 2 (d): none, attention (AR), query (QR)."""
    mlp_dim: int = 2048
    """Hidden width of the MLP of Eq. (3)."""
    head_channels: tuple[int, int] = (128, 32)
    """Widths of the layers that turn the mask feature into a mask."""
    dropout: float = 0.1
    """Dropout in encoder and decoder."""
    drop_path: float = 0.1
    """Drop path rate of the visual backbone (Table 3); 0 for networks that have none."""

    def __post_init__(self) -> None:
        _check_literals(self)
        if self.image_size % 32 or self.image_size < 32:
            raise ConfigError(f"image_size is {self.image_size}; it must be a positive multiple of 32.")
        for name in (
            "embed_dim",
            "queries",
            "decoder_layers",
            "heads",
            "points",
            "feedforward_dim",
            "mlp_dim",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.embed_dim % (4 * self.heads) or self.embed_dim % 32:
            raise ConfigError(
                f"embed_dim is {self.embed_dim} with {self.heads} heads; it must be a multiple of 32 and of "
                "four times the number of heads."
            )
        if self.encoder_layers < 0 or self.query_generator_layers < 0:
            raise ConfigError("encoder_layers and query_generator_layers cannot be negative.")
        if self.backbone_channels and (len(self.backbone_channels) != 4 or min(self.backbone_channels) < 1):
            raise ConfigError("backbone_channels needs four widths of at least 1, or none.")
        if len(self.head_channels) != 2 or min(self.head_channels) < 1:
            raise ConfigError(f"head_channels is {self.head_channels}; it needs two widths of at least 1.")
        if not (0 <= self.dropout < 1 and 0 <= self.drop_path < 1):
            raise ConfigError("dropout and drop_path must lie in [0, 1).")

    @property
    def edition(self) -> Edition:
        """Whose architecture this is: the paper's, or that of the first or second released code."""
        if self.query_generator_layers:
            return "aug2023"
        return "apr2023" if self.mixer == "gated" else "paper"

    @property
    def classes(self) -> int:
        """Output channels: 1 for s4 and ms3, 71 for avss."""
        return CLASSES_OF_TASK[self.task]

    @property
    def frames(self) -> int:
        """T: frames per clip of the task (Table 3)."""
        return FRAMES_OF_TASK[self.task]


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained (paper Table 3 and Eq. 4)."""

    loss: Literal["dice", "cross_entropy"] = "dice"
    """Loss of the final mask: Dice (paper), or cross-entropy (released code for avss)."""
    auxiliary: Literal["none", "intermediate", "mixing"] = "intermediate"
    """Second loss: intermediate masks (paper, Eq. 4) or the mixing loss of aug2023."""
    auxiliary_weight: float = 0.1
    """Lambda of Eq. (4)."""
    bce_weight: float = 0.0
    """Weight of a cross-entropy beside the loss; Dice has no gradient on empty ground truth, this has."""
    batch_size: int = 4
    """Clips per step, over all processes and micro-batches together."""
    accumulate: int = 1
    """Micro-batches that a step is cut into, to save memory."""
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    """Precision of the forward pass; weights stay float32."""
    epochs: int = 60
    """Passes over the training clips."""
    learning_rate: float = 2e-5
    """AdamW's rate; the peak of a one-cycle schedule."""
    weight_decay: float = 0.01
    """AdamW's decay."""
    schedule: Literal["constant", "one-cycle"] = "constant"
    """Learning rate over the run."""
    freeze_backbone_epochs: int = 0
    """Epochs at the start during which both backbones do not move."""
    freeze_batchnorm: bool = True
    """A frozen backbone keeps its BatchNorm statistics too; the released code lets them drift."""
    backbone_weights: str = ""
    """Pretrained visual backbone: a timm name such as resnet50.tv_in1k, or a file; empty: none."""
    audio_weights: str = ""
    """Pretrained audio network: vggish (downloaded), or a file; empty: none."""
    backbone_lr_scale: float = 1.0
    """Learning rate of both backbones as a share of learning_rate."""
    validate_every: int = 1
    """Epochs between evaluations; the last epoch always has one."""
    validate_from: int = 0
    """Epochs before the first evaluation."""
    validation_clips: int = 0
    """Clips of the validation split that an evaluation takes; 0 takes all, or 40 of SynthAVS."""
    checkpoint_steps: int = 500
    """Steps between checkpoints; the end of every epoch writes one too."""
    mute: bool = False
    """Trains and validates without sound: what the model can do when it cannot listen."""
    synth_clips: int = 400
    """Clips per epoch when the data are SynthAVS, drawn anew in every epoch."""
    frames_per_clip: int = 0
    """Frames taken of each training clip, chosen anew; 0 takes all. Fewer frames, more clips per step."""
    resample_sounds_every_second: bool = False
    """In three of four training scenes of SynthAVS, what sounds is drawn anew in every second."""
    audio_pretrain_steps: int = 0
    """Steps in which the audio network first learns to name SynthAVS sounds, in place of pretraining."""
    visual_pretrain_steps: int = 0
    """Steps in which the visual backbone first learns to name what is drawn, in place of pretraining."""
    jitter: float = 0.0
    """Strength of random light and colour changes of training clips, 0 to 1."""
    clip_gradient: float = 0.0
    """Largest norm of the gradient; 0 does not clip, as released."""
    train_audio: bool = False
    """Trains the audio network too; the released code never does."""
    seed: int = 123
    """Seeds weights, order of clips and dropout."""

    def __post_init__(self) -> None:
        _check_literals(self)
        for name in (
            "batch_size",
            "accumulate",
            "epochs",
            "validate_every",
            "checkpoint_steps",
            "synth_clips",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.batch_size % self.accumulate:
            raise ConfigError(
                f"batch_size {self.batch_size} cannot be cut into {self.accumulate} equal micro-batches; "
                "change accumulate."
            )
        for name in (
            "learning_rate",
            "auxiliary_weight",
            "bce_weight",
            "weight_decay",
            "backbone_lr_scale",
            "jitter",
            "clip_gradient",
            "freeze_backbone_epochs",
            "frames_per_clip",
            "validate_from",
            "validation_clips",
            "audio_pretrain_steps",
            "visual_pretrain_steps",
            "seed",
        ):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a number from 0 up.")
        if self.jitter > 1:
            raise ConfigError(f"jitter is {self.jitter}; it lies in [0, 1].")


@dataclass(frozen=True)
class Config:
    """One experiment: a model and how it is trained."""

    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        if self.train.auxiliary == "intermediate" and self.model.reformer == "none":
            raise ConfigError(
                "The intermediate mask loss needs a reformer: set reformer, or auxiliary to none."
            )
        if self.train.loss == "cross_entropy" and self.model.classes == 1:
            raise ConfigError(
                f"The loss cross_entropy of one channel is always 0: for {self.model.task} set loss to dice."
            )

    def to_json(self) -> str:
        """Return the whole experiment as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2)


@dataclass(frozen=True)
class Card:
    """What a set of weights is, for whoever looks at its masks; saved with the config in every checkpoint."""

    name: str
    weights: str = "trained"
    """toy (bundled, trained briefly on SynthAVS), released (by the authors), trained (by you) or random."""
    note: str = ""
    """One or two sentences: the training data, the length of training, the command."""


UNTITLED = Card("untitled", "random")
"""The card of a model that was just constructed."""


# Fields of older checkpoints, run folders and JSON files: renamed ones, and ones that no longer exist.
RENAMED_FIELDS = {
    "restless": "resample_sounds_every_second",
    "sound_lessons": "audio_pretrain_steps",
    "picture_lessons": "visual_pretrain_steps",
    "backbone_rate": "backbone_lr_scale",
    "frozen_statistics": "freeze_batchnorm",
}
REMOVED_FIELDS = {"edition"}  # follows from the other fields


def from_dict(kind: type[T], values: dict) -> T:
    """Build a config dataclass from plain JSON values; unknown names and wrong types are a `ConfigError`."""
    if not isinstance(values, dict):
        raise ConfigError(f"{kind.__name__} must be a JSON object, found {type(values).__name__}.")
    hints = typing.get_type_hints(kind)
    values = {RENAMED_FIELDS.get(k, k): value for k, value in values.items() if k not in REMOVED_FIELDS}
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ConfigError(f"{kind.__name__} has no field {', '.join(unknown)}. Fields: {', '.join(hints)}.")
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(required - set(values)):
        raise ConfigError(f"{kind.__name__} lacks the field {', '.join(missing)}.")
    return kind(**{name: _coerce(f"{kind.__name__}.{name}", hints[name], v) for name, v in values.items()})


def _coerce(name: str, hint: type, value: object) -> object:
    """Return the JSON value as its field's type; tuples arrive as lists and floats may arrive as integers."""
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list | tuple) and all(type(v) is int for v in value):
        return tuple(value)
    if hint is float and type(value) in (int, float):
        return float(value)
    if (origin is Literal and isinstance(value, str)) or (origin is None and type(value) is hint):
        return value
    raise ConfigError(f"{name} is {value!r}; expected {getattr(hint, '__name__', hint)}.")


def _check_literals(config: ModelConfig | TrainConfig) -> None:
    hints = typing.get_type_hints(type(config))
    for f in fields(config):
        choices = typing.get_args(hints[f.name])
        if typing.get_origin(hints[f.name]) is Literal and getattr(config, f.name) not in choices:
            raise ConfigError(f"{f.name} is {getattr(config, f.name)!r}; choose one of {', '.join(choices)}.")
