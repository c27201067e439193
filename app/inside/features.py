"""The views of the inputs and of the features: frame, sound, backbone, encoder, queries."""

import numpy as np
from markupsafe import Markup

from app.inside.figures import (
    TEXTS,
    Group,
    Parts,
    Picture,
    Scale,
    Tile,
    View,
    dimensions,
    number,
    part,
    single,
    view,
    whole_percent,
)
from app.inside.pictures import WIDE, cells, channel_grid, matrix, over, photo, scale_of
from app.inside.state import MEAN, POSITIONS, Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import STRIDES, principal, sampling
from avseg.media.draw import resize, sampling_points, spectrogram

MARKERS = ("circles", "squares", "diamonds")  # of the sampling points, by stride
NO_ENCODER = "This model has no encoder layers: the tokens are the projected backbone features."


def frame_view(inspection: Inspection) -> View:
    """Draw the frame and the model's input."""
    (height, width), size = inspection.frame.shape[:2], inspection.size
    squashed = Picture("The model's input", resize(inspection.frame, (size, size)), True, (1, 1))
    tiles = (
        Tile("original", (photo(inspection, "The frame", WIDE),), below=f"{width} × {height} px"),
        Tile("input", (squashed,), below=f"{size} × {size} px"),
    )
    return view(
        TEXTS["frame"],
        inspection,
        right=(Group(f"Frame {inspection.index + 1}, at {inspection.moment:.2f} s", tiles, columns=2),),
        numbers={"width": width, "height": height, "moment": inspection.moment},
    )


def sound_view(inspection: Inspection) -> View:
    """Draw the log-mel spectrogram of the frame's audio."""
    log_mel, quiet = inspection.log_mel, float(np.log(0.01))
    scale = Scale(quiet, max(float(log_mel.max()), quiet + 3.0), "log energy", "ink")
    picture = Picture("Log-mel spectrogram", spectrogram(log_mel), True, (9, 16), ink=True)
    return view(
        TEXTS["sound"],
        inspection,
        silent=" It is silent." if log_mel.max() <= quiet + 1e-3 else "",
        right=(single("The model's audio input", picture, scale),),
        numbers={"loudest": float(log_mel.max()), "mean": float(log_mel.mean())},
    )


def backbone_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the four stages of the visual backbone."""
    stages, maps = inspection.stages, inspection.stages[choice.stage - 1]
    tiles = []
    for i, stage in enumerate(stages, start=1):
        mean = stage.mean(0)
        picture = cells(inspection, f"Stage {i}, channel mean", mean, scale_of(mean))
        label = Markup("F<sub>{}</sub>, stride {}").format(i, 2 ** (i + 1))
        below = f"{dimensions(stage)}, 0 to {number(float(mean.max()))}"
        tiles.append(Tile(label, (picture,), "stage", i, i == choice.stage, below))
    return view(
        TEXTS["backbone"],
        inspection,
        stages=" · ".join(f"F{i} {dimensions(stage)}" for i, stage in enumerate(stages, start=1)),
        left=(_over_frame(inspection, maps, choice.unit),),
        right=(
            Group("Channel mean", tuple(tiles), columns=4, note="each stage on its own scale"),
            channel_grid(inspection, maps, "unit", choice.unit, f"Channels of stage {choice.stage}"),
        ),
        numbers={"stages": [list(stage.shape) for stage in stages]} | _channel_numbers(maps, choice.unit),
    )


def feature_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the mask feature before the mixer."""
    maps, mean = inspection.mask_feature, inspection.mask_feature.mean(0)
    scale = scale_of(mean, "activation")
    return view(
        TEXTS["feature"],
        inspection,
        left=(
            single("Channel mean", cells(inspection, "Mask feature, channel mean", mean, scale), scale),
            _over_frame(inspection, maps, choice.channel),
        ),
        right=(channel_grid(inspection, maps, "channel", choice.channel, "Channels of the mask feature"),),
        numbers=_channel_numbers(maps, choice.channel),
    )


def audio_view(inspection: Inspection) -> View:
    """Draw the audio feature."""
    audio = inspection.audio
    scale = scale_of(audio, "value", "diverging")
    return view(
        TEXTS["audio"],
        inspection,
        right=(matrix(f"{len(audio)} channels", "Audio feature", audio[None], scale),),
        numbers={"audio": audio.round(5).tolist()},
    )


