"""The views of what goes in and of the features made from it: frame, sound, backbone, encoder, queries."""

import numpy as np

from app.inside.elements import Beside, Control, Group, Picture, Scale, Tile, View, number, percent, table
from app.inside.pictures import activation, cells, channels, over, photo, sampled, scale_of
from app.inside.state import MEAN, PLACES, Choice
from avseg.interpret.inspection import Inspection
from avseg.interpret.maps import STRIDES, principal, sampling, strongest
from avseg.media.draw import heat_map, resize, spectrogram

SHOWN = 36  # channels in a grid
SOUND_SHAPE = (9, 16)  # of the pictures of the sound
MARKS = ("circle", "square", "diamond")


def frame_view(seen: Inspection) -> View:
    """The frame as it is and as the model sees it."""
    height, width = seen.frame.shape[:2]
    squashed = Picture("The frame as the model sees it", _squash(seen), True, (1, 1))
    tiles = (
        Tile("as it is", (photo(seen, "The frame", 720),), below=f"{width} × {height} px"),
        Tile("as the model sees it", (squashed,), below=f"{seen.size} × {seen.size} px"),
    )
    return View(
        "Frame",
        "The whole frame is squashed to a square, whatever its shape, and its colours are normalised.",
        shapes=f"frame 3×{seen.size}×{seen.size}",
        number="Sec. 3.2",
        right=(Group(f"Frame {seen.index + 1}, at {seen.moment:.2f} s", tiles, columns=2),),
        numbers={"width": width, "height": height, "moment": seen.moment},
    )


def sound_view(seen: Inspection) -> View:
    """The second of sound that goes with the frame."""
    picture = Picture("Log-mel of this frame's second", spectrogram(seen.log_mel), True, SOUND_SHAPE, True)
    quiet = float(np.log(0.01))
    loud = max(float(seen.log_mel.max()), quiet + 3.0)
    silent = " It is silent." if seen.log_mel.max() <= quiet + 1e-3 else ""
    scale = Scale(quiet, loud, "log energy", "ink")
    return View(
        "Log-mel",
        f"The 0.96 s of sound that go with this frame: time to the right, 64 bands from low to high.{silent}",
        shapes="log-mel 1×96×64",
        number="Sec. 3.2",
        right=(Group("What the model hears", (Tile("", (picture,)),), scale, columns=1),),
        numbers={"loudest": float(seen.log_mel.max()), "mean": float(seen.log_mel.mean())},
    )


def backbone_view(seen: Inspection, choice: Choice) -> View:
    """The four stages of the visual pyramid."""
    maps = seen.stages[choice.stage - 1]
    means = [stage.mean(0) for stage in seen.stages]
    stages = tuple(
        Tile(
            f"F<sub>{i + 1}</sub>, stride {4 * 2**i}",
            (cells(seen, f"Stage {i + 1}, mean of its channels", mean, scale_of(mean, "activation")),),
            ("stage", i + 1),
            i + 1 == choice.stage,
            f"{_shape(seen.stages[i])}, 0 to {number(float(mean.max()))}",
        )
        for i, mean in enumerate(means)
    )
    grid = _grid(seen, maps, "unit", choice.unit, f"Channels of stage {choice.stage}")
    shapes = " · ".join(f"F{i + 1} {'×'.join(map(str, s.shape))}" for i, s in enumerate(seen.stages))
    return View(
        "Backbone",
        f"{seen.config.backbone} turns the frame into four maps of features, each half as fine as the last.",
        "<i>F</i><sub>visual</sub> = {<i>F</i><sub>1</sub>, <i>F</i><sub>2</sub>, <i>F</i><sub>3</sub>, "
        "<i>F</i><sub>4</sub>}",
        "(1)",
        shapes,
        left=(_over_frame(seen, maps, choice.unit),),
        right=(Group("Mean over channels", stages, columns=4, note="each stage on its own scale"), grid),
        numbers={"stages": [list(stage.shape) for stage in seen.stages]} | _unit(maps, choice.unit),
    )


