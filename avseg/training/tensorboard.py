"""TensorBoard as a second sink of a run's events."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from avseg.errors import ConfigError

OnEvent = Callable[[str, Mapping[str, float]], None]
"""Called with the group of an event, "train" for example, and its values, `step` among them."""


@contextmanager
def tensorboard_sink(folder: Path, enabled: bool = True) -> Iterator[OnEvent]:
    """Yield a function that sends events to TensorBoard; they are in `folder` when the block ends.

    Unless enabled, the function does nothing. Raises ConfigError when the package is missing.
    """
    if not enabled:
        yield lambda group, values: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "--tensorboard requires the package tensorboard: pip install tensorboard."
        ) from error
    with SummaryWriter(folder) as writer:

        def write(group: str, values: Mapping[str, float]) -> None:
            for name, value in values.items():
                if name not in ("step", "epoch"):
                    writer.add_scalar(f"{group}/{name}", value, values["step"])

        yield write
