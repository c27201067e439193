"""Ranges in pyproject.toml, pins in requirements files, and what the engine needs by itself."""

import re
import subprocess
import sys
import tomllib

from packaging.requirements import Requirement

CORE_ONLY = """
import importlib.abc, importlib.machinery, sys

class Blocked(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        blocked = name.split(".")[0] in BLOCKED
        return importlib.machinery.ModuleSpec(name, self) if blocked else None

    def exec_module(self, module):
        raise ModuleNotFoundError(module.__name__ + " is not part of the engine")

sys.meta_path.insert(0, Blocked())
from avseg import AVSegFormer, PRESETS, Predictor, load_model, read_clip, record

predictor = Predictor("tiny-ms3", "cpu")
clip = read_clip("assets/clips/dog-and-guitar.mp4", seconds=1)
with record(predictor.model, ["audio"]) as recording:
    prediction = predictor.predict(clip)
print(prediction.labels.shape, list(recording))
"""


def pins(root, name: str) -> dict[str, str]:
    """Return version by package of a requirements file."""
    lines = (root / name).read_text().splitlines()
    found = (re.match(r"([\w.-]+)==(\S+)", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


def test_every_range_holds_its_pin(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    groups = {"requirements.txt": [*project["dependencies"], *extras["train"], *extras["app"]]}
    groups["requirements-dev.txt"] = extras["dev"]
    for name, ranges in groups.items():
        pinned = pins(root, name)
        declared = {r.name.lower(): r for r in map(Requirement, ranges) if r.name != project["name"]}
        assert declared.keys() - {"jinja2"} == pinned.keys(), name  # gradio brings jinja2
        for package, version in pinned.items():
            assert version in declared[package].specifier, (package, version)


def test_the_engine_needs_its_own_dependencies_only(root):
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    # timm brings huggingface_hub and tqdm itself.
    optional = {Requirement(r).name for r in (*extras["train"], *extras["app"])} - {"huggingface_hub", "tqdm"}
    blocked = {name.replace("-", "_").lower() for name in optional if "avseg" not in name}
    code = f"BLOCKED = {blocked!r}\n{CORE_ONLY}"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("['audio']")
