"""The form of a run, made from the config dataclasses."""

import pytest

from app.train import form
from avseg.config_fields import config_fields
from avseg.presets import PRESETS


def test_every_field_is_in_one_group_with_a_control():
    listed = [field.key for group in form.groups().values() for field in group.values()]
    assert sorted(listed) == sorted(config_fields()) and len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", PRESETS)
def test_the_form_gives_back_every_preset(name):
    assert form.config_of(form.values_of(PRESETS[name])) == PRESETS[name]
