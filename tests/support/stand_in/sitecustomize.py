"""Imported at the start of every Python process whose PYTHONPATH names this folder: a small released model.

Children that fetch it ask the server of AVSEG_TEST_DRIVE in place of Google Drive.
"""

import os
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[3]))

from tests.support.small_released import use_small_release

if address := os.environ.get("AVSEG_TEST_DRIVE"):
    use_small_release(address, int(os.environ["AVSEG_TEST_BYTES"]))
