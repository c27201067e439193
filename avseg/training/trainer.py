"""The training loop. One run is one folder (`run_folder`); after a kill at any moment it resumes exactly."""

import math
import time
from collections import deque
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm

from avseg.batches import training_loader, validation_loader
from avseg.checkpoints import Card, load_model, save_model
from avseg.config import Config
from avseg.data.joined import JoinedClips
from avseg.data.transforms import Batch
from avseg.errors import ConfigError, RunError
from avseg.files import sweep
from avseg.jobs.folder import State
from avseg.jobs.signals import report_status, stop_on_signals, translate_errors
from avseg.loaders import SYNTH, clips_per_epoch, training_clips, validation_clips
from avseg.models.avsegformer import AVSegFormer
from avseg.models.build import build_model
from avseg.models.pretrained import load_pretrained
from avseg.training.accelerator import accelerator_for
from avseg.training.audio_cache import AudioCache, repeats_itself
from avseg.training.initialisation import initialise_as_released
from avseg.training.losses import training_loss
from avseg.training.optimizer import initialise_from, make_optimizer, make_schedule, set_training
from avseg.training.pretraining import pretrain_backbones
from avseg.training.resume import TrainingProgress, load_state, save_state
from avseg.training.run_folder import RunFolder, Status
from avseg.training.tensorboard import OnEvent, tensorboard_sink
from avseg.training.trackio import trackio_sink
from avseg.training.validation import draw_samples, temporal_flags, validate

SAMPLE_CLIPS = 4
STATUS_SECONDS = 2.0  # between two updates of the status file


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
    trackio: bool = False,
) -> Path:
    """Train on `data` and return the path of the last model.

    data: "synth", a folder in AVSBench's layout, or several (`avseg.loaders.join_data`). All files are
    written to the run folder `out`. resume: continue the run in it. start_from: a checkpoint
    whose weights initialise a new run where names and shapes match, in place of pretrained backbones. device:
    auto, cpu, cuda, cuda:1 or mps. Several processes (`accelerate launch`) share the clips of every step.

    Raises ConfigError, DatasetError, CheckpointError or RunError; the status then contains the message.
    """
    run = RunFolder(out)
    config = _with_own_precision(config, run) if resume else config
    accelerator = accelerator_for(config, device)
    main = accelerator.is_main_process
    if main:
        _prepare(run, config, data, resume)
    accelerator.wait_for_everyone()
    status = Status("running", epochs=config.train.epochs, data=data, command=command, started=time.time())
    with (
        report_status(run, status, main),
        translate_errors(run),
        tensorboard_sink(run.path / "tensorboard", tensorboard and main) as to_tensorboard,
        trackio_sink(run.path.name, asdict(config), trackio and main) as to_trackio,
    ):

        def on_event(group: str, values: Mapping[str, float]) -> None:
            to_tensorboard(group, values)
            to_trackio(group, values)

        training = Training(config, run, data, accelerator, workers, status)
        training.restore_or_initialise(start_from)
        training.take_steps(on_event)
    return run.last_model


def _with_own_precision(config: Config, run: RunFolder) -> Config:
    """Return the config to resume a run with: `auto`, the default, leaves the precision as it began."""
    if config.train.mixed_precision != "auto" or not run.config_file.is_file():
        return config
    return replace(config, train=replace(config.train, mixed_precision=run.config().train.mixed_precision))


def _prepare(run: RunFolder, config: Config, data: str, resume: bool) -> None:
    """Create the run folder, or check that its run can be resumed with this config and these data.

    A data folder may have moved in the meantime; SynthAVS and a folder are never the same data.
    """
    if not resume:
        run.create(config)
        return sweep(run.path)
    status = run.read_status()
    if status is not None and status.state == "running":
        raise RunError(f"The run in {run.path} is still running (process {status.pid}).")
    if status is not None and run.resume_file.is_file() and (status.data == SYNTH) != (data == SYNTH):
        raise ConfigError(
            f"The run in {run.path} was started with --data {status.data}, not {data}. Resume it with the "
            "same data, or start another run."
        )
    run.extend(config)
    run.clear_stop()
    sweep(run.path)


