"""The commands `attribute`, `patch` and `embed`: what decides a mask, where, and what is alike to a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import tyro

from avseg.config import Task
from avseg.errors import ConfigError


def attribute(
    clip: tyro.conf.Positional[Path],
    model: str = "",
    frame: int = 1,
    method: Literal["ig", "gradient", "occlusion"] = "ig",
    region: Literal["mask", "object", "frame"] = "mask",
    number: int = 1,
    box: tuple[float, float, float, float] | None = None,
    steps: int = 32,
    cells: int = 8,
    sanity: bool = True,
    threshold: float = 0.5,
    out: Path = Path("outputs/attribution"),
    fps: float = 1.0,
    device: str = "auto",
) -> int:
    """Attribute a frame's mask to pixels, and to moments and bands of the sound.

    Prints what the sound and the picture add to the mean foreground logit over the region, the completeness
    error, and the rank correlation with shuffled weights. Writes OUT/<clip>/attribution.npz and .png.

    Args:
        clip: A video file.
        model: Name or .safetensors file; by default, as in `predict`.
        frame: Number of the frame, from 1.
        method: ig (integrated gradients), gradient (gradient x input) or occlusion.
        region: mask, object (one connected object of the mask) or frame.
        number: Which object, from 1, the largest first.
        box: Left, top, right and bottom in 0..1 of the frame; only the part of the region inside it counts.
        steps: Points of integrated gradients.
        cells: Occlusion hides the frame in CELLS x CELLS patches, the log-mel in 1.5 CELLS x CELLS.
        sanity: Repeat it with shuffled weights after the backbones, which doubles the time.
        threshold: Probability above which a pixel is foreground (s4, ms3).
        out: Folder that gets one folder per clip.
        fps: Frames per second, 0.2 to 30.
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from tqdm import tqdm

    from avseg.checkpoints import recommended_model
    from avseg.figures.attribution import write_attribution
    from avseg.interpret.attribution import attribute as run
    from avseg.interpret.attribution import check_method
    from avseg.interpret.evidence import findings
    from avseg.interpret.regions import Region
    from avseg.media.clip import check_rate, read_clip
    from avseg.predict import Predictor, check_threshold

    check_rate(fps)
    check_threshold(threshold)
    check_method(method, steps, cells)
    chosen = Region(region, number, box)
    if frame < 1:
        raise ConfigError(f"Frame {frame} does not exist: frames count from 1.")
    predictor, source = Predictor(model or recommended_model(clip), device), read_clip(clip, fps)
    with tqdm(desc=clip.stem, unit="pass", leave=False) as bar:
        settings = (method, chosen, threshold, steps, cells, sanity)
        result = run(predictor, source, frame - 1, *settings, on_frame=_advance(bar))
    for name, part in (("sound", result.sound), ("picture", result.picture)):
        total = part.values.sum()
        print(
            f"{name:8} logit {part.output:+7.3f}, baseline {part.baseline:+7.3f}, attributed {total:+7.3f}, "
            f"completeness error {part.completeness_error:.4f}"
            + (f", shuffled weights {part.sanity:+.3f}" if sanity else "")
        )
    print("\n".join(findings(result)))
    for path in write_attribution(result, out / clip.stem):
        print(f"Written: {path}")
    return 0


