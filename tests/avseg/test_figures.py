"""Figures 6 and 7: what they compute, and the files that the command writes."""

import numpy as np
import pytest
from PIL import Image

from avseg.__main__ import main
from avseg.data.labels import CLASS_INDEX
from avseg.errors import AvsegError
from avseg.figures.channels import channel_panel, draw_channels
from avseg.figures.clips import FigureClip, file_clip, truth_beside
from avseg.figures.drawing import write_figure
from avseg.figures.sheet import draw_sheet
from avseg.interpret.inspection import inspect
from avseg.interpret.maps import mixing
from avseg.media.clip import read_clip
from tests.support.media import counting
from tests.support.small_model import small_predictor


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> FigureClip:
    clip = read_clip(counting(tmp_path_factory.mktemp("figures") / "a.mp4", seconds=2), fps=1)
    return FigureClip("A clip", clip, (None, np.eye(9, dtype=np.uint8)))


def test_the_ground_truth_of_a_bundled_clip_is_beside_it(root, tmp_path):
    drawn = file_clip(root / "assets/clips/dog-and-guitar.mp4")
    assert drawn.title == "Dog and guitar" and len(drawn.truth) == len(drawn.clip.frames)
    assert set(np.unique(np.stack(drawn.truth))) == {0, CLASS_INDEX["dog"]}
    composed = truth_beside(root / "assets/clips/video-call.mp4", (0.5,))
    assert composed is not None and composed[0].any()
    (tmp_path / "own.json").write_text('{"seconds": 3}')
    assert truth_beside(tmp_path / "own.mp4", (0.5,)) is None is truth_beside(tmp_path / "none.mp4", (0.5,))


def test_a_panel_is_what_inside_shows(clip):
    predictor = small_predictor()
    panel, inspection = channel_panel(predictor, clip, 1), inspect(predictor, clip.clip, 1)
    order = mixing(inspection).effect_order[:9]
    assert panel.channels == tuple(int(channel) + 1 for channel in order)
    np.testing.assert_array_equal(panel.before, inspection.mask_feature[order])
    np.testing.assert_array_equal(panel.after, inspection.mixed[order])
    assert panel.mask.shape == clip.clip.frames.shape[1:3] and panel.truth is clip.truth[1]
    without = inspect(small_predictor(mixer="none"), clip.clip, 1)
    bare = channel_panel(small_predictor(mixer="none"), clip, 0, 3)
    assert bare.unmixed is None and bare.truth is None and len(bare.channels) == 3
    assert np.array_equal(without.mask_feature, without.mixed)
    with pytest.raises(AvsegError, match="has no frame 9: choose 1 to 2"):
        channel_panel(predictor, clip, 8)


def test_figures_have_a_picture_per_cell_and_are_written(clip, tmp_path):
    predictor = small_predictor()
    figure = draw_channels([channel_panel(predictor, clip, index, 4) for index in (0, 1)])
    assert len(figure.axes) == 4 * 6 and sum(len(axes.images) for axes in figure.axes) == 4 * 6 - 1
    png, pdf = write_figure(figure, tmp_path, "figure-6")
    assert Image.open(png).size[0] > 1000 and pdf.read_bytes().startswith(b"%PDF")
    predictions = [[predictor.predict(clip.clip)] * 2] * 3
    sheet = draw_sheet([clip, clip], predictions)
    assert len(sheet.axes) == (2 + 3) * 4
    assert sum(len(axes.images) for axes in sheet.axes) == 5 * 4 - 2  # a frame of each clip has no label
    with pytest.raises(AvsegError, match="1 to 10 clips"):
        draw_sheet([clip] * 11, [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["6"], "Name at least one clip"),
        (["6", "a.mp4", "--model", "tiny-ms3", "--model", "tiny-avss"], "of one model"),
        (["7", "a.mp4", "--frame", "1"], "--frame is for Figure 6"),
        (["6", "gone.mp4"], "gone.mp4"),
        (["6", "x", "--data", "gone"], "gone"),
    ],
)
def test_the_command_says_what_is_wrong_before_any_work(arguments, words, capsys):
    assert main(["figure", *arguments]) == 1
    assert words in capsys.readouterr().err


def test_the_command_writes_both_files(root, tmp_path, capsys):
    clip = str(root / "assets/clips/dog-and-guitar.mp4")
    assert main(["figure", "6", clip, "--frame", "2", "--out", str(tmp_path), "--device", "cpu"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"figure-6.png", "figure-6.pdf"}
    assert capsys.readouterr().out.count("Written:") == 2
