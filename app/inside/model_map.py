"""The map of the model, after the paper's Figure 3: boxes are buttons with live pictures."""

import numpy as np
from markupsafe import Markup

from app.components.render import render
from app.inside.figures import Picture, Scale
from app.inside.pictures import cells, mask_words, masked, over, photo, scale_of
from app.inside.tpavi import tpavi_map
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import attention_of, density, principal
from avseg.interpret.tpavi import TPAVIInspection
from avseg.media.draw import heat_map, spectrogram

SIDE = 220  # pixels of a box's picture


def model_map(inspection: Inspection | TPAVIInspection, view: str) -> Markup:
    """Return the map of a frame's forward pass; the box of the open view and its arrows are highlighted."""
    if isinstance(inspection, TPAVIInspection):
        return tpavi_map(inspection, view)
    view = "mixer" if view == "tpavi" else view
    config, final, layers = inspection.config, inspection.final, inspection.layers
    feature, mixed = inspection.mask_feature.mean(0), inspection.mixed.mean(0)
    feature_scale = scale_of(np.stack([feature, mixed]))
    stage, encoded = inspection.stages[1].mean(0), principal(inspection.levels)[0]
    attention = density(attention_of(inspection, config.decoder_layers - 1), inspection.size)

    def heat(values: np.ndarray, scale: Scale) -> Picture:
        return cells(inspection, "", values, scale)

    def image(picture: np.ndarray, ink: bool = False) -> Picture:
        return Picture("", picture, True, inspection.frame.shape[:2], ink)

    pictures = {
        "frame": photo(inspection, "", SIDE),
        "backbone": heat(stage, scale_of(stage)),
        "encoder": heat(encoded, scale_of(encoded, "", "diverging")),
        "feature": heat(feature, feature_scale),
        "mixer": heat(mixed, feature_scale),
        "head": heat(final.probability, Scale(0, 1, "")),
        "mask": masked(inspection, "", final, SIDE),
        "sound": image(spectrogram(inspection.log_mel), ink=True),
        "audio": image(heat_map(np.abs(inspection.audio[None])).picture),
        "queries": image(heat_map(np.abs(inspection.queries)).picture),
        "decoder": over(inspection, "", attention, scale_of(attention), SIDE),
        "layers": masked(inspection, "", layers[-1], SIDE) if layers else photo(inspection, "", SIDE),
    }
    return render(
        "inside/templates/map.html",
        view=view,
        pictures=pictures,
        c=config,
        side=inspection.mask_feature.shape[-1],
        tokens=inspection.attention_mean.shape[-1],
        layers=len(layers),
        foreground=mask_words(inspection, final).removesuffix(" of the frame"),
    )
