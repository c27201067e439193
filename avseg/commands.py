"""What each command of the command line does; imports wait until a command needs them."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import tyro

from avseg.config import PRESETS, load_config
from avseg.errors import AvsegError, ConfigError

Task = Literal["s4", "ms3", "avss"]


def predict(
    clips: tyro.conf.Positional[tuple[Path, ...]],
    model: str = "tiny-ms3",
    out: Path = Path("outputs"),
    fps: float = 1.0,
    threshold: float = 0.5,
    device: str = "auto",
    audio: str = "original",
) -> int:
    """Segment what sounds in one or more clips.

    Writes OUT/<clip>/overlay.mp4, masks/0001.png ... and prediction.json. A clip that cannot be read does not
    stop the others; the exit status is then 1.

    Args:
        clips: Video files.
        model: A bundled model's name or a .safetensors file; see `info`.
        out: Folder that gets one folder per clip.
        fps: Frames per second to segment, 0.2 to 30. 1 uses the released windows of AVSBench.
        threshold: Probability above which a pixel is foreground (s4, ms3).
        device: auto, cpu, cuda, cuda:1 or mps.
        audio: original, mute, noise, or a file whose sound is heard instead.
    """
    from tqdm import tqdm

    from avseg.clip import read_clip
    from avseg.export import write_prediction
    from avseg.predict import SOUND_CHOICES, Predictor, audio_for

    if not clips:
        raise ConfigError("Name at least one clip.")
    predictor, failed = Predictor(model, device), []
    heard = audio if audio in SOUND_CHOICES else Path(audio).name
    for path, folder in zip(clips, _folders(clips, out)):
        try:
            clip = read_clip(path, fps)
            with tqdm(total=len(clip.frames), desc=f"{path.name}: frames", unit="frame", leave=False) as bar:
                sound = audio_for(audio, clip)
                prediction = predictor.predict(clip, sound, threshold, _advance(bar), heard)
            with tqdm(desc=f"{path.name}: writing", unit="picture", leave=False) as bar:
                written = write_prediction(prediction, folder, on_progress=_advance(bar))
        except AvsegError as error:
            failed.append(f"{path}: {error}")
            continue
        seconds = written.seconds
        print(
            f"{folder}: {len(clip.frames)} frames, {prediction.foreground.mean():.1%} foreground; decode "
            f"{seconds.decode:.2f} s, model {seconds.model:.2f} s, write {seconds.write:.2f} s"
        )
        for notice in clip.notices:
            print(f"  {notice}")
    for line in failed:
        print(f"avseg: {line}", file=sys.stderr)
    return 1 if failed else 0


def _folders(clips: tuple[Path, ...], out: Path) -> list[Path]:
    """Return one folder per clip, named by its stem; clips of one stem are numbered."""
    folders: list[Path] = []
    for clip in clips:
        name, number = clip.stem, 1
        while out / name in folders:
            number += 1
            name = f"{clip.stem}-{number}"
        folders.append(out / name)
    return folders


def _advance(bar: object) -> Callable[[int, int], None]:
    def advance(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return advance


def synth(
    folder: tyro.conf.Positional[Path],
    task: Task = "ms3",
    clips: int = 20,
    split: Literal["train", "val", "test"] = "train",
    seed: int = 0,
) -> int:
    """Write SynthAVS clips in AVSBench's own folder format.

    Args:
        folder: Where to write; several splits may go into one folder.
        task: Which of the three formats and kinds of scene.
        clips: How many clips.
        split: Train and test differ in looks and scenes.
        seed: Every clip follows from (seed, split, index).
    """
    from avseg.data.synth.dataset import SynthAVS, write

    write(SynthAVS(task, split, seed, clips), folder)
    print(f"{clips} {task} clips, split {split}, seed {seed}: {folder}")
    return 0


def train(
    preset: tyro.conf.Positional[str],
    out: Path,
    data: str = "synth",
    device: str = "auto",
    workers: int = 1,
    start_from: Path | None = None,
) -> int:
    """Train a model.

    Args:
        preset: A preset's name (see `info`) or a JSON file of a config.
        out: A new folder for the run: config.json, events.jsonl, last.safetensors.
        data: Only `synth` for now: SynthAVS, drawn while training.
        device: auto, cpu, cuda, cuda:1 or mps.
        workers: Processes that draw clips.
        start_from: A model file whose weights to begin with; the preset must describe the same model.
    """
    from avseg.predict import choose_device
    from avseg.train import train as run

    if data != "synth":
        raise ConfigError(f"Training on {data!r} is not possible yet; use --data synth.")
    path = run(load_config(preset), out, str(choose_device(device)), workers, _command(), start_from)
    print(f"Model: {path}")
    return 0


def evaluate(
    model: str,
    out: Path,
    data: str = "synth",
    clips: int = 200,
    seed: int = 2026,
    split: Literal["val", "test"] = "test",
    device: str = "auto",
) -> int:
    """Measure a model and write OUT/report.json.

    Args:
        model: A bundled model's name or a .safetensors file.
        out: Folder of the report.
        data: Only `synth` for now.
        clips: How many SynthAVS clips.
        seed: Seed of the clips; training used others.
        split: Test looks differ from those of training.
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from avseg.checkpoints import load_model
    from avseg.evaluate import evaluate as run
    from avseg.evaluate import write_report
    from avseg.predict import choose_device

    if data != "synth":
        raise ConfigError(f"Evaluation on {data!r} is not possible yet; use --data synth.")
    report = run(load_model(model, choose_device(device)), seed, clips, split, _command())
    path = write_report(report, out)
    print(path.read_text(), end="")
    return 0


