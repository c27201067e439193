"""The command `bench`: what it measures, and its tables."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from avseg.bench.measure import Seconds, matmul_peak
from avseg.bench.models import (
    PLAIN,
    ModelSpeed,
    Pair,
    clips_of,
    evaluation_speed,
    model_speed,
    training_speed,
)
from avseg.bench.program import data_speed, start_speed
from avseg.checkpoints import CLIPS
from avseg.devices import choose_device
from avseg.errors import ConfigError
from avseg.files import atomic_write, visible
from avseg.presets import PRESETS
from avseg.runtime.choice import processor

ROOT = Path(__file__).parents[2]
PARTS = ("backbone", "audio", "encoder", "decoder", "head", "intermediate", "other")


@dataclass(frozen=True)
class Bench:
    """All that was measured in one run."""

    processor: str
    threads: int
    torch: str
    peaks: dict[str, float]  # GFLOP/s of matrix products, by device and precision
    models: tuple[ModelSpeed, ...]
    pairs: tuple[Pair, ...]  # training and evaluation
    others: dict[str, Seconds]  # data and start


def run(
    models: Sequence[str],
    devices: Sequence[str],
    precisions: Sequence[str],
    clips: Sequence[Path],
    frames: int,
    repeats: int,
    train: Sequence[str],
    evaluation: bool,
    data: bool,
    start: bool,
) -> Bench:
    """Measure and return what was asked for; raises ConfigError before any work."""
    if repeats < 1 or frames < 1:
        raise ConfigError("--repeats and --frames must be at least 1.")
    if unknown := [name for name in train if name not in PRESETS]:
        raise ConfigError(f"{unknown[0]} is not a preset. Presets: {', '.join(PRESETS)}.")
    chosen = [choose_device(name) for name in devices]
    read = clips_of(clips or visible(CLIPS.glob("*.mp4")), frames) if models else []
    if models and not read:
        raise ConfigError(f"No clip has {frames} frames at one per second: name others with --clip.")
    peaks, speeds, pairs, others = {}, [], [], {}
    for device in chosen:
        for dtype in (torch.float32, torch.bfloat16):
            peaks[f"{device} {str(dtype).removeprefix('torch.')}"] = matmul_peak(dtype, device)
        for name in models:
            speeds.append(model_speed(name, read, precisions, device, repeats))
            if evaluation:
                pairs.append(evaluation_speed(name, device, repeats))
        for name in train:
            config = PRESETS[name]
            model = replace(config.model, dropout=0.0, drop_path=0.0)  # both steps the same
            pairs.append(training_speed(replace(config, model=model), name, device, repeats))
    if data:
        others |= data_speed(clips[0] if clips else visible(CLIPS.glob("*.mp4"))[0], repeats)
    if start:
        others |= start_speed(ROOT, repeats)
    return Bench(
        processor=processor(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        peaks=peaks,
        models=tuple(speeds),
        pairs=tuple(pairs),
        others=others,
    )


def write_json(bench: Bench, path: Path) -> None:
    """Write everything, every single turn too."""
    with atomic_write(path) as file:
        file.write_text(json.dumps(asdict(bench), indent=1), encoding="utf-8")


def tables(bench: Bench) -> str:
    """Return the results as Markdown."""
    peaks = ", ".join(f"{name} {value:,.0f}" for name, value in bench.peaks.items())
    lines = [f"{bench.processor}, {bench.threads} threads, torch {bench.torch}."]
    lines += [f"Matrix products, GFLOP/s: {peaks}.", ""]
    if bench.models:
        lines += [*_paths(bench), "", *_shares(bench.models), ""]
    if bench.pairs:
        rows = [
            (pair.what, _seconds(pair.plain), _seconds(pair.ours), f"{pair.ratio:.2f}")
            for pair in bench.pairs
        ]
        lines += [*_table(("work", "plain", "ours", "ratio"), rows), ""]
    if bench.others:
        rows = [(name, _seconds(seconds)) for name, seconds in bench.others.items()]
        lines += [*_table(("work", "median"), rows), ""]
    return "\n".join(lines).rstrip()


def _paths(bench: Bench) -> list[str]:
    heads = ("model", "path", "clip", "clips/s", "ratio", "memory", "GFLOP", "of peak", "IoU", "bfloat16")
    rows = []
    for model in bench.models:
        for path in model.paths:
            work = model.gflop_plain if path.path == PLAIN else model.gflop
            peak = bench.peaks[f"{model.device} {'bfloat16' if path.reduced else 'float32'}"]
            about = f"{model.weights}, {model.size} px, {model.frames} frames, {model.device}"
            rows.append(
                (
                    f"{model.model} ({about})",
                    path.path,
                    _seconds(path.seconds),
                    f"{1 / path.seconds.median:.2f}",
                    f"{path.ratio:.2f}",
                    "" if path.memory is None else f"{path.memory / 1e6:,.0f} MB",
                    f"{work:,.0f}",
                    f"{work / path.seconds.median / peak:.0%}",
                    f"{path.iou:.4f}",
                    ", ".join(path.reduced),
                )
            )
    return _table(heads, rows)


def _shares(models: Iterable[ModelSpeed]) -> list[str]:
    rows = [
        (model.model, path.path, *(f"{path.parts[part]:.0%}" for part in PARTS))
        for model in models
        for path in model.paths
    ]
    return _table(("share of the time", "path", *PARTS), rows)


def _seconds(seconds: Seconds) -> str:
    value = f"{seconds.median:.2f} s" if seconds.median >= 1 else f"{seconds.median * 1e3:.0f} ms"
    return f"{value} ± {seconds.spread:.0%}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
