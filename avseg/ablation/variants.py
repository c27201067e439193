"""The rows of an ablation study: how each differs from the default row, and what the paper measured."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from avseg.config import ONLY_AVSEGFORMER, Config
from avseg.errors import ConfigError
from avseg.presets import PRETRAINED

DEFAULT = "default"
PAPER_QUERIES = (1, 100, 200)  # of Table 2 (a), whose default is 300
EQUAL_QUERIES = (
    "Without learnable queries all queries are equal at evaluation, so their number has no effect here."
)
ONE_TOKEN = (
    "Each frame has one audio token, over which the softmax is 1: the mixer adds the same vector to every "
    "pixel, and its queries and keys receive no gradient."
)
WHOLE_CLIPS = (
    "AVSBench's baseline. Its frames attend to each other, so it is trained on whole clips, and on as many "
    "frames as the other rows where these see a few frames of each clip."
)
OWN_LOSS = " It has its own loss, that of AVSBench."
SAME_LOSS = (
    " It has the mask loss of the default row: with its own, cross-entropy alone, it marks nothing after few "
    "steps."
)
NO_SOUND = "Trained and evaluated in silence."

Published = Mapping[str, tuple[float, float]]
"""mIoU and F in % by task: AVSegFormer with PVTv2, arXiv:2307.01146v1, Table 2."""

TABLE_2: Mapping[str, Published] = {
    DEFAULT: {"s4": (82.0, 89.9), "ms3": (58.3, 69.3)},
    "queries-1": {"s4": (81.1, 88.6), "ms3": (57.1, 67.7)},
    "queries-100": {"s4": (81.4, 88.9), "ms3": (57.5, 68.2)},
    "queries-200": {"s4": (81.9, 89.6), "ms3": (58.0, 68.4)},
    "learnable-queries-off": {"s4": (81.8, 89.6), "ms3": (57.2, 67.9)},
    "mixer-none": {"s4": (81.4, 89.0), "ms3": (57.4, 67.9)},
    "mixer-cross": {"s4": (81.7, 89.7), "ms3": (57.8, 68.2)},
    "mixer-channel": {"s4": (82.0, 89.9), "ms3": (58.3, 69.3)},
    "reformer-none": {"s4": (81.1, 88.4), "ms3": (57.3, 68.3)},
    "reformer-attention": {"s4": (81.7, 89.6), "ms3": (57.9, 68.8)},
    "reformer-query": {"s4": (82.0, 89.9), "ms3": (58.3, 69.3)},
}


@dataclass(frozen=True)
class Variant:
    """One row: the default config with some fields changed."""

    name: str
    """Of its folder, and of the flag that chooses it."""
    group: str
    """What is varied: a part of Table 2, or what it lacks."""
    title: str
    config: Config
    note: str = ""
    """Why the row cannot have the effect that one might expect of it."""
    published: Published = field(default_factory=dict)

    @property
    def muted(self) -> bool:
        """Whether it is trained, and therefore evaluated, in silence."""
        return self.config.train.mute


def variants(config: Config) -> tuple[Variant, ...]:
    """Return the default row, `config` itself, and every row that differs from it, in table order."""
    rows = [Variant(DEFAULT, "default", "default", config)]
    for name, group, title, model, train, note in _rows(config):
        changed = Config(replace(config.model, **model), replace(config.train, **train))
        if changed != config:
            rows.append(Variant(name, group, title, changed, note))
    if (config.model.backbone, config.model.queries) != ("pvt_v2_b5", 300):  # what Table 2 measured
        return tuple(rows)
    return tuple(replace(row, published=TABLE_2.get(row.name, {})) for row in rows)


def choose(rows: tuple[Variant, ...], names: Iterable[str]) -> tuple[Variant, ...]:
    """Return the rows of these names or groups, and always the default row; all without a name.

    Raises ConfigError for an unknown name.
    """
    wanted = set(names)
    known = {row.name for row in rows} | {row.group for row in rows}
    if unknown := sorted(wanted - known):
        raise ConfigError(
            f"This preset has no row {', '.join(unknown)}. Rows: {', '.join(row.name for row in rows)}; "
            f"groups: {', '.join(dict.fromkeys(row.group for row in rows))}."
        )
    return tuple(r for r in rows if not wanted or r.name == DEFAULT or {r.name, r.group} & wanted)


Change = tuple[str, str, str, dict[str, Any], dict[str, Any], str]


def _rows(config: Config) -> Iterator[Change]:
    """Yield name, group, title, changes of model and training, and note of all rows but the default."""
    m, c = config.model, config.train
    counts = PAPER_QUERIES if m.queries == 300 else sorted({1, max(1, m.queries // 4)})
    for count in counts:
        note = "" if m.learnable_queries else EQUAL_QUERIES
        title = f"{count} queries" if count > 1 else "one query"
        yield f"queries-{count}", "queries", title, {"queries": count}, {}, note
    yield (
        *("learnable-queries-off", "learnable-queries", "no learnable queries"),
        *({"learnable_queries": False}, {}, EQUAL_QUERIES),
    )
    titles = {
        "none": "no mixer",
        "cross": "cross-attention mixer",
        "channel": "channel mixer",
        "gated": "gated mixer",
    }
    for kind, title in titles.items():
        yield f"mixer-{kind}", "mixer", title, {"mixer": kind}, {}, ONE_TOKEN if kind == "cross" else ""
    for kind, title in (
        ("none", "no intermediate masks"),
        ("attention", "attention reformer"),
        ("query", "query reformer"),
    ):
        auxiliary = "none" if kind == "none" else "intermediate"
        yield f"reformer-{kind}", "reformer", title, {"reformer": kind}, {"auxiliary": auxiliary}, ""
    if c.auxiliary != "none":
        for weight in (0.01, 1.0):
            title = f"auxiliary loss weighted by {weight:g}"
            yield f"lambda-{weight:g}", "lambda", title, {}, {"auxiliary_weight": weight}, ""
    for count in sorted({1, m.decoder_layers // 2} - {0}):
        title = f"{count} decoder layer" + "s" * (count > 1)
        yield f"decoder-{count}", "layers", title, {"decoder_layers": count}, {}, ""
    yield "encoder-0", "layers", "no encoder layers", {"encoder_layers": 0}, {}, ""
    others = {"pvt_v2_b5": ("resnet50", "tv_in1k"), "resnet50": ("pvt_v2_b5", "in1k")}
    if m.backbone in others:
        name, tag = others[m.backbone]
        weights = f"{name}.{tag}" if c.backbone_weights else ""
        yield f"backbone-{name}", "backbone", name, {"backbone": name}, {"backbone_weights": weights}, ""
    if m.architecture != "tpavi":
        loss = OWN_LOSS if m.backbone in PRETRAINED else SAME_LOSS
        yield "tpavi", "architecture", "TPAVI", *_tpavi(config), WHOLE_CLIPS + loss
    yield "no-sound", "sound", "no sound", {}, {"mute": True}, NO_SOUND


def _tpavi(config: Config) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the changes that make a config of AVSegFormer one of TPAVI."""
    c, task = config.train, config.model.task
    released = config.model.backbone in PRETRAINED
    model = {**ONLY_AVSEGFORMER, "architecture": "tpavi"}
    own_loss = {"loss": "cross_entropy", "bce_weight": 0.0} if released else {}
    train = own_loss | {
        "auxiliary": "none" if task == "s4" else "matching",
        "auxiliary_weight": {"s4": 0.0, "ms3": 10.0 if released else 0.5, "avss": 0.5}[task],
        "sounds_per_frame": 1,
    }
    if c.frames_per_clip:
        share = c.frames_per_clip / (10 if task == "avss" else 5)
        batch = max(1, round(c.batch_size * share))
        clips = round(c.synth_clips * share)
        train |= {"frames_per_clip": 0, "batch_size": batch, "accumulate": 1, "synth_clips": clips}
    return model, train


def changed_fields(variant: Variant, default: Config) -> dict[str, object]:
    """Return the fields in which a row differs from the default config, by `model.NAME` or `train.NAME`."""
    return {
        f"{part}.{f.name}": getattr(getattr(variant.config, part), f.name)
        for part in ("model", "train")
        for f in fields(getattr(default, part))
        if getattr(getattr(variant.config, part), f.name) != getattr(getattr(default, part), f.name)
    }
