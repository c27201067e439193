"""The result that the page opens with, computed in advance by assets/opening/make.py."""

import json
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from gradio.data_classes import FileData

from app.components.player.player import PlayerData
from app.services.clips import bundled
from app.services.session import ClipResult
from avseg.media.clip import read_clip
from avseg.predict import Prediction, Timing

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "opening"


@cache
def record() -> dict:
    """Return what opening.json says: clip, model, command, and what the player shows."""
    return json.loads((FOLDER / "opening.json").read_text(encoding="utf-8"))


def opening_player() -> PlayerData:
    """Return the player of the opening: a clip with several sounds, which plays at once, muted."""
    about, names = record(), record()["names"]
    files = [FileData(path=str(FOLDER / f"{name}.wav")) for name in names]
    return PlayerData(
        video=FileData(path=str(bundled()[about["clip"]].path)),
        packs=[FileData(path=str(FOLDER / f"{name}.pack")) for name in names],
        audio=[file if Path(file.path).exists() else None for file in files],
        about=about["player"],
    )


@cache
def opening_result() -> ClipResult:
    """Return the same result for the other tabs; all visitors share its arrays. Decodes the clip, once."""
    about, clip = record(), bundled()[record()["clip"]]
    probability = probabilities(record()["names"][0])
    prediction = Prediction(
        clip=read_clip(clip.path, fps=about["player"]["fps"]),
        task="ms3",
        probability=probability,
        labels=(probability > about["threshold"]).astype(np.uint8),
        threshold=about["threshold"],
        model=about["model"],
        weights=about["weights"],
        device="cpu",
        seconds=Timing(),
        mute_change=about["mute_change"],
    )
    return ClipResult(prediction, clip.title, about["model"], clip.name, shared=True)


def probabilities(name: str) -> np.ndarray:
    """Return the probabilities float32 [T, s, s] of one sound, as its pack holds them: in steps of 1/255."""
    pack = (FOLDER / f"{name}.pack").read_bytes()
    sound = record()["player"]["sounds"][record()["names"].index(name)]
    maps = []
    for offset, length, width, height in sound["parts"]["probability"]:
        rows = np.frombuffer(zlib.decompress(pack[offset : offset + length]), np.uint8).reshape(height, width)
        maps.append(np.cumsum(rows, axis=1, dtype=np.uint8))
    return np.stack(maps).astype(np.float32) / 255
