"""A clip of a report in the player: its video, the model's masks and the ground truth."""

from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from app.components.player.player import Lane, PlayerValue, player_value
from app.components.render import render
from app.evaluate.clips import locate, measure, model_name
from app.services.datasets import LIBRARY
from app.services.evaluation_data import DISPLAY_SIZE, data_of_report, is_synthetic
from app.services.reports import StoredReport
from app.services.session import ClipResult
from app.services.wording import percent
from avseg.data.avsbench.clip import read_dataset_clip, with_video
from avseg.errors import DatasetError
from avseg.evaluation.clip import EvaluatedClip
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import Scene, sounding
from avseg.synthavs.video import write_video

TOLERANCE = 0.005  # of IoU: another device may change as much


@dataclass(frozen=True, eq=False)
class OpenedClip:
    """What the page shows of an opened clip."""

    about: Markup
    player: PlayerValue
    result: ClipResult  # for the other tabs


def open_clip(report: StoredReport, name: str, folder: Path) -> OpenedClip:
    """Return a clip of a report for the page; its files go to `folder`. Raises AvsegError."""
    measured = measure(report, name)
    clips, index = locate(report, name, DISPLAY_SIZE)
    folder.mkdir(parents=True, exist_ok=True)
    prediction, lanes = measured.prediction, ()
    if isinstance(clips, SynthAVS):
        scene = clips.scene(index)
        video = folder / "clip.mp4"
        write_video(video, scene, DISPLAY_SIZE)
        prediction = replace(prediction, clip=replace(prediction.clip, path=video))
        lanes = _sound_lanes(scene)
    else:
        data = data_of_report(report.evaluation.report)
        if data is None:
            raise DatasetError("The clips of this report are not on this machine.")
        source, entry = LIBRARY.get(data.key).folder, clips.entry(index)
        clip = with_video(read_dataset_clip(source, entry), source, entry, folder).clip
        prediction = replace(prediction, clip=clip)
    truth = tuple(measured.truth)
    player = player_value(
        prediction,
        folder / "player",
        truth=truth,
        video=prediction.clip.path,
        title=f"{name}, {report.name}",
        lanes=lanes,
        frame=measured.worst,
    )
    result = ClipResult(prediction, name, model_name(report) or "", truth=truth, frame=measured.worst)
    return OpenedClip(_about(report, name, measured), player, result)


def _sound_lanes(scene: Scene) -> tuple[Lane, ...]:
    """Return the seconds in which each class sounds."""
    return tuple(
        Lane(
            sound.name,
            tuple((float(second), second + 1.0) for second, on in enumerate(sound.on) if on),
            any(sound.name in sounding(scene, second) for second in range(scene.seconds)),
        )
        for sound in scene.sounds
        if any(sound.on)
    )


def _about(report: StoredReport, name: str, clip: EvaluatedClip) -> Markup:
    """Return the title of an opened clip and its score frame by frame."""
    row = next(row for row in report.evaluation.clips if row.name == name)
    now, then = clip.mean_iou, row.iou
    scores = [
        f"{iou:.2f}" if iou is not None else "–" if share is None else percent(share)
        for iou, share in zip(clip.iou, clip.false_positive, strict=True)
    ]
    return render(
        "evaluate/templates/clip.html",
        name=name,
        labels=row.labels,
        mean_iou=now,
        report=report.name,
        side=clip.prediction.probability.shape[-1],
        before=then if now is not None and then is not None and abs(now - then) > TOLERANCE else None,
        in_folder=not is_synthetic(report.evaluation.report),
        scores=scores,
    )
