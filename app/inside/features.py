"""The views of the inputs and of the features: frame, sound, backbone, encoder, queries."""

import numpy as np
from markupsafe import Markup

from app.inside.figures import (
    Beside,
    Control,
    Group,
    Part,
    Picture,
    Scale,
    Table,
    Text,
    Tile,
    View,
    number,
    whole_percent,
)
from app.inside.pictures import activation, cells, channels, over, photo, sampled, scale_of
from app.inside.state import MEAN, POSITIONS, Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import STRIDES, principal, sampling, strongest
from avseg.media.draw import heat_map, resize, spectrogram

CHANNELS = 36  # in a grid
MARKERS = ("circle", "square", "diamond")  # of the sampling points, by stride
STAGES = Markup(
    "<i>F</i><sub>visual</sub> = {<i>F</i><sub>1</sub>, <i>F</i><sub>2</sub>, <i>F</i><sub>3</sub>, "
    "<i>F</i><sub>4</sub>}"
)
QUERIES = Markup("<i>Q</i> = <i>Q</i><sub>audio</sub> + <i>Q</i><sub>learn</sub>")
DEFORMABLE = Markup("<i>x</i>′ = Σ<sub>level, point</sub> <i>A</i> · <i>W x</i>(<i>p</i> + Δ<i>p</i>)")


def frame_view(inspection: Inspection) -> View:
    """Draw the frame and the model's input."""
    (height, width), size = inspection.frame.shape[:2], inspection.size
    squashed = resize(inspection.frame, (size, size))
    tiles = (
        Tile("original", (photo(inspection, "The frame", 720),), below=f"{width} × {height} px"),
        Tile("input", (Picture("The model's input", squashed, True, (1, 1)),), below=f"{size} × {size} px"),
    )
    return View(
        "Frame",
        "The whole frame is resized to a square, whatever its aspect ratio, and its colours are normalised.",
        shapes=f"frame 3×{size}×{size}",
        number="Sec. 3.2",
        right=(Group(f"Frame {inspection.index + 1}, at {inspection.moment:.2f} s", tiles, columns=2),),
        numbers={"width": width, "height": height, "moment": inspection.moment},
    )


def sound_view(inspection: Inspection) -> View:
    """Draw the log-mel spectrogram of the frame's audio."""
    log_mel = inspection.log_mel
    quiet = float(np.log(0.01))
    silent = " It is silent." if log_mel.max() <= quiet + 1e-3 else ""
    scale = Scale(quiet, max(float(log_mel.max()), quiet + 3.0), "log energy", "ink")
    picture = Picture("Log-mel spectrogram", spectrogram(log_mel), True, (9, 16), ink=True)
    return View(
        "Log-mel",
        f"The 0.96 s of audio for this frame: time on the x-axis, 64 mel bands from low to high.{silent}",
        shapes="log-mel 1×96×64",
        number="Sec. 3.2",
        right=(Group("The model's audio input", (Tile("", (picture,)),), scale, columns=1),),
        numbers={"loudest": float(log_mel.max()), "mean": float(log_mel.mean())},
    )


