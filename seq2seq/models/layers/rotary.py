"""Positions as angles: sinusoids and the rotary embedding.

Legend: N rows, h heads, L positions, E units of a head.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_BASE = 10000.0


def position_angles(first: int, length: int, size: int, device: torch.device) -> Tensor:
    """Returns the angles of `length` positions from `first` on (Vaswani et al. 2017, section 3.5).

    Returns:
        (L, size / 2) float32.
    """
    positions = torch.arange(first, first + length, device=device, dtype=torch.float32)
    frequencies = torch.exp(torch.arange(0, size, 2, device=device) * (-math.log(_BASE) / size))
    return positions.unsqueeze(1) * frequencies


@dataclass(frozen=True)
class RotaryEmbedding:
    """Rotary position embedding (Su et al. 2021, section 3.2.2).

    Queries and keys are rotated by angles that grow with their positions. The product of a query
    and a key then depends on the distance between them. Unit j is rotated together with unit
    j + E/2.
    """

    cos: Tensor
    """(L,E/2)."""
    sin: Tensor
    """(L,E/2)."""

    @classmethod
    def at(cls, first: int, length: int, head_size: int, device: torch.device) -> "RotaryEmbedding":
        """Returns the embedding of `length` positions from `first` on."""
        angles = position_angles(first, length, head_size, device)
        return cls(angles.cos(), angles.sin())


def apply_rotary(values: Tensor, rotary: RotaryEmbedding) -> Tensor:
    """Rotates values (N,h,L,E) by their positions -> (N,h,L,E)."""
    cos = rotary.cos.to(values.dtype)
    sin = rotary.sin.to(values.dtype)
    if torch.onnx.is_in_onnx_export():
        return _rotate_out_of_place(values, cos, sin)
    rotated: Tensor = _ApplyRotary.apply(values, cos, sin)
    return rotated


class _ApplyRotary(torch.autograd.Function):
    """The gradient of a rotation is the inverse rotation.

    Without this class, autograd would fill a tensor of zeros for each half. That takes a tenth of
    the time of an update.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(values, cos, sin)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        cos, sin = ctx.saved_tensors
        return _rotate(gradients[0], cos, -sin), None, None


def _rotate_out_of_place(values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Does what `_rotate` does. ONNX has no operators that write into a tensor."""
    first, second = values.chunk(2, -1)  # (N,h,L,E/2)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _rotate(values: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    rotated = torch.empty_like(values)
    first, second = values.chunk(2, -1)  # (N,h,L,E/2)
    rotated_first, rotated_second = rotated.chunk(2, -1)
    torch.mul(first, cos, out=rotated_first).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=rotated_second).addcmul_(first, sin, value=1)
    return rotated
