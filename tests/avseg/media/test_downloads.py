"""The packed files of a prediction; what they contain is tested where the page offers them."""

import json
import shutil
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from avseg.errors import ConfigError
from avseg.media.clip import read_clip
from avseg.media.downloads import write_downloads
from avseg.predict import Predictor
from tests.support.media import counting, number_of
from tests.support.stand_in_model import BrightAndLoud


def test_the_zip_holds_the_images_that_the_annotations_name(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=2), fps=1)
    files = write_downloads(Predictor(BrightAndLoud("ms3"), "cpu").predict(clip), tmp_path / "files")
    named = [image["file_name"] for image in json.loads(files.coco.read_text())["images"]]
    masks = ["masks/0001.png", "masks/0002.png"]
    with ZipFile(files.everything) as archive:
        assert {*named, *masks} < set(archive.namelist())
        record = json.loads(archive.read("prediction.json"))["frames"]
        assert [frame["frame"] for frame in record] == named == ["frames/0001.jpg", "frames/0002.jpg"]
        picture = Image.open(archive.open(named[1]))
        assert number_of(np.asarray(picture)) == record[1]["source_frame"] == 19
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == sorted(
        path.name for path in (files.everything, files.overlay, files.masks, files.coco, files.record)
    )


def test_a_folder_that_is_deleted_while_files_are_written_is_an_error_message(tmp_path):
    clip = read_clip(counting(tmp_path / "a.mp4", seconds=2), fps=1)
    prediction = Predictor(BrightAndLoud("ms3"), "cpu").predict(clip)

    def leave(done: int, total: int) -> None:
        if done == total:  # everything is written but the zip
            shutil.rmtree(tmp_path / "files", ignore_errors=True)

    with pytest.raises(ConfigError, match="could not be written"):
        write_downloads(prediction, tmp_path / "files" / "inner", leave)
