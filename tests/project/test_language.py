"""Turns of phrase that must not come back: readers take the page's numbers as seriously as its English."""

import re
import subprocess

import pytest

PHRASES = {
    r"(?<!there )\bis no\b(?! (longer|more|less|worse|better))": "is not a ...",
    r"\bstands? (in|beside|for|there|at|below|above)\b": "is in, is beside, means",
    r"\bnot there any ?more\b": "no longer exists",
    r"\b(any ?more)\b": "no longer",
    r"\bbrought along\b": "imported",
    r"\bgo(es)? on with\b": "resume, continue with",
    r"\btoy weights\b": "demo model",
    r"\btakes? for sounding\b": "considers to be sounding",
    r"\bwho is taken for whom\b": "confusion matrix",
    r"\b(sound|picture|first) lessons\b": "pretraining",
    r"\bput away\b": "dismiss",
}
# Where one of them is right: (file, text around it).
ALLOWED: set[tuple[str, str]] = {
    ("tests/project/test_language.py", ""),
    ("avseg/config.py", "sound_lessons"),
}


@pytest.fixture(scope="module")
def tracked(root) -> dict[str, str]:
    """Return the text of every file that a person reads, by name."""
    names = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.js", "*.html", "*.ipynb"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return {name: (root / name).read_text(encoding="utf-8") for name in names if (root / name).is_file()}


@pytest.mark.parametrize("phrase", PHRASES)
def test_no_file_says_it_the_old_way(phrase, tracked):
    found = []
    for name, text in tracked.items():
        for match in re.finditer(phrase, text, re.IGNORECASE):
            around = text[max(0, match.start() - 60) : match.end() + 60]
            if not any(name == file and near in around for file, near in ALLOWED):
                line = text[: match.start()].count("\n") + 1
                found.append(f"{name}:{line}: {around!r}")
    assert not found, f"Write {PHRASES[phrase]!r} instead:\n" + "\n".join(found)
