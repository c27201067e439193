"""What is slow to import waits until something is computed: listings, help and the first page do without."""

import subprocess
import sys
from pathlib import Path

import pytest

SLOW = ("torch", "torchaudio", "torchvision", "timm", "accelerate", "matplotlib", "moviepy")
REPORT = f"import sys; sys.exit(', '.join(name for name in {SLOW} if name in sys.modules) or None)"
COMMANDS = """
from contextlib import suppress
from avseg.__main__ import main
for command in (["info"], ["info", "--sites"], ["weights"], ["data"], ["what-if"]):
    assert main(command) == 0, command
for command in (["--help"], ["predict", "--help"], ["train", "s4-pvt-paper", "--help"]):
    with suppress(SystemExit):
        main(command)
"""
PAGE = "from app.page import build; build().get_config_file()"


@pytest.mark.parametrize("code", [COMMANDS, PAGE], ids=["commands", "page"])
def test_nothing_slow_is_imported(code: str, root: Path):
    program = [sys.executable, "-W", "ignore", "-c", f"{code}\n{REPORT}"]
    done = subprocess.run(program, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not done.stdout or "Models" in done.stdout
