"""A result as one file: the player with masks and sound, every second, the frames, the model."""

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from avseg.config import Card, ModelConfig
from avseg.errors import ConfigError
from avseg.figures.clips import truth_beside
from avseg.files import read_json
from avseg.interpret.marked_objects import finding as objects_finding
from avseg.interpret.marked_objects import marked_objects
from avseg.interpret.mask_statistics import finding, measure, percent
from avseg.interpret.threshold_counts import Truth
from avseg.interventions.compare import label_maps
from avseg.media.audio import SAMPLE_RATE
from avseg.media.clip import Clip
from avseg.media.draw import mask_layer, resize, shrink, truth_outline
from avseg.media.export import colours_of, frame_entry, record_of, write_clip
from avseg.player.value import STYLE, Lane, audible_lanes, player_value, script
from avseg.prediction import Prediction, Progress
from avseg.share.document import MAX_BYTES, Document, to_html, write_document
from avseg.web.pictures import jpeg_uri
from avseg.web.templates import render

PLAYER_HOST = Path(__file__).with_name("player_host.js")
# Long side (px) and x264's crf of the video: the first that fits is taken. Each is about half the one before.
ENCODINGS = ((1280, 20), (960, 23), (720, 26), (560, 29), (420, 32), (320, 36))
FRAMES_SHOWN, FRAME_WIDTH = 12, 340  # of the strip, which is also what a printer gets
QUIET = -60.0  # dB of full scale; below it, a second counts as silent


@dataclass(frozen=True, eq=False)
class SharedResult:
    """A prediction with what is known about it."""

    prediction: Prediction
    title: str  # of the clip
    card: Card
    config: ModelConfig
    command: str = ""  # that gives the same masks
    truth: Truth | None = None  # classes of every frame, None for one without a label
    in_view: Sequence[np.ndarray] | None = None  # classes of all that is in view, sounding or not
    lanes: tuple[Lane, ...] = ()  # what is audible


def shared_file(prediction: Prediction, card: Card, config: ModelConfig, command: str = "") -> SharedResult:
    """Return the result of a video file, with ground truth and audible classes where a file beside it knows.

    Of a bundled clip it does; the audible classes are those of the clip's own sound.
    """
    clip = prediction.clip
    title, truth, in_view = clip.name, None, None
    lanes: tuple[Lane, ...] = ()
    if clip.path is not None:
        moments = tuple(clip.start + clip.times)
        size = clip.frames.shape[1:3]
        truth = truth_beside(clip.path, moments, size)
        in_view = truth_beside(clip.path, moments, size, silent=True)
    if truth is not None and clip.path is not None:
        about = read_json(clip.path.with_suffix(".json"))
        title = about.get("title", title)
        if prediction.audio == "original":
            lanes = audible_lanes(about["heard"], about["visible"], clip.start, clip.duration)
        else:  # with another sound, other things sound
            truth = in_view = None
    return SharedResult(prediction, title, card, config, command, truth, in_view, lanes)