def feature_view(seen: Inspection, choice: Choice) -> View:
    """The mask feature before the mixer."""
    mean = seen.mask_feature.mean(0)
    scale = scale_of(mean, "activation")
    whole = Group(
        "Mean over channels", (Tile("", (cells(seen, "Mask feature, mean", mean, scale),)),), scale, 1
    )
    return View(
        "Mask feature",
        "The finest encoder map, 2x up, plus the stride-4 feature: what is in the picture, before any sound.",
        shapes=f"F_mask {_shape(seen.mask_feature)}",
        number="Sec. 3.3",
        left=(whole, _over_frame(seen, seen.mask_feature, choice.channel)),
        right=(_grid(seen, seen.mask_feature, "channel", choice.channel, "Channels of the mask feature"),),
        numbers=_unit(seen.mask_feature, choice.channel),
    )


def audio_view(seen: Inspection) -> View:
    """The audio feature."""
    scale = scale_of(seen.audio, "value", "diverging")
    row = heat_map(seen.audio[None], scale.low, scale.high, colours="diverging").picture
    picture = Picture("Audio feature", row, True, (1, 6))
    return View(
        "Audio network",
        f"{seen.config.audio_backbone} hears the log-mel; one projected vector stands for the whole second.",
        shapes=f"F_audio 1×{len(seen.audio)}",
        number="Sec. 3.2",
        right=(Group(f"{len(seen.audio)} channels", (Tile("", (picture,)),), scale, columns=1),),
        numbers={"audio": seen.audio.round(5).tolist()},
    )


def queries_view(seen: Inspection) -> View:
    """The queries that go into the decoder."""
    count, dim = seen.queries.shape
    spread = float(seen.queries.std(0).mean())
    scale = scale_of(seen.queries, "value", "diverging")
    table_ = heat_map(seen.queries, scale.low, scale.high, colours="diverging").picture
    learnt = "plus a learned vector of its own" if seen.config.learnable_queries else "without a learned part"
    made = (
        f"{seen.config.query_generator_layers} layers let learned seeds attend to the audio feature"
        if seen.config.query_generator_layers
        else "each query is the audio feature"
    )
    picture = Picture("Queries before the decoder", table_, True, (9, 16))
    group = Group("One row per query, one column per channel", (Tile("", (picture,)),), scale, columns=1)
    return View(
        "Queries",
        f"The questions that the sound asks of the picture: {made}, {learnt}.",
        "<i>Q</i> = <i>Q</i><sub>audio</sub> + <i>Q</i><sub>learn</sub>",
        "Sec. 3.5",
        f"Q {count}×{dim}",
        right=(group,),
        numbers={"shape": [count, dim], "spread": spread},
    )


def encoder_view(seen: Inspection, choice: Choice) -> View:
    """The encoder: where a token looks, and the maps that come out."""
    maps = seen.levels[choice.level - 1]
    components = principal(seen.levels)
    scale = scale_of(np.concatenate([part.ravel() for part in components]), "component", "diverging")
    outputs = tuple(
        Tile(
            f"stride {stride}",
            (cells(seen, f"Encoder, stride {stride}, first principal component", part, scale),),
            ("level", i + 1),
            i + 1 == choice.level,
            "×".join(map(str, level.shape)),
        )
        for i, (stride, level, part) in enumerate(zip(STRIDES, seen.levels, components))
    )
    sides = " + ".join(f"{level.shape[1]}²" for level in seen.levels)
    tokens = sum(level.shape[1] ** 2 for level in seen.levels)
    grid = _grid(seen, maps, "channel", choice.channel, f"Channels at stride {STRIDES[choice.level - 1]}")
    means = Group("After the encoder: first principal component of the tokens", outputs, scale, 3)
    left, right, numbers = _sampling_parts(seen, choice)
    return View(
        "Encoder",
        "Every token looks at a few learned places on three maps. Click the frame to choose a token.",
        "<i>x</i>&#8242; = Σ<sub>level, point</sub> <i>A</i> · <i>W x</i>(<i>p</i> + Δ<i>p</i>)",
        "Sec. 3.3",
        f"tokens {tokens}×{maps.shape[0]} ({sides})",
        left=(*left, _levels_control(choice)),
        right=(*right, means, grid),
        numbers={"tokens": tokens} | numbers,
    )