def import_weights(file: tyro.conf.Positional[Path], out: Path, task: Task | None = None) -> int:
    """Turn a released AVSegFormer .pth file into a model file of ours.

    Edition, backbone and task are read from the file's keys and shapes.

    Args:
        file: The authors' .pth file; it is read as plain weights only.
        out: The .safetensors file to write.
        task: S4 and MS3 models look alike; say which it is (default s4).
    """
    from avseg.checkpoints import import_weights as run

    imported = run(file, out, task)
    c = imported.config
    print(
        f"{out}: edition {c.edition}, backbone {c.backbone}, task {c.task}, {len(imported.weights)} tensors"
    )
    if c.task == "s4" and task is None:
        print("  Models of S4 and MS3 look alike; this one is noted as s4 (--task ms3 if it is not).")
    if imported.dropped:
        print(
            f"  left out, unused by the model: {len(imported.dropped)} tensors, {_groups(imported.dropped)}"
        )
    return 0


def _groups(names: tuple[str, ...]) -> str:
    """Return the second-level prefixes of released names, for example head.fpn."""
    return ", ".join(sorted({".".join(name.split(".")[:2]) for name in names}))


def info() -> int:
    """List the models and the presets there are."""
    from avseg.checkpoints import list_models, read_card

    print("Models (--model NAME):")
    for name, path in list_models().items():
        config, card = read_card(path)
        print(f"  {name:12} {card.weights} weights, {config.task}, {config.backbone}, {config.image_size} px")
        print(f"  {'':12} {card.note}")
    print("Presets (train NAME):")
    for name, preset in PRESETS.items():
        c, t = preset.model, preset.train
        print(
            f"  {name:20} {c.backbone}, {c.image_size} px, mixer {c.mixer}, reformer {c.reformer}, "
            f"loss {t.loss} + {t.auxiliary}, {t.epochs} epochs, batch {t.batch_size}"
        )
    return 0


def _command() -> str:
    return shlex.join(["python", "-m", "avseg", *sys.argv[1:]])


COMMANDS = (predict, synth, train, evaluate, import_weights, info)
