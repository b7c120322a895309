"""Dropout (Srivastava et al. 2014), the kinds that families use.

Legend: B sentences, T pieces.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS = 256


def locked_mask(like: Tensor, size: int, dropout: float, training: bool) -> Tensor | None:
    """A dropout mask (B,1,size), the same for every step (Gal & Ghahramani 2016), or None when nothing is dropped."""
    if not training or dropout == 0:
        return None
    keep = 1 - dropout
    return torch.empty(like.shape[0], 1, size, device=like.device).bernoulli_(keep).div_(keep)


def apply_mask(values: Tensor, mask: Tensor | None) -> Tensor:
    """values (B,T,size) times mask (B,1,size)."""
    return values if mask is None else values * mask.to(values.dtype)


def drop(values: Tensor, dropout: float, training: bool) -> Tensor:
    """values with each element dropped by itself, the others scaled up. On a CPU the share is rounded to a multiple of
    1/256."""
    if not training or dropout == 0:
        return values
    if values.device.type != "cpu":
        return functional.dropout(values, dropout, training)
    # PyTorch draws a random number for each element, which takes longer than the layer around it: here every eighth
    # element draws one of 64 bits.
    dropped = round(dropout * _LEVELS)
    count = values.numel()
    drawn = torch.empty(math.ceil(count / 8), dtype=torch.int64).random_(-(2**63), None).view(torch.uint8)
    kept = drawn[:count].view(values.shape) >= dropped
    return values * kept.to(values.dtype).mul_(_LEVELS / (_LEVELS - dropped))


class Dropout(nn.Module):
    """`drop` in training."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, values: Tensor) -> Tensor:
        """Any shape."""
        return drop(values, self.dropout, self.training)
