r"""The text of the steps: Markdown with KaTeX, in the paper's terms, with its sections and equations.

What depends on a run is not here: it is measured and said beside the pictures.
"""

from avseg.evaluation.metrics import BETA2, F_THRESHOLDS
from avseg.media.audio import (
    FFT,
    HOP,
    LOG_OFFSET,
    MEL_BANDS,
    MEL_HIGH,
    MEL_LOW,
    PATCH_SECONDS,
    SAMPLE_RATE,
    WINDOW,
)

TITLE = "AVSegFormer in eight steps"
LINE = "Each step runs on a bundled clip with the bundled model. Nothing runs before a step is opened."
MEASURING = "The model runs on the clip of this step, which takes a few seconds the first time."
CHECK = "Check"
BACK, NEXT = "Back", "Next"
TOY = (
    "The model is a toy, trained for a short time on drawn scenes. It shows how the parts work, not how well."
)
LATEX = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]

TASK = f"""
**Audio-visual segmentation** (AVS) marks, in every frame, the pixels of what is heard (Sec. 1). What is in
view and silent stays unmarked. A sound from outside the picture marks nothing.

The benchmark has three tasks (Figure 1, Table 3):

- **S4**, single source: 5 frames, one source in the sound, a binary mask. In training only the first of the
  five has ground truth.
- **MS3**, multiple sources: 5 frames, several sources, one binary mask for all of them.
- **AVSS**, semantic: 10 frames, and every pixel gets a class.

{TOY}
"""

HEAR = f"""
Sound comes as {SAMPLE_RATE:,} samples per second (Sec. 3.2). Windows of {1000 * WINDOW // SAMPLE_RATE} ms,
a new one every {1000 * HOP // SAMPLE_RATE} ms, go through a Fourier transform of {FFT} points. {MEL_BANDS}
mel bands from {MEL_LOW:g} to {MEL_HIGH:g} Hz gather the frequencies the way hearing does, and a logarithm
lets quiet sounds show:

$$x_{{\\rm audio}} = \\log\\left({{\\rm mel}}\\,|{{\\rm STFT}}| + {LOG_OFFSET}\\right)$$

{PATCH_SECONDS:g} s make one patch, and every frame gets one. VGGish turns a patch into 128 numbers, and a
linear layer turns these into the audio feature $\\mathcal F_{{\\rm audio}}$ of $D$ numbers.

A frame hears its own patch and nothing else: frames know nothing of each other. Choose a patch to see what
becomes of it.
"""

ASK = r"""
The sound asks, the picture answers (Sec. 3.5). The audio feature is repeated once per query, and a learned
vector is added to each:

$$Q = Q_{\rm audio} + Q_{\rm learn}$$

In every layer of the decoder, each query gathers the image tokens that it attends to:

$$\mathcal A = {\rm softmax}\!\left(\frac{Q K^{\top}}{\sqrt{D / n_{\rm head}}}\right)$$

The keys $K$ are the encoder's tokens at strides 8, 16 and 32. Sec. 3.6 prints $\mathcal A$ without the
softmax; the released code has it, and so does this model.

Choose a layer, a head or a query. Bars: how much the mask loses without that query.
"""

MIX = r"""
The sound enters a second time, as one weight per channel of the mask feature (Sec. 3.4):

$$\begin{aligned}
\omega &= \frac{\mathcal F_{\rm audio}\,\mathcal F_{\rm mask}^{\,T}}{\sqrt{D/n_{\rm head}}}\,
\mathcal F_{\rm mask}\\[2pt]
\hat{\mathcal F}_{\rm mask} &= \mathcal F_{\rm mask} + \mathcal F_{\rm mask} \odot \omega
\end{aligned}\tag{2}$$

$\omega > 0$ raises a channel, $\omega < 0$ lowers it, at every pixel alike. Where in the picture something
lies, the mixer cannot say; which features count, it can.

Printed without a softmax, $\omega$ would be a sum over thousands of pixels; as in the released code there
is one, and there are linear projections.

Raised is not yet marked: what a channel means, the layers behind it decide. Choose a bar or a channel.
"""

MASK = r"""
Both ways meet in the mask (Sec. 3.5):

$$\begin{aligned}
\mathcal M = {\rm Linear}\big(&\hat{\mathcal F}_{\rm mask} \;+ \\
&{\rm MLP}(\hat{\mathcal F}_{\rm mask} \cdot Q_{\rm output})\big)
\end{aligned}\tag{3}$$

The product compares every pixel of the mixed feature with every output query: one map per query. The MLP
makes $D$ channels of them, and the mask feature is added so that no visual detail is lost.

"Linear" are two convolutions around an upsampling to full size, with a ReLU between them, as in the
released code.

At the right, each term goes through these layers alone, then both together.
"""

SCORE = rf"""
Training minimises Dice losses, of the mask and of one mask per decoder layer (Sec. 3.6, $\lambda = 0.1$):

$$\mathcal L = \mathcal L_{{\rm IoU}} +
\lambda \sum_{{i=1}}^{{N_{{\rm layer}}}} \mathcal L_{{\rm inter}}^{{\,i}}\tag{{4}}$$

The benchmark reports two numbers.

**mIoU**: the mask is cut at 0.5, and IoU is averaged over frames. A frame without ground truth is scored by
its **background**: 1 less the share that is marked falsely.

**F** weighs precision $P$ and recall $R$, with $\beta^2 = {BETA2}$:

$$F = \frac{{(1+\beta^2)\,P R}}{{\beta^2 P + R}}$$

It is taken at {F_THRESHOLDS} thresholds, averaged over a batch, and the **largest** value is kept: a
threshold chosen with the answers in hand. Frames without ground truth are left out.

Move the threshold.
"""

LISTEN = r"""
Masks that look right may come from the picture alone: a dog in view is likely to bark. So keep the frames,
change only what is heard, and predict before you look:

- **Mute.** Silence goes through the same front end.
- **Another clip's sound.** The target should change with it.
- **Shift.** Each frame hears only its own second, so masks should move with the sound.

A model that does not listen gives the same masks each time, and a high mIoU on matching sound does not show
it. Silence, noise and sounds from outside the picture are what AVSBench-Robust (arXiv 2502.00358) tries for
that reason; the Evaluate tab measures the same.
"""

TRAIN = r"""
Eq. (4) is all Dice:

$$\mathcal L_{\rm Dice} = 1 - \frac{2 \sum p\,y}{\sum p^2 + \sum y^2}$$

with probabilities $p$ and ground truth $y$. Think about $y = 0$ everywhere, as in a second of silence,
before you answer.

The command at the right goes on training the bundled weights on scenes that are drawn while it runs, so it
needs no data set. It shows every part of training once; it will not make the toy better. The bundled
weights themselves took longer, as the curve says; the paper's settings (Table 3) are presets too and need
AVSBench and a GPU.
"""
