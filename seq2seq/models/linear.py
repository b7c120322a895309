"""Products with a weight matrix, x W^T + b; in 8-bit integers where a translator asks for that and rows are not many.

When one sentence is translated, a step has a handful of rows, and its time is that of reading the weights: a byte each
instead of two, laid out beforehand as the processor wants them, takes half the time. Weights are rounded row by row as in
compact.py, inputs row by row at every call ("dynamic quantisation"). With many rows that rounding costs more
than it saves.

Legend: N rows, I inputs, O outputs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.compact import row_scales

FEW = 128
"""Rows up to which integers are faster."""
_STEPS = 127


@dataclass(frozen=True)
class _Packed:
    """A weight (O,I) in the order in which the processor wants it, and the scale and zero of each of its rows (O)."""

    weight: Tensor
    scales: Tensor
    zeros: Tensor


def product(values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """values (...,I), weight (O,I), bias (O) -> (...,O) in the format of `values`."""
    packed = getattr(weight, "int8", None)
    if packed is None or values.numel() > FEW * values.shape[-1]:
        return functional.linear(values, weight, bias)
    rows = values.float().flatten(0, -2)  # (N,I)
    # A scale for each row: what a row gives must not depend on its neighbours.
    scales = (rows.abs().amax(dim=1, keepdim=True) / _STEPS).clamp_(min=1e-30)
    rounded = (rows / scales).round_().to(torch.int8)
    written = values.dtype if values.dtype == torch.bfloat16 else torch.float32
    outputs: Tensor = torch.ops.onednn.qlinear_pointwise(
        rounded, 1.0, 0, packed.weight, packed.scales, packed.zeros, None, 1.0, 0, written, "none", [], ""
    )
    outputs = (outputs * scales.to(written)).unflatten(0, values.shape[:-1]).to(values.dtype)
    return outputs if bias is None else outputs + bias


class Linear(nn.Linear):
    """`nn.Linear` by `product`."""

    def forward(self, input: Tensor) -> Tensor:
        return product(input, self.weight, self.bias)


def has_int8() -> bool:
    """Whether this build of torch has the products, which is so on x86 processors."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.onednn, "qlinear_prepack")


def use_int8(model: nn.Module) -> None:
    """From here on `product` takes integers for the model's matrices; nothing else changes."""
    for parameter in model.parameters():
        if parameter.dim() == 2 and min(parameter.shape) > 1:
            # A name for nothing else: it goes with the tensor wherever it is used.
            parameter.int8 = _packed(parameter.detach().float())  # type: ignore[attr-defined]


def uses_int8(model: nn.Module) -> bool:
    """Whether `use_int8` was called."""
    return any(hasattr(parameter, "int8") for parameter in model.parameters())


def _packed(weight: Tensor) -> _Packed:
    scales = row_scales(weight)
    rounded = (weight / scales).round().to(torch.int8)
    zeros = torch.zeros(len(weight), dtype=torch.int64)
    return _Packed(torch.ops.onednn.qlinear_prepack(rounded, None), scales.squeeze(1), zeros)
