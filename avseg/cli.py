"""The commands of the command line; heavy imports wait until a command needs them."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from avseg.ablation.command import ablate_from
from avseg.config import Config, ModelConfig, Storage, Task, TrainConfig
from avseg.data.conversion.command import convert
from avseg.errors import AvsegError, ConfigError, WriteError
from avseg.figures.command import figure
from avseg.interpret_commands import attribute, embed, patch
from avseg.presets import PRESETS, check_first, load_config
from avseg.processes import command_line, process, process_device, together
from avseg.share.command import share
from avseg.weights_command import weights

Precision = Literal["auto", "exact", "fast"]  # of avseg.devices, which imports torch

if TYPE_CHECKING:
    from avseg.pipeline import Outcome
    from avseg.prediction import Prediction


def predict(
    clips: tyro.conf.Positional[tuple[Path, ...]],
    model: str = "",
    out: Path = Path("outputs"),
    fps: float = 1.0,
    start: float = 0.0,
    end: float | None = None,
    threshold: float = 0.5,
    device: str = "auto",
    audio: str = "original",
    frames: bool = False,
    letterbox: bool = False,
    precision: Precision = "auto",
    compile: bool = False,
) -> int:
    """Segment the sounding objects of one or more clips.

    Writes OUT/<clip>/overlay.mp4, masks/0001.png ... and prediction.json. If a clip cannot be read, the
    others are still segmented and the exit status is 1.

    Args:
        clips: Video files.
        model: Name or .safetensors file, see `info`; by default small-real, tiny-ms3 for bundled drawn clips.
        out: Folder that gets one folder per clip.
        fps: Frames per second to segment, 0.2 to 30. At 1, audio windows are those of AVSBench.
        start: Where the range to segment begins, in seconds.
        end: Where it ends, in seconds; by default after 60 s or with the clip.
        threshold: Probability above which a pixel is foreground (s4, ms3).
        device: auto, cpu, cuda, cuda:1 or mps.
        audio: original, left or right channel, mute, noise, or a file whose sound replaces it.
        frames: Also write the frames without masks, OUT/<clip>/frames/0001.jpg and so on.
        letterbox: Pad frames to a square, which keeps their aspect; the released code stretches them to one.
        precision: exact (float32), fast (bfloat16 where faster), or auto: fast for large models.
        compile: Use torch.compile: minutes at the first clip, for many clips on a GPU.
    """
    from functools import partial

    from tqdm import tqdm

    from avseg.checkpoints import find_model, recommended_model
    from avseg.cost import load_with_cost
    from avseg.files import make_folder
    from avseg.media.clip import Clip, check_rate, read_clip, read_range
    from avseg.media.export import Written, write_prediction
    from avseg.pipeline import predict_clips
    from avseg.predict import SOUND_CHOICES, OnStart, audio_for
    from avseg.prediction import check_threshold

    if not clips:
        raise ConfigError("Name at least one clip.")
    check_rate(fps)  # report what is wrong for every clip before any work
    begin, length = read_range(start, end)
    check_threshold(threshold)
    if audio not in SOUND_CHOICES and not Path(audio).is_file():
        raise ConfigError(f"--audio is {audio}; choose {', '.join(SOUND_CHOICES)} or an existing file.")
    make_folder(out)
    rank, world = process()
    named = {clip: model or recommended_model(clip) for clip in clips[rank::world]}
    chosen, options = process_device(device), {"letterbox": letterbox, "compile": compile}
    predictors = {
        name: load_with_cost(find_model(name), chosen, precision, **options) for name in set(named.values())
    }
    audio_name = audio if audio in SOUND_CHOICES else Path(audio).name

    def segment(path: Path, clip: Clip, on_start: OnStart) -> "Prediction":
        sound, options = audio_for(audio, clip), {"audio": audio_name, "on_start": on_start}
        return predictors[named[path]].predict(clip, sound, threshold, measure_mute=True, **options)

    def write(prediction: "Prediction", folder: Path) -> Written:
        # Its first pictures wait for their masks: one bar for both.
        with tqdm(desc=prediction.clip.name, unit="picture", leave=False) as bar:
            return write_prediction(prediction, folder, on_progress=_advance(bar), frames=frames)

    share, folders = clips[rank::world], _folders(clips, out)[rank::world]
    failed = []
    read = partial(read_clip, fps=fps, start=begin, seconds=length)
    for outcome in predict_clips(share, folders, read, segment, write):
        if outcome.error is not None:
            of_clip = "" if isinstance(outcome.error, WriteError) else f"{outcome.path}: "
            failed.append(f"{of_clip}{outcome.error}")
            if isinstance(outcome.error, WriteError):  # the next clips could not be written either
                break
        else:
            tqdm.write(_said(outcome))
    failed = together(failed)
    for line in failed if rank == 0 else ():
        print(f"avseg: {line}", file=sys.stderr)
    return 1 if failed else 0


def _said(outcome: "Outcome") -> str:
    """Return what `predict` prints of a clip that was written."""
    prediction, written = outcome.prediction, outcome.written
    assert prediction is not None and written is not None
    seconds, count = written.seconds, len(prediction.labels)
    lines = [
        f"{written.folder}: {prediction.model}, {count} frames, {prediction.foreground.mean():.1%} "
        f"foreground{_mute_change(prediction)}; decode {seconds.decode:.2f} s, model {seconds.model:.2f} s, "
        f"write {seconds.write:.2f} s",
        *(f"  {notice}" for notice in prediction.clip.notices),
    ]
    return "\n".join(lines)


def _mute_change(prediction: "Prediction") -> str:
    if prediction.mute_change is None:
        return ""
    return f", of which muting changes {prediction.mute_change:.0%}"


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
    """Write SynthAVS clips in the folder format of AVSBench.

    Args:
        folder: Output folder; several splits may share one folder.
        task: Format and kind of scene.
        clips: Number of clips.
        split: Train, val and test differ in appearance and scenes.
        seed: Every clip is determined by (seed, split, index).
        videos: Also write an mp4 of every clip.
        workers: Processes; the output does not depend on their number.
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


