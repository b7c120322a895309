"""Dropout (Srivastava et al. 2014).

Legend: B sentences, T tokens, E units.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS = 256  # the number of values of a random byte


def variational_dropout_mask(
    like: Tensor, size: int, dropout: float, training: bool
) -> Tensor | None:
    """Draws a mask that drops the same units at every step (Gal & Ghahramani 2016).

    Args:
        like: any tensor with B rows, on the device of the mask.
        size: the number of units, E.
        dropout: the share of units that are dropped.
        training: whether the model is in training mode.

    Returns:
        (B,1,E), or None if nothing is dropped.
    """
    if not training or dropout == 0:
        return None
    keep = 1 - dropout
    return torch.empty(like.shape[0], 1, size, device=like.device).bernoulli_(keep).div_(keep)


def apply_mask(values: Tensor, mask: Tensor | None) -> Tensor:
    """values (B,T,E), mask (B,1,E) or None -> (B,T,E)."""
    if mask is None:
        return values
    return values * mask.to(values.dtype)


def drop(values: Tensor, dropout: float, training: bool) -> Tensor:
    """Drops each element independently and scales up the others. Any shape.

    On a CPU, the share is rounded to a multiple of 1/256.
    """
    if not training or dropout == 0:
        return values
    if values.device.type != "cpu":
        return functional.dropout(values, dropout, training)
    # PyTorch draws a random number for each element, which takes longer than the layer around it.
    # Here a random number of 64 bits serves eight elements: a byte decides about one element.
    threshold = round(dropout * _LEVELS)
    count = values.numel()
    random = torch.empty(math.ceil(count / 8), dtype=torch.int64).random_(-(2**63), None)
    random_bytes = random.view(torch.uint8)[:count].view(values.shape)
    keep = random_bytes >= threshold
    return values * keep.to(values.dtype).mul_(_LEVELS / (_LEVELS - threshold))


class Dropout(nn.Module):
    """Applies `drop` in training mode."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, values: Tensor) -> Tensor:
        """Any shape."""
        return drop(values, self.dropout, self.training)
