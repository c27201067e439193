"""Embeddings of a frozen audio backbone, computed once for each sound of the training clips."""

from collections import OrderedDict
from hashlib import blake2b

import torch
from torch import nn

from avseg.config import Config
from avseg.data.samples import Clips
from avseg.loaders import comes_again

MOST = 2**17  # embeddings, of 0.5 kB each


def repeats_itself(network: nn.Module, config: Config, clips: Clips) -> bool:
    """Whether embeddings are the same in every epoch: the backbone is frozen, and clips come again."""
    c = config.train
    changing = (nn.modules.batchnorm._BatchNorm, nn.Dropout)
    fixed = c.freeze_batchnorm or not any(isinstance(module, changing) for module in network.modules())
    return fixed and not c.train_audio and comes_again(clips)


class AudioCache:
    """The embeddings of a frozen audio backbone, by the content of the log-mel patch.

    A patch passes through the network alone, so that its embedding does not depend on the batch in which it
    came first, and a resumed run repeats it.
    """

    def __init__(self, network: nn.Module, most: int = MOST):
        self.network, self.most = network, most
        self._known: OrderedDict[bytes, torch.Tensor] = OrderedDict()

    @torch.no_grad()
    def of(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return the embeddings [n, 128], on the network's device, of patches [n, 1, 96, 64] on the CPU."""
        device = next(self.network.parameters()).device
        embeddings = []
        for patch in log_mel.contiguous():
            key = blake2b(patch.numpy(), digest_size=16).digest()
            if key not in self._known:
                self._known[key] = self.network(patch[None].to(device))[0]
            self._known.move_to_end(key)
            embeddings.append(self._known[key])
        while len(self._known) > self.most:
            self._known.popitem(last=False)
        return torch.stack(embeddings)
