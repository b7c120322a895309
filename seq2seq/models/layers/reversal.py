"""Reads sentences backward without moving their padding to the front.

Legend: B sentences, S source tokens, P positions, E units.
"""

import torch
from torch import Tensor


def reversed_positions(mask: Tensor) -> Tensor:
    """mask (B,S), true at tokens -> positions (B,S) that reverse each sentence.

    Position s of a sentence maps to length - 1 - s. Padding stays where it is.
    """
    positions = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - positions, positions)


def gather_positions(values: Tensor, positions: Tensor) -> Tensor:
    """values (B,S,E), positions (B,P) -> the values at these positions, (B,P,E)."""
    sentences, length = values.shape[:2]
    # `index_select` copies whole rows, forward and backward. `gather` looks up each element.
    first_row = torch.arange(sentences, device=positions.device).unsqueeze(1) * length  # (B,1)
    rows = positions + first_row  # (B,P)
    return values.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, positions.shape)
