"""The packed files of a prediction; what they contain is tested where the page offers them."""

import shutil

import pytest

from avseg.errors import ConfigError
from avseg.media.clip import read_clip
from avseg.media.downloads import write_downloads
from avseg.predict import Predictor
from tests.support.media import counting
from tests.support.stand_in_model import BrightAndLoud


def test_a_folder_that_is_deleted_while_files_are_written_is_an_error_message(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=2), fps=1)
    prediction = Predictor(BrightAndLoud("ms3"), "cpu").predict(clip)

    def leave(done: int, total: int) -> None:
        if done == total:  # everything is written but the zip
            shutil.rmtree(tmp_path / "files", ignore_errors=True)

    with pytest.raises(ConfigError, match="could not be written"):
        write_downloads(prediction, tmp_path / "files" / "inner", leave)
