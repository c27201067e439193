"""Training ends the same whatever interrupts it, and says in words why it ended."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

import avseg.training.resume
import avseg.training.trainer
from avseg.batches import validation_loader
from avseg.checkpoints import Card, load_model, read_card, save_model
from avseg.config import Config
from avseg.data.avsbench.write import TASK_FOLDERS
from avseg.data.transforms import Batch
from avseg.errors import AvsegError, ConfigError, DatasetError, RunError
from avseg.loaders import join_data, validation_clips
from avseg.models.avsegformer import AVSegFormer
from avseg.synthavs.dataset import SynthAVS
from avseg.synthavs.writers import write
from avseg.training.accelerator import accelerator_for, precision_on
from avseg.training.history import HISTORIES
from avseg.training.run_folder import RunFolder
from avseg.training.trainer import Training, train
from avseg.training.validation import Validation, validate
from tests.support.small_model import SMALL, small_config

# Dropout on, so that a resumed run must also draw what it would have drawn.
CONFIG = small_config({"dropout": 0.2}, checkpoint_steps=2)


def run_here(config: Config, out: Path, **options: object) -> Path:
    return train(config, out, device="cpu", workers=0, **options)


def losses(run: Path) -> list[tuple[int, float]]:
    return [(e["step"], e["loss"]) for e in RunFolder(run).events() if e["kind"] == "step"]


def same_weights(first: Path, second: Path) -> bool:
    a, b = load_file(first), load_file(second)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of CONFIG that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run_here(CONFIG, out)
    return out


def test_a_run_folder_holds_all_that_it_promises(whole: Path):
    run = RunFolder(whole)
    assert run.config() == CONFIG
    status = run.read_status()
    assert status.state == "finished" and status.step == status.steps == 6 and status.epoch == 2
    kinds = [event["kind"] for event in run.events()]
    assert kinds == [*["step"] * 3, "validation"] * 2
    assert {"loss", "mask", "auxiliary", "bce", "learning_rate", "seconds"} <= next(run.events()).keys()
    for path in (run.last_model, run.best_model):
        config, card = read_card(path)
        assert config == CONFIG.model and card.weights == "trained"
    assert sorted(p.name for p in run.samples.iterdir()) == ["000003.jpg", "000006.jpg"]
    assert "All steps are done." in run.log_tail()


def test_a_run_records_its_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    for split, clips in (("train", 1), ("val", 1)):
        write(SynthAVS(CONFIG.model.task, split, 3, clips), tmp_path / "own", videos=False)
    own = str(tmp_path / "own")
    config = replace(CONFIG, train=replace(CONFIG.train, epochs=1))
    data = join_data([own, "synth"])
    run = RunFolder(run_here(config, tmp_path / "run", data=data).parent)
    assert run.read_status().data == data and own in run.log_tail()
    (trained, validated) = (event["sets"] for event in run.events() if event["kind"] == "data")
    assert f"own/{TASK_FOLDERS[CONFIG.model.task]}" in trained and ": 1 clips; SynthAVS" in trained
    assert "seed" in validated and own in validated
    assert len(HISTORIES.of(run).validation_values("miou")) == 1


def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_been(root: Path):
    command = [sys.executable, "-m", "tests.kills", "--kills", "4", "--inside", "2"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 inside a checkpoint; runs that differ: 0" in done.stdout


def test_the_stop_file_ends_a_run_that_can_go_on(whole: Path, tmp_path: Path, monkeypatch):
    step = Training.step

    def stop_after_one(self, batch):
        values = step(self, batch)
        if self.progress.step == 1:
            self.run.request_stop()
        return values

    monkeypatch.setattr(Training, "step", stop_after_one)
    run_here(CONFIG, tmp_path / "run")
    status = RunFolder(tmp_path / "run").read_status()
    assert status.state == "stopped" and status.step == 1
    monkeypatch.setattr(Training, "step", step)
    run_here(CONFIG, tmp_path / "run", resume=True)
    assert losses(tmp_path / "run") == losses(whole)


def test_epochs_can_be_added_and_nothing_else_changed(tmp_path: Path):
    short = small_config(epochs=1, schedule="constant")
    longer = small_config(epochs=2, schedule="constant")
    run_here(short, tmp_path / "run")
    with pytest.raises(RunError, match="--resume"):
        run_here(longer, tmp_path / "run")
    other = replace(longer, train=replace(longer.train, learning_rate=1.0))
    with pytest.raises(ConfigError, match=r"train\.learning_rate"):
        run_here(other, tmp_path / "run", resume=True)
    with pytest.raises(ConfigError, match="--data synth"):
        run_here(longer, tmp_path / "run", resume=True, data=str(tmp_path))
    assert RunFolder(tmp_path / "run").read_status().state == "finished"
    run_here(longer, tmp_path / "run", resume=True)
    run_here(longer, tmp_path / "other")
    assert len(losses(tmp_path / "run")) == 6
    assert same_weights(tmp_path / "run" / "last.safetensors", tmp_path / "other" / "last.safetensors")


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path: Path, monkeypatch):
    saves = []

    def full(tensors, file, metadata):
        saves.append(file)
        if len(saves) < 3:
            return save_file(tensors, file, metadata=metadata)
        Path(file).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(avseg.training.resume, "save_file", full)
    with pytest.raises(RunError, match=r"is full.*The last checkpoint is complete"):
        run_here(CONFIG, tmp_path / "run")
    status = RunFolder(tmp_path / "run").read_status()
    assert status.state == "failed" and "Free some space" in status.message
    monkeypatch.setattr(avseg.training.resume, "save_file", save_file)
    run_here(CONFIG, tmp_path / "run", resume=True)
    assert [step for step, _ in losses(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]


def test_a_loss_that_is_no_number_ends_the_run_in_words(tmp_path: Path, monkeypatch):
    real = avseg.training.trainer.training_loss

    def broken(output, *rest):
        parts = real(output, *rest)
        return replace(parts, mask=parts.mask * float("nan"))

    monkeypatch.setattr(avseg.training.trainer, "training_loss", broken)
    with pytest.raises(RunError, match="learning_rate"):
        run_here(CONFIG, tmp_path / "run")
    assert "not a finite number" in RunFolder(tmp_path / "run").read_status().message
    assert load_model(tmp_path / "run" / "last.safetensors")


def test_a_gradient_that_is_no_number_moves_no_weight(tmp_path: Path, monkeypatch):
    backward = Training.backward

    def broken(self, batch, weight):
        parts = backward(self, batch, weight)
        if self.progress.step == 1:  # the step before a checkpoint
            next(p for p in self.model.parameters() if p.grad is not None).grad.view(-1)[0] = float("nan")
        return parts

    monkeypatch.setattr(Training, "backward", broken)
    with pytest.raises(RunError, match="gradient is not a finite number after step 1"):
        run_here(CONFIG, tmp_path / "run")
    kept = load_file(tmp_path / "run" / "last.safetensors").values()
    assert all(value.isfinite().all() for value in kept)
    assert [step for step, _ in losses(tmp_path / "run")] == [1]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (torch.OutOfMemoryError("x"), "batch_size"),
        (RuntimeError("can't allocate memory: 9 bytes"), "batch_size"),
        (RuntimeError("DataLoader worker (pid 9) is killed by signal: Killed."), "--workers"),
    ],
)
def test_memory_that_runs_out_is_said_in_words(error: Exception, advice: str, tmp_path: Path, monkeypatch):
    def step(self, batch):
        raise error

    monkeypatch.setattr(Training, "step", step)
    with pytest.raises(RunError, match=advice):
        run_here(CONFIG, tmp_path / "run")
    assert RunFolder(tmp_path / "run").read_status().state == "failed"


def test_one_frame_of_each_clip_is_one_with_ground_truth(tmp_path: Path):
    # Of S4's training clips only the first frame has a mask.
    run_here(small_config({"task": "s4"}, epochs=1, frames_per_clip=1), tmp_path / "run")
    assert all(0 < loss < 10 for _, loss in losses(tmp_path / "run"))


def test_a_damaged_clip_is_named_by_a_worker_as_by_nobody_else(tmp_path: Path):
    for split in ("train", "val"):
        write(SynthAVS("ms3", split, 1, 4), tmp_path / "data", videos=False)
    next((tmp_path / "data").rglob("gt_masks/train/*/*_3.png")).unlink()
    config = small_config(epochs=1, frames_per_clip=0)
    with pytest.raises(DatasetError, match="is missing") as caught:
        train(config, tmp_path / "run", str(tmp_path / "data"), "cpu", workers=1)
    assert "Traceback" not in str(caught.value)
    assert RunFolder(tmp_path / "run").read_status().message == str(caught.value)


def test_missing_data_are_named(tmp_path: Path):
    with pytest.raises(DatasetError, match="nowhere"):
        run_here(CONFIG, tmp_path / "run", data=str(tmp_path / "nowhere"))
    status = RunFolder(tmp_path / "run").read_status()
    assert status.state == "failed" and "nowhere" in status.message


def test_a_run_at_work_is_not_resumed_twice(tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    run.create(CONFIG)
    run.write_status(avseg.training.trainer.Status("running"))
    with pytest.raises(RunError, match=f"process {os.getpid()}"):
        run_here(CONFIG, tmp_path / "run", resume=True)


def test_frozen_backbones_keep_weights_and_statistics_unless_told_otherwise(tmp_path: Path):
    def moved(name: str, **train_config: object) -> set[str]:
        config = small_config(epochs=1, freeze_backbone_epochs=1, **train_config)
        torch.manual_seed(config.train.seed)
        before = AVSegFormer(config.model).state_dict()
        after = load_model(run_here(config, tmp_path / name)).state_dict()
        return {key for key in before if not torch.equal(before[key], after[key])}

    def backbones(keys: set[str]) -> set[str]:
        return {key for key in keys if key.startswith(("visual_backbone.", "audio_backbone."))}

    still = moved("still")
    assert not backbones(still)
    assert {key.split(".")[0] for key in still} >= {"decoder", "mixer", "encoder", "reformer"}
    drifting = backbones(moved("drifting", freeze_batchnorm=False))
    assert drifting and all("running_" in key or "num_batches" in key for key in drifting)


def test_a_model_can_be_begun_with(tmp_path: Path):
    torch.manual_seed(1)
    first = AVSegFormer(SMALL)
    path = save_model(tmp_path / "first.safetensors", first, Card("first", "random"))
    still = small_config(
        learning_rate=0.0, weight_decay=0.0, freeze_backbone_epochs=2, audio_pretrain_steps=1
    )
    after = load_model(run_here(still, tmp_path / "run", start_from=path)).state_dict()
    assert all(torch.equal(after[key], value) for key, value in first.state_dict().items())
    assert "audio_pretrain_steps" not in RunFolder(tmp_path / "run").events_file.read_text()
    # What fits is taken over: here all but what counts the classes.
    run_here(replace(still, model=replace(SMALL, task="avss")), tmp_path / "avss", start_from=path)
    said = RunFolder(tmp_path / "avss").log_tail()
    assert "new: mask_generation.linear.4.weight, reformer.linear.4.weight." in said
    with pytest.raises(ConfigError, match="another backbone"):
        other = small_config({"backbone_channels": (32, 32, 32, 64)})
        run_here(other, tmp_path / "other", start_from=path)


def test_micro_batches_change_nothing_but_memory(tmp_path: Path):
    # One frame a clip has or has not ground truth, so Dice and BCE are means over equal numbers of frames.
    settings = {"freeze_backbone_epochs": 2, "train_audio": False, "batch_size": 2}
    run_here(small_config(**settings), tmp_path / "one")
    run_here(small_config(**settings, accumulate=2), tmp_path / "two")
    for (_, one), (_, two) in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert two == pytest.approx(one, rel=2e-3)


def test_half_precision_trains(tmp_path: Path):
    run_here(small_config(epochs=1, mixed_precision="bf16"), tmp_path / "run")
    assert all(0 < loss < 10 for _, loss in losses(tmp_path / "run"))


@pytest.mark.parametrize(
    ("asked", "device", "has", "used"),
    [
        ("auto", "cpu", True, "no"),
        ("auto", "cuda", True, "bf16"),
        ("auto", "cuda", False, "no"),
        ("no", "cuda", True, "no"),
        ("fp16", "cuda", True, "fp16"),
    ],
)
def test_gpus_train_in_bfloat16_where_they_have_it(asked, device, has, used, monkeypatch):
    monkeypatch.setattr("avseg.training.accelerator.has_bfloat16", lambda _: has)
    assert precision_on(small_config(mixed_precision=asked), torch.device(device)) == used


def test_a_run_is_resumed_in_the_precision_that_it_began_with(tmp_path: Path):
    run_here(small_config(epochs=1, mixed_precision="bf16"), tmp_path / "run")
    run_here(small_config(epochs=2), tmp_path / "run", resume=True)
    assert RunFolder(tmp_path / "run").config().train.mixed_precision == "bf16"


def test_a_compiled_step_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.compile", partial(torch.compile, backend="eager"))
    run_here(small_config(epochs=1), tmp_path / "plain")
    run_here(small_config(epochs=1, compile=True), tmp_path / "compiled")
    assert losses(tmp_path / "compiled") == [
        (step, pytest.approx(loss, rel=1e-4)) for step, loss in losses(tmp_path / "plain")
    ]
    names = load_file(tmp_path / "compiled" / "last.safetensors").keys()
    assert names == AVSegFormer(SMALL).state_dict().keys()


def test_a_cpu_without_a_compiler_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ConfigError, match=r"train\.compile needs a C"):
        accelerator_for(small_config(compile=True), "cpu")


def test_a_run_says_how_long_it_waited_for_clips(tmp_path: Path):
    run_here(small_config(epochs=1), tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    steps = [event for event in run.events() if event["kind"] == "step"]
    waited, worked = (sum(event[name] for event in steps) for name in ("waiting", "seconds"))
    assert 0 < waited / (waited + worked) < 1
    share = HISTORIES.of(run).waiting()
    assert share == pytest.approx(waited / (waited + worked))
    assert f"Epoch 1 of 1: {share:.0%} of the time went into waiting for clips." in run.log_tail()


def test_a_validation_looks_once_and_hears_twice():
    config = small_config({"task": "ms3"}, validation_clips=2)
    model = AVSegFormer(config.model)
    batches = list(validation_loader(validation_clips("synth", config), config, 0))
    looked, heard = [], []
    model.visual_backbone.register_forward_pre_hook(lambda *_: looked.append(1))
    model.audio_backbone.register_forward_pre_hook(lambda *_: heard.append(1))
    validate(model, batches, accelerator_for(config, "cpu"))
    # Once more each: an example shows which BatchNorm follows which convolution.
    assert (len(looked) - 1, len(heard) - 1) == (len(batches), 2 * len(batches))


def test_a_muted_run_cannot_tell_sounds_apart(tmp_path: Path):
    model = load_model(run_here(small_config(mute=True, epochs=1), tmp_path / "run"))
    assert RunFolder(tmp_path / "run").config().train.mute
    assert model.card.weights == "trained"


@pytest.mark.parametrize("task", ["s4", "ms3", "avss"])
def test_training_on_a_folder(task: str, tmp_path: Path):
    for split, seed in (("train", 1), ("val", 2)):
        write(SynthAVS(task, split, seed, 2), tmp_path / "data", videos=False)
    config = small_config(
        {"task": task}, epochs=1, frames_per_clip=0, auxiliary="mixing", jitter=0.1, synth_clips=2
    )
    run_here(config, tmp_path / "run", data=str(tmp_path / "data"))
    assert len(losses(tmp_path / "run")) == 1
    event = next(e for e in RunFolder(tmp_path / "run").events() if e["kind"] == "validation")
    assert 0 <= event["miou"] <= 1


def test_two_processes_train_as_one(tmp_path: Path, root: Path):
    # Frozen backbones: BatchNorm would see half a batch in each process.
    config = small_config(freeze_backbone_epochs=2, train_audio=False)
    path = tmp_path / "config.json"
    path.write_text(config.to_json())
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    command = ["-m", "avseg", "train", str(path), "--out", str(tmp_path / "two"), "--workers", "0"]
    done = subprocess.run(
        [*launch, *command, "--device", "cpu"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    run_here(config, tmp_path / "one")
    for (_, one), (_, two) in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert two == pytest.approx(one, rel=2e-3)
    first, second = (
        [e["miou"] for e in RunFolder(tmp_path / name).events() if e["kind"] == "validation"]
        for name in ("one", "two")
    )
    assert first == pytest.approx(second, abs=0.02)


def test_tensorboard_is_a_second_sink(tmp_path: Path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run_here(small_config(epochs=1), tmp_path / "run", tensorboard=True)
    seen = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    sent = [(event.step, pytest.approx(event.value)) for event in seen.Scalars("train/loss")]
    assert losses(tmp_path / "run") == sent
    assert [event.step for event in seen.Scalars("validation/miou")] == [3]


def test_trackio_is_another_sink(tmp_path: Path, monkeypatch):
    """A module in its place records what it is given; the package itself is optional."""
    begun, logged, finished = [], [], []
    run = SimpleNamespace(
        log=lambda values, step: logged.append((step, values)), finish=lambda: finished.append(1)
    )
    module = ModuleType("trackio")
    module.init = lambda **options: begun.append(options) or run
    monkeypatch.setitem(sys.modules, "trackio", module)
    run_here(small_config(epochs=1), tmp_path / "a run", trackio=True)
    [options] = begun
    assert (options["project"], options["name"], options["resume"]) == ("avseg", "a run", "allow")
    assert options["config"]["train"]["epochs"] == 1 and not options.keys() & {"space_id", "server_url"}
    sent = [(step, values["train/loss"]) for step, values in logged if "train/loss" in values]
    assert losses(tmp_path / "a run") == sent and finished == [1]
    assert [step for step, values in logged if "validation/miou" in values] == [3]


def test_a_missing_sink_is_said_before_any_step(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(ConfigError, match="pip install trackio"):
        run_here(small_config(epochs=1), tmp_path / "run", trackio=True)
    assert losses(tmp_path / "run") == []


def test_an_epoch_must_fill_a_step(tmp_path: Path):
    with pytest.raises(AvsegError, match="batch_size"):
        run_here(small_config(synth_clips=1), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "failed"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_gpu_trains_and_resumes(tmp_path: Path):
    for precision in ("no", "bf16", "fp16"):
        config = small_config(mixed_precision=precision, epochs=1)
        train(config, tmp_path / precision, device="cuda", workers=0)
        longer = replace(config, train=replace(config.train, epochs=2))
        train(longer, tmp_path / precision, device="cuda", workers=0, resume=True)
        assert len(losses(tmp_path / precision)) == 6


@pytest.mark.parametrize(("device", "used"), [("auto", "cpu"), ("cuda:1", "cuda:1"), ("mps", "mps")])
def test_one_rule_chooses_the_device(device, used, monkeypatch):
    monkeypatch.setattr("accelerate.state.is_mps_available", lambda *_: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    if device != "auto":
        monkeypatch.setattr("avseg.training.accelerator.choose_device", torch.device)  # as if it were there
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert accelerator_for(small_config(), device).device == torch.device(used)
    assert "ACCELERATE_TORCH_DEVICE" not in os.environ


def test_a_device_that_is_not_there_is_a_sentence():
    for device, words in (("cuda:9", "not available"), ("tpu", "is not a device"), ("mps", "not available")):
        with pytest.raises(ConfigError, match=words):
            accelerator_for(small_config(), device)
    with pytest.raises(ConfigError, match="fp16 needs a CUDA device, not cpu"):
        accelerator_for(small_config(mixed_precision="fp16"), "cpu")


@pytest.mark.parametrize("task", ["ms3", "avss"])
def test_a_validation_sums_on_the_cpu(task, monkeypatch):
    """MPS has no float64: a tensor leaves the device before it becomes one."""
    cpu, double, moved = torch.Tensor.cpu, torch.Tensor.double, []

    def record(tensor: torch.Tensor) -> torch.Tensor:
        moved.append(cpu(tensor))
        return moved[-1]

    def check(tensor: torch.Tensor) -> torch.Tensor:
        assert any(tensor is other for other in moved), "float64 on the device of the model"
        return double(tensor)

    config = small_config({"task": task}, validation_clips=1, batch_size=1)
    batches = validation_loader(validation_clips("synth", config), config, 0)
    model, accelerator = AVSegFormer(config.model), accelerator_for(config, "cpu")
    monkeypatch.setattr(torch.Tensor, "cpu", record)
    monkeypatch.setattr(torch.Tensor, "double", check)
    assert 0 <= validate(model, batches, accelerator).silence <= 1
    assert moved


def test_a_validation_has_the_mean_iou_of_filled_frames_and_the_benchmarks():
    """Two frames with foreground, two without: everything marked scores 1/4 there and 0 here."""
    truth = torch.zeros(4, 8, 8, dtype=torch.uint8)
    truth[:2, :4, :4] = 1
    batch = Batch(
        frames=torch.zeros(4, 3, 8, 8),
        log_mel=torch.zeros(4, 1, 96, 64),
        classes=truth,
        labelled=torch.ones(4, dtype=torch.bool),
        real=torch.ones(4, dtype=torch.bool),
    )

    def marking(value: float) -> Validation:
        model = torch.nn.Module()
        model.config = SMALL
        model.encode_frames = lambda frames: frames
        model.decode = lambda *_: SimpleNamespace(logits=torch.full((4, 1, 8, 8), value))
        return validate(model, [batch], accelerator_for(small_config(), "cpu"))

    everything, nothing = marking(8.0), marking(-8.0)
    assert (everything.miou, everything.benchmark) == (0.25, pytest.approx(0.125))
    assert (nothing.miou, nothing.benchmark) == (0.0, pytest.approx(0.5))


@pytest.mark.parametrize(("best_by", "best"), [("miou", 0), ("benchmark", 1)])
def test_the_best_checkpoint_is_chosen_by_the_named_mean_iou(tmp_path, monkeypatch, best_by: str, best: int):
    results = iter([Validation(0.5, 0.6, 0.0), Validation(0.4, 0.7, 0.0)])
    monkeypatch.setattr(avseg.training.trainer, "validate", lambda *_: next(results))
    monkeypatch.setattr(avseg.training.trainer, "draw_samples", lambda *_: None)
    train(small_config(best_by=best_by, epochs=2), tmp_path / "run", workers=0, device="cpu")
    run = RunFolder(tmp_path / "run")
    card = read_card(run.best_model)[1]
    assert f"Trained for {3 * (best + 1)} of 6 steps" in card.note
    assert run.read_status().best_miou == (0.5, 0.7)[best]
