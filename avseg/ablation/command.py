"""The command `ablate`."""

from collections.abc import Callable
from pathlib import Path

import tyro

from avseg.config import Config, ModelConfig, TrainConfig
from avseg.presets import check_first
from avseg.processes import command_line


def ablate_from(config: Config) -> Callable[..., int]:
    """Return the command `ablate`, whose flags --model.* and --train.* default to the values of a config."""

    def ablate(
        preset: tyro.conf.Positional[str],
        out: Path,
        data: str = "synth",
        rows: tuple[str, ...] = (),
        seeds: int = 1,
        clips: int = 0,
        device: str = "auto",
        workers: int = 1,
        start_from: Path | None = None,
        dry_run: bool = False,
        model: ModelConfig = config.model,
        train: TrainConfig = config.train,
    ) -> int:
        """Train and compare the rows of an ablation study, such as the paper's Table 2.

        Every row differs from the preset in one part of the model: the number of queries, learnable queries,
        the mixer, the reformer, the layers, the backbone, or no sound. Writes a run folder with a report per
        row and seed, and OUT/table.md, in which every difference from the preset has an interval. The same
        command goes on after an interruption, and adds seeds or rows to a finished study. Several processes:
        accelerate launch -m avseg ablate ...

        Args:
            preset: The default row: a preset (see `info`) or a JSON file with a config.
            out: Folder of the study.
            data: synth (SynthAVS), or a folder with training and test split.
            rows: Names or groups of rows, see --dry-run; by default all. The default row is always trained.
            seeds: Training runs of every row. Without at least two, no difference can be told from chance.
            clips: Number of test clips, sampled; 0 uses all of a folder, or 200 of synth.
            device: auto, cpu, cuda, cuda:1 or mps.
            workers: Data-loading processes.
            start_from: A checkpoint whose weights initialise every row, as far as they fit.
            dry_run: Print the rows and the number of training steps, and do nothing.
            model: The architecture of the default row.
            train: The settings of training of all rows.
        """
        from avseg.ablation.study import Study, run, steps
        from avseg.ablation.variants import changed_fields, choose, variants

        check_first(preset, config, "ablate", out)
        default = Config(model, train)
        chosen = choose(variants(default), rows)
        study = Study(chosen, out, data, seeds, clips, device, workers, start_from)
        if dry_run:
            for row in chosen:
                changes = ", ".join(f"{k} = {v}" for k, v in changed_fields(row, default).items())
                print(f"{row.name:24} {row.group:18} {changes or 'the preset itself'}")
                if row.note:
                    print(f"{'':24} {row.note}")
            print(f"{len(study.runs)} runs, {steps(study)} training steps in all")
            return 0
        print(f"Table: {run(study, command_line())}")
        return 0

    return ablate
