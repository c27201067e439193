"""Text files are UTF-8 wherever the program runs: every reader and writer says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TEXT = {"open", "read_text", "write_text", "TemporaryFile", "NamedTemporaryFile"}
OTHERS = {"Image", "wave", "safe_open", "os", "self", "opener", "tarfile"}  # whose `open` reads no text


def without_encoding(path: Path) -> Iterator[int]:
    for call in filter(lambda node: isinstance(node, ast.Call), ast.walk(ast.parse(path.read_bytes()))):
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = getattr(function.value, "id", "") if isinstance(function, ast.Attribute) else ""
        options = {option.arg for option in call.keywords}
        words = [getattr(node, "value", None) for argument in call.args for node in ast.walk(argument)]
        modes = [word for word in words if isinstance(word, str) and len(word) <= 3]
        binary = any("b" in mode for mode in modes) or (name.endswith("TemporaryFile") and not modes)
        own = name == "read_text" and isinstance(function, ast.Name)  # of avseg.files, which says it
        if name in TEXT and owner not in OTHERS and not own and not binary and "encoding" not in options:
            yield call.lineno


@pytest.mark.parametrize("folder", ["avseg", "app"])
def test_every_text_file_has_an_encoding(folder: str, root: Path):
    found = [f"{path}:{line}" for path in (root / folder).rglob("*.py") for line in without_encoding(path)]
    assert not found


def test_calls_without_one_are_found(tmp_path: Path):
    (tmp_path / "a.py").write_text(
        "p.open('a')\np.read_text()\nopen('x', 'rb')\np.write_text('b', encoding='utf-8')"
    )
    assert list(without_encoding(tmp_path / "a.py")) == [1, 2]
