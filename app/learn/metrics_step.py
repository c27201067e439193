"""Step 6, losses and metrics: IoU and F of every frame at every threshold; the reader moves it."""

import json
from html import escape

import numpy as np

from app.inside.elements import png_uri
from app.learn.elements import Live, Question, Verdict, small
from app.learn.measurements import Runs
from app.learn.state import Place
from app.services.clips import jpeg_uri
from avseg.evaluation.thresholds import ByThreshold
from avseg.media.draw import resize, truth_outline

WIDE, HIGH = 254, 100  # of the chart, units of its view box: a threshold, a hundredth


def score_live(runs: Runs, _place: Place) -> Live:
    """A threshold to move: masks, IoU per frame, mIoU and F, all computed beforehand."""
    found = runs.scores
    there = ~found.empty
    data = {
        "iou": found.iou.round(4).tolist(),
        "f": found.mean_f.round(4).tolist(),
        "miou": found.iou.mean(1).round(4).tolist(),
        "there": found.iou[:, there].mean(1).round(4).tolist(),
        "thresholds": found.thresholds.round(4).tolist(),
    }
    best, middle = int(found.mean_f.argmax()), found.middle
    said = (
        f"At 0.5: mIoU {found.iou[middle].mean():.2f} over all {len(there)} frames, "
        f"{found.iou[middle, there].mean():.2f} over the {int(there.sum())} with ground truth. F is "
        f"{found.mean_f[middle]:.2f} there; the search takes {found.mean_f[best]:.2f}, at threshold "
        f"{found.thresholds[best]:.2f}."
    )
    alone = (
        "AVSBench averages F over the frames of a batch before it takes the best threshold. These frames as "
        f"one batch: {found.f_score:.3f}; each as a batch of its own: {found.f_alone:.3f}. So F depends on "
        "the batch size, and is written down with it."
    )
    html = (
        f"<div class=\"ln-scores\" data-at='{middle}' data-numbers='{json.dumps(data)}'>"
        f'<label class="ln-slide"><span>Threshold <output>{found.thresholds[middle]:.2f}</output></span>'
        f'<input type="range" min="0" max="{len(found.thresholds) - 1}" value="{middle}" step="1" '
        f'aria-label="Threshold of the probability"></label>'
        f"{_stats(found, middle)}{_frames(runs, middle)}{_chart(found, best)}"
        f'<p class="small">{escape(alone)}</p></div>'
    )
    return Live(said, html)


def _stats(found: ByThreshold, at: int) -> str:
    there = ~found.empty
    rows = (
        ("miou", found.iou[at].mean(), "mIoU as AVSBench takes it", "all frames, at 0.5"),
        ("there", found.iou[at, there].mean(), "mIoU of frames with ground truth", "what was found, alone"),
        ("f", found.mean_f[at], "F, β² = 0.3", "frames with ground truth"),
    )
    cells = "".join(
        f'<div><b data-of="{name}">{value:.2f}</b><span>{what}</span><small>{over}</small></div>'
        for name, value, what, over in rows
    )
    return f'<div class="ln-stats">{cells}</div>'


def _frames(runs: Runs, at: int) -> str:
    """Return every frame with its truth in white; the script paints the mask at the threshold over it."""
    found, cells = runs.scores, []
    prediction = runs.shown.prediction
    for index, frame in enumerate(runs.clip.frames):
        picture = small(frame)
        real = resize((runs.truth[index] > 0).astype(np.uint8), picture.shape[:2], smooth=False)
        probability = (255 * prediction.probability[index]).round().astype(np.uint8)
        uri = png_uri(np.repeat(probability[..., None], 3, axis=2))
        what = "nothing sounds" if found.empty[index] else "IoU"
        score = f'<b data-frame="{index}">{found.iou[at, index]:.2f}</b>'
        cells.append(
            f'<figure><div class="ln-canvas"><img src="{jpeg_uri(truth_outline(picture, real))}" '
            f'alt="Frame {index + 1}, ground truth outlined in white">'
            f'<canvas data-probability="{uri}"></canvas></div>'
            f"<figcaption>{what} {score}</figcaption></figure>"
        )
    return f'<div class="ln-frames" style="--frames:{len(cells)}">{"".join(cells)}</div>'


def _chart(found: ByThreshold, best: int) -> str:
    """Return mIoU and F over the threshold, with 0.5 and the best F marked."""
    there = found.iou[:, ~found.empty].mean(1)
    curves = (("all", found.iou.mean(1)), ("there", there), ("f", found.mean_f))
    lines = "".join(f'<polyline class="{name}" points="{_points(values)}"/>' for name, values in curves)
    words = (
        f"Over the threshold from 0 to 1: mIoU of all frames peaks at {found.iou.mean(1).max():.2f}, of "
        f"frames with ground truth at {there.max():.2f}, F at {found.mean_f[best]:.2f}."
    )
    marks = "".join(
        f'<line class="{name}" x1="{x}" x2="{x}" y1="0" y2="{HIGH}"/>'
        for name, x in (("half", found.middle), ("best", best), ("now", found.middle))
    )
    names = (
        '<span class="all">mIoU, all frames</span><span class="there">mIoU, with ground truth</span>'
        '<span class="f">F</span><span class="half">0.5</span><span class="best">best F</span>'
    )
    return (
        f'<div class="ln-chart"><div class="ln-key">{names}</div><div class="ln-plot">'
        f'<span>1</span><svg viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" '
        f'aria-label="{words}">{marks}{lines}</svg><span>0</span></div>'
        '<div class="ln-ends"><span>threshold 0</span><span>1</span></div></div>'
    )


def _points(values: np.ndarray) -> str:
    return " ".join(f"{index},{HIGH * (1 - float(value)):.1f}" for index, value in enumerate(values))


def _check_score(runs: Runs, _place: Place) -> Verdict:
    """Score empty masks, with the benchmark's own function."""
    found = runs.scores
    share = float(found.empty.mean())
    right = 0 if found.nothing == 0 else 1 if abs(found.nothing - share) < 1e-6 else 2
    return Verdict(
        right,
        f"Empty masks score mIoU {found.nothing:.2f} on this clip: {int(found.empty.sum())} of "
        f"{len(found.empty)} frames have no ground truth, and there AVSBench takes the IoU of the "
        "background, 1 less the falsely marked share: 1 when nothing is marked. The model's mIoU is "
        f"{found.iou[found.middle].mean():.2f}: read that of the frames with ground truth beside it.",
    )


SCORE_QUESTION = Question(
    "A model that never marks anything is scored on this clip. What is its mIoU?",
    (
        "0: it finds nothing",
        "The share of frames in which nothing in view sounds",
        "None: 0 divided by 0 is left out of the mean",
    ),
    _check_score,
)
