"""Computes the result that the page opens with: python assets/opening/make.py

One bundled clip is segmented with several sounds. opening.json says what made it and what it shows; each
sound has a pack (avseg/player/pack.py) and, unless it is the clip's own or silence, a WAV.
"""

import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from app.segment.opening import FOLDER  # noqa: E402
from app.services.clips import bundled, lanes_of, truth_of  # noqa: E402
from avseg.interpret import marked_objects as objects  # noqa: E402
from avseg.interpret.marked_objects import where_marked  # noqa: E402
from avseg.interventions.compare import label_maps  # noqa: E402
from avseg.interventions.run import read_change, what_if  # noqa: E402
from avseg.media.clip import Clip, read_clip  # noqa: E402
from avseg.media.video import write_wav  # noqa: E402
from avseg.player.value import Sound, player_value  # noqa: E402
from avseg.predict import Prediction, Predictor  # noqa: E402

CLIP, MODEL, OTHER = "kitchen-switch", "tiny-ms3", "dog-and-guitar"
# Label, beginning of the sentence, and the change of What if that makes the sound; none for the clip's own.
SOUNDS = {
    "own": ("Its own sound", "", ""),
    "silence": ("Silence", "With silence", "mute"),
    "bark": ("A dog barks", "With the bark of another clip", f"swap={OTHER}"),
    "late": ("One second late", "With its own sound one second late", "shift=1"),
}


def predictions(clip: Clip, names: tuple[str, ...] = tuple(SOUNDS)) -> dict[str, Prediction]:
    """Return the model's prediction of the clip with each sound."""
    predictor, result = Predictor(MODEL, "cpu"), {}
    for name in names:
        words = SOUNDS[name][2].replace(OTHER, str(bundled()[OTHER].path))
        if words:
            result[name] = what_if(predictor, clip, [read_change(words)])
        else:
            result[name] = predictor.predict(clip, measure_mute=True)
    return result


def main(folder: Path = FOLDER) -> None:
    """Write all files."""
    source = bundled()[CLIP]
    clip = replace(read_clip(source.path, fps=1), decode_seconds=0.0)
    times = tuple(float(time) for time in clip.times)
    truth, in_view = truth_of(CLIP, times), truth_of(CLIP, times, silent=True)
    sounds, about, own = [], {}, None
    for name, prediction in predictions(clip).items():
        label, words, change = SOUNDS[name]
        found = objects.marked_objects(label_maps(prediction), np.stack(truth), np.stack(in_view))
        with tempfile.TemporaryDirectory() as work:
            is_own = not change
            lanes = lanes_of(bundled()[OTHER] if name == "bark" else source, 0, clip.duration)
            value = player_value(
                prediction,
                Path(work),
                truth=truth if is_own else None,
                video=source.path,
                title=source.title,
                lanes=lanes if name in ("own", "bark") else (),
            )
            assert value.pack and value.parts
            (folder / f"{name}.pack").write_bytes(value.pack.read_bytes())
        if not is_own and not value.silent:
            write_wav(folder / f"{name}.wav", prediction.clip.waveform)
        sentence = objects.finding(found) if is_own else f"{words}, {where_marked(found)}."
        sounds.append(asdict(Sound(label, sentence, value.parts, value.lanes, value.silent)))
        own = own or prediction
        about = about or {k: v for k, v in asdict(value).items() if k not in ("video", "pack", "parts")}
    assert own is not None
    record = {
        "clip": CLIP,
        "model": own.model,
        "weights": own.weights,
        "made_by": "python assets/opening/make.py",
        "threshold": own.threshold,
        "mute_change": round(float(own.mute_change or 0), 4),
        "names": list(SOUNDS),
        "player": about | {"sounds": sounds, "opens": True},
    }
    (folder / "opening.json").write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
