"""The view of TPAVI, AVSBench's baseline, and its map."""

from dataclasses import replace

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.inside.features import backbone_view, frame_view, sound_view
from app.inside.figures import TEXTS, Group, Picture, Tile, View, dimensions, part, view
from app.inside.masks import mask_view
from app.inside.pictures import activation_scale, cells, mask_words, masked, photo, scale_of
from app.inside.state import Choice
from avseg.interpret.maps import strongest
from avseg.interpret.tpavi import TPAVIInspection
from avseg.media.draw import spectrogram

SIDE = 220  # pixels of a box's picture
STRIDES = (4, 8, 16, 32)
SHARED = {"frame": frame_view, "sound": sound_view, "mask": mask_view}  # with the same view as AVSegFormer
LACKS: dict[str, str] = TEXTS["tpavi"]["lacks"]  # sentence by view of AVSegFormer


def tpavi_view_of(inspection: TPAVIInspection, choice: Choice) -> View:
    """Return the open view; one of a part that TPAVI lacks says so, above what it does in its place."""
    if choice.view in SHARED:
        return SHARED[choice.view](inspection)
    stage = choice.stage if choice.stage in range(1, len(STRIDES) + 1) else 2
    if choice.view == "backbone":
        maps = inspection.stages[stage - 1]
        unit = choice.unit or int(strongest(maps, 1)[0]) + 1
        return backbone_view(inspection, replace(choice, stage=stage, unit=min(max(unit, 1), len(maps))))
    shown = tpavi_view(inspection, stage)
    reason = LACKS.get(choice.view)
    return replace(shown, left=(*shown.left, part("text", reason))) if reason else shown


def tpavi_view(inspection: TPAVIInspection, stage: int) -> View:
    """Draw one stage's attention to the sound of every frame, and all stages before and after."""
    attention, own = inspection.attention[stage - 1], inspection.moments.index(inspection.moment)
    scale = scale_of(attention, "weight", "diverging")
    heard = tuple(
        Tile(
            Markup("<b>{:.1f} s</b>, this frame").format(moment) if index == own else f"{moment:.1f} s",
            (cells(inspection, f"Stage {stage}, weight of the sound at {moment:.1f} s", weights, scale),),
        )
        for index, (moment, weights) in enumerate(zip(inspection.moments, attention, strict=True))
    )
    before = _means(inspection, inspection.context, stage, "before TPAVI")
    after = _means(inspection, inspection.mixed, stage, "after TPAVI")
    options = [(i, f"stride {stride}") for i, stride in enumerate(STRIDES, start=1)]
    return view(
        TEXTS["tpavi"],
        inspection,
        frames=len(attention),
        left=(part("control", "Stage", "stage", options, stage),),
        right=(
            Group(f"Stage {stage}: weight of each frame's mean feature", heard, scale, max(3, len(heard))),
            Group("Before TPAVI, channel mean", before, columns=4, note="each map on its own scale"),
            Group("After TPAVI, layer norm and ReLU, channel mean", after, columns=4),
        ),
        numbers={
            "stage": stage,
            "moments": list(inspection.moments),
            "mean_weight": [round(float(weights.mean()), 5) for weights in attention],
            "stages": [list(values.shape) for values in inspection.mixed],
        },
    )


def _means(
    inspection: TPAVIInspection, stages: tuple[np.ndarray, ...], selected: int, when: str
) -> tuple[Tile, ...]:
    tiles = []
    for number, stage in enumerate(stages, start=1):
        mean = stage.mean(0)
        picture = cells(inspection, f"Stage {number} {when}, channel mean", mean, activation_scale(mean))
        label = f"stride {STRIDES[number - 1]}"
        tiles.append(Tile(label, (picture,), "stage", number, number == selected, dimensions(stage)))
    return tuple(tiles)


def tpavi_map(inspection: TPAVIInspection, view: str) -> Markup:
    """Return the map of a frame's forward pass; the box of the open view is highlighted."""
    stage, mixed, final = inspection.stages[1].mean(0), inspection.mixed[1].mean(0), inspection.final
    pictures = {
        "frame": photo(inspection, "", SIDE),
        "sound": Picture("", spectrogram(inspection.log_mel), True, inspection.frame.shape[:2], ink=True),
        "backbone": cells(inspection, "", stage, scale_of(stage)),
        "tpavi": cells(inspection, "", mixed, scale_of(mixed)),
        "mask": masked(inspection, "", final, SIDE),
    }
    return render(
        "inside/templates/map_tpavi.html",
        view="tpavi" if view in LACKS else view,
        pictures=pictures,
        c=inspection.config,
        frames=len(inspection.moments),
        foreground=mask_words(inspection, final).removesuffix(" of the frame"),
    )
