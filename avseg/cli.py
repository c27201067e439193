"""What each command of the command line does; imports wait until a command needs them."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import tyro

from avseg.config import Config, ModelConfig, Task, TrainConfig
from avseg.errors import AvsegError, ConfigError
from avseg.presets import PRESETS, load_config


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

    from avseg.media.clip import read_clip
    from avseg.media.export import write_prediction
    from avseg.predict import SOUND_CHOICES, Predictor, audio_for, check_threshold

    if not clips:
        raise ConfigError("Name at least one clip.")
    check_threshold(threshold)  # what is wrong for every clip is said before the work
    if audio not in SOUND_CHOICES and not Path(audio).is_file():
        raise ConfigError(f"There is no sound {audio}: choose original, mute, noise or a file.")
    out.mkdir(parents=True, exist_ok=True)
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
    videos: bool = True,
    workers: int = 2,
) -> int:
    """Write SynthAVS clips in AVSBench's own folder format.

    Args:
        folder: Where to write; several splits may go into one folder.
        task: Which of the three formats and kinds of scene.
        clips: How many clips.
        split: Train and test differ in looks and scenes.
        seed: Every clip follows from (seed, split, index).
        videos: Write an mp4 of every clip beside its frames.
        workers: Processes that draw; what is written does not depend on their number.
    """
    from tqdm import tqdm

    from avseg.synthavs.dataset import SynthAVS
    from avseg.synthavs.writers import write

    if clips < 1:
        raise ConfigError(f"--clips is {clips}; give 1 or more.")
    dataset = SynthAVS(task, split, seed, clips)
    with tqdm(desc="clips", unit="clip", leave=False) as bar:
        write(dataset, folder, videos, _advance(bar), workers)
    print(f"{clips} {task} clips, split {split}, seed {seed}: {folder}")
    return 0


def check(
    data: tyro.conf.Positional[Path],
    task: Task | None = None,
    out: Path = Path("outputs/check"),
    workers: int = 2,
) -> int:
    """Check a folder of AVSBench, or one in its format: missing, damaged and odd files, labels, splits.

    Prints a summary and writes the whole report. The exit status is 1 when there is an error, 0 when there
    are notes only.

    Args:
        data: The folder that holds Single-source, Multi-sources or AVSS, or one of these.
        task: Which of them; all that are there if not given.
        out: Folder for report.json, report.csv and report.md; one folder per task when there are several.
        workers: Threads that read files.
    """
    from tqdm import tqdm

    from avseg.data.avsbench.check import check as run
    from avseg.data.avsbench.check import summary, write_report
    from avseg.data.avsbench.dataset import find_task, find_tasks

    tasks = [task] if task else [*find_tasks(data)] or [find_task(data)]
    errors = 0
    for name in tasks:
        with tqdm(desc=f"{name}: clips", unit="clip", leave=False) as bar:
            report = run(data, name, workers, _advance(bar))
        print(summary(report), end="\n\n")
        print(f"Report: {write_report(report, out / name if len(tasks) > 1 else out)}")
        errors += report.errors
    return 1 if errors else 0


def train_from(config: Config) -> Callable[..., int]:
    """Return the command `train`, whose flags --model.* and --train.* start at the values of a config."""

    def train(
        preset: tyro.conf.Positional[str],
        out: Path,
        data: str = "synth",
        resume: bool = False,
        device: str = "auto",
        workers: int = 1,
        start_from: Path | None = None,
        tensorboard: bool = False,
        model: ModelConfig = config.model,
        train: TrainConfig = config.train,
    ) -> int:
        """Train a model; every field of the config is a flag.

        Ctrl-C, or a file called `stop` in the run folder, ends the run after a checkpoint. Several processes:
        accelerate launch -m avseg train ...

        Args:
            preset: A preset's name (see `info`) or a JSON file of a config.
            out: The run folder.
            data: synth (SynthAVS, drawn while training), or a folder in AVSBench's layout.
            resume: Go on with the run in the folder; its number of epochs may be raised, which stretches a
                one-cycle schedule: the learning rate jumps up to where the longer cycle stands.
            device: auto, cpu or cuda.
            workers: Processes that prepare clips.
            start_from: A model file whose weights a new run begins with, as far as they fit.
            tensorboard: Write the events for tensorboard too.
            model: The architecture.
            train: How it is trained.
        """
        from avseg.training.trainer import train as run

        if load_config(preset) != config:  # the flags below would start at another preset's values
            raise ConfigError(f"Write the preset first: python -m avseg train {preset} --out {out} ...")
        experiment = Config(model, train)
        path = run(experiment, out, data, device, workers, resume, start_from, _command(), tensorboard)
        print(f"Model: {path}")
        return 0

    return train


def evaluate(
    model: str,
    out: Path,
    data: str = "synth",
    task: Task | None = None,
    split: str = "test",
    clips: int = 0,
    seed: int = 2026,
    f_batch: int = 4,
    robustness: bool = True,
    mute: bool = False,
    device: str = "auto",
    workers: int = 1,
    status: bool = False,
) -> int:
    """Measure a model and write OUT/report.json, clips.csv, classes.csv and summary.md.

    A model of 71 channels on avss data gets confusion.csv too. What each number means stands in
    avseg/evaluation/report.py. Works under `accelerate launch` too. A report that is there already stays
    until the new one is complete.

    Args:
        model: A bundled model's name or a .safetensors file.
        out: Folder of the report.
        data: The word `synth`, or a folder that holds AVSBench, or SynthAVS as `synth` writes it.
        task: Whose data; by default those of the model's task. Other data are measured as foreground.
        split: train, val or test; of AVSBench also val-leakfree and test-leakfree: no source video of train.
        clips: How many clips, drawn by the seed; 0 takes all of a folder, 200 of `synth`.
        seed: Of SynthAVS (training used others), of noise and of swapped sounds.
        f_batch: Clips per batch of the benchmark's F, whose value depends on it; the released tests take 4.
        robustness: Also try silence, noise and other sounds, up to seven passes instead of one.
        mute: Hear every clip in silence, for a model trained with --train.mute.
        device: auto, cpu, cuda, cuda:1 or mps.
        workers: Processes that read clips.
        status: Keep OUT/status.json up to date while it goes on, and end when a file OUT/stop appears.
    """
    from avseg.checkpoints import load_model
    from avseg.evaluation.evaluate import EvaluationOptions, process, process_device, sample_clips
    from avseg.evaluation.evaluate import evaluate as run
    from avseg.evaluation.folder import track_progress
    from avseg.evaluation.report import summary, write_evaluation
    from avseg.loaders import evaluation_clips

    if clips < 0:
        raise ConfigError(f"--clips is {clips}; give a number of clips, or 0 for all.")
    options = EvaluationOptions(seed, f_batch, robustness, mute, workers)
    with track_progress(out if status and process()[0] == 0 else None) as on_progress:
        measured = load_model(model, process_device(device))
        task = task or measured.config.task
        found = evaluation_clips(data, task, split, measured.config.image_size, clips, seed)
        chosen = sample_clips(found, clips, seed)
        out.mkdir(parents=True, exist_ok=True)  # a place that cannot be written to is said before the work
        evaluation = run(measured, found, chosen, options, _command(), on_progress)
        if process()[0] == 0:
            path = write_evaluation(evaluation, out)
            print(f"{summary(evaluation.report)}\nReport: {path}")
    return 0


def curve(runs: tyro.conf.Positional[tuple[Path, ...]], out: Path) -> int:
    """Draw loss and validation of training runs as a PNG.

    Args:
        runs: Run folders, or folders with an events.jsonl.
        out: The PNG file to write.
    """
    from avseg.training.curve import draw_curve

    if not runs:
        raise ConfigError("Name at least one run folder.")
    print(f"Curve: {draw_curve(runs, out)}")
    return 0


def what_if(
    clip: tyro.conf.Positional[Path],
    change: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    model: str = "tiny-ms3",
    out: Path = Path("outputs/what-if"),
    fps: float = 1.0,
    threshold: float = 0.5,
    device: str = "auto",
) -> int:
    """Change the sound or the model, and see what becomes of a clip's masks.

    Prints a line per frame and writes OUT/<clip>/comparison.json and strip.png (above before, below after).
    Without --change it lists what can be changed.

    Args:
        clip: A video file.
        change: mute, shift=2, decoder-head=3,1 and so on; several combine.
        model: A bundled model's name or a .safetensors file; see `info`.
        out: Folder that gets one folder per clip.
        fps: Frames per second to segment, 0.2 to 30.
        threshold: Probability above which a pixel is foreground (s4, ms3).
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from avseg.interventions.compare import compare, lines, write_comparison
    from avseg.interventions.run import INTERVENTIONS, read_change
    from avseg.interventions.run import what_if as run
    from avseg.media.clip import read_clip
    from avseg.predict import Predictor

    if not change:
        for row in INTERVENTIONS:
            values = ",".join(parameter.name.upper() for parameter in row.parameters)
            print(f"{row.name}={values}".removesuffix("="))
            print(f"  {row.sentence} {row.table}".rstrip())
        return 0
    changes = [read_change(words) for words in change]
    predictor, read = Predictor(model, device), read_clip(clip, fps)
    before = predictor.predict(read, threshold=threshold)
    after = run(predictor, read, changes, threshold)
    comparison = compare(before, after)
    print("\n".join(lines(comparison)))
    print(f"Written: {write_comparison(out / clip.stem, before, after, comparison, changes)}")
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
    from avseg.checkpoints import bundled_models, read_card

    print("Models (--model NAME):")
    for name, path in bundled_models().items():
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


def commands(arguments: list[str]) -> tuple[Callable[..., int], ...]:
    """Return all commands; the flags of `train` start at the config that is named in the arguments."""
    return (
        predict,
        what_if,
        synth,
        check,
        train_from(_named_config(arguments)),
        evaluate,
        curve,
        import_weights,
        info,
    )


def _named_config(arguments: list[str]) -> Config:
    """Return the config that stands right behind the word train, else the defaults."""
    named = arguments[:1] == ["train"] and len(arguments) > 1 and not arguments[1].startswith("-")
    return load_config(arguments[1]) if named else Config()
