"""The command `share`."""

from pathlib import Path
from typing import Literal

import tyro

from avseg.errors import ConfigError

SharedKind = Literal["auto", "result", "evaluation", "study", "run"]


def share(
    what: tyro.conf.Positional[Path],
    out: Path = Path("outputs/share.html"),
    kind: SharedKind = "auto",
    model: str = "",
    fps: float = 1.0,
    start: float = 0.0,
    end: float | None = None,
    threshold: float = 0.5,
    audio: str = "original",
    letterbox: bool = False,
    device: str = "auto",
) -> int:
    """Write one web page that opens from disk: of a clip's masks, an evaluation, an ablation study or a run.

    Everything is inside the file, at most 10 MB; it loads nothing from elsewhere. A clip is segmented first.

    Args:
        what: A video file, or the folder of an evaluation, of a study or of a run.
        out: The .html file to write.
        kind: What to show of a folder that holds several; auto takes the first of study, evaluation and run.
        model: Of a clip: name or .safetensors file, see `info`; by default as in `predict`.
        fps: Of a clip: frames per second to segment, 0.2 to 30.
        start: Of a clip: where the range to segment begins, in seconds.
        end: Of a clip: where it ends, in seconds; by default after 60 s or with the clip.
        threshold: Of a clip: probability above which a pixel is foreground (s4, ms3).
        audio: Of a clip: original, left or right channel, mute, noise, or a file whose sound replaces it.
        letterbox: Of a clip: pad frames to a square, which keeps their aspect.
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from avseg.share.document import checked_path

    checked_path(out)
    found = found_kinds(what)
    if kind == "auto":
        kind = found[0]
    if kind not in found:
        raise ConfigError(f"{what} is not of the kind {kind}; it is of: {', '.join(found)}.")
    if kind == "result":
        written = _share_clip(what, out, model, fps, (start, end), threshold, audio, letterbox, device)
    else:
        written = _share_folder(what, out, kind)
    print(f"Written: {written}, {written.stat().st_size / 1e6:.1f} MB")
    return 0


def found_kinds(what: Path) -> list[SharedKind]:
    """Return what can be shown of a file or folder; raises ConfigError for nothing."""
    if not what.exists():
        raise ConfigError(
            f"{what} does not exist. Name a video file, or the folder of a report, study or run."
        )
    if not what.is_dir():
        return ["result"]
    files: dict[SharedKind, str] = {
        "study": "ablation.json",
        "evaluation": "report.json",
        "run": "config.json",
    }
    found = [kind for kind, name in files.items() if (what / name).is_file()]
    if not found:
        names = ", ".join(files.values())
        raise ConfigError(
            f"{what} has nothing to show: none of {names}. To show a clip, name its video file."
        )
    return found


def _share_folder(folder: Path, out: Path, kind: SharedKind) -> Path:
    from avseg.errors import AvsegError
    from avseg.share.evaluation import write_evaluation_page
    from avseg.share.run import write_run_page
    from avseg.share.study import write_study_page

    if kind == "study":
        return write_study_page(folder, out)
    if kind == "run":
        return write_run_page(folder, out)
    from avseg.checkpoints import find_model, read_card
    from avseg.evaluation.report_files import read_evaluation

    evaluation = read_evaluation(folder)
    try:
        config, card = read_card(find_model(evaluation.report.model))
    except AvsegError:  # its file is elsewhere
        return write_evaluation_page(evaluation, out)
    return write_evaluation_page(evaluation, out, (card, config))


def _share_clip(
    path: Path,
    out: Path,
    model: str,
    fps: float,
    span: tuple[float, float | None],
    threshold: float,
    audio: str,
    letterbox: bool,
    device: str,
) -> Path:
    from tqdm import tqdm

    from avseg.checkpoints import find_model, read_card, recommended_model
    from avseg.cost import load_with_cost
    from avseg.devices import choose_device
    from avseg.media.clip import check_rate, read_clip, read_range
    from avseg.predict import SOUND_CHOICES, audio_for
    from avseg.prediction import check_threshold
    from avseg.processes import command_line
    from avseg.share.result import shared_file, write_result

    check_rate(fps)
    start, seconds = read_range(*span)
    check_threshold(threshold)
    if audio not in SOUND_CHOICES and not Path(audio).is_file():
        raise ConfigError(f"--audio is {audio}; choose {', '.join(SOUND_CHOICES)} or an existing file.")
    file = find_model(model or recommended_model(path))
    predictor = load_with_cost(file, choose_device(device), "auto", letterbox=letterbox)
    clip = read_clip(path, fps=fps, start=start, seconds=seconds)
    name = audio if audio in SOUND_CHOICES else Path(audio).name
    prediction = predictor.predict(clip, audio_for(audio, clip), threshold, measure_mute=True, audio=name)
    config, card = read_card(file)
    with tqdm(desc="video", unit="picture", leave=False) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return write_result(shared_file(prediction, card, config, command_line()), out, on_progress=advance)
