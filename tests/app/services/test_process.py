"""Child processes: launched with a record in their job folder, followed until their first status, killed."""

import time
from pathlib import Path

from app.services import process
from avseg.jobs.folder import JobFolder


def wait_for(job: JobFolder, state: str) -> process.Startup:
    end = time.monotonic() + 60
    while (child := process.startup(job)) and child.state != state and time.monotonic() < end:
        time.sleep(0.1)
    assert child and child.state == state
    return child


def test_a_child_that_fails_before_its_first_status_says_why(tmp_path: Path):
    job, exits = JobFolder(tmp_path / "new"), []
    process.launch(["-c", "raise SystemExit('avseg: No data.')"], job, lambda: exits.append(1))
    child = wait_for(job, "failed")
    assert child.message == "The process failed before it started. No data." and child.pid == 0
    while not exits:
        time.sleep(0.05)


def test_a_child_is_starting_until_it_writes_a_status_and_can_be_withdrawn(tmp_path: Path):
    job = JobFolder(tmp_path)
    assert process.startup(job) is None
    record = process.launch(["-c", "import time; time.sleep(300)"], job)
    assert process.startup(job) == process.Startup("starting", pid=record.pid)
    assert process.startup(job, record.time + 1) is None  # its status is newer
    process.withdraw(job)
    assert wait_for(job, "stopped").message == "Cancelled before it started."
