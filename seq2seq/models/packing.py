"""Weights laid out beforehand the way the CPU's matrix units read them. The library otherwise does that at every product,
which takes as long as the product itself for the few rows of a search step.

Legend: I inputs, O outputs.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

_AT_ONCE = 256
_MULTIPLE = 16
"""In bfloat16 the library writes a program for each number of rows that it meets, which takes longer than running it. So a
product is made of parts with at most so many rows: fewer than 16, a multiple of 16, or of 64 from 64 on. In float32 that
brought nothing."""


class Packable(ABC):
    """A module that multiplies by weights which are no `nn.Linear`."""

    @abstractmethod
    def pack(self) -> None:
        """Lays out its weights; it is not to be trained afterwards."""


class PackedLinear(nn.Module):
    """An `nn.Linear` for inference."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = packed(linear.weight), linear.bias

    def forward(self, values: Tensor) -> Tensor:
        """values (...,I) -> (...,O)."""
        return affine(values, self.weight, self.bias)


def can_pack(device: torch.device, number_format: torch.dtype) -> bool:
    """Whether weights of this format can be laid out here."""
    library = torch.ops.mkldnn
    # The operators are the ones that torch's own compiler uses; a torch that has them no more goes without.
    has_operators = hasattr(library, "_linear_pointwise") and hasattr(library, "_reorder_linear_weight")
    if device.type != "cpu" or not has_operators or not torch.backends.mkldnn.is_available():
        return False
    return number_format == torch.float32 or (
        number_format == torch.bfloat16 and bool(library._is_mkldnn_bf16_supported())
    )


def packed(weight: Tensor) -> Tensor:
    """weight (O,I) -> the same in the library's own layout, for `affine` alone."""
    laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    return laid_out


def affine(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """values (...,I), weight (O,I) as it is or packed, bias (O) -> (...,O)."""
    if not weight.is_mkldnn:
        return functional.linear(values, weight, bias)
    if values.dim() == 3 and values.shape[1] == 1:
        return affine(values.squeeze(1), weight, bias).unsqueeze(1)
    if values.dim() != 2 or values.dtype == torch.float32:
        return _product(values, weight, bias)
    if len(values) > _AT_ONCE:
        return torch.cat([affine(part, weight, bias) for part in values.split(_AT_ONCE)])
    rows = len(values)
    missing = -rows % (_MULTIPLE if rows <= 4 * _MULTIPLE else 4 * _MULTIPLE)
    if not missing or rows < _MULTIPLE:
        return _product(values, weight, bias)
    return _product(functional.pad(values, (0, 0, 0, missing)), weight, bias)[:rows]


def _product(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(values, weight, bias, "none", [], "")
    return product


def pack(model: nn.Module) -> None:
    """Packs all matrices of a model that is only to translate from here on."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, PackedLinear(child))
        if isinstance(module, Packable):
            module.pack()
