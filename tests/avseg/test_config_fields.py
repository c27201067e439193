"""The fields of a config with their choices and help."""

from avseg.config_fields import config_fields


def test_every_field_has_help_and_its_choices():
    assert all(field.help for field in config_fields().values())
    help_of = config_fields()["train.bce_weight"].help
    assert help_of.startswith("Weight of an additional binary cross-entropy; unlike Dice it has a gradient")
    assert config_fields()["model.mixer"].choices == ("none", "cross", "channel", "gated")
