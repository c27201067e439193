"""A run folder as training leaves it."""

from avseg.training.run_folder import RunFolder, Status
from tests.support.small_model import small_config


def write_run(run: RunFolder, steps: int = 6, state: str = "finished") -> RunFolder:
    """Fill a run folder as training for `steps` steps does, with a validation after every third."""
    run.create(small_config())
    for step in range(1, steps + 1):
        parts = {"loss": 3 / step, "mask": 2 / step, "auxiliary": 0.5 / step, "bce": 0.5 / step}
        run.write_event("step", epoch=0, step=step, **parts, learning_rate=1e-3, seconds=0.1)
        if step % 3 == 0:
            run.write_event("validation", epoch=step // 3 - 1, step=step, miou=step / 20, silence=0.01)
    run.write_status(Status(state, step=steps, steps=6, epoch=2, epochs=2, best_miou=0.3))
    return run