def compose(
    folder: tyro.conf.Positional[Path],
    images: Path,
    masks: Path,
    sounds: Path,
    backgrounds: Path | None = None,
    index: Path | None = None,
    takes: int = 2,
    clips: int = 0,
    task: Task = "ms3",
    split: Literal["train", "val", "test"] = "train",
    seed: int = 0,
    size: int = 224,
    workers: int = 2,
) -> int:
    """Compose training clips from photographs with masks and recordings by class.

    Writes FOLDER/compose.json: `--data FOLDER` of train and evaluate then generates clips on demand, split by
    original photograph and recording. With --clips, also writes that many clips in AVSBench's folder format.

    Args:
        folder: Output folder.
        images: Folder of photographs.
        masks: Folder with a folder of PNG masks per class, named as the photographs, or COCO's instances.
        sounds: Folder with a folder of recordings per class.
        backgrounds: Folder of pictures without an object that sounds, behind pasted objects.
        index: CSV table with the columns file and original; by default index.csv beside the images.
        takes: Training clips that share a view and differ in their audio.
        clips: Number of clips to write; 0 writes only the recipe.
        task: Format of written clips.
        split: Split of written clips.
        seed: Every clip is determined by (seed, split, index).
        size: Height and width of written frames, in pixels.
        workers: Processes that write clips.
    """
    from functools import partial

    from tqdm import tqdm

    from avseg.compose.dataset import generate
    from avseg.compose.recipe import Recipe, compositions, write_recipe
    from avseg.data.avsbench.write import write_split

    if clips < 0 or takes < 1 or size < 32:
        raise ConfigError("--clips cannot be negative, --takes must be at least 1 and --size at least 32.")
    sources = [str(path.absolute()) if path else "" for path in (images, masks, sounds, backgrounds, index)]
    print(f"Recipe: {write_recipe(folder, Recipe(*sources, takes=takes))}")
    for name in ("train", "val", "test"):
        part = compositions(folder, task, name, seed, 0, size).chosen
        print(
            f"{name}: {len(part.photos)} photographs and {len(part.recordings)} recordings, "
            f"{len(part.sounding)} classes with both"
        )
    if clips:
        dataset = compositions(folder, task, split, seed, clips, size)
        with tqdm(desc="clips", unit="clip", leave=False) as bar:
            make = partial(generate, dataset)
            path = write_split(task, split, folder, clips, make, _advance(bar), workers)
        print(f"{clips} {task} clips, split {split}, seed {seed}: {path}")
    return 0


