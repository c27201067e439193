"""A score that is not comparable is said to be so, before anything else in the report."""

from dataclasses import replace

import pytest

from avseg.evaluation.conditions import SKIPPED_NOTE
from avseg.evaluation.evaluate import evaluate
from avseg.evaluation.mismatches import mismatches
from avseg.evaluation.report import summary
from tests.support.oracles import HERE, SIZE, Blocks, Oracle, seer


@pytest.mark.parametrize(
    ("task", "size", "words"),
    [
        ("ms3", SIZE, []),
        ("s4", SIZE, ["The model is a ms3 model, the data are s4"]),
        ("avss", SIZE, ["not comparable with scores on AVSS"]),
        ("ms3", 2 * SIZE, [f"are enlarged to the model's {2 * SIZE} px"]),
        ("s4", 2 * SIZE, ["the data are s4", "are enlarged"]),
    ],
)
def test_what_does_not_fit_is_named(task: str, size: int, words: list[str]):
    clips = Blocks(task)
    found = mismatches(Oracle(seer, size=size).config, clips, 0)
    assert len(found) == len(words) and all(word in text for word, text in zip(words, found))


def test_the_report_begins_with_it():
    clips = Blocks("s4")
    options = replace(HERE, robustness=False)
    report = evaluate(Oracle(seer), clips, options=options).report
    assert report.notes[1:] == (SKIPPED_NOTE,) and "the data are s4" in report.notes[0]
    lines = summary(report).splitlines()
    assert lines.index(f"- {report.notes[0]}") < lines.index("| measure | value |")
