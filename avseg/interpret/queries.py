"""One more query of an inspected frame: an `Inspection` keeps the attention of the strongest ones only."""

from dataclasses import replace

import numpy as np

from avseg.arguments import is_whole, printed
from avseg.errors import ConfigError
from avseg.interpret.inspection import Inspection, window_inputs
from avseg.interpret.sites import record
from avseg.late import torch
from avseg.media.clip import Clip
from avseg.predict import Predictor


def with_query(predictor: Predictor, clip: Clip, inspection: Inspection, query: int) -> Inspection:
    """Return an inspection of the same frame that also has a query's attention and product with F_hat.

    query: its index in the model. Takes a forward pass unless the query is there already. Raises ConfigError
    for a query that the model lacks.
    """
    count = inspection.config.queries
    if not is_whole(query, 0, count - 1):
        number = printed(query + 1 if isinstance(query, int) else query)
        raise ConfigError(f"Query {number} does not exist: the model has {count}.")
    if query in inspection.kept:
        return inspection
    keep = {
        "decoder.attention": lambda attention: attention[0, :, query].half(),  # of [B*T, heads, Q, N]
        "mask.product": lambda product: product[0, query].float(),  # of [B*T, Q, h, w]
    }
    picture, patch, _ = window_inputs(predictor, clip, inspection.index)
    with torch.inference_mode(), record(predictor.model, list(keep), keep) as recording:
        predictor.model(picture, patch.to(predictor.device), intermediate=True)
    attention = np.stack([layer.numpy() for layer in recording["decoder.attention"]])  # [layers, heads, N]
    product = recording["mask.product"][0].numpy()
    return replace(
        inspection,
        kept=np.append(inspection.kept, query),
        attention=np.concatenate([inspection.attention, attention[:, :, None]], axis=2),
        product=np.concatenate([inspection.product, product[None]]),
    )