def backbone_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the four stages of the visual backbone."""
    stages = inspection.stages
    maps = stages[choice.stage - 1]
    tiles = []
    for i, stage in enumerate(stages, start=1):
        mean = stage.mean(0)
        picture = cells(inspection, f"Stage {i}, channel mean", mean, scale_of(mean, "activation"))
        label = Markup("F<sub>{}</sub>, stride {}").format(i, 2 ** (i + 1))
        below = f"{_shape(stage)}, 0 to {number(float(mean.max()))}"
        tiles.append(Tile(label, (picture,), "stage", i, i == choice.stage, below))
    return View(
        "Backbone",
        f"{inspection.config.backbone} computes four feature maps, each at half the resolution of the last.",
        STAGES,
        "(1)",
        " · ".join(f"F{i} {_shape(stage)}" for i, stage in enumerate(stages, start=1)),
        left=(_over_frame(inspection, maps, choice.unit),),
        right=(
            Group("Channel mean", tuple(tiles), columns=4, note="each stage on its own scale"),
            _grid(inspection, maps, "unit", choice.unit, f"Channels of stage {choice.stage}"),
        ),
        numbers={"stages": [list(stage.shape) for stage in stages]} | _channel_numbers(maps, choice.unit),
    )


def feature_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the mask feature before the mixer."""
    maps = inspection.mask_feature
    scale = scale_of(maps.mean(0), "activation")
    mean = cells(inspection, "Mask feature, channel mean", maps.mean(0), scale)
    return View(
        "Mask feature",
        "The finest encoder map, upsampled 2×, plus the stride-4 feature: what is visible, before any sound.",
        shapes=f"F_mask {_shape(maps)}",
        number="Sec. 3.3",
        left=(
            Group("Channel mean", (Tile("", (mean,)),), scale, 1),
            _over_frame(inspection, maps, choice.channel),
        ),
        right=(_grid(inspection, maps, "channel", choice.channel, "Channels of the mask feature"),),
        numbers=_channel_numbers(maps, choice.channel),
    )


def audio_view(inspection: Inspection) -> View:
    """Draw the audio feature."""
    audio = inspection.audio
    scale = scale_of(audio, "value", "diverging")
    row = heat_map(audio[None], scale.low, scale.high, colours="diverging").picture
    tile = Tile("", (Picture("Audio feature", row, True, (1, 6)),))
    return View(
        "Audio network",
        f"{inspection.config.audio_backbone} encodes the log-mel spectrogram; its output is projected to one "
        "vector per frame.",
        shapes=f"F_audio 1×{len(audio)}",
        number="Sec. 3.2",
        right=(Group(f"{len(audio)} channels", (tile,), scale, columns=1),),
        numbers={"audio": audio.round(5).tolist()},
    )


def queries_view(inspection: Inspection) -> View:
    """Draw the queries that enter the decoder."""
    config, queries = inspection.config, inspection.queries
    count, dim = queries.shape
    scale = scale_of(queries, "value", "diverging")
    picture = heat_map(queries, scale.low, scale.high, colours="diverging").picture
    tile = Tile("", (Picture("Queries before the decoder", picture, True, (9, 16)),))
    layers = config.query_generator_layers
    source = f"{layers} layers attend from learned seeds to the audio feature"
    learned = "plus a learned vector per query" if config.learnable_queries else "without a learned part"
    return View(
        "Queries",
        f"The audio condition of the decoder: {source if layers else 'each query is the audio feature'}, "
        f"{learned}.",
        QUERIES,
        "Sec. 3.5",
        f"Q {count}×{dim}",
        right=(Group("One row per query, one column per channel", (tile,), scale, columns=1),),
        numbers={"shape": [count, dim], "spread": float(queries.std(0).mean())},
    )


