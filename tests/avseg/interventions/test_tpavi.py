import pytest
import torch

from avseg.errors import ConfigError
from avseg.interventions.run import INTERVENTIONS, Change, intervene
from avseg.models.tpavi import TPAVI
from tests.support.small_tpavi import small_tpavi


@pytest.fixture(scope="module")
def model() -> TPAVI:
    return small_tpavi()


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, 3, 64, 64, generator=generator), torch.randn(3, 1, 96, 64, generator=generator)


@torch.inference_mode()
def stages(model: TPAVI, log_mel: torch.Tensor, *changes: Change) -> tuple[torch.Tensor, ...]:
    with intervene(model, changes):
        return model(inputs()[0], log_mel).stages


def differing(before: torch.Tensor, after: torch.Tensor) -> list[bool]:
    return (before != after).flatten(1).any(1).tolist()


def test_without_tpavi_the_sound_makes_no_difference(model):
    log_mel = inputs()[1]
    off = Change("tpavi-off")
    for before, after in zip(stages(model, log_mel, off), stages(model, log_mel + 2, off), strict=True):
        assert torch.equal(before, after)
    one = stages(model, log_mel, Change("tpavi-off", (2,)))
    plain = stages(model, log_mel)
    assert [torch.equal(a, b) for a, b in zip(one, plain, strict=True)] == [True, False, True, True]


def test_with_the_own_frame_alone_other_seconds_make_no_difference(model):
    log_mel = inputs()[1]
    louder = log_mel.clone()
    louder[1] += 2
    own = Change("tpavi-own")
    assert differing(stages(model, log_mel)[3], stages(model, louder)[3]) == [True] * 3
    assert differing(stages(model, log_mel, own)[3], stages(model, louder, own)[3]) == [False, True, False]


def test_rows_of_avsegformer_say_that_tpavi_lacks_them(model):
    for row in INTERVENTIONS:
        if row.kind == "model" and not row.name.startswith("tpavi"):
            assert row.lacks(model.config), row.name
            with pytest.raises(ConfigError), intervene(model, [Change(row.name)]):
                pass
