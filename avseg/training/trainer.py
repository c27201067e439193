"""The training loop. One run is one folder (`run_folder`); killed at any moment, it resumes exactly."""

import math
import os
import time
from collections import deque
from contextlib import nullcontext
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs
from tqdm import tqdm

from avseg.checkpoints import Card, load_model, save_model
from avseg.config import Config
from avseg.data.loaders import (
    SYNTH,
    clips_per_epoch,
    training_clips,
    training_loader,
    validation_clips,
    validation_loader,
)
from avseg.data.transforms import Batch
from avseg.errors import ConfigError, RunError
from avseg.files import sweep
from avseg.jobs.signals import report_status, stop_on_signals, translate_errors
from avseg.models.avsegformer import AVSegFormer
from avseg.models.pretrained import load_pretrained
from avseg.training.losses import training_loss
from avseg.training.optimizer import begin_with, make_optimizer, make_schedule, set_training
from avseg.training.pretraining import lessons
from avseg.training.resume import Progress, load_state, save_state
from avseg.training.run_folder import RunFolder, Status
from avseg.training.tensorboard import Send, board
from avseg.training.validation import draw_samples, flags, validate

SAMPLE_CLIPS = 4
STATUS_SECONDS = 2.0  # between two rewritings of the status


def train(
    config: Config,
    out: Path,
    data: str = SYNTH,
    device: str = "auto",
    workers: int = 1,
    resume: bool = False,
    start_from: Path | None = None,
    command: str = "",
    tensorboard: bool = False,
) -> Path:
    """Train on `data` ("synth" or a folder in AVSBench's layout) and return the path of the last model.

    Everything lands in the run folder `out`. resume: go on with the run that is there. start_from: a model
    whose weights a new run begins with as far as they fit, instead of pretrained ones and lessons. device:
    auto, cpu or cuda. Several processes (`accelerate launch`) share every step's clips.

    Raises ConfigError, DatasetError, CheckpointError or RunError; the status then says why the run ended.
    """
    run, accelerator = RunFolder(out), _accelerator(config, device)
    if accelerator.is_main_process:
        _open(run, config, data, resume)
    accelerator.wait_for_everyone()
    status = Status("running", epochs=config.train.epochs, data=data, command=command, started=time.time())
    with (
        report_status(run, status, accelerator.is_main_process),
        translate_errors(run.path),
        board(run.path / "tensorboard", tensorboard and accelerator.is_main_process) as send,
    ):
        training = Training(config, run, data, accelerator, workers, status)
        training.begin(start_from)
        training.go(send)
    return run.last_model


def _accelerator(config: Config, device: str) -> Accelerator:
    if device not in ("auto", "cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        raise ConfigError(
            f"The device {device!r} cannot be used here: choose auto or cpu. CUDA_VISIBLE_DEVICES picks GPUs."
        )
    if "WORLD_SIZE" not in os.environ:
        AcceleratorState._reset_state(reset_partial_state=True)  # of an earlier run in this process
    # Frozen parts get no gradient.
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(
        cpu=device == "cpu", mixed_precision=config.train.mixed_precision, kwargs_handlers=[parallel]
    )


def _open(run: RunFolder, config: Config, data: str, resume: bool) -> None:
    """Begin the folder, or check that the run in it can go on with this config and these data.

    A data folder may have moved since; drawn scenes and a folder are never the same data.
    """
    if not resume:
        return run.create(config)
    known = run.read_status()
    if known is not None and known.state == "running":
        raise RunError(f"The run in {run.path} is still at work (process {known.pid}).")
    if known is not None and run.resume_file.is_file() and (known.data == SYNTH) != (data == SYNTH):
        raise ConfigError(
            f"The run in {run.path} was begun with --data {known.data}, not {data}. Resume it with the same, "
            "or begin another run."
        )
    run.extend(config)
    run.clear_stop()
    sweep(run.path)


