"""Every setting of the model and of training: frozen dataclasses, checked on construction, saved as JSON.

Command-line flags and the Train form are generated from these fields and their docstrings.
"""

import dataclasses
import json
import math
import re
import stat
import types
import typing
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from avseg.errors import ConfigError
from avseg.files import read_json

if typing.TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = typing.TypeVar("T", bound="DataclassInstance")

Task = Literal["s4", "ms3", "avss"]
Storage = Literal["float32", "bfloat16", "float16"]  # of floats in a checkpoint; models compute in float32
Architecture = Literal["avsegformer", "tpavi"]
Edition = Literal["paper", "apr2023", "aug2023", "avsbench"]
Mixer = Literal["none", "cross", "channel", "gated"]
Reformer = Literal["none", "attention", "query"]

CLASSES_OF_TASK = {"s4": 1, "ms3": 1, "avss": 71}
FRAMES_OF_TASK = {"s4": 5, "ms3": 5, "avss": 10}

EXACT = 2**53  # whole numbers below are exact as floats
NAME = re.compile(r"\w[\w.-]{0,127}")
# Far above any model of use: a config comes with a file of weights, and whoever wrote it chose its numbers.
MOST = {
    "image_size": 4096,
    "backbone_channels": 16_384,
    "embed_dim": 16_384,
    "encoder_layers": 100,
    "decoder_layers": 100,
    "query_generator_layers": 100,
    "heads": 1024,
    "points": 256,
    "feedforward_dim": 131_072,
    "queries": 100_000,
    "mlp_dim": 131_072,
    "head_channels": 16_384,
    "attention_frames": 1024,
}
# What TPAVI has no counterpart of: the only values that its config may have.
ONLY_AVSEGFORMER: dict[str, Any] = {
    "encoder_layers": 0,
    "query_generator_layers": 0,
    "learnable_queries": False,
    "mixer": "none",
    "reformer": "none",
}


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of one model (paper Sec. 3; values of Table 3 are the defaults).

    With `architecture="tpavi"`, the fields of queries, encoder, decoder, mixer and reformer have no meaning.
    """

    task: Task = "ms3"
    """s4 and ms3 predict one channel, avss predicts 71 classes."""
    backbone: str = "pvt_v2_b5"
    """Any timm model with features at strides 4, 8, 16 and 32."""
    backbone_channels: tuple[int, ...] = ()
    """Widths of the four stages of a timm ResNet; empty keeps its own."""
    audio_backbone: Literal["vggish", "vggish-small", "vggish-medium"] = "vggish"
    """VGGish, or its small variant for the bundled models."""
    image_size: int = 224
    """Height and width that frames are resized to, pixels, a multiple of 32."""
    embed_dim: int = 256
    """D: channels of every token, query and mask feature."""
    encoder_layers: int = 6
    """Layers of multi-scale deformable self-attention; 0 uses the projected features unchanged."""
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
    """Add Q_learn to the audio queries, Table 2 (b)."""
    query_generator_layers: int = 0
    """0 repeats the audio feature (paper); aug2023 generates the queries with 6 layers."""
    mixer: Mixer = "channel"
    """Table 2 (c): none, cross (CRA), channel (CHA, Eq. 2), gated (CHA as released)."""
    reformer: Reformer = "query"
    """Table 2 (d): none, attention (AR), query (QR)."""
    mlp_dim: int = 2048
    """Hidden width of the MLP of Eq. (3)."""
    head_channels: tuple[int, int] = (128, 32)
    """Widths of the layers from the mask feature to the mask."""
    dropout: float = 0.1
    """Dropout in encoder and decoder."""
    drop_path: float = 0.1
    """Drop path rate of the visual backbone (Table 3); 0 for networks without."""
    architecture: Architecture = "avsegformer"
    """avsegformer, or tpavi: AVSBench's baseline, which fuses sound and frames by TPAVI at four stages."""
    attention_frames: int = 5
    """tpavi only: consecutive frames of a clip that attend to each other; 5 as released, for every task."""

    def __post_init__(self) -> None:
        _check_literals(self)
        self._check_architecture()
        if not NAME.fullmatch(self.backbone):
            raise ConfigError(
                f"backbone is {self.backbone[:80]!r}; it must be the name of a timm model, such as resnet50. "
                "Names with a colon or a slash, which point to files or servers, are refused."
            )
        for name, most in MOST.items():
            if max(_numbers(getattr(self, name)), default=0) > most:
                raise ConfigError(f"{name} is {getattr(self, name)}; it can be at most {most:,}.")
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
            "attention_frames",
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
            raise ConfigError("backbone_channels must be empty or four widths of at least 1.")
        if len(self.head_channels) != 2 or min(self.head_channels) < 1:
            raise ConfigError(f"head_channels is {self.head_channels}; it must be two widths of at least 1.")
        if not (0 <= self.dropout < 1 and 0 <= self.drop_path < 1):
            raise ConfigError("dropout and drop_path must lie in [0, 1).")

    def _check_architecture(self) -> None:
        """Raise ConfigError for a part that TPAVI does not have."""
        if self.architecture == "avsegformer":
            return
        wrong = {n: value for n, value in ONLY_AVSEGFORMER.items() if getattr(self, n) != value}
        if wrong:
            needed = ", ".join(f"{name} to {value}" for name, value in wrong.items())
            raise ConfigError(
                f"tpavi has no such parts: set {needed}, or take a preset such as ms3-pvt-avsbench."
            )

    @property
    def edition(self) -> Edition:
        """Which text the architecture follows: the paper, a released code of AVSegFormer, or AVSBench's."""
        if self.architecture == "tpavi":
            return "avsbench"
        if self.query_generator_layers:
            return "aug2023"
        return "apr2023" if self.mixer == "gated" else "paper"

    @property
    def window(self) -> int:
        """Consecutive frames of a clip that a forward pass needs together; 1 where frames are independent."""
        return self.attention_frames if self.architecture == "tpavi" else 1

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
    """Settings of training (paper Table 3 and Eq. 4)."""

    loss: Literal["dice", "cross_entropy"] = "dice"
    """Loss of the final mask: Dice (paper), or cross-entropy (released code for avss; tpavi), which is binary
    for one channel."""
    auxiliary: Literal["none", "intermediate", "mixing", "matching"] = "intermediate"
    """Second loss: intermediate masks (paper, Eq. 4), the mixing loss of aug2023, or the matching of sound
    and masked feature of tpavi."""
    auxiliary_weight: float = 0.1
    """Lambda of Eq. (4)."""
    bce_weight: float = 0.0
    """Weight of an additional binary cross-entropy; unlike Dice it has a gradient on empty ground truth."""
    batch_size: int = 4
    """Clips per step, over all processes and micro-batches."""
    accumulate: int = 1
    """Micro-batches per step (gradient accumulation), to save memory."""
    mixed_precision: Literal["auto", "no", "bf16", "fp16"] = "auto"
    """Precision of the forward pass; weights stay float32. auto: bf16 on GPUs that have it, otherwise no."""
    compile: bool = False
    """Compile the model with torch.compile, which takes minutes before the first step; a CPU needs a C++
    compiler for it."""
    epochs: int = 60
    """Passes over the training clips."""
    learning_rate: float = 2e-5
    """Learning rate of AdamW; the peak of a one-cycle schedule."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""
    schedule: Literal["constant", "one-cycle"] = "constant"
    """Schedule of the learning rate."""
    freeze_backbone_epochs: int = 0
    """Epochs at the start during which both backbones are frozen."""
    freeze_batchnorm: bool = True
    """Freeze the BatchNorm statistics of a frozen backbone too; the released code updates them."""
    keep_visual_statistics: bool = False
    """Keep the visual backbone's pretrained BatchNorm statistics while it trains: for small batches."""
    backbone_weights: str = ""
    """Pretrained visual backbone: a timm name such as resnet50.tv_in1k, or a file; empty: random weights."""
    audio_weights: str = ""
    """Pretrained audio backbone: vggish (downloaded), a file or a whole model; empty: random."""
    backbone_lr_scale: float = 1.0
    """Learning rate of both backbones relative to learning_rate."""
    validate_every: int = 1
    """Epochs between evaluations; the last epoch is always evaluated."""
    validate_from: int = 0
    """Epochs before the first evaluation."""
    validation_clips: int = 0
    """Clips per evaluation; 0 uses the whole validation split, or 40 clips of SynthAVS."""
    checkpoint_steps: int = 500
    """Steps between checkpoints; every epoch ends with one too."""
    mute: bool = False
    """Train and validate without sound, as a baseline."""
    synth_clips: int = 400
    """Clips per epoch of SynthAVS, generated anew in every epoch."""
    frames_per_clip: int = 0
    """Frames sampled from each training clip; 0 uses all. Fewer frames allow more clips per step."""
    sounds_per_frame: int = 1
    """Sounds that each training frame of a composed clip is heard with in a step; it is encoded once."""
    resample_sounds_every_second: bool = False
    """Draw the sounding objects anew for every second in three of four training scenes of SynthAVS."""
    audio_pretrain_steps: int = 0
    """Steps in which the audio backbone is pretrained to classify SynthAVS sounds."""
    visual_pretrain_steps: int = 0
    """Steps in which the visual backbone is pretrained to segment SynthAVS objects."""
    jitter: float = 0.0
    """Strength of the random brightness and colour jitter of training clips, 0 to 1."""
    clip_gradient: float = 0.0
    """Maximum norm of the gradient; 0 does not clip, as released."""
    initialisation: Literal["torch", "released"] = "torch"
    """Random weights of the head: PyTorch's defaults, or Xavier as in the released code."""
    best_by: Literal["miou", "benchmark"] = "miou"
    """mIoU of the validation that chooses best.safetensors: over frames with ground truth (avss: classes that
    occur), or as AVSBench computes it, as both releases do."""
    negative_share: float = 0.0
    """Share of training clips that get silence, noise or other classes' sound, and empty ground truth."""
    train_audio: bool = False
    """Train the audio backbone too; the released code never does."""
    seed: int = 123
    """Seed of the weights, the order of clips and dropout."""

    def __post_init__(self) -> None:
        _check_literals(self)
        for name in (
            "batch_size",
            "accumulate",
            "epochs",
            "validate_every",
            "checkpoint_steps",
            "synth_clips",
            "sounds_per_frame",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.batch_size % self.accumulate:
            raise ConfigError(
                f"batch_size {self.batch_size} cannot be split into {self.accumulate} equal micro-batches; "
                "change accumulate."
            )
        for name in (
            "learning_rate",
            "auxiliary_weight",
            "bce_weight",
            "weight_decay",
            "backbone_lr_scale",
            "jitter",
            "negative_share",
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
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a number of at least 0.")
        for name in ("jitter", "negative_share"):
            if getattr(self, name) > 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must lie in [0, 1].")
        if self.negative_share and self.loss == "dice" and not self.bce_weight:
            raise ConfigError(
                "negative_share adds clips with empty ground truth, on which Dice has no gradient: set "
                "bce_weight, for example to 1."
            )


@dataclass(frozen=True)
class Config:
    """One experiment: a model and how it is trained."""

    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        tpavi, auxiliary = self.model.architecture == "tpavi", self.train.auxiliary
        if auxiliary != "none" and tpavi != (auxiliary == "matching"):
            fitting = "matching" if tpavi else "intermediate, mixing"
            raise ConfigError(
                f"auxiliary is {auxiliary}, which {self.model.architecture} does not have: "
                f"choose {fitting} or none."
            )
        if auxiliary == "intermediate" and self.model.reformer == "none":
            raise ConfigError(
                "The intermediate mask loss needs a reformer: set reformer, or auxiliary to none."
            )
        if tpavi and self.train.sounds_per_frame > 1:
            raise ConfigError("tpavi hears a clip as a whole: set sounds_per_frame to 1.")

    def to_json(self) -> str:
        """Return the experiment as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2)


RENAMED_WEIGHTS = {"toy": "demo"}  # as cards and reports of earlier versions call them


@dataclass(frozen=True)
class Card:
    """What a set of weights is, for whoever looks at its masks; saved with the config in every checkpoint."""

    name: str
    weights: str = "trained"
    """demo (bundled, trained briefly on SynthAVS), composed (bundled, trained on compositions of photographs
    and recordings), released (by the authors), trained (by you) or random."""
    note: str = ""
    """One or two sentences: the training data, the length of training, the command."""
    classes: tuple[str, ...] = ()
    """Classes it was trained to segment; empty if not recorded."""
    limits: str = ""
    """What it does badly, in one sentence."""
    storage: str = ""
    """For floats stored in 16 bits: how, and what that changes in the masks; empty for float32."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", RENAMED_WEIGHTS.get(self.weights, self.weights))


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


def from_dict(kind: type[T], values: object) -> T:
    """Build a dataclass from plain JSON values; ConfigError for unknown fields and wrong types."""
    if not isinstance(values, dict):
        raise ConfigError(f"{kind.__name__} must be a JSON object, found {type(values).__name__}.")
    hints = typing.get_type_hints(kind)
    values = {RENAMED_FIELDS.get(k, str(k)): v for k, v in values.items() if k not in REMOVED_FIELDS}
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ConfigError(f"{kind.__name__} has no field {', '.join(unknown)}. Fields: {', '.join(hints)}.")
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(required - set(values)):
        raise ConfigError(f"{kind.__name__} lacks the field {', '.join(missing)}.")
    return kind(**{name: _coerce(f"{kind.__name__}.{name}", hints[name], v) for name, v in values.items()})


def read_record(kind: type[T], path: Path) -> T | None:
    """Return a dataclass that was saved as JSON, None without the file; ConfigError for a damaged one.

    A file is parsed once until it is written anew: whoever watches many jobs asks every second.
    """
    try:
        about = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(about.st_mode):  # a pipe would be waited for
        return None
    return _parsed_record(kind, path, about.st_ino, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1024)
def _parsed_record(kind: type[T], path: Path, _inode: int, _written: int, _size: int) -> T:
    try:
        return from_dict(kind, read_json(path))
    except (OSError, ValueError, ConfigError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path.name} is damaged: {reason}") from error


def _coerce(name: str, hint: Any, value: object) -> object:
    """Convert a JSON value to its field's type: lists become tuples, and whole numbers may be floats.

    Numbers must be finite, and whole ones exact as floats.
    """
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_dict(hint, value)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list | tuple):
        item = typing.get_args(hint)[0]
        if all(type(v) is item for v in value):
            return tuple(value)
    if origin is types.UnionType:  # with None
        (hint,) = (kind for kind in typing.get_args(hint) if kind is not type(None))
        return None if value is None else _coerce(name, hint, value)
    if isinstance(value, int | float) and not abs(value) < EXACT:
        raise ConfigError(f"{name} is {str(value)[:40]}; expected a number of usual size.")
    if isinstance(value, str):
        value = value.encode("utf-8", "replace").decode()  # without half characters, which JSON may hold
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if origin is Literal and isinstance(value, str):
        if value not in typing.get_args(hint):
            raise ConfigError(f"{name} is {value[:80]!r}; choose one of {', '.join(typing.get_args(hint))}.")
        return value
    if origin is None and type(value) is hint:
        return value
    raise ConfigError(f"{name} is {str(value)[:80]!r}; expected {getattr(hint, '__name__', hint)}.")


def _numbers(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _check_literals(config: ModelConfig | TrainConfig) -> None:
    hints = typing.get_type_hints(type(config))
    for f in fields(config):
        choices = typing.get_args(hints[f.name])
        if typing.get_origin(hints[f.name]) is Literal and getattr(config, f.name) not in choices:
            raise ConfigError(f"{f.name} is {getattr(config, f.name)!r}; choose one of {', '.join(choices)}.")
