"""Every released file by its name: from the drive to masks.

A full-size file has 578 to 744 MB, so each of the twelve has two stand-ins. One has the released names and
shapes without storage: it is recognised, renamed and compared with its model. The other has random weights,
the released names and all layers, but few channels (PVTv2 has fewer blocks, VGGish is the small one): it is
fetched, converted and run, and its masks are those of the model that it was made of. A single full-size file
goes the whole way.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from avseg import Predictor, downloads, drive, weights
from avseg.checkpoints import CLIPS, import_released, read_card
from avseg.media.clip import Clip, read_clip
from avseg.models import zoo
from avseg.models.avsegformer import AVSegFormer
from avseg.models.zoo import RELEASED
from avseg.presets import PRESETS, Config
from tests.support.drive_server import Drive, drive_server
from tests.support.reference_fill import released_shapes
from tests.support.small_released import narrow, reference_of, released_state

LAST = ("head.fc.4.weight", "head.attn_fc.4.weight")  # the parameters whose shape depends on the task


@pytest.fixture(scope="module")
def clip() -> Clip:
    return read_clip(CLIPS / "dog-and-guitar.mp4", seconds=1)


@pytest.fixture
def drive_here(tmp_path, monkeypatch) -> Iterator[Drive]:
    """A drive that asks for a confirmation and stops at 40 % once; the folder of imported models is empty."""
    monkeypatch.setenv("AVSEG_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    with drive_server() as server:
        monkeypatch.setattr(drive, "DOWNLOAD", server.url)
        server.confirms, server.cuts = True, [0.4]
        yield server


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    row = RELEASED[name]
    shapes = released_shapes(reference_of(row))
    return shapes | {last: (row.config.classes, *shapes[last][1:]) for last in LAST}


def test_the_shapes_of_avss_are_those_that_were_read():
    assert shapes_of("avss-pvt-aug2023") == released_shapes("aug2023_pvt_avss")


@pytest.mark.parametrize("name", RELEASED)
def test_a_full_size_file_is_recognised_by_its_names_and_shapes(name: str):
    row, shapes = RELEASED[name], shapes_of(name)
    assert row.megabytes == round(sum(map(math.prod, shapes.values())) * 4 / 1e6)
    state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    assert import_released(state, row.task).config == row.config  # raises for a name or shape that differs


@pytest.mark.parametrize("name", RELEASED)
def test_a_file_goes_from_the_drive_to_masks(name: str, drive_here, clip, tmp_path, monkeypatch):
    row = RELEASED[name]
    monkeypatch.setitem(PRESETS, name, Config(narrow(row.config), PRESETS[name].train))
    torch.manual_seed(0)
    model = AVSegFormer(row.config).eval()
    state = released_state(model, reference_of(row))
    assert {key for key in shapes_of(name) if not key.startswith(("backbone.", "vggish."))} <= set(state)
    monkeypatch.setitem(zoo.MEGABYTES, f"{row.backbone}-{row.edition}", _save(state, tmp_path / "file.pth"))
    drive_here.files[row.drive_id] = (tmp_path / "file.pth").read_bytes()

    weights.get(name)

    assert len(drive_here.asked) == 2 and drive_here.asked[1].startswith("bytes=")
    config, card = read_card(weights.places(name).model)
    assert (config, card.name, card.weights) == (row.config, name, "released")
    fetched, direct = (Predictor(source, "cpu", precision="exact").predict(clip) for source in (name, model))
    assert fetched.task == row.task and np.ptp(fetched.probability) > 0
    np.testing.assert_array_equal(fetched.probability, direct.probability)


@pytest.mark.slow
def test_a_full_size_file_goes_from_the_drive_to_masks(drive_here, clip, tmp_path):
    name = "avss-r50-apr2023"
    row, file = RELEASED[name], tmp_path / "file.pth"
    torch.manual_seed(0)
    state = {key: _filled(key, shape) for key, shape in shapes_of(name).items()}
    assert abs(_save(state, file) - row.megabytes) <= 1
    del state
    drive_here.files[row.drive_id] = file.read_bytes()
    file.unlink()
    weights.get(name)
    prediction = Predictor(name, "cpu", precision="exact").predict(clip)
    assert prediction.labels.shape == (1, 224, 224) and np.isfinite(prediction.probability).all()


def _filled(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return random values that keep activations finite."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if len(shape) < 2:
        return torch.full(shape, 1.0 if name.endswith(("weight", "_var")) else 0.0)
    return torch.randn(shape) / math.sqrt(math.prod(shape[1:]))


def _save(state: dict[str, torch.Tensor], path: Path) -> int:
    """Write a .pth file and return its size in MB."""
    torch.save(state, path)
    return max(1, round(path.stat().st_size / 1e6))
