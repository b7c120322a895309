"""Quantized weights, for models that are copied and shared rather than trained.

In int8, each row of a matrix (the weights of one output, or the embedding of one token) is rounded
to multiples of 1/127 of its largest weight. This takes one byte for each weight and one scale for
each row. Dequantized weights are float32, so only the file gets smaller, not the computation.

Legend: R rows, C columns.
"""

from typing import Literal

import torch
from torch import Tensor

NumberFormat = Literal["float32", "bfloat16", "int8"]

_SCALE_SUFFIX = ".int8_scale"
_STEPS = 127


def quantize(weights: dict[str, Tensor], number_format: NumberFormat) -> dict[str, Tensor]:
    """Converts weights to a number format.

    An int8 matrix gets a float32 scale (R,1) under its own name. In int8, vectors stay float32,
    because there are few.
    """
    dtype = torch.bfloat16 if number_format == "bfloat16" else torch.float32
    quantized: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if number_format == "int8" and tensor.dim() == 2:
            largest = tensor.float().abs().amax(dim=1, keepdim=True)  # (R,1)
            scale = torch.where(largest > 0, largest / _STEPS, 1.0)
            quantized[name] = (tensor.float() / scale).round().to(torch.int8)
            quantized[name + _SCALE_SUFFIX] = scale
        else:
            quantized[name] = tensor.to(dtype)
    return quantized


def dequantize(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Converts int8 matrices back to float32. All other weights stay as they are."""
    dequantized: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if name.endswith(_SCALE_SUFFIX):
            continue
        scale = weights.get(name + _SCALE_SUFFIX)
        dequantized[name] = tensor if scale is None else tensor.float() * scale
    return dequantized