class Training:
    """One run in one process, from its start or last checkpoint to its end."""

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
        self.steps_per_epoch = clips_per_epoch(self.clips, config) // config.train.batch_size
        self.steps = self.steps_per_epoch * config.train.epochs
        torch.manual_seed(config.train.seed)
        self.model = build_model(config.model)
        if config.train.initialisation == "released" and isinstance(self.model, AVSegFormer):
            initialise_as_released(self.model)
        self.optimizer = make_optimizer(self.model, config)
        self.progress = TrainingProgress()
        self.status = replace(status, steps=self.steps)
        self.status_written = 0.0  # when, in seconds of the monotonic clock
        self.waited = self.worked = 0.0  # seconds of this epoch, for clips and in steps

    def restore_or_initialise(self, start_from: Path | None) -> None:
        """Load the last checkpoint, or initialise the weights and write the first one."""
        main = self.accelerator.is_main_process
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        few = replace(self.config, train=replace(self.config.train, validation_clips=SAMPLE_CLIPS))
        self.samples = next(iter(validation_loader(self.validation_clips, few, 0)))
        resuming, scaler_state = self.run.resume_file.is_file(), {}
        if resuming:
            self.progress, scaler_state = load_state(self.run.resume_file, self.model, self.optimizer)
            if main:
                self.run.truncate_events(self.progress.step)
            self.log(f"Resuming after step {self.progress.step} of {self.steps}.")
        else:
            if main:
                self.run.truncate_events(-1)
            self.log_data()
            self.initialise(start_from)
        self.model.to(self.accelerator.device, memory_format=torch.channels_last)
        self.raw_optimizer = self.optimizer
        self.schedule = make_schedule(self.optimizer, self.config, self.steps, self.progress.step)
        network = torch.compile(self.model) if self.config.train.compile else self.model
        self.parallel, self.optimizer = self.accelerator.prepare(network, self.optimizer)
        heard = self.model.audio_backbone
        repeats = isinstance(self.model, AVSegFormer) and repeats_itself(heard, self.config, self.clips)
        self.audio = AudioCache(heard) if repeats else None
        if self.accelerator.scaler is not None and scaler_state:
            self.accelerator.scaler.load_state_dict(scaler_state)
        steps = range(self.progress.step, self.steps)
        pinned = self.accelerator.device.type == "cuda"
        self.batches = training_loader(self.clips, self.config, steps, self.workers, rank, world, pinned)
        self.validation = validation_loader(self.validation_clips, self.config, self.workers, rank, world)
        if not resuming:
            self.checkpoint()

    def log_data(self) -> None:
        """Write down which of several data sets take part, with how many clips."""
        for purpose, clips in (("Training", self.clips), ("Validation", self.validation_clips)):
            if isinstance(clips, JoinedClips):
                self.log_event("data", purpose=purpose.lower(), sets=clips.description)
                self.log(f"{purpose}: {clips.description}.")

    def initialise(self, start_from: Path | None) -> None:
        """Set the weights of a new run: those of a checkpoint, or pretrained backbones."""
        if start_from is not None:
            self.log(initialise_from(self.model, load_model(start_from)))
            return
        load_pretrained(self.model, self.config)
        self.model.to(self.accelerator.device)
        phases = pretrain_backbones(
            self.model,
            self.config,
            self.clips,
            self.workers,
            self.accelerator.is_main_process,
            lambda step: self.log_event("pretraining", **asdict(step)),
        )
        for kind, result in phases:
            self.log_event(kind, **asdict(result))
            held_out = "" if result.held_out is None else f", {result.held_out:.3f} on held-out recordings"
            title = kind.replace("_", " ")
            self.log(f"{title}: {result.steps} steps, accuracy {result.accuracy:.3f}{held_out}")

    def take_steps(self, on_event: OnEvent) -> None:
        """Take the remaining steps; when a stop is requested, write a checkpoint and end early."""
        recent: deque[float] = deque(maxlen=50)  # seconds of the last steps
        main, first = self.accelerator.is_main_process, self.progress.step
        hidden = {} if main else {"disable": True}  # otherwise TQDM_DISABLE decides
        bar = tqdm(total=self.steps, initial=first, unit="step", smoothing=0.05, **hidden)
        with bar, stop_on_signals(self.run, main):
            batches = islice(self.batches, self.steps - first)
            while True:
                asked = time.perf_counter()
                if (batch := next(batches, None)) is None:
                    break
                started = time.perf_counter()
                values = self.step(batch)
                values |= {"seconds": time.perf_counter() - started, "waiting": started - asked}
                recent.append(values["seconds"])
                self.worked, self.waited = self.worked + values["seconds"], self.waited + values["waiting"]
                self.log_event("step", **values)
                bar.set_postfix(loss=f"{values['loss']:.3f}", refresh=False)
                bar.update()
                self.update_status(sum(recent) / len(recent) * (self.steps - self.progress.step))
                if self.progress.step % self.steps_per_epoch == 0:
                    self.end_epoch(on_event)
                elif self.progress.step % self.config.train.checkpoint_steps == 0:
                    self.checkpoint()
                on_event("train", values)
                if self.stop_requested():
                    break
        done = self.progress.step == self.steps
        if not done:
            self.checkpoint()
        message = "All steps are done." if done else f"Stopped as requested after step {self.progress.step}."
        self.log(message)
        self.update_status(0.0, "finished" if done else "stopped", message)
        if main:
            self.run.clear_stop()

    def step(self, batch: Batch) -> dict[str, float]:
        """Update the weights with one batch; return the values of its event."""
        c, step = self.config.train, self.progress.step
        epoch = step // self.steps_per_epoch
        # Dropout depends on the step alone, so that a resumed run repeats it.
        torch.manual_seed(hash((c.seed, step, self.accelerator.process_index)))
        set_training(self.model, self.config, epoch)
        micro_batches = batch.split(c.accumulate)
        weights = self.weights(micro_batches)
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, torch.Tensor] = {}
        for number, (micro_batch, weight) in enumerate(zip(micro_batches, weights, strict=True)):
            last = number == len(micro_batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.parallel):
                for name, value in self.backward(micro_batch, weight).items():
                    sums[name] = sums.get(name, 0) + value * weight
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), c.clip_gradient or math.inf)
        mean = self.accelerator.reduce(torch.stack(list(sums.values())), "mean").tolist()
        self.check_finite(mean[0], float(norm))
        rate = self.schedule.get_last_lr()[0]
        self.optimizer.step()
        self.schedule.step()
        self.progress = replace(self.progress, step=step + 1)
        return {"epoch": epoch, "step": step + 1, **dict(zip(sums, mean, strict=True)), "learning_rate": rate}

    def check_finite(self, loss: float, gradient_norm: float) -> None:
        """Raise RunError, before the weights change, when the loss or the gradient's norm is not finite."""
        # The loss scaling of fp16 produces infinite gradients on purpose and skips their steps.
        gradient_valid = math.isfinite(gradient_norm) or self.accelerator.scaler is not None
        if math.isfinite(loss) and gradient_valid:
            return
        quantity = "gradient" if math.isfinite(loss) else "loss"
        raise RunError(
            f"The {quantity} is not a finite number after step {self.progress.step}. Lower "
            f"train.learning_rate (now {self.config.train.learning_rate:g}) or set train.clip_gradient, and "
            "start another run."
        )

    def weights(self, micro_batches: list[Batch]) -> list[float]:
        """Return the weight of each micro-batch: its share of the labelled frames of the step.

        A loss is a mean over labelled frames, whose number differs between the clips of AVSS. The mean over
        processes, in which gradients and values are combined, is made up for.
        """
        counts = torch.tensor([float(batch.labelled.sum()) for batch in micro_batches])
        total = counts.sum()
        if self.accelerator.num_processes > 1:
            total = self.accelerator.reduce(total.to(self.accelerator.device)).cpu()
        shares = counts / total.clamp(min=1)
        return [share * self.accelerator.num_processes for share in shares.tolist()]

    def backward(self, batch: Batch, weight: float) -> dict[str, torch.Tensor]:
        """Accumulate the weighted gradients of a micro-batch; return the loss and its parts, unweighted."""
        c = self.config.train
        batch = batch.muted() if c.mute else batch
        rows = labelled_rows(batch) if isinstance(self.model, AVSegFormer) else None
        given: dict[str, torch.Tensor] = {} if rows is None else {"rows": rows.to(self.accelerator.device)}
        if self.audio is not None:
            with self.accelerator.autocast():
                given["embedding"] = self.audio.of(batch.log_mel if rows is None else batch.log_mel[rows])
        batch = batch.to(self.accelerator.device)
        frames = batch.frames.contiguous(memory_format=torch.channels_last)
        output = self.parallel(
            frames,
            batch.log_mel,
            temporal_flags(self.model, batch),
            intermediate=c.auxiliary == "intermediate",
            clip_frames=min(c.frames_per_clip or self.clips.seconds, self.clips.seconds),
            **given,
        )
        picked = slice(None) if rows is None else given["rows"]
        classes, labelled = batch.classes[picked], batch.labelled[picked]
        loss = training_loss(output, classes, labelled, c)
        self.accelerator.backward(loss.total * weight)
        parts = {"loss": loss.total, "mask": loss.mask, "auxiliary": loss.auxiliary, "bce": loss.bce}
        return {name: part.detach().float() for name, part in parts.items()}

    def end_epoch(self, on_event: OnEvent) -> None:
        """Validate if the config says so, save the best model, write a checkpoint."""
        c, epochs = self.config.train, self.progress.step // self.steps_per_epoch
        share = self.waited / max(self.waited + self.worked, 1e-9)
        self.log(f"Epoch {epochs} of {c.epochs}: {share:.0%} of the time went into waiting for clips.")
        self.waited = self.worked = 0.0
        due = epochs > c.validate_from and (epochs - c.validate_from) % c.validate_every == 0
        if due or epochs == c.epochs:
            result = validate(self.model, self.validation, self.accelerator, c.mute)
            values = {"epoch": epochs - 1, "step": self.progress.step, **asdict(result)}
            self.log_event("validation", **values)
            self.log(
                f"Epoch {epochs} of {c.epochs}: mIoU {result.miou:.3f}, "
                f"foreground with silence {result.silence:.1%}"
            )
            on_event("validation", values)
            score = result.benchmark if c.best_by == "benchmark" else result.miou
            if self.progress.best_miou is None or score > self.progress.best_miou:
                self.progress = replace(self.progress, best_miou=score)
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
            scaler_state = scaler.state_dict() if scaler is not None else None
            save_state(self.run.resume_file, self.model, self.raw_optimizer, self.progress, scaler_state)

    def save(self, path: Path) -> None:
        """Write the current model."""
        if self.accelerator.is_main_process:
            step, data = self.progress.step, self.status.data
            note = f"Trained for {step} of {self.steps} steps on {data}. {self.status.command}"
            save_model(path, self.model, Card(self.run.path.resolve().name, "trained", note.strip()))

    def log_event(self, kind: str, **values: object) -> None:
        """Write an event, once for all processes."""
        if self.accelerator.is_main_process:
            self.run.write_event(kind, **values)

    def log(self, message: str) -> None:
        """Write a message to the log and above the progress bar, once for all processes."""
        if self.accelerator.is_main_process:
            self.run.log(message)
            tqdm.write(message)

    def update_status(self, seconds_left: float, state: State = "running", message: str = "") -> None:
        """Write the status, at most every STATUS_SECONDS while the run is going on."""
        self.status = replace(
            self.status,
            state=state,
            message=message,
            step=self.progress.step,
            epoch=self.progress.step // self.steps_per_epoch,
            best_miou=self.progress.best_miou,
            seconds_left=seconds_left,
        )
        due = state != "running" or time.monotonic() - self.status_written > STATUS_SECONDS
        if self.accelerator.is_main_process and due:
            self.run.write_status(self.status)
            self.status_written = time.monotonic()

    def stop_requested(self) -> bool:
        """Whether a stop was requested: the main process looks, and all processes agree."""
        requested = torch.tensor(float(self.accelerator.is_main_process and self.run.stop_requested))
        if self.accelerator.num_processes > 1:
            requested = self.accelerator.reduce(requested.to(self.accelerator.device))
        return bool(requested)


def labelled_rows(batch: Batch) -> torch.Tensor | None:
    """Return the indices of the frames that the loss sees; None for all of them.

    The first of five frames in S4, those within the clip in AVSS. Where frames are heard with several sounds,
    all are computed.
    """
    if len(batch.frames) != len(batch.labelled) or batch.labelled.all() or not batch.labelled.any():
        return None
    return batch.labelled.nonzero()[:, 0]
