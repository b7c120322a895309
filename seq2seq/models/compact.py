"""Weights in fewer bytes, for a model that is copied and shipped rather than trained on.

A row of a matrix (the weights of one output, or one piece's embedding) is rounded to whole multiples of 1/127 of its
largest weight, so that it takes a byte a weight and one scale a row. What is read back is float again: this makes files
small, and the arithmetic stays what it was.

Legend: R rows, C columns.
"""

from typing import Literal

import torch
from torch import Tensor

Format = Literal["float32", "bfloat16", "int8"]

_SCALE = ".int8_scale"
_STEPS = 127


def compact(weights: dict[str, Tensor], number_format: Format) -> dict[str, Tensor]:
    """Weights by name -> the same in `number_format`; int8 matrices have a float32 scale (R,1) beside them, and vectors,
    which are few, stay float32."""
    found = {}
    for name, tensor in weights.items():
        if number_format == "int8" and tensor.dim() == 2:
            largest = tensor.float().abs().amax(dim=1, keepdim=True)
            scale = torch.where(largest > 0, largest / _STEPS, 1.0)
            found[name] = (tensor.float() / scale).round().to(torch.int8)
            found[name + _SCALE] = scale
        else:
            found[name] = tensor.to(torch.bfloat16 if number_format == "bfloat16" else torch.float32)
    return found


def restored(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `compact` made -> float32 weights by name; any other weights come back as they are."""
    return {
        name: tensor.float() * weights[name + _SCALE] if name + _SCALE in weights else tensor
        for name, tensor in weights.items()
        if not name.endswith(_SCALE)
    }
