import numpy as np
import pytest

from avseg.data.labels import GREY
from avseg.media.draw import (
    FALSE_ALARM,
    MISS,
    ORANGE,
    cut_out,
    error_map,
    heat_map,
    heat_over,
    mask_layer,
    outline,
    overlay,
    resize,
    sampling_points,
    spectrogram,
    strip,
    truth_outline,
)

BLACK = np.zeros((40, 60, 3), np.uint8)


def square() -> np.ndarray:
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 20:40] = 1
    return labels


def test_resize_keeps_kind_and_labels():
    labels = square() * 7
    assert set(np.unique(resize(labels, (77, 91), smooth=False))) == {0, 7}
    assert resize(BLACK, (8, 10)).shape == (8, 10, 3)
    ramp = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    larger = resize(ramp, (8, 8))
    assert larger.dtype == np.float32 and larger.shape == (8, 8)
    assert larger.min() == 0 and larger.max() == 1
    assert resize(ramp, (4, 4)) is ramp


def test_outline_is_as_wide_as_said_and_keeps_off_the_picture_edge():
    cover = outline(square(), 2.4)
    assert cover[20].sum() == pytest.approx(2 * 2.4)
    assert cover[20, 19] == cover[20, 20] == 1 and cover[20, 18] == pytest.approx(0.2)
    touching = np.zeros((40, 60), np.uint8)
    touching[:, :20] = 1
    assert outline(touching)[0, 0] == 0 and outline(touching)[:, 20].all()
    assert not outline(np.ones((4, 4))).any()


def test_overlay_fills_and_outlines_in_class_colour():
    picture = overlay(BLACK, square(), opacity=0.5)
    np.testing.assert_allclose(picture[20, 30], np.array(ORANGE) / 2, atol=1)
    assert tuple(picture[20, 20]) == ORANGE
    assert not picture[0].any()
    assert picture.dtype == np.uint8 and not BLACK.any()


def test_overlay_of_several_classes():
    labels = square()
    labels[10:30, 30:40] = 5
    picture = overlay(BLACK, labels, {1: (200, 0, 0), 5: (0, 200, 0)}, opacity=1, width=0)
    assert tuple(picture[20, 25]) == (200, 0, 0) and tuple(picture[20, 35]) == (0, 200, 0)


def test_a_class_without_colour_is_grey_and_hatched():
    picture = overlay(BLACK, square() * 9, {}, opacity=1, width=0)
    inside = picture[10:30, 20:40].reshape(-1, 3)
    assert {tuple(pixel) for pixel in inside.tolist()} == {GREY, (0, 0, 0)}


def test_a_layer_can_be_laid_over_many_pictures():
    layer = mask_layer(square())
    white = np.full_like(BLACK, 255)
    assert (layer.over(white)[0] == 255).all() and not layer.over(BLACK)[0].any()
    np.testing.assert_array_equal(overlay(white, square()), layer.over(white))


def test_cut_out():
    picture = cut_out(np.full_like(BLACK, 9), square())
    assert (picture[20, 30] == 9).all() and (picture[0, 0] == 255).all()


def test_truth_outline_is_white_and_open():
    picture = truth_outline(BLACK, square())
    assert (picture[20, 20] == 255).all() and not picture[20, 30].any()


def test_error_map_colours():
    truth, predicted = square(), np.roll(square(), 10, axis=1)
    picture = error_map(BLACK, predicted, truth)
    assert np.ptp(picture[20, 35].astype(int)) == 0 and abs(int(picture[20, 35, 0]) - 128) <= 1
    np.testing.assert_allclose(picture[20, 45], np.array(FALSE_ALARM) * 0.8, atol=1)
    np.testing.assert_allclose(picture[20, 25], np.array(MISS) * 0.8, atol=1)
    assert not picture[0].any()


def test_heat_map_scale():
    values = np.array([[0.0, 1.0], [2.0, 4.0]])
    heat = heat_map(values)
    assert (heat.low, heat.high) == (0.0, 4.0)
    assert heat.picture[0, 0].sum() < 10 and heat.picture[1, 1].sum() > 600
    fixed = heat_map(values, low=0, high=8)
    assert (fixed.low, fixed.high) == (0.0, 8.0) and fixed.picture[1, 1].sum() < 600
    cells = heat_map(values, size=(8, 8)).picture
    np.testing.assert_array_equal(cells[:4, :4], np.broadcast_to(heat.picture[0, 0], (4, 4, 3)))


@pytest.mark.parametrize("values", [np.full((3, 3), 2.0), np.full((3, 3), np.nan), np.array([[np.inf, 0.0]])])
def test_heat_map_of_odd_values(values: np.ndarray):
    heat = heat_map(values)
    assert heat.picture.shape == (*values.shape, 3) and np.isfinite([heat.low, heat.high]).all()


def test_heat_over_a_picture():
    values = np.zeros((4, 6), np.float32)
    values[1, 2] = 3
    heat = heat_over(np.full_like(BLACK, 200), values)
    assert heat.picture.shape == BLACK.shape and (heat.low, heat.high) == (0.0, 3.0)
    assert heat.picture[15, 25].sum() > heat.picture[-1, -1].sum()


def test_sampling_points_are_larger_by_weight():
    frame = np.zeros((360, 720, 3), np.uint8)
    points = np.array([[[[0.25, 0.25]], [[0.75, 0.25]], [[0.25, 0.75]]]], np.float32)
    weights = np.array([[[1.0], [0.25], [0.25]]], np.float32)
    drawn = sampling_points(frame, points, weights, 1.0, (0.75, 0.75))
    quarters = [drawn[:180, :360], drawn[:180, 360:], drawn[180:, :360]]
    areas = [int((quarter > 0).any(2).sum()) for quarter in quarters]
    assert areas[0] > areas[1] > areas[2] > 0
    assert tuple(drawn[270, 540]) == (255, 255, 255)
    one = sampling_points(frame, points, weights, 1.0, (0.75, 0.75), level=1)
    assert not one[:, :360].any() and np.array_equal(one[:, 360:], drawn[:, 360:])


def test_strip():
    pictures = [BLACK, np.full((20, 20, 3), 255, np.uint8)]
    row = strip(pictures, [square(), np.zeros((5, 5))], height=20, gap=3)
    assert row.shape == (20, 30 + 3 + 20, 3)
    assert row[10, 15].any() and (row[:, 30:33] == 255).all()
    assert strip([]).shape[0] == 72


def test_spectrogram_has_low_bands_at_the_bottom():
    rows = np.full((50, 64), np.log(0.01), np.float32)
    rows[20:30, 0] = 2.0
    picture = spectrogram(rows)
    assert picture.shape == (64, 50, 3)
    assert (picture[0, 0] == 255).all() and picture[-1, 25].max() < 30 and (picture[-1, 5] == 255).all()
    dark = spectrogram(rows, dark=True)
    assert dark[0, 0].max() < 30 and (dark[-1, 25] == 255).all()
    assert spectrogram(rows, (32, 200)).shape == (32, 200, 3)
    assert spectrogram(np.zeros((0, 64)), (10, 20)).shape == (10, 20, 3)
