"""The command `convert`."""

from pathlib import Path
from typing import Literal

import tyro

from avseg.config import Task

Kinds = Literal["auto", "coco", "png", "mask-video", "ddeseg", "avs-synthetic"]


def convert(
    folder: tyro.conf.Positional[Path],
    source: Path | None = None,
    kind: Kinds = "auto",
    videos: Path | None = None,
    masks: Path | None = None,
    sounds: Path | None = None,
    task: Task = "ms3",
    split: Literal["auto", "train", "val", "test"] = "auto",
    seconds: float = 0.0,
    fps: float = 1.0,
    label: str = "",
    classes: Path | None = None,
    frame_rate: float = 0.0,
    silence: bool = False,
    dry_run: bool = False,
    workers: int = 1,
) -> int:
    """Convert videos or frames with masks of your own to AVSBench's folder format.

    Everything is read and checked before anything is written; --dry-run ends there. Recordings are cut into
    clips. Several conversions may share one folder, and the same command continues an interrupted one. At
    the end the data are checked; the exit status is 1 if that finds errors.

    Args:
        folder: Output folder: empty, or written by earlier conversions.
        source: Folder that holds everything under its usual names, see --kind.
        kind: What the source holds; auto: what its folders show.
        videos: Folder of videos, or of folders of frames; by default the source's videos/ or frames/.
        masks: Folder with a folder of PNG masks, or a video of masks, per video; or COCO's instances.
        sounds: Folder of sound files named as the videos; by default the sound of the videos.
        task: Format of the clips.
        split: Split of all videos; auto keeps the source's own, or puts a tenth each into val and test.
        seconds: Length of a clip; 0 for that of the format, 5 s or (avss) 10 s.
        fps: Frames with ground truth per second of a clip.
        label: Class of all foreground, one of AVSBench's 71; s4 needs one unless the source names one.
        classes: Table of names, csv or JSON: the source's, then one of the 71, background or ignore.
        frame_rate: Frames per second of folders of frames; 0 spreads them over their sound.
        silence: Make clips silent that have no sound, which is otherwise an error.
        dry_run: Print what would be written, and write nothing.
        workers: Processes that write clips.
    """
    from tqdm import tqdm

    from avseg.data.avsbench.check import check, summary
    from avseg.data.conversion.convert import write
    from avseg.data.conversion.plan import Source, Target, plan

    parts = Source(
        source, "" if kind == "auto" else kind, videos, masks, sounds, label, classes, frame_rate, silence
    )
    made = plan(parts, Target(folder, task, "" if split == "auto" else split, seconds, fps))
    print("\n".join(made.lines))
    if dry_run:
        print(f"Nothing was written. Without --dry-run: {made.target.task_folder}")
        return 0
    with tqdm(desc="clips", unit="clip", leave=False) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        written = write(made, workers, advance)
    there = sum(made.counts.values()) - sum(written.values())
    print(f"Written: {sum(written.values())} clips{f', {there} were there already' if there else ''}.\n")
    report = check(folder, task, workers)
    print(summary(report), end="\n\n")
    print(_next_commands(folder, task, [split for split, count in report.clips.items() if count]))
    return 1 if report.errors else 0


def _next_commands(folder: Path, task: str, splits: list[str]) -> str:
    """Return what to do next with converted data."""
    model = "tiny-avss" if task == "avss" else "tiny-ms3"
    lines = [
        f"Look:     AVSEG_DATA={folder} python app.py   (tab Explore)",
        f"Train:    python -m avseg train tiny-256 --data {folder} --model.task {task} "
        f"--start-from {model} --out runs/own",
        f"Evaluate: python -m avseg evaluate --data {folder} --model runs/own/best.safetensors "
        "--out reports/own",
    ]
    lacking = [split for split in ("train", "val", "test") if split not in splits]
    if lacking:
        lines.append(
            f"There are no clips in {', '.join(lacking)}: training needs train and val, evaluation test. "
            "Convert more videos, or name their split with --split."
        )
    return "\n".join(lines)