def queries_view(inspection: Inspection) -> View:
    """Draw the queries that enter the decoder."""
    config, queries = inspection.config, inspection.queries
    layers, title = config.query_generator_layers, "One row per query, one column per channel"
    attended = f"{layers} layers attend from learned seeds to the audio feature"
    scale = scale_of(queries, "value", "diverging")
    return view(
        TEXTS["queries"],
        inspection,
        source=attended if layers else "each query is the audio feature",
        learned="plus a learned vector per query" if config.learnable_queries else "without a learned part",
        right=(matrix(title, "Queries before the decoder", queries, scale),),
        numbers={"shape": list(queries.shape), "spread": float(queries.std(0).mean())},
    )


def encoder_view(inspection: Inspection, choice: Choice) -> View:
    """Draw the encoder: the sampling points of a token, and the output maps."""
    levels, components = inspection.levels, principal(inspection.levels)
    scale = scale_of(np.concatenate([values.ravel() for values in components]), "component", "diverging")
    outputs = []
    for i, (stride, level, values) in enumerate(zip(STRIDES, levels, components), start=1):
        picture = cells(inspection, f"Encoder, stride {stride}, first principal component", values, scale)
        outputs.append(Tile(f"stride {stride}", (picture,), "level", i, i == choice.level, dimensions(level)))
    options = [(i, f"stride {stride}") for i, stride in enumerate(STRIDES, start=1)]
    title = f"Channels at stride {STRIDES[choice.level - 1]}"
    tokens = sum(level.shape[1] ** 2 for level in levels)
    left, right, numbers = (), (part("text", NO_ENCODER),), {}
    if inspection.config.encoder_layers:
        left, right, numbers = _sampling(inspection, choice)
    return view(
        TEXTS["encoder"],
        inspection,
        tokens=tokens,
        sides=" + ".join(f"{level.shape[1]}²" for level in levels),
        left=(*left, part("control", "Token and channels of", "level", options, choice.level)),
        right=(
            *right,
            Group("Encoder output: first principal component of the tokens", tuple(outputs), scale, 3),
            channel_grid(inspection, levels[choice.level - 1], "channel", choice.channel, title),
        ),
        numbers={"tokens": tokens} | numbers,
    )


def _sampling(inspection: Inspection, choice: Choice) -> tuple[Parts, Parts, dict[str, object]]:
    """Return left, right and numbers of the sampling points of the selected token."""
    config, position = inspection.config, (choice.x / POSITIONS, choice.y / POSITIONS)
    token = sampling(inspection, choice.encoder_layer - 1, choice.level - 1, *position)
    heads = (
        slice(None) if choice.encoder_head == MEAN else slice(choice.encoder_head - 1, choice.encoder_head)
    )
    points, weights = token.points[heads], token.weights[heads]
    scale = Scale(0.0, float(token.weights.max()), "weight of a point")
    whose = "all heads" if choice.encoder_head == MEAN else f"head {choice.encoder_head}"
    title = f"Layer {choice.encoder_layer}, {whose}: sampling points of this token"
    frame = photo(inspection, "", WIDE).image

    def drawn(name: str, level: int | None = None) -> Picture:
        picture = sampling_points(frame, points, weights, scale.high, token.centre, level)
        return Picture(name, picture, False, inspection.frame.shape[:2])

    tiles = []
    for i, stride in enumerate(STRIDES):
        below = f"{whole_percent(weights[:, i].sum(1).mean())} of the weight"
        picture = drawn(f"{title}, stride {stride}", i)
        tiles.append(Tile(f"stride {stride}: {MARKERS[i]}", (picture,), below=below))
    tile = Tile("", (drawn(title),), position=(choice.x, choice.y))
    shares = token.weights.sum(2)  # [heads, 3]
    rows = [("Head", *(f"stride {stride}" for stride in STRIDES))]
    rows += [(str(head), *map(whole_percent, row)) for head, row in enumerate(shares, start=1)]
    left = (
        part("numbered", "Layer", "encoder_layer", config.encoder_layers, choice.encoder_layer),
        part("numbered", "Head", "encoder_head", config.heads, choice.encoder_head, "all"),
        part("table", "Weight by head and map", rows, "100 % per head"),
    )
    right = (Group(title, (tile,), scale, 1, beside=Group("By map", tuple(tiles), columns=1)),)
    return left, right, {"weight_by_head_and_map": shares.round(4).tolist(), "place": list(position)}


def _over_frame(inspection: Inspection, maps: np.ndarray, selected: int) -> Group:
    values = np.abs(maps[selected - 1])
    scale, name = scale_of(values, "absolute activation"), f"Channel {selected} over the frame"
    return single(name, over(inspection, name, values, scale, WIDE), scale)


def _channel_numbers(maps: np.ndarray, selected: int) -> dict[str, object]:
    values = maps[selected - 1]
    least, most = number(float(values.min())), number(float(values.max()))
    return {"channel": selected, "shape": list(maps.shape), "least": least, "most": most}
