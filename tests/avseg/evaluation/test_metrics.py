import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from avseg.evaluation.metrics import f_score, frame_iou, miou, semantic_sums
from tests.support.reference_fill import REFERENCE

APART = 1e-5
masks = arrays(np.bool_, (3, 6, 7))
logits = arrays(np.float32, (3, 6, 7), elements=st.floats(-8, 8, width=32))
class_maps = arrays(np.int64, (3, 6, 7), elements=st.integers(0, 4))
quiet = settings(deadline=None, derandomize=True, max_examples=60)


@pytest.fixture(scope="module")
def stored() -> dict[str, torch.Tensor]:
    """The reference's inputs and metrics."""
    with np.load(REFERENCE / "metrics_and_losses.npz") as file:
        return {name: torch.from_numpy(np.asarray(file[name])) for name in file}


@pytest.mark.parametrize(("metric", "name"), [(miou, "miou"), (f_score, "f_score")])
def test_binary_metrics_agree_with_the_released_code(stored, metric, name):
    scores, truth = stored["logits"], stored["gt"]
    assert metric(scores, truth) == pytest.approx(stored[name].item(), abs=APART)
    halves = [metric(scores[part], truth[part]) for part in (slice(5), slice(5, 10))]
    assert halves == pytest.approx(stored[f"{name}_batches_of_5"].tolist(), abs=APART)


def test_semantic_metrics_agree_with_the_released_code(stored):
    sums = semantic_sums(stored["sem_logits"], stored["sem_gt"])
    for ours, name in ((sums.iou, "sem_iou_sum"), (sums.f_score, "sem_f_sum"), (sums.count, "sem_count")):
        torch.testing.assert_close(ours, stored[name], atol=APART, rtol=0)


def test_iou_by_hand():
    prediction = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 1]], [[0, 0, 0, 1]]])
    truth = torch.tensor([[[0, 1, 1, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]]])
    # The second frame is empty: three quarters of its background are left unmarked.
    assert frame_iou(prediction, truth).tolist() == pytest.approx([1 / 3, 3 / 4, 0])


@quiet
@given(masks)
def test_iou_of_identical_masks_is_one(mask: np.ndarray):
    mask = torch.from_numpy(mask)
    torch.testing.assert_close(frame_iou(mask, mask), torch.ones(3))


@quiet
@given(masks)
def test_iou_of_an_empty_frame_is_the_share_left_unmarked(mask: np.ndarray):
    mask = torch.from_numpy(mask)
    expected = 1 - mask.float().mean((1, 2))
    torch.testing.assert_close(frame_iou(mask, torch.zeros_like(mask)), expected)


@quiet
@given(masks, masks)
def test_iou_lies_between_zero_and_one_and_takes_no_sides(one: np.ndarray, other: np.ndarray):
    one, other = torch.from_numpy(one), torch.from_numpy(other)
    values = frame_iou(one, other)
    assert ((values >= 0) & (values <= 1)).all()
    both = one.flatten(1).any(1) & other.flatten(1).any(1)
    torch.testing.assert_close(values[both], frame_iou(other, one)[both])


@quiet
@given(logits, masks)
def test_miou_is_the_mean_over_frames_of_logits_above_zero(scores: np.ndarray, truth: np.ndarray):
    scores, truth = torch.from_numpy(scores), torch.from_numpy(truth)
    marked = scores.sigmoid() > 0.5
    assert miou(scores, truth) == pytest.approx(frame_iou(marked, truth).mean().item())
    assert miou(scores, truth) == pytest.approx(miou(scores.flip(0), truth.flip(0)), abs=1e-6)


def slow_f_score(scores: np.ndarray, truth: np.ndarray) -> float:
    """The definition, threshold by threshold."""
    thresholds = torch.linspace(0, 1 - 1e-10, 255).numpy()
    probability = torch.from_numpy(scores).sigmoid().numpy()
    curves = []
    for p, t in zip(probability, truth):
        if t.any():
            hits = np.array([(t & (p >= level)).sum() for level in thresholds], dtype=float)
            marked = np.array([(p >= level).sum() for level in thresholds], dtype=float)
            precision, recall = hits / np.maximum(marked, 1e-20), hits / t.sum()
            curves.append(1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-20))
    return float(np.mean(curves, axis=0).max()) if curves else 0.0


