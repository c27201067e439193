"""The picture of a run's course."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avseg.__main__ import main
from avseg.errors import RunError
from avseg.training.curve import draw_curve, smooth
from avseg.training.run_folder import RunFolder
from tests.support.small_model import small_config


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create(small_config())
    for step in range(1, 21):
        folder.write_event("step", step=step, loss=2.0 / step)
    folder.write_event("validation", step=20, miou=0.4)
    return folder


def test_smoothing_is_the_mean_of_the_last_values():
    assert np.allclose(smooth(np.array([1.0, 2, 3, 4]), 2), [1, 1.5, 2.5, 3.5])
    assert np.allclose(smooth(np.array([1.0, 2, 3]), 1), [1, 2, 3])
    assert np.allclose(smooth(np.array([4.0, 2]), 9), [4, 3])


def test_the_curve_is_drawn_from_the_events(run: RunFolder, tmp_path: Path):
    one = np.asarray(Image.open(draw_curve([run.path], tmp_path / "one.png")).convert("RGB"))
    for step in range(21, 41):
        run.write_event("step", step=step, loss=1.0)
    other = np.asarray(Image.open(draw_curve([run.path], tmp_path / "other.png")).convert("RGB"))
    assert one.shape == other.shape and (one != other).any()


def test_the_command_and_its_error(run: RunFolder, tmp_path: Path, capsys):
    assert main(["curve", str(run.path), "--out", str(tmp_path / "curve.png")]) == 0
    assert (tmp_path / "curve.png").stat().st_size > 5000
    with pytest.raises(RunError, match="no steps"):
        draw_curve([tmp_path], tmp_path / "none.png")
    assert main(["curve", str(tmp_path), "--out", str(tmp_path / "none.png")]) == 1
    assert "no steps" in capsys.readouterr().err and not (tmp_path / "none.png").exists()