def _sampling_parts(seen: Inspection, choice: Choice) -> tuple[tuple, tuple, dict[str, object]]:
    """Return left, right and numbers of the sampling points; a sentence where there is no encoder."""
    config = seen.config
    if not config.encoder_layers:
        words = (
            '<p class="lacks">This model has no encoder layers: the tokens are the projected features.</p>'
        )
        return (), (words,), {}
    place = (choice.x / PLACES, choice.y / PLACES)
    reads = sampling(seen, choice.reading - 1, choice.level - 1, *place)
    heads = range(config.heads) if choice.reader == MEAN else (choice.reader - 1,)
    scale = Scale(0.0, float(reads.weights.max()), "weight of a point")
    whose = "all heads" if choice.reader == MEAN else f"head {choice.reader}"
    title = f"Layer {choice.reading}, {whose}: where this token looks"
    main = sampled(seen, title, reads, heads, range(3), scale)
    levels = tuple(
        Tile(
            f"at stride {stride}: {MARKS[i]}s",
            (sampled(seen, f"{title}, at stride {stride}", reads, heads, (i,), scale),),
            below=f"{percent(float(reads.weights[list(heads), i].sum(1).mean()))} of the weight",
        )
        for i, stride in enumerate(STRIDES)
    )
    by_head = reads.weights.sum(2)  # [heads, 3]
    rows = [(f"{h + 1}", *(percent(float(share)) for share in by_head[h])) for h in range(config.heads)]
    left = (
        _layers_control("Layer", "reading", config.encoder_layers, choice.reading),
        _heads_control("reader", config.heads, choice.reader, "all"),
        '<div class="between"><span>Weight by head and map</span><span>sum 100 % per head</span></div>',
        table(("Head", *(f"stride {stride}" for stride in STRIDES)), rows),
    )
    place_tile = Tile("", (main,), place=(choice.x, choice.y))
    right = (Beside(Group(title, (place_tile,), scale, 1), Group("By map", levels, columns=1)),)
    shares = {"weight_by_head_and_map": by_head.round(4).tolist(), "place": list(place)}
    return left, right, shares


def _levels_control(choice: Choice) -> Control:
    options = tuple((i + 1, f"stride {stride}") for i, stride in enumerate(STRIDES))
    return Control("Token and channels of", "level", options, choice.level)


def _layers_control(label: str, name: str, count: int, chosen: int) -> Control:
    return Control(label, name, tuple((i, str(i)) for i in range(1, count + 1)), chosen)


def _heads_control(name: str, count: int, chosen: int, mean: str) -> Control:
    return Control("Head", name, ((MEAN, mean), *((i, str(i)) for i in range(1, count + 1))), chosen)


def _grid(seen: Inspection, maps: np.ndarray, sets: str, chosen: int, title: str) -> Group:
    """Return the channels that vary most, on one scale, the chosen one among them."""
    shown = list(strongest(maps, SHOWN))
    if chosen - 1 not in shown:
        shown[-1] = chosen - 1
    scale = activation(maps[shown])
    note = f"the {len(shown)} that vary most, of {len(maps)}" if len(shown) < len(maps) else ""
    return Group(title, channels(seen, maps, shown, scale, sets, chosen), scale, 9, note=note)


def _over_frame(seen: Inspection, maps: np.ndarray, chosen: int) -> Group:
    values = np.abs(maps[chosen - 1])
    scale = scale_of(values, "size of the activation")
    name = f"Channel {chosen} over the frame"
    return Group(name, (Tile("", (over(seen, name, values, scale, 720),)),), scale, columns=1)


def _unit(maps: np.ndarray, chosen: int) -> dict[str, object]:
    values = maps[chosen - 1]
    return {
        "channel": chosen,
        "shape": list(maps.shape),
        "least": number(float(values.min())),
        "most": number(float(values.max())),
    }


def _shape(array: np.ndarray) -> str:
    return "×".join(map(str, array.shape))


def _squash(seen: Inspection) -> np.ndarray:
    return resize(seen.frame, (seen.size, seen.size))