def check(
    data: tyro.conf.Positional[Path],
    task: Task | None = None,
    out: Path = Path("outputs/check"),
    workers: int = 2,
) -> int:
    """Check an AVSBench folder, or one in its format, for missing, damaged and unusual files.

    Prints a summary and writes the full report. The exit status is 1 if there are errors, 0 if there are only
    notes.

    Args:
        data: The folder that contains Single-source, Multi-sources or AVSS, or one of these.
        task: Which of them; by default all that exist.
        out: Folder for report.json, report.csv and report.md; one folder per task if there are several.
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
    """Return the command `train`, whose flags --model.* and --train.* default to the values of a config."""

    def train(
        preset: tyro.conf.Positional[str],
        out: Path,
        data: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
        resume: bool = False,
        device: str = "auto",
        workers: int = 1,
        start_from: Path | None = None,
        tensorboard: bool = False,
        trackio: bool = False,
        model: ModelConfig = config.model,
        train: TrainConfig = config.train,
    ) -> int:
        """Train a model; every field of the config is a flag.

        Ctrl-C, or a file named `stop` in the run folder, ends the run after a checkpoint. Several processes:
        accelerate launch -m avseg train ...

        Args:
            preset: A preset (see `info`) or a JSON file with a config.
            out: The run folder.
            data: synth (the default: SynthAVS, generated during training), or a folder in AVSBench's format;
                repeat the flag for several.
            resume: Continue the run in the folder. More epochs stretch a one-cycle schedule: the learning
                rate jumps to its value in the longer cycle.
            device: auto, cpu, cuda, cuda:1 or mps.
            workers: Data-loading processes.
            start_from: A checkpoint to initialise a new run from, as far as its weights fit.
            tensorboard: Also write TensorBoard events.
            trackio: Also write to Trackio's project avseg on this machine.
            model: The architecture.
            train: The settings of training.
        """
        from avseg.loaders import join_data
        from avseg.training.trainer import train as run

        check_first(preset, config, "train", out)
        experiment = Config(model, train)
        sinks = {"tensorboard": tensorboard, "trackio": trackio}
        path = run(
            experiment, out, join_data(data), device, workers, resume, start_from, command_line(), **sinks
        )
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
    f_batch: int | None = None,
    robustness: bool = True,
    mute: bool = False,
    device: str = "auto",
    precision: Precision = "exact",
    workers: int = 1,
    status: bool = False,
) -> int:
    """Evaluate a model and write OUT/report.json, clips.csv, classes.csv and summary.md.

    A model with 71 channels on avss data also gets confusion.csv. avseg/evaluation/report.py defines every
    number. Several processes: accelerate launch -m avseg evaluate ... An existing report is replaced once the
    new one is complete.

    Args:
        model: A model's name or a .safetensors file.
        out: Folder of the report.
        data: synth, or a folder with AVSBench or with SynthAVS as written by `synth`.
        task: Task of the data; by default the model's. With another one, the foreground is evaluated.
        split: train, val or test; for AVSBench also val-leakfree, test-leakfree (no source video of train).
        clips: Number of clips, sampled by the seed; 0 uses all of a folder, or 200 of synth.
        seed: Seed of SynthAVS (training uses others), of noise and of swapped sounds.
        f_batch: Clips per batch of the benchmark's F; by default 2 for S4 and MS3 of aug2023, otherwise 4.
        robustness: Also evaluate with silence, noise and other sounds, up to seven passes instead of one.
        mute: Evaluate every clip in silence, for a model trained with --train.mute.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: exact (float32), fast (bfloat16 where faster), or auto: fast for large models.
        workers: Data-loading processes.
        status: Keep OUT/status.json up to date during the evaluation, and stop when a file OUT/stop appears.
    """
    from avseg.checkpoints import load_model
    from avseg.evaluation.evaluate import EvaluationOptions, sample_clips
    from avseg.evaluation.evaluate import evaluate as run
    from avseg.evaluation.floors import PRIOR_CLIPS
    from avseg.evaluation.folder import track_progress
    from avseg.evaluation.report import summary, write_evaluation
    from avseg.files import make_folder
    from avseg.loaders import evaluation_clips

    if clips < 0:
        raise ConfigError(f"--clips is {clips}; give a number of clips, or 0 for all.")
    options = EvaluationOptions(seed, f_batch, robustness, mute, workers, precision)
    main_process = process()[0] == 0
    with track_progress(out if status and main_process else None) as on_progress:
        network = load_model(model, process_device(device))
        task = task or network.config.task
        dataset = evaluation_clips(data, task, split, network.config.image_size, clips, seed)
        indices = sample_clips(dataset, clips, seed)
        make_folder(out)  # fail before the work if it cannot be written
        training = None
        with suppress(AvsegError):  # not all data have a training split
            training = evaluation_clips(data, task, "train", network.config.image_size, PRIOR_CLIPS, seed)
        evaluation = run(network, dataset, indices, options, command_line(), on_progress, training)
        if main_process:
            path = write_evaluation(evaluation, out)
            print(f"{summary(evaluation.report)}\nReport: {path}")
    return 0


def curve(runs: tyro.conf.Positional[tuple[Path, ...]], out: Path) -> int:
    """Plot loss and validation of training runs as a PNG.

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
    clip: tyro.conf.Positional[Path | None] = None,
    change: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    model: str = "",
    out: Path = Path("outputs/what-if"),
    fps: float = 1.0,
    threshold: float = 0.5,
    device: str = "auto",
    precision: Precision = "auto",
    video: bool = False,
) -> int:
    """Change the sound or the model, and compare a clip's masks before and after.

    Prints a line per frame and writes OUT/<clip>/comparison.json and strip.png (before above, after below).
    Without --change it lists the interventions.

    Args:
        clip: A video file.
        change: mute, shift=2, decoder-head=3,1 and so on; repeat the flag to combine several.
        model: Name or .safetensors file, see `info`; by default small-real, tiny-ms3 for bundled drawn clips.
        out: Folder that gets one folder per clip.
        fps: Frames per second to segment, 0.2 to 30.
        threshold: Probability above which a pixel is foreground (s4, ms3).
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: exact (float32), fast (bfloat16 where faster), or auto: fast for large models.
        video: Also write side-by-side.mp4, with the changed sound, and .gif: before, after, difference.
    """
    from avseg.checkpoints import find_model, read_card, recommended_model
    from avseg.cost import load_with_cost
    from avseg.devices import choose_device
    from avseg.interventions.compare import compare, lines, write_comparison
    from avseg.interventions.run import INTERVENTIONS, checked, checkpoint_of, read_changes
    from avseg.interventions.run import what_if as run
    from avseg.interventions.side_by_side import write_side_by_side
    from avseg.media.clip import check_rate, read_clip
    from avseg.predict import Predictor, check_threshold

    def load(name: str) -> Predictor:
        return load_with_cost(find_model(name), choose_device(device), precision)

    if not change:
        for row in INTERVENTIONS:
            values = ",".join(parameter.name.upper() for parameter in row.parameters)
            print(f"{row.name}={values}".removesuffix("="))
            print(f"  {row.sentence} {row.table}".rstrip())
        return 0
    if clip is None:
        raise ConfigError("Name the clip: python -m avseg what-if CLIP --change ...")
    check_rate(fps)
    check_threshold(threshold)
    changes, model = read_changes(change), model or recommended_model(clip)
    checked(changes, read_card(find_model(checkpoint_of(changes) or model))[0])
    source, predictor = read_clip(clip, fps), load(model)
    before = predictor.predict(source, threshold=threshold)
    after = run(predictor, source, changes, threshold, load=load)
    comparison = compare(before, after)
    print("\n".join(lines(comparison)))
    folder = write_comparison(out / clip.stem, before, after, comparison, changes)
    for kind in ("mp4", "gif") if video else ():
        write_side_by_side(folder / f"side-by-side.{kind}", before, after, changes)
    print(f"Written: {folder}")
    return 0


