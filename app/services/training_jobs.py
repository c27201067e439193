"""Training from the page: a child process is started, stopped and gone on with; its run renamed, deleted.

The run folder is the only thing between the two: see `app.services.runs`.
"""

import shutil
import threading
from dataclasses import replace

from app.services import process as child
from app.services.host import require_training
from app.services.runs import Seen, all_runs, look, named, run_of
from avseg.errors import RunError
from avseg.training.run_folder import RunFolder

_ONE_AT_A_TIME = threading.Lock()


def new_run(name: str) -> RunFolder:
    """Return the folder of a run to be; `RunError` for a name that is not plain or is taken."""
    run = named(name)
    if run.exists or look(run).alive:
        raise RunError(f"There is a run called {run.path.name} already. Resume it, or choose another name.")
    return run


def start(arguments: list[str], run: RunFolder) -> int:
    """Start a training command in a process group of its own and return its process id.

    Raises RunError when training is off here or the run is at work already.
    """
    require_training()
    with _ONE_AT_A_TIME:
        if look(run).alive:
            raise RunError(f"The run {run.path.name} is at work already.")
        if "--resume" not in arguments:
            new_run(run.path.name)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            return child.launch(arguments, run).pid
        except OSError as error:
            raise RunError(f"The run folder cannot be written: {error.strerror or error}.") from error


def stop(run: RunFolder) -> None:
    """Ask a run to write a checkpoint and end; one that has not begun yet ends at once.

    Raises RunError when training is off here or no process is at work.
    """
    seen = _at_work(run)
    if seen.state == "starting":
        if launch := run.read_launch():
            run.write_launch(replace(launch, withdrawn=True))
        child.kill(seen.pid)
    else:
        run.request_stop()


def end_at_once(run: RunFolder) -> None:
    """End the process of a run without waiting for a checkpoint; the last one is whole."""
    child.kill(_at_work(run).pid)
    run.clear_stop()


def _at_work(run: RunFolder) -> Seen:
    require_training()
    seen = look(run)
    if not seen.alive:
        raise RunError(f"The run {run.path.name} is not at work.")
    return seen


def rename(run: RunFolder, name: str) -> RunFolder:
    """Give a run another name; `RunError` while it is at work, or when the name is taken."""
    other = named(name)
    _at_rest(run)
    if other.path.exists():
        raise RunError(f"There is a run called {name} already.")
    run.path.rename(other.path)
    return other


def delete(run: RunFolder) -> None:
    """Delete a run with all its files; `RunError` while it is at work."""
    _at_rest(run)
    path = run_of(run.path.name).path
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)


def _at_rest(run: RunFolder) -> None:
    require_training()
    if look(run).alive:
        raise RunError(f"The run {run.path.name} is at work; stop it first.")
    if run.path.name not in {other.path.name for other in all_runs()}:
        raise RunError(f"There is no run called {run.path.name} any more.")
