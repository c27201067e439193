"""Child processes: launched with a record in their job folder, followed until their first status, killed."""

import time
from pathlib import Path

from app.services import process
from avseg.jobs.folder import JobFolder, JobStatus


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
    stamp = {"pid": record.pid, "process_started": record.process_started, "booted": record.booted}
    assert process.startup(job, JobStatus("running", **stamp, updated=record.time - 3600)) is None
    earlier = JobStatus("finished", pid=record.pid + 1, updated=record.time + 3600)
    assert process.startup(job, earlier).state == "starting"  # although the clock was an hour ahead then
    process.withdraw(job)
    assert wait_for(job, "stopped").message == "Cancelled before it started."


def test_a_child_writes_utf_8_draws_no_bars_and_is_one_process(tmp_path: Path, monkeypatch):
    left = {"WORLD_SIZE": "4", "RANK": "1", "TORCHELASTIC_RUN_ID": "none", "ACCELERATE_USE_CPU": "true"}
    for name, value in (left | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}).items():
        monkeypatch.setenv(name, value)
    code = f"""
import os
from tqdm import tqdm
from avseg.processes import world_size
for _ in tqdm(range(9)):
    pass
raise SystemExit(f"avseg: \u2192 {{world_size()}}, {{sorted(set(os.environ) & {set(left)})}}")
"""
    job = JobFolder(tmp_path)
    process.launch(["-c", code], job)
    assert wait_for(job, "failed").message == "The process failed before it started. \u2192 1, []"
    assert "it/s" not in job.console_tail()