def record(
    clip: tyro.conf.Positional[Path],
    out: Path,
    site: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    model: str = "",
    frame: int = 1,
    fps: float = 1.0,
    device: str = "auto",
) -> int:
    """Record activations of one frame by name into a NumPy file.

    An array is named like its site; a site with several layers or stages gives SITE.0, SITE.1 and so on.

    Args:
        clip: A video file.
        out: The .npz file to write.
        site: A site to record (see `info --sites`); repeat the flag for several. By default all sites.
        model: A model's name or a .safetensors file; by default, as in `predict`.
        frame: Number of the frame, from 1.
        fps: Frames per second, 0.2 to 30.
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from avseg.checkpoints import find_model, recommended_model
    from avseg.cost import load_with_cost
    from avseg.devices import choose_device
    from avseg.interpret.inspection import record_frame, write_recording
    from avseg.interpret.sites import check_sites
    from avseg.media.clip import check_rate, read_clip

    check_rate(fps)
    check_sites(site)
    if frame < 1:
        raise ConfigError(f"Frame {frame} does not exist: frames count from 1.")
    if out.suffix != ".npz":
        raise ConfigError(f"--out is {out.name}; its extension must be .npz.")
    source = read_clip(clip, fps)
    predictor = load_with_cost(find_model(model or recommended_model(clip)), choose_device(device))
    recording = record_frame(predictor, source, frame - 1, site or None)
    for name, array in write_recording(recording, out).items():
        print(f"{name:22} {array.dtype!s:8} {list(array.shape)}")
    print(f"Written: {out}")
    return 0


def import_weights(
    file: tyro.conf.Positional[Path],
    out: Path,
    task: Task | None = None,
    storage: Storage = "float32",
    audio_weights: str = "vggish",
) -> int:
    """Convert a released .pth file of AVSegFormer or of AVSBench (TPAVI) to a checkpoint.

    Edition, backbone and task are recognised from the file's keys and shapes.

    Args:
        file: The authors' .pth file; only plain weights are read from it.
        out: The .safetensors file to write.
        task: Tells S4 from MS3, whose models look the same; by default the one that a file name contains.
        storage: bfloat16 and float16 halve the file; the model computes in float32 all the same.
        audio_weights: VGGish, which AVSBench's files do not contain: vggish (downloaded), or its .pth file.
    """
    import torch

    from avseg.checkpoints import import_weights as run
    from avseg.checkpoints import read_card

    imported = run(file, out, task, getattr(torch, storage), audio_weights)
    c = imported.config
    print(
        f"{out}: edition {c.edition}, backbone {c.backbone}, task {c.task}, {len(imported.weights)} tensors"
    )
    if imported.source:
        print(f"  taken from the file: {imported.source}")
    if storage_difference := read_card(out)[1].storage:
        print(f"  stored as {storage_difference}")
    if imported.dropped:
        print(f"  skipped, unused by the model: {len(imported.dropped)} tensors, {_groups(imported.dropped)}")
    return 0


def data(
    action: tyro.conf.Positional[Literal["list", "get"]] = "list",
    name: tyro.conf.Positional[str] = "",
    out: Path = Path("data"),
    keep: bool = False,
) -> int:
    """Say where AVSBench and other data are requested and which folders arrive, or fetch a data set.

    A download that was cut off or stopped continues when the same command runs again. Its checksum is
    compared, and archives are unpacked.

    Args:
        action: list or get.
        name: The data set to fetch, avs-synthetic.
        out: Folder that gets a folder with the data set's name.
        keep: Keep the archives once they are unpacked.
    """
    from tqdm import tqdm

    from avseg.data.avsbench.index import find_tasks
    from avseg.data.sources import RECORDS, describe
    from avseg.data.zenodo import fetch_record

    if action == "list":
        if name:
            raise ConfigError(f"To fetch {name}: python -m avseg data get {name}")
        print(describe())
        return 0
    if name not in RECORDS:
        names = ", ".join(RECORDS)
        raise ConfigError(f"Name what to fetch: {names}. `data` says where others are requested.")
    folder = out / name
    with tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1000, leave=False) as bar:
        files = fetch_record(RECORDS[name], folder, _advance(bar), keep)
    print(f"{name}: {folder}")
    for file in files:
        print(f"  {file.name}, {file.size / 1e6:.1f} MB, md5 {file.md5}")
    tasks = find_tasks(folder)
    for task, path in tasks.items():
        print(f"Check it: python -m avseg check {path} --task {task}")
    if not tasks:
        print(f"No data set in a known layout was found in {folder}: look what arrived.")
    return 0


def _groups(names: tuple[str, ...]) -> str:
    """Return the second-level prefixes of released names, for example head.fpn."""
    return ", ".join(sorted({".".join(name.split(".")[:2]) for name in names}))


def bench(
    models: tyro.conf.Positional[tuple[str, ...]] = (),
    device: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    precision: tyro.conf.UseAppendAction[tuple[Literal["exact", "fast"], ...]] = (),
    clip: tyro.conf.UseAppendAction[tuple[Path, ...]] = (),
    frames: int = 5,
    repeats: int = 5,
    train: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    evaluation: bool = False,
    data: bool = False,
    start: bool = False,
    json: Path | None = None,
) -> int:
    """Measure how fast models compute masks here, against the model as written in the same run.

    The plain path is float32, with intermediate masks, one clip at a time. The paths take turns; the tables
    give medians, half of the interquartile range, and the ratio to the plain path.

    Args:
        models: Names, files, or presets (random weights); by default, without other work, the bundled ones.
        device: auto, cpu, cuda, cuda:1 or mps; repeat the flag for several.
        precision: exact or fast; by default both.
        clip: Clips to segment; the first one is timed, all decide the IoU. By default those of the app.
        frames: Frames of each clip, one per second.
        repeats: Turns of each path.
        train: Presets whose training step is timed; repeat the flag.
        evaluation: Also time the evaluation of a clip under all audio conditions.
        data: Also time the decoding and the drawing of clips.
        start: Also time imports, a command, and the start of the app.
        json: A file for all numbers.
    """
    from avseg.bench.command import run, tables, write_json
    from avseg.checkpoints import bundled_models

    if not models and (evaluation or not (train or data or start)):
        models = tuple(bundled_models())
    result = run(
        models,
        device or ("auto",),
        precision or ("exact", "fast"),
        clip,
        frames,
        repeats,
        train,
        evaluation,
        data,
        start,
    )
    print(tables(result))
    if json:
        write_json(result, json)
        print(f"Written: {json}")
    return 0


def export(
    model: tyro.conf.Positional[str],
    out: Path = Path("outputs/model.pt2"),
    frames: int = 0,
    device: str = "cpu",
) -> int:
    """Export a model as a program that runs without this package, and compare it with the model.

    Its inputs are frames [T, 3, S, S], normalised, and log_mel [T, 1, 96, 64]; its output the logits. Nothing
    is written if a logit differs by more than 1e-4.

    Args:
        model: A model's name or a .safetensors file.
        out: The file to write: .pt2 for torch.export, or .onnx (requires onnx, onnxscript and onnxruntime).
        frames: Of a clip, for TPAVI; by default 5, and 10 for avss. AVSegFormer takes any number.
        device: Where a .pt2 program will run: cpu, cuda, cuda:1 or mps.
    """
    from avseg.exporting import check_export
    from avseg.exporting import export as run

    check_export(out)
    made = run(model, out, frames, process_device(device))
    taken = f"{made.frames} frames" if made.frames else "any number of frames"
    compared = " and ".join(map(str, made.compared))
    print(f"{made.path}: {made.path.stat().st_size / 1e6:.1f} MB, for {taken}")
    print(f"Largest difference from the model in a logit, at {compared} frames: {made.difference:.1e}")
    return 0


def info(model: tyro.conf.Positional[str] = "", sites: bool = False) -> int:
    """List the bundled and imported models and the presets, or describe one model.

    Args:
        model: A model's name or file, to describe: what it is, and what it costs here if that was measured.
        sites: List instead the sites where `record` records activations.
    """
    from avseg.checkpoints import (
        bundled_models,
        bundled_rows,
        foreign_weights,
        imported_models,
        imported_root,
        read_card,
    )

    if sites:
        from avseg.interpret.sites import SITES

        for site in SITES:
            print(f"{site.name:19} {site.shape}\n{'':19} {site.what}")
        return 0
    if model:
        return _describe_model(model)
    print("Models (--model NAME):")
    for name, path in bundled_models().items():
        config, card = read_card(path)
        print(f"  {name:12} {card.weights} weights, {config.task}, {config.backbone}, {config.image_size} px")
        print(f"  {'':12} {card.note}")
    if rows := bundled_rows():
        print(f"Rows of ablation studies (--model NAME): {', '.join(rows)}")
    ignored, folder = foreign_weights(imported_root()), imported_root()
    imported = {name: path for name, path in imported_models().items() if path.name not in ignored}
    if imported or ignored:
        print(f"Imported models (--model NAME) in {folder}:")
    for name, path in imported.items():
        config, card = read_card(path)
        print(f"  {name}: {card.weights} weights, {config.task}, {config.backbone}, {config.image_size} px")
    for name, reason in ignored.items():
        print(f"  not a model: {name}. {reason}")
    print("Released models: see `python -m avseg weights`.")
    print("Presets (train NAME):")
    for name, preset in PRESETS.items():
        c, t = preset.model, preset.train
        parts = "TPAVI" if c.architecture == "tpavi" else f"mixer {c.mixer}, reformer {c.reformer}"
        print(
            f"  {name:20} {c.backbone}, {c.image_size} px, {parts}, "
            f"loss {t.loss} + {t.auxiliary}, {t.epochs} epochs, batch {t.batch_size}"
        )
    return 0


def _describe_model(name: str) -> int:
    """Print what a model is, and its time and memory on this machine."""
    from avseg.checkpoints import find_model, read_card
    from avseg.cost import is_large, known_cost

    path = find_model(name)
    config, card = read_card(path)
    print(f"{card.name}: {card.weights} weights, {path}, {path.stat().st_size / 1e6:.0f} MB")
    print(f"  edition {config.edition}, {config.backbone}, task {config.task}, {config.image_size} px")
    for text in (card.note, card.limits, f"Stored as {card.storage}" if card.storage else ""):
        if text:
            print(f"  {text}")
    if cost := known_cost(path):
        print(f"  Cost: {cost.sentence}.")
    elif is_large(path):
        print("  Cost: not measured yet. The first run with it measures its time and memory.")
    return 0


def commands(arguments: list[str]) -> tuple[Callable[..., int], ...]:
    """Return all commands; flags of `train` and `ablate` default to the config that the arguments name."""
    return (
        predict,
        what_if,
        attribute,
        patch,
        embed,
        record,
        synth,
        compose,
        convert,
        check,
        train_from(_named_config(arguments)),
        ablate_from(_named_config(arguments)),
        evaluate,
        curve,
        figure,
        share,
        import_weights,
        export,
        weights,
        data,
        bench,
        info,
    )


def _named_config(arguments: list[str]) -> Config:
    """Return the config named right after `train` or `ablate`, or the defaults."""
    named = (
        arguments[:1] in (["train"], ["ablate"]) and len(arguments) > 1 and not arguments[1].startswith("-")
    )
    return load_config(arguments[1]) if named else Config()
