"""Weights laid out beforehand the way the CPU reads them in a product. The library otherwise does that at every product,
which takes as long as the product itself for the few rows of a search step.

Legend: I inputs, O outputs.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

WeightFormat = Literal["float32", "bfloat16", "float16", "int8"]
"""float16 and int8 are for CPUs without units for bfloat16, which read a half or a quarter of the bytes by it. Values are
float32 before and after these products."""

Product = Callable[[Tensor], Tensor]
"""values (...,I) -> W values + b, (...,O)."""
Layout = Callable[[Tensor, Tensor | None], Product]
"""W (O,I) and b (O), if there is one, to what multiplies by them."""

_AT_ONCE = 256
_MULTIPLE = 16
"""In bfloat16 the library writes a program for each number of rows that it meets, which takes longer than running it. So a
product is made of parts with at most so many rows: fewer than 16, a multiple of 16, or of 64 from 64 on. In float32 that
brought nothing."""


class Packable(ABC):
    """A module that multiplies by weights which are no `nn.Linear`."""

    @abstractmethod
    def pack(self, layout: Layout) -> None:
        """Lays out its weights; it is not to be trained afterwards."""


class PackedLinear(nn.Module):
    """An `nn.Linear` for inference."""

    def __init__(self, linear: nn.Linear, layout: Layout) -> None:
        super().__init__()
        self.product = layout(linear.weight, linear.bias)

    def forward(self, values: Tensor) -> Tensor:
        """values (...,I) -> (...,O)."""
        return self.product(values)


class OneDnnProduct:
    """By weights in float32 or bfloat16, through the operators that torch's own compiler uses."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight, self.bias = torch.ops.mkldnn._reorder_linear_weight(weight.detach()), bias

    def __call__(self, values: Tensor) -> Tensor:
        if values.dim() == 3 and values.shape[1] == 1:
            return self(values.squeeze(1)).unsqueeze(1)
        if values.dim() != 2 or values.dtype == torch.float32:
            return self._product(values)
        if len(values) > _AT_ONCE:
            return torch.cat([self(part) for part in values.split(_AT_ONCE)])
        rows = len(values)
        missing = -rows % (_MULTIPLE if rows <= 4 * _MULTIPLE else 4 * _MULTIPLE)
        if not missing or rows < _MULTIPLE:
            return self._product(values)
        return self._product(functional.pad(values, (0, 0, 0, missing)))[:rows]

    def _product(self, values: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(values, self.weight, self.bias, "none", [], "")
        return product


class HalfProduct:
    """By weights rounded to float16 (by at most 1 part in 2,000), in float32 arithmetic. Values are float32."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        bias = None if bias is None else bias.detach().float()
        self.weight = torch.ops.quantized.linear_prepack_fp16(weight.detach().float().contiguous(), bias)

    def __call__(self, values: Tensor) -> Tensor:
        product: Tensor = torch.ops.quantized.linear_dynamic_fp16(values, self.weight)
        return product


class ByteProduct:
    """By weights rounded to multiples of 1/127 of the largest weight of their output, of values rounded to 128 steps between
    the lowest and the highest of all rows: summed in whole numbers. So what a row gives depends a little on the others."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        weight, bias = weight.detach().float(), None if bias is None else bias.detach().float()
        scales = weight.abs().amax(dim=1).double().div_(127).clamp_(min=torch.finfo(torch.float32).tiny)
        steps = (weight / scales.unsqueeze(1)).round().to(torch.int8)
        zeros = torch.zeros_like(scales, dtype=torch.int64)
        with _engine("fbgemm"):  # another one writes a program for each number of rows
            as_scaled = torch._make_per_channel_quantized_tensor(steps, scales, zeros, 0)
            self.weight = torch.ops.quantized.linear_prepack(as_scaled, bias)

    def __call__(self, values: Tensor) -> Tensor:
        # 128 steps and not 256: AVX2 adds two products of bytes in 16 bits, which 256 steps would overflow.
        product: Tensor = torch.ops.quantized.linear_dynamic(values, self.weight, reduce_range=True)
        return product


@contextmanager
def _engine(name: str) -> Iterator[None]:
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        with warnings.catch_warnings():
            # Tensors of bytes with scales are to leave torch one day; then `can_pack` says no.
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        torch.backends.quantized.engine = before


_LAYOUTS: dict[WeightFormat, Layout] = {
    "float32": OneDnnProduct,
    "bfloat16": OneDnnProduct,
    "float16": HalfProduct,
    "int8": ByteProduct,
}


_NEEDED: dict[WeightFormat, list[tuple[Any, str]]] = {
    "float16": [(torch.ops.quantized, "linear_prepack_fp16")],
    "int8": [(torch.ops.quantized, "linear_prepack"), (torch, "_make_per_channel_quantized_tensor")],
}


def can_pack(device: torch.device, weight_format: WeightFormat) -> bool:
    """Whether weights of this format can be laid out here. A torch that has the operators no more goes without."""
    if device.type != "cpu":
        return False
    library: Any = torch.ops.mkldnn
    if weight_format in _NEEDED:
        # The operators are there on other processors too, with nothing behind them that computes.
        computes = torch.backends.quantized.engine in ("fbgemm", "x86")
        return computes and all(hasattr(place, name) for place, name in _NEEDED[weight_format])
    has_operators = hasattr(library, "_linear_pointwise") and hasattr(library, "_reorder_linear_weight")
    if not has_operators or not torch.backends.mkldnn.is_available():
        return False
    return weight_format == "float32" or bool(library._is_mkldnn_bf16_supported())


def pack(model: nn.Module, weight_format: WeightFormat) -> None:
    """Packs all matrices of a model that is only to translate from here on."""
    layout = _LAYOUTS[weight_format]
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, PackedLinear(child, layout))
        if isinstance(module, Packable):
            module.pack(layout)