def encoder_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the encoder: the sampling points of a token, and the output maps."""
    maps = inspection.levels[choice.level - 1]
    components = principal(inspection.levels)
    scale = scale_of(np.concatenate([part.ravel() for part in components]), "component", "diverging")
    outputs = tuple(
        Tile(
            f"stride {stride}",
            (cells(inspection, f"Encoder, stride {stride}, first principal component", part, scale),),
            "level",
            i,
            i == choice.level,
            _shape(level),
        )
        for i, (stride, level, part) in enumerate(zip(STRIDES, inspection.levels, components), start=1)
    )
    tokens = sum(level.shape[1] ** 2 for level in inspection.levels)
    sides = " + ".join(f"{level.shape[1]}²" for level in inspection.levels)
    options = tuple((i, f"stride {stride}") for i, stride in enumerate(STRIDES, start=1))
    left, right, numbers = _sampling_points(inspection, choice)
    return View(
        "Encoder",
        "Every token attends to a few sampling points on three maps. Click the frame to select a token.",
        DEFORMABLE,
        "Sec. 3.3",
        f"tokens {tokens}×{maps.shape[0]} ({sides})",
        left=(*left, Control("Token and channels of", "level", options, choice.level)),
        right=(
            *right,
            Group("Encoder output: first principal component of the tokens", outputs, scale, 3),
            _grid(
                inspection,
                maps,
                "channel",
                choice.channel,
                f"Channels at stride {STRIDES[choice.level - 1]}",
            ),
        ),
        numbers={"tokens": tokens} | numbers,
    )


def _sampling_points(
    inspection: Inspection, choice: Choice
) -> tuple[tuple[Part, ...], tuple[Part, ...], dict[str, object]]:
    """Return left, right and numbers of the sampling points; a sentence where there is no encoder layer."""
    config = inspection.config
    if not config.encoder_layers:
        text = "This model has no encoder layers: the tokens are the projected backbone features."
        return (), (Text(text),), {}
    position = (choice.x / POSITIONS, choice.y / POSITIONS)
    points = sampling(inspection, choice.encoder_layer - 1, choice.level - 1, *position)
    heads = range(config.heads) if choice.encoder_head == MEAN else (choice.encoder_head - 1,)
    scale = Scale(0.0, float(points.weights.max()), "weight of a point")
    whose = "all heads" if choice.encoder_head == MEAN else f"head {choice.encoder_head}"
    title = f"Layer {choice.encoder_layer}, {whose}: sampling points of this token"
    large = sampled(inspection, title, points, heads, range(3), scale)
    levels = tuple(
        Tile(
            f"stride {stride}: {MARKERS[i]}s",
            (sampled(inspection, f"{title}, stride {stride}", points, heads, (i,), scale),),
            below=f"{whole_percent(float(points.weights[list(heads), i].sum(1).mean()))} of the weight",
        )
        for i, stride in enumerate(STRIDES)
    )
    shares = points.weights.sum(2)  # [heads, 3]
    rows = [("Head", *(f"stride {stride}" for stride in STRIDES))]
    rows += [(f"{h}", *(whole_percent(float(x)) for x in row)) for h, row in enumerate(shares, start=1)]
    layers = tuple((i, str(i)) for i in range(1, config.encoder_layers + 1))
    head_options = ((MEAN, "all"), *((i, str(i)) for i in range(1, config.heads + 1)))
    left = (
        Control("Layer", "encoder_layer", layers, choice.encoder_layer),
        Control("Head", "encoder_head", head_options, choice.encoder_head),
        Table("Weight by head and map", rows, "100 % per head"),
    )
    tile = Tile("", (large,), position=(choice.x, choice.y))
    right = (Beside(Group(title, (tile,), scale, 1), Group("By map", levels, columns=1)),)
    return left, right, {"weight_by_head_and_map": shares.round(4).tolist(), "place": list(position)}


def _grid(inspection: Inspection, maps: np.ndarray, action: str, selected: int, title: str) -> Group:
    """Return the channels that vary most, on one scale, the selected one among them."""
    indices = list(strongest(maps, CHANNELS))
    if selected - 1 not in indices:
        indices[-1] = selected - 1
    scale = activation(maps[indices])
    note = f"the {len(indices)} of {len(maps)} that vary most" if len(indices) < len(maps) else ""
    return Group(title, channels(inspection, maps, indices, scale, action, selected), scale, 9, note=note)


def _over_frame(inspection: Inspection, maps: np.ndarray, selected: int) -> Group:
    values = np.abs(maps[selected - 1])
    scale = scale_of(values, "absolute activation")
    name = f"Channel {selected} over the frame"
    return Group(name, (Tile("", (over(inspection, name, values, scale, 720),)),), scale, columns=1)


def _channel_numbers(maps: np.ndarray, selected: int) -> dict[str, object]:
    values = maps[selected - 1]
    least, most = number(float(values.min())), number(float(values.max()))
    return {"channel": selected, "shape": list(maps.shape), "least": least, "most": most}


def _shape(array: np.ndarray) -> str:
    return "×".join(map(str, array.shape))
