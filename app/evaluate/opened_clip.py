"""A clip of a report in the player: its video, what its model marks, and the ground truth."""

from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from app.components.player.player import Lane, PlayerValue, player_value
from app.components.text import share_words
from app.evaluate.clips import look, model_name, place
from app.services.dataset_clips import read, with_video
from app.services.datasets import LIBRARY
from app.services.evaluation_data import DRAWN, is_synth, known
from app.services.reports import Shelved
from app.services.session import ClipResult
from avseg.evaluation.clip import EvaluatedClip
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.scenes import Scene, sounding
from avseg.synthavs.video import write_video

SAME = 0.005  # of IoU: what another device may change


@dataclass(frozen=True, eq=False)
class Opened:
    """What the page shows of an opened clip."""

    head: str  # HTML
    player: PlayerValue
    shown: ClipResult  # for the other tabs


def open_clip(one: Shelved, name: str, folder: Path) -> Opened:
    """Return a clip of a report for the page; `folder` gets its files. Raises AvsegError in words."""
    seen = look(one, name)
    clips, index = place(one, name, DRAWN)
    folder.mkdir(parents=True, exist_ok=True)
    prediction, lanes = seen.prediction, ()
    if isinstance(clips, SynthAVS):
        scene = clips.scene(index)
        video = folder / "clip.mp4"
        write_video(video, scene, DRAWN)
        prediction = replace(prediction, clip=replace(prediction.clip, path=video))
        lanes = _lanes(scene)
    else:
        data, entry = LIBRARY.get(known(one.evaluation.report).key), clips.entry(index)
        prediction = replace(prediction, clip=with_video(data, entry, read(data, entry), folder).clip)
    truth = tuple(seen.truth)
    title = f"{name}, {one.name}"
    player = player_value(
        prediction,
        folder / "player",
        truth=truth,
        video=prediction.clip.path,
        title=title,
        lanes=lanes,
        frame=seen.worst,
    )
    shown = ClipResult(prediction, name, model_name(one), truth=truth, frame=seen.worst)
    return Opened(_head(one, name, seen), player, shown)


def _lanes(scene: Scene) -> tuple[Lane, ...]:
    """Return what is heard in every second, class by class."""
    return tuple(
        Lane(
            sound.name,
            tuple((float(second), second + 1.0) for second, on in enumerate(sound.on) if on),
            any(sound.name in sounding(scene, second) for second in range(scene.seconds)),
        )
        for sound in scene.sounds
        if any(sound.on)
    )


def _head(one: Shelved, name: str, seen: EvaluatedClip) -> str:
    """Return the title of an opened clip and its numbers frame by frame."""
    row = next(row for row in one.evaluation.clips if row.name == name)
    frames = "".join(f"<td>{_score(*of)}</td>" for of in zip(seen.iou, seen.false_positive, strict=True))
    heads = "".join(f"<th>{number + 1}</th>" for number in range(len(seen.iou)))
    now, then = seen.mean_iou, row.iou
    moved = now is not None and then is not None and abs(now - then) > SAME
    note = f" The report says {then:.2f}: model or data have changed since." if moved else ""
    number = "" if now is None else f", mean IoU {now:.2f}"
    labels = f" ({row.labels})" if row.labels else ""
    size = seen.prediction.probability.shape[-1]
    explore = f'<button type="button" data-explore="{escape(name)}">Open in Explore</button>'
    there = "" if is_synth(one.evaluation.report) else explore
    return (
        f'<div class="ev-top"><h2>{escape(name)}{escape(labels)}{number}</h2><span class="ev-turn">'
        f'{there}<button type="button" data-close="1">Close</button></span></div>'
        f'<p class="ev-none">{escape(one.name)}, frame by frame at {size} px: IoU, or the share '
        "marked where nothing sounds."
        f'{escape(note)}</p><div class="ev-frames"><table class="plain"><tr><th>frame</th>{heads}</tr>'
        f"<tr><td>IoU</td>{frames}</tr></table></div>"
    )


def _score(iou: float | None, share: float | None) -> str:
    """Return a frame's number: IoU, the share marked where nothing sounds, or a dash without a label."""
    if iou is not None:
        return f"{iou:.2f}"
    return "–" if share is None else share_words(share)
