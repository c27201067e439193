"""The form of a run, made from the config dataclasses."""

import pytest

from app.train import form
from avseg.presets import PRESETS


def test_every_field_is_in_one_group_with_a_control_and_help():
    listed = [field.key for _, group in form.groups() for field in group]
    assert sorted(listed) == sorted(form.form_fields()) and len(set(listed)) == len(listed)
    assert all(field.help for field in form.form_fields().values())
    help_of = form.form_fields()["train.bce_weight"].help
    assert help_of.startswith("Weight of a cross-entropy beside the loss; Dice has no gradient")
    assert form.form_fields()["model.mixer"].choices == ("none", "cross", "channel", "gated")


@pytest.mark.parametrize("name", PRESETS)
def test_the_form_gives_back_every_preset(name):
    assert form.config_of(form.values_of(PRESETS[name])) == PRESETS[name]