@quiet
@given(logits, masks)
def test_f_is_its_definition_counted_slowly(scores: np.ndarray, truth: np.ndarray):
    ours = f_score(torch.from_numpy(scores), torch.from_numpy(truth))
    assert 0 <= ours <= 1 + 1e-6
    assert ours == pytest.approx(slow_f_score(scores, truth), abs=1e-5)


@quiet
@given(masks)
def test_f_of_the_truth_is_one(truth: np.ndarray):
    truth = torch.from_numpy(truth)
    expected = 1.0 if truth.any() else 0.0
    assert f_score(torch.where(truth, 5.0, -5.0), truth) == pytest.approx(expected)


def test_f_passes_over_empty_frames_and_an_empty_batch_scores_nothing():
    torch.manual_seed(0)
    scores, truth = torch.randn(4, 8, 8), torch.rand(4, 8, 8) > 0.5
    truth[1] = truth[3] = False
    assert f_score(scores, truth) == f_score(scores[::2], truth[::2])
    assert f_score(scores[1::2], truth[1::2]) == 0


def test_f_depends_on_the_batch():
    torch.manual_seed(0)
    truth = torch.rand(4, 16, 16) > 0.5
    # Every frame has a threshold that suits it, and no threshold suits all of them.
    scores = torch.where(truth, 0.5, -0.5) + torch.tensor([-3.0, -1.0, 1.0, 3.0]).view(-1, 1, 1)
    one_by_one = np.mean([f_score(scores[i : i + 1], truth[i : i + 1]) for i in range(4)])
    assert one_by_one == pytest.approx(1.0) and f_score(scores, truth) < 0.9


def one_hot(classes: torch.Tensor, count: int = 5) -> torch.Tensor:
    return torch.nn.functional.one_hot(classes, count).permute(0, 3, 1, 2).float()


@quiet
@given(class_maps)
def test_semantic_scores_of_the_truth_are_the_counts(classes: np.ndarray):
    classes = torch.from_numpy(classes)
    sums = semantic_sums(one_hot(classes), classes)
    frames_with = torch.stack([(classes == c).flatten(1).any(1).sum() for c in range(5)]).float()
    torch.testing.assert_close(sums.count, frames_with)
    torch.testing.assert_close(sums.iou, frames_with)
    torch.testing.assert_close(sums.f_score, frames_with)


@quiet
@given(class_maps, class_maps, st.permutations(range(5)))
def test_semantic_scores_follow_the_names_of_the_classes(predicted, truth, order):
    predicted, truth, order = torch.from_numpy(predicted), torch.from_numpy(truth), torch.tensor(order)
    before = semantic_sums(one_hot(predicted), truth)
    after = semantic_sums(one_hot(order[predicted]), order[truth])
    for field in ("iou", "f_score", "count"):
        torch.testing.assert_close(getattr(after, field)[order], getattr(before, field))


@quiet
@given(class_maps, class_maps)
def test_semantic_sums_add_up_over_frames(predicted: np.ndarray, truth: np.ndarray):
    predicted, truth = one_hot(torch.from_numpy(predicted)), torch.from_numpy(truth)
    whole = semantic_sums(predicted, truth)
    frames = [semantic_sums(predicted[i : i + 1], truth[i : i + 1]) for i in range(3)]
    for field in ("iou", "f_score", "count"):
        torch.testing.assert_close(sum(getattr(f, field) for f in frames), getattr(whole, field))
    assert (whole.iou <= whole.count + 1e-6).all() and (whole.f_score <= whole.count + 1e-6).all()


def test_semantic_sums_count_a_class_that_is_only_predicted():
    truth = torch.zeros(1, 2, 2, dtype=torch.long)
    predicted = torch.tensor([[[0, 0], [0, 3]]])
    sums = semantic_sums(one_hot(predicted), truth)
    assert sums.count.tolist() == [1, 0, 0, 1, 0]
    assert sums.iou.tolist() == [0.75, 0, 0, 0, 0]
