import pytest
import torch

from avseg.models.vggish import AUDIO_BACKBONES, AUDIO_DIM, SmallVGGish, VGGish


@pytest.mark.parametrize(("name", "millions"), [("vggish", 72.1), ("vggish-small", 0.3)])
def test_audio_networks_take_patches_and_give_embeddings(name: str, millions: float):
    with torch.device("meta"):
        network = AUDIO_BACKBONES[name]()
        embeddings = network(torch.empty(3, 1, 96, 64))
    assert embeddings.shape == (3, AUDIO_DIM) == (3, 128)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == millions


def test_vggish_pools_four_times():
    with torch.device("meta"):
        maps = VGGish().features(torch.empty(2, 1, 96, 64))
    assert maps.shape == (2, 512, 6, 4)


def test_embeddings_are_not_negative_and_depend_on_the_sound():
    torch.manual_seed(0)
    network = SmallVGGish().eval()
    embeddings = network(torch.randn(4, 1, 96, 64))
    assert (embeddings >= 0).all() and embeddings.std(0).sum() > 0


def test_a_patch_is_heard_by_itself():
    network = SmallVGGish().eval()
    patches = torch.randn(3, 1, 96, 64)
    alone = torch.cat([network(patch[None]) for patch in patches])
    torch.testing.assert_close(network(patches), alone, atol=1e-5, rtol=1e-4)


def test_every_parameter_of_the_small_network_learns():
    torch.manual_seed(0)
    network = SmallVGGish()
    network(torch.randn(4, 1, 96, 64)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