class Training:
    """One run between its beginning and its end, or a kill."""

    def __init__(
        self,
        config: Config,
        run: RunFolder,
        data: str,
        accelerator: Accelerator,
        workers: int,
        status: Status,
    ):
        self.config, self.run, self.accelerator, self.workers = config, run, accelerator, workers
        self.clips, self.validation_clips = training_clips(data, config), validation_clips(data, config)
        self.per_epoch = clips_per_epoch(self.clips, config) // config.train.batch_size
        self.steps = self.per_epoch * config.train.epochs
        torch.manual_seed(config.train.seed)
        self.model = AVSegFormer(config.model)
        self.optimizer = make_optimizer(self.model, config)
        self.progress, self.scaler_state = Progress(), {}
        self.status = replace(status, steps=self.steps)
        self.written = 0.0

    def begin(self, start_from: Path | None) -> None:
        """Load the last checkpoint, or make the first one: pretrained weights, lessons."""
        main, share = self.accelerator.is_main_process, self._share()
        self.samples = next(iter(validation_loader(self.validation_clips, self._few(), 0)))
        if self.run.resume_file.is_file():
            self.progress, self.scaler_state = load_state(self.run.resume_file, self.model, self.optimizer)
            if main:
                self.run.truncate_events(self.progress.step)
                self.say(f"Going on after step {self.progress.step} of {self.steps}.")
        else:
            if main:
                self.run.truncate_events(-1)
            self.first_weights(start_from)
        self.model.to(self.accelerator.device, memory_format=torch.channels_last)
        self.raw_optimizer = self.optimizer
        self.schedule = make_schedule(self.optimizer, self.config, self.steps, self.progress.step)
        self.parallel, self.optimizer = self.accelerator.prepare(self.model, self.optimizer)
        if self.accelerator.scaler is not None and self.scaler_state:
            self.accelerator.scaler.load_state_dict(self.scaler_state)
        steps = range(self.progress.step, self.steps)
        self.batches = training_loader(self.clips, self.config, steps, self.workers, *share)
        self.validation = validation_loader(self.validation_clips, self.config, self.workers, *share)
        if not self.run.resume_file.is_file():
            self.checkpoint()

    def first_weights(self, start_from: Path | None) -> None:
        """Give the model the weights that the run begins with."""
        if start_from is not None:
            self.say(begin_with(self.model, load_model(start_from)))
            return
        load_pretrained(self.model, self.config)
        self.model.to(self.accelerator.device)
        for kind, values in lessons(self.model, self.config, self.workers, self.accelerator.is_main_process):
            self.event(kind, **values)
            self.say(f"{kind.replace('_', ' ')}: {values['steps']} steps, accuracy {values['accuracy']:.3f}")

    def go(self, send: Send) -> None:
        """Take the steps that are left; end early, after a checkpoint, when asked to stop."""
        recent: deque[float] = deque(maxlen=50)
        main, first = self.accelerator.is_main_process, self.progress.step
        bar = tqdm(total=self.steps, initial=first, unit="step", disable=not main, smoothing=0.05)
        with bar, stop_on_signals(self.run, main):
            for batch in islice(self.batches, self.steps - first):
                before = time.perf_counter()
                values = self.step(batch)
                recent.append(time.perf_counter() - before)
                values["seconds"] = recent[-1]
                self.event("step", **values)
                bar.set_postfix(loss=f"{values['loss']:.3f}", refresh=False)
                bar.update()
                self.note(sum(recent) / len(recent) * (self.steps - self.progress.step))
                if self.progress.step % self.per_epoch == 0:
                    self.end_epoch(send)
                elif self.progress.step % self.config.train.checkpoint_steps == 0:
                    self.checkpoint()
                send("train", values)
                if self.stop_requested():
                    break
        if self.progress.step < self.steps:
            self.checkpoint()
        self.end()

    def step(self, batch: Batch) -> dict[str, float]:
        """Move the model by one batch; return what the event log keeps of it."""
        c, step = self.config.train, self.progress.step
        epoch = step // self.per_epoch
        # Dropout follows from the step, so that a resumed run draws what it would have drawn.
        torch.manual_seed(hash((c.seed, step, self.accelerator.process_index)))
        set_training(self.model, self.config, epoch)
        parts = batch.cut(c.accumulate)
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, torch.Tensor] = {}
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.parallel):
                for name, value in self.backward(part).items():
                    sums[name] = sums.get(name, 0) + value / len(parts)
        length = self.accelerator.clip_grad_norm_(self.model.parameters(), c.clip_gradient or math.inf)
        mean = self.accelerator.reduce(torch.stack(list(sums.values())), "mean").tolist()
        self.check(mean[0], float(length))
        rate = self.schedule.get_last_lr()[0]
        self.optimizer.step()
        self.schedule.step()
        self.progress = replace(self.progress, step=step + 1)
        return {"epoch": epoch, "step": step + 1, **dict(zip(sums, mean, strict=True)), "learning_rate": rate}

    def check(self, loss: float, gradient: float) -> None:
        """Raise RunError, before any weight moves, when the loss or the gradient's length is no number."""
        # The loss scaling of fp16 looks for infinite gradients on purpose, and leaves their steps out.
        usable = math.isfinite(gradient) or self.accelerator.scaler is not None
        if math.isfinite(loss) and usable:
            return
        wrong = "gradient" if math.isfinite(loss) else "loss"
        raise RunError(
            f"The {wrong} is not a number any more after step {self.progress.step}. Lower "
            f"train.learning_rate (now {self.config.train.learning_rate:g}) or set train.clip_gradient, and "
            "begin another run."
        )

    def backward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Add the gradients of a micro-batch; return the loss and its parts."""
        c = self.config.train
        batch = batch.to(self.accelerator.device)
        batch = batch.muted() if c.mute else batch
        frames = batch.frames.contiguous(memory_format=torch.channels_last)
        output = self.parallel(
            frames, batch.log_mel, flags(self.model, batch), intermediate=c.auxiliary == "intermediate"
        )
        loss = training_loss(output, batch.classes, batch.labelled, c)
        self.accelerator.backward(loss.total / c.accumulate)
        parts = {"loss": loss.total, "mask": loss.mask, "auxiliary": loss.auxiliary, "bce": loss.bce}
        return {name: part.detach().float() for name, part in parts.items()}

    def end_epoch(self, send: Send) -> None:
        """Evaluate where the config says so, keep the best model, write a checkpoint."""
        c, done = self.config.train, self.progress.step // self.per_epoch
        due = done > c.validate_from and (done - c.validate_from) % c.validate_every == 0
        if due or done == c.epochs:
            result = validate(self.model, self.validation, self.accelerator, c.mute)
            values = {"epoch": done - 1, "step": self.progress.step, **asdict(result)}
            self.event("validation", **values)
            self.say(
                f"Epoch {done} of {c.epochs}: mIoU {result.miou:.3f}, marked in silence {result.silence:.1%}"
            )
            send("validation", values)
            if self.progress.best_miou is None or result.miou > self.progress.best_miou:
                self.progress = replace(self.progress, best_miou=result.miou)
                self.save(self.run.best_model)
            if self.accelerator.is_main_process:
                picture = self.run.samples / f"{self.progress.step:06d}.jpg"
                draw_samples(self.model, self.samples, self.validation_clips.seconds, picture, c.mute)
        self.checkpoint()

    def checkpoint(self) -> None:
        """Write the model and the state to resume from."""
        self.save(self.run.last_model)
        if self.accelerator.is_main_process:
            scaler = self.accelerator.scaler
            kept = scaler.state_dict() if scaler is not None else None
            save_state(self.run.resume_file, self.model, self.raw_optimizer, self.progress, kept)

    def save(self, path: Path) -> None:
        """Write the model as it is now."""
        if self.accelerator.is_main_process:
            step, data = self.progress.step, self.status.data
            note = f"Trained for {step} of {self.steps} steps on {data}. {self.status.command}"
            save_model(path, self.model, Card(self.run.path.resolve().name, "trained", note.strip()))

    def end(self) -> None:
        """Say how it ended."""
        done = self.progress.step == self.steps
        words = "All steps are done." if done else f"Stopped as asked after step {self.progress.step}."
        self.say(words)
        self.note(0.0, "finished" if done else "stopped", words)
        if self.accelerator.is_main_process:
            self.run.clear_stop()

    def event(self, kind: str, **values: object) -> None:
        """Log an event, once for all processes."""
        if self.accelerator.is_main_process:
            self.run.write_event(kind, **values)

    def say(self, words: str) -> None:
        """Log a sentence and show it above the bar."""
        if self.accelerator.is_main_process:
            self.run.log(words)
            tqdm.write(words)

    def note(self, seconds_left: float, state: str = "running", message: str = "") -> None:
        """Rewrite the status, not too often while the run goes on."""
        p = self.progress
        self.status = replace(
            self.status,
            state=state,
            message=message,
            step=p.step,
            epoch=p.step // self.per_epoch,
            best_miou=p.best_miou,
            seconds_left=seconds_left,
        )
        due = state != "running" or time.monotonic() - self.written > STATUS_SECONDS
        if self.accelerator.is_main_process and due:
            self.run.write_status(self.status)
            self.written = time.monotonic()

    def stop_requested(self) -> bool:
        """The stop file is there; the main process looks, all agree."""
        seen = torch.tensor(float(self.accelerator.is_main_process and self.run.stop_requested))
        if self.accelerator.num_processes > 1:
            seen = self.accelerator.reduce(seen.to(self.accelerator.device))
        return bool(seen)

    def _share(self) -> tuple[int, int]:
        return self.accelerator.process_index, self.accelerator.num_processes

    def _few(self) -> Config:
        return replace(self.config, train=replace(self.config.train, validation_clips=SAMPLE_CLIPS))