def patch(
    clip_a: tyro.conf.Positional[Path],
    clip_b: tyro.conf.Positional[Path],
    model: str = "",
    site: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    frame: int = 1,
    out: Path = Path("outputs/patching"),
    fps: float = 1.0,
    device: str = "auto",
) -> int:
    """Run a model on clip B with one activation of clip A at a time: which site carries the difference?

    Prints, for every layer of every site, the share of the change that it recovers, with the sound of A alone
    and with its picture too. Writes OUT/<A>-into-<B>/patching.csv and .png.

    Args:
        clip_a: The clip whose activations are taken.
        clip_b: The clip that the model runs on.
        model: Name or .safetensors file; by default, that of `predict` for clip B.
        site: A site (see `info --sites`); repeat the flag for several. By default all that lead to the mask.
        frame: Number of the frame in both clips, from 1.
        out: Folder that gets one folder per pair of clips.
        fps: Frames per second, 0.2 to 30.
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from tqdm import tqdm

    from avseg.checkpoints import recommended_model
    from avseg.figures.patching import write_patching
    from avseg.interpret.patching import PAIRS, findings
    from avseg.interpret.patching import patch as run
    from avseg.interpret.sites import check_sites
    from avseg.media.clip import check_rate, read_clip
    from avseg.predict import Predictor

    check_rate(fps)
    check_sites(site)
    if frame < 1:
        raise ConfigError(f"Frame {frame} does not exist: frames count from 1.")
    predictor = Predictor(model or recommended_model(clip_b), device)
    source, target = (read_clip(path, fps) for path in (clip_a, clip_b))
    with tqdm(desc="patching", unit="pass", leave=False) as bar:
        result = run(predictor, source, target, frame - 1, site or None, on_frame=_advance(bar))
    print(f"{'recovered':24} " + "  ".join(f"{PAIRS[pair]:>26}" for pair in result.pairs))
    for place, shares in zip(result.places, result.recovered.T, strict=True):
        print(f"{place.name:24} " + "  ".join(f"{share:26.3f}" for share in shares))
    print("\n".join(findings(result)))
    for path in write_patching(result, out / f"{clip_a.stem}-into-{clip_b.stem}"):
        print(f"Written: {path}")
    return 0


def embed(
    data: tyro.conf.Positional[Path],
    model: str,
    out: Path,
    task: Task | None = None,
    split: str = "",
    projection: Literal["pca", "umap", "none"] = "pca",
    near: float = 0.98,
    neighbours: int = 10,
    top: int = 10,
    device: str = "auto",
) -> int:
    """Embed the clips of a data set: what a model hears, and its mask feature under the masks.

    Writes an .npz with `split`, `clip`, and per feature (audio, mask, truth) the mean of every clip, the
    frames (`frame_audio` of the clips `frame_clip`) and the points in the plane (`points_audio`). Prints near
    duplicates and outliers. What is computed stays in the cache: a stopped command continues, and Explore
    shows the same as a map.

    Args:
        data: A folder in AVSBench's format, as for `check`.
        model: Name or .safetensors file, see `info`.
        out: The .npz file to write.
        task: Which task of the folder; by default the only one.
        split: Only the clips of this split; by default all.
        projection: pca, umap (needs umap-learn) or none.
        near: Cosine similarity from which on two clips are near duplicates.
        neighbours: Nearest clips whose mean distance says how alone a clip is.
        top: Number of near duplicates and outliers to print.
        device: auto, cpu, cuda, cuda:1 or mps.
    """
    from tqdm import tqdm

    from avseg.checkpoints import find_model
    from avseg.data.avsbench.facts import read_facts
    from avseg.data.avsbench.index import find_task, locate
    from avseg.interpret.embedding_store import EmbeddingStore, write_embeddings
    from avseg.interpret.embeddings import FEATURES
    from avseg.interpret.embeddings import embed as run
    from avseg.interpret.neighbours import check_settings
    from avseg.interpret.neighbours import neighbours as compare
    from avseg.interpret.projection import check_method, project
    from avseg.predict import Predictor

    check_settings(near, neighbours)
    if projection != "none":
        check_method(projection)
    name = task or find_task(data)
    folder = locate(data, name)
    facts = read_facts(folder, name)
    if split and split not in facts.splits:
        raise ConfigError(f"{data} has no split {split}; it has {', '.join(facts.splits)}.")
    rows = [row for row, entry in enumerate(facts.entries) if split in ("", entry.split)]
    predictor = Predictor(model, device)
    store = EmbeddingStore.load(folder, name, len(facts), find_model(model))
    with tqdm(desc="clips", unit="clip", leave=False) as bar:
        store.fill(folder, facts.entries, lambda content: run(predictor, content), _advance(bar), rows)

    def named(row: int) -> str:
        return f"{facts.entries[row].split}/{facts.entries[row].name}"

    extra = {}
    for feature, (title, _) in FEATURES.items():
        values = store.means(feature)
        if projection != "none":
            extra[f"points_{feature}"] = project(values, projection).points
        found = compare(values, near, neighbours)
        print(f"{title}: {found.found} pairs of near duplicates (cosine {near:g} or more)")
        for one, other, similarity in found.pairs[:top]:
            print(f"  {similarity:.4f}  {named(one)}  {named(other)}")
        print(f"{title}: clips furthest from their {neighbours} nearest")
        for row in found.order[:top]:
            print(f"  {found.distance[row]:.4f}  {named(row)}")
    write_embeddings(out, store, facts.entries, extra)
    print(f"Written: {out}")
    return 0


def _advance(bar: Any) -> Callable[[int, int], None]:
    def advance(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return advance
