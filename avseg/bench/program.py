"""What surrounds the model: decoding, loading clips for training, imports and the start of the app."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import torch

from avseg.bench.measure import Seconds, interleaved
from avseg.data.transforms import ClipTensors
from avseg.errors import ConfigError
from avseg.media.clip import read_clip
from avseg.synthavs.dataset import SynthAVS

PATIENCE = 300.0  # seconds until the app must have answered
MODULES = ("torch", "timm", "avseg.cli", "avseg.predict")


def data_speed(clip: Path, repeats: int) -> dict[str, Seconds]:
    """Return how long a clip takes to decode, and one of SynthAVS to be drawn as training data."""
    counter = iter(range(10**6))
    tensors = ClipTensors(SynthAVS("ms3", "train", 7, 10**6), 224)
    work = {
        f"decode {clip.name}, 1 frame per second": lambda: read_clip(clip),
        "draw a training clip of SynthAVS, 5 frames at 224 px": lambda: tensors[next(counter)],
    }
    return interleaved(work, repeats, torch.device("cpu"))


def start_speed(root: Path, repeats: int) -> dict[str, Seconds]:
    """Return how long imports and commands take in a fresh process, and the app until its first byte."""
    python = [sys.executable, "-W", "ignore"]
    commands = {f"import {name}": [*python, "-c", f"import {name}"] for name in MODULES}
    commands["python -m avseg info"] = [*python, "-m", "avseg", "info"]
    work = {name: lambda command=command: _run(command, root) for name, command in commands.items()}
    if (root / "app.py").is_file():
        work["python app.py, to the first byte"] = lambda: _first_byte([*python, "app.py"], root)
    return interleaved(work, repeats, torch.device("cpu"))


def _run(command: Sequence[str], root: Path) -> None:
    subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, check=True)


def _first_byte(command: Sequence[str], root: Path) -> None:
    """Start the app and wait for its first answer."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=root, env=environment, **quiet) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline and server.poll() is None:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
                        answer.read(1)
                        return
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.02)
            raise ConfigError("The app did not answer: start `python app.py` to see why.")
        finally:
            server.terminate()
            server.wait()