def write_result(
    result: SharedResult, path: Path, most: int = MAX_BYTES, on_progress: Progress | None = None
) -> Path:
    """Write the file of a result; raises ConfigError where it cannot fit into `most` bytes, ClipError."""
    clip = result.prediction.clip
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.mp4"
        document = _document(result, Path(folder), video)
        spare = most - len(to_html(document).encode("utf-8", "backslashreplace"))
        # base64 has four characters for three bytes
        content = _video(clip, video, spare * 3 // 4, most, on_progress)
    files = {"player-video": content, **document.files}
    return write_document(Document(**{**vars(document), "files": files}), path, most)


def _video(clip: Clip, path: Path, spare: int, most: int, on_progress: Progress | None = None) -> bytes:
    """Return the clip as an MP4 of at most `spare` bytes of the `most` of the page, smaller until it fits."""
    attempt = 0
    while spare > 0 and attempt < len(ENCODINGS):
        long_side, crf = ENCODINGS[attempt]
        size = write_clip(clip, path, long_side, on_progress, crf).stat().st_size
        if size <= spare:
            return path.read_bytes()
        # Skip what is likely too large as well, but not the last one.
        attempt = max(attempt + 1, min(attempt + int(math.log2(size / spare)), len(ENCODINGS) - 1))
    raise ConfigError(
        f"{clip.name} does not fit into a web page of {most / 1e6:g} MB, not even as a small video. "
        "Share a shorter range, or fewer frames per second."
    )


def _document(result: SharedResult, folder: Path, video: Path) -> Document:
    prediction = result.prediction
    clip = prediction.clip
    value = player_value(
        prediction,
        folder,
        truth=result.truth,
        video=video,
        title=result.title,
        lanes=result.lanes,
        frame=int(prediction.foreground.argmax()),
    )
    assert value.pack is not None
    about = {name: part for name, part in asdict(value).items() if name not in ("video", "pack")}
    entries = [frame_entry(prediction, index, mask) for index, mask in enumerate(prediction.masks)]
    seconds = _seconds(result)
    body = render(
        "share/templates/result.html",
        seconds=seconds,
        largest=max([second.share for second in seconds] + [1e-6]),
        known=bool(result.lanes),
        frames=_frames(result),
        truth=result.truth is not None,
        notices=[*(notice.text for notice in clip.notices), *_mute(prediction)],
        facts=model_facts(result.card, result.config),
    )
    return Document(
        kind="Result",
        title=_finding(result),
        caption=_caption(result),
        body=body,
        record=record_of(prediction, entries, prediction.seconds),
        record_name="prediction.json",
        command=result.command,
        styles=(STYLE,),
        script=f"function startPlayer(element, props, trigger, watch) {{\n{script()}\n}}\n"
        + PLAYER_HOST.read_text(encoding="utf-8"),
        data={"player-about": json.loads(json.dumps(about))},
        files={"player-pack": value.pack.read_bytes()},
    )


def _finding(result: SharedResult) -> str:
    if result.truth is None or result.in_view is None or result.prediction.task == "avss":
        return finding(measure(result.prediction))
    truth = np.stack([picture for picture in result.truth if picture is not None])
    return objects_finding(
        marked_objects(label_maps(result.prediction), truth, np.stack(list(result.in_view)))
    )


def _caption(result: SharedResult) -> str:
    prediction, clip = result.prediction, result.prediction.clip
    height, width = clip.size
    sound = "" if prediction.audio == "original" else f", with another sound: {prediction.audio}"
    return (
        f"{result.title} ({width} × {height} px, "
        f"{clip.start:g} to {clip.start + clip.duration:g} s{sound}). Masks of {prediction.model} on "
        f"{prediction.device}, {prediction.precision}, {clip.fps:g} per second."
    )


def _mute(prediction: Prediction) -> list[str]:
    if prediction.mute_change is None:
        return []
    return [f"Muting the sound changes {percent(prediction.mute_change, 0)} of the masked pixels."]


@dataclass(frozen=True)
class _Second:
    """One second of the clip."""

    name: str
    level: str  # of its sound
    heard: str  # classes, if known
    area: str  # of the mask, mean over its frames
    share: float  # the same, 0..1


def _seconds(result: SharedResult) -> list[_Second]:
    clip, area = result.prediction.clip, result.prediction.foreground
    rows = []
    for start in range(math.ceil(clip.duration - 1e-6)):
        end = min(start + 1, clip.duration)
        samples = clip.waveform[start * SAMPLE_RATE : round(end * SAMPLE_RATE)]
        power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
        level = 10 * math.log10(max(power, 1e-12))
        heard = [
            lane.name + ("" if lane.inside else " (off screen)")
            for lane in result.lanes
            if any(a < end and b > start for a, b in lane.spans)
        ]
        inside = [share for time, share in zip(clip.times, area) if start <= time < start + 1]
        share = float(np.mean(inside)) if inside else 0.0
        rows.append(
            _Second(
                f"{clip.start + start:g} to {clip.start + end:g} s",
                f"{level:.0f} dB" if level > QUIET else "silence",
                ", ".join(heard) or "nothing",
                percent(share) if inside else "no frame",
                share,
            )
        )
    return rows


def _frames(result: SharedResult) -> list[tuple[str, str, str]]:
    """Return picture, moment and area of some frames."""
    prediction, clip = result.prediction, result.prediction.clip
    colours, rows = colours_of(prediction), []
    count = len(clip.frames)
    for index in np.unique(np.linspace(0, count - 1, min(count, FRAMES_SHOWN)).round().astype(int)):
        picture = clip.frames[index]
        picture = mask_layer(prediction.mask(int(index), picture.shape[:2]), colours).over(picture)
        truth = result.truth[index] if result.truth is not None else None
        if truth is not None:
            picture = truth_outline(picture, resize(truth, picture.shape[:2], smooth=False))
        text = f"frame {index + 1}, {clip.start + clip.times[index]:.2f} s"
        rows.append((jpeg_uri(shrink(picture, FRAME_WIDTH), 80), text, percent(prediction.foreground[index])))
    return rows


def model_facts(card: Card, config: ModelConfig) -> list[tuple[str, str]]:
    """Return the card of a model as names and texts."""
    architecture = "TPAVI" if config.architecture == "tpavi" else f"AVSegFormer, edition {config.edition}"
    return [
        ("Model", f"{card.name}, {card.weights} weights"),
        ("Trained on", card.note),
        ("Classes", ", ".join(card.classes)),
        ("Limits", card.limits),
        ("Architecture", f"{architecture}, {config.backbone}, task {config.task}, {config.image_size} px"),
        ("Stored as", card.storage),
    ]
