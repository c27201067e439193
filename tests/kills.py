"""Kill a training with SIGKILL again and again; it must lose nothing and end bit-equal to one left in peace.

    python -m tests.kills --kills 100 --inside 10 --seed 0

Each run is killed and resumed several times, at random moments and inside the writing of checkpoints, and
then trains to its end. Prints a line per kill; the exit status is 1 if anything was lost or differs.
Trainings are forked from a process that has imported everything and drawn every clip: a kill costs seconds.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import tyro
from accelerate import Accelerator
from safetensors import safe_open
from safetensors.numpy import load_file

import avseg.training.resume
from avseg.loaders import SYNTH, training_clips, validation_clips
from avseg.training.run_folder import RunFolder
from avseg.training.trainer import train
from tests.support.small_model import small_config

CONFIG = small_config(
    {"dropout": 0.2}, checkpoint_steps=1, epochs=2, synth_clips=4, validation_clips=1, frames_per_clip=1
)
CHECKPOINTS = ("last.safetensors", "best.safetensors", "resume.safetensors")
KILLS_PER_RUN = 5


@dataclass(frozen=True)
class Kill:
    """What was found right after a kill."""

    moment: str
    step: int  # of the last event
    checkpoint: int  # step to resume from, -1 without a checkpoint
    written: str  # size of the file that was being written, and of the whole


def warm_up() -> None:
    """Import what a training imports late and draw its clips; forked processes inherit both.

    Nothing is trained here: autograd cannot be used on both sides of a fork.
    """
    Accelerator(cpu=True)
    weights = torch.nn.Parameter(torch.zeros(1))
    weights.grad = torch.zeros(1)
    torch.optim.AdamW([weights]).step()
    for clips in (training_clips(SYNTH, CONFIG), validation_clips(SYNTH, CONFIG)):
        for index in range(len(clips)):
            clips.read(index)


def start(run: Path, pause: Callable[[], None] = lambda: None) -> int:
    """Fork a process that trains or resumes the run; pause: called in it first. Returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        torch.set_num_threads(1)
        pause()
        train(CONFIG, run, device="cpu", workers=0, resume=RunFolder(run).exists)
        status = 0
    finally:
        os._exit(status)


def finish(run: Path) -> None:
    """Train the run to its end; raises RuntimeError if it fails."""
    pid = start(run)
    _, status = os.waitpid(pid, 0)
    if status:
        raise RuntimeError(f"{run} did not finish: {RunFolder(run).log_tail(3)}")


def kill_at_random(run: Path, seconds: float) -> bool:
    """Kill a training after some seconds; returns False if it had ended before."""
    pid = start(run)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def kill_inside(run: Path, number: int, share: float) -> tuple[int, int]:
    """Kill a training when a share of the checkpoint `number` (from 1) is written.

    Returns the size of the unfinished file and of the whole one, in bytes.
    """
    reader, writer = os.pipe()

    def write_in_part() -> None:
        saved = 0

        def save_part(save: Callable, tensors: dict, file: Path, metadata: dict) -> None:
            nonlocal saved
            save(tensors, file, metadata=metadata)
            saved += 1
            if saved == number:
                whole = os.path.getsize(file)
                os.truncate(file, int(share * whole))
                os.write(writer, f"{whole}\n".encode())
                signal.pause()

        for module in (safetensors.torch, avseg.training.resume):
            save = module.save_file
            module.save_file = lambda *args, save=save, **named: save_part(save, *args, **named)

    pid = start(run, write_in_part)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        whole = int(pipe.readline() or 0)  # empty if the training ended before
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    unfinished = [path.stat().st_size for path in run.glob(".*.part")]
    if whole and (len(unfinished) != 1 or not unfinished[0] < whole):
        raise RuntimeError(f"{run}: the kill was not inside the writing of a checkpoint.")
    return (unfinished[0], whole) if whole else (0, 0)


def look(run: Path, moment: str, written: str, before: int) -> Kill:
    """Check that a killed run can be read and has lost no checkpoint; `before`: the last known one's step."""
    folder = RunFolder(run)
    status, steps = folder.read_status(), [e["step"] for e in folder.events() if e["kind"] == "step"]
    if status is not None and status.state != "killed":
        raise RuntimeError(f"{run} claims to be {status.state}.")
    for name in CHECKPOINTS:
        if (run / name).exists():
            load_file(run / name)
    checkpoint = -1
    if folder.resume_file.exists():
        with safe_open(folder.resume_file, framework="numpy") as file:
            checkpoint = json.loads(file.metadata()["counters"])["progress"]["step"]
    if checkpoint < before or steps != list(range(1, len(steps) + 1)) or len(steps) < checkpoint:
        raise RuntimeError(f"{run} lost steps: {before=}, {checkpoint=}, {steps=}.")
    return Kill(moment, len(steps), checkpoint, written)


def differences(run: Path, whole: Path) -> list[str]:
    """Return what differs between a run and the one that was left in peace."""
    found = [path.name for path in run.iterdir() if path.name.startswith(".")]
    timed = ("time", "seconds", "waiting")
    logs = [
        [{name: value for name, value in event.items() if name not in timed} for event in folder.events()]
        for folder in (RunFolder(run), RunFolder(whole))
    ]
    found += ["events.jsonl"] if logs[0] != logs[1] else []
    for name in CHECKPOINTS:
        one, other = load_file(run / name), load_file(whole / name)
        same = one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
        found += [] if same else [name]
    return found


def main(kills: int = 100, inside: int = 10, seed: int = 0, out: Path | None = None) -> int:
    """Kill trainings and print a table.

    Args:
        kills: Number of kills.
        inside: How many of them inside the writing of a checkpoint.
        seed: Seed of the moments.
        out: Folder of the runs; by default a temporary one.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = out or Path(folder)
        warm_up()
        started = time.monotonic()
        finish(root / "whole")
        duration = time.monotonic() - started
        print(f"A training of {CONFIG.train.epochs} epochs takes {duration:.1f} s.")
        kinds = [number < inside for number in range(kills)]
        rng.shuffle(kinds)
        failed, done, number = 0, 0, 0
        print("kill  run  moment                 last event  checkpoint  file written")
        while done < kills:
            if number > 10 * (kills + 1):
                raise RuntimeError("Most trainings end before their kill.")
            run, before = root / f"run-{number}", -1
            for _ in range(KILLS_PER_RUN):
                if done == kills:
                    break
                if kinds[done]:
                    which, share = rng.randint(1, 6), rng.random()
                    size, whole = kill_inside(run, which, share)
                    moment, written = f"in checkpoint {which}", f"{size:,} of {whole:,} bytes"
                    happened = whole > 0
                else:
                    seconds = rng.uniform(0, duration)
                    happened = kill_at_random(run, seconds)
                    moment, written = f"after {seconds:.2f} s", ""
                if not happened:  # the run had ended: it is compared, and the next one begins
                    break
                kill = look(run, moment, written, before)
                before, done = kill.checkpoint, done + 1
                print(f"{done:4}  {number:3}  {moment:21}  {kill.step:10}  {kill.checkpoint:10}  {written}")
                sys.stdout.flush()
            finish(run)
            if found := differences(run, root / "whole"):
                failed += 1
                print(f"      run {number} differs from the one left in peace: {', '.join(found)}")
            number += 1
        print(f"{done} kills of {number} runs, {sum(kinds)} inside a checkpoint; runs that differ: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
