"""Trackio, a local dashboard of runs, as another sink of a run's events."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from avseg.errors import ConfigError
from avseg.training.tensorboard import OnEvent

PROJECT = "avseg"  # `trackio show --project avseg`
LOCAL = {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}


@contextmanager
def trackio_sink(name: str, config: Mapping[str, object], enabled: bool = True) -> Iterator[OnEvent]:
    """Yield a function that sends events to a run of Trackio, which is continued if it has one of this name.

    Trackio keeps them in a SQLite file of this machine and asks for no network, unless its own variables
    TRACKIO_SPACE_ID or TRACKIO_SERVER_URL name a server. Unless enabled, the function does nothing. Raises
    ConfigError when the package is missing.
    """
    if not enabled:
        yield lambda group, values: None
        return
    try:
        import trackio
    except ImportError as error:
        raise ConfigError("--trackio requires the package trackio: pip install trackio.") from error
    run = trackio.init(project=PROJECT, name=name, config=dict(config), resume="allow", **LOCAL)

    def write(group: str, values: Mapping[str, float]) -> None:
        named = {f"{group}/{key}": value for key, value in values.items() if key not in ("step", "epoch")}
        run.log(named, step=int(values["step"]))

    try:
        yield write
    finally:
        run.finish()
