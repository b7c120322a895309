"""Prepacked weights: stored in the layout in which the CPU reads them in a matrix product.

Without this, oneDNN reorders the weights in every product. For the few rows of a search step, that
takes as long as the product itself.

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
"""The number format of prepacked weights. float16 and int8 are for CPUs without bfloat16 units: a
product reads a half or a quarter of the bytes, and its inputs and outputs are float32."""

PrepackedProduct = Callable[[Tensor], Tensor]
"""values (...,I) -> W values + b, (...,O)."""

Prepack = Callable[[Tensor, Tensor | None], PrepackedProduct]
"""Weight W (O,I) and bias b (O) or None -> the product with them."""

# oneDNN compiles a bfloat16 kernel for each number of rows, which takes longer than running it.
# Therefore bfloat16 products have at most 256 rows. Their number is below 16, a multiple of 16, or
# from 64 on a multiple of 64. In float32 this brought no gain.
_MAX_ROWS = 256
_SMALL_MULTIPLE = 16
_LARGE_MULTIPLE = 64


class Prepackable(ABC):
    """A module that multiplies by weights which are not in an `nn.Linear`."""

    @abstractmethod
    def prepack(self, make_product: Prepack) -> None:
        """Prepacks the module's weights. Do not train the module afterwards."""


class PrepackedLinear(nn.Module):
    """An `nn.Linear` for inference."""

    def __init__(self, linear: nn.Linear, make_product: Prepack) -> None:
        super().__init__()
        self.product = make_product(linear.weight, linear.bias)

    def forward(self, values: Tensor) -> Tensor:
        """values (...,I) -> (...,O)."""
        return self.product(values)


class OneDnnLinear:
    """A product in float32 or bfloat16, by the operators that torch.compile uses."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
        self.bias = bias

    def __call__(self, values: Tensor) -> Tensor:
        """values (...,I) -> (...,O), in the dtype of the weights."""
        if values.dim() == 3 and values.shape[1] == 1:
            return self(values.squeeze(1)).unsqueeze(1)
        if values.dim() != 2 or values.dtype == torch.float32:
            return self._multiply(values)
        if len(values) > _MAX_ROWS:
            return torch.cat([self(part) for part in values.split(_MAX_ROWS)])
        rows = len(values)
        multiple = _SMALL_MULTIPLE if rows <= _LARGE_MULTIPLE else _LARGE_MULTIPLE
        padding = -rows % multiple
        if padding == 0 or rows < _SMALL_MULTIPLE:
            return self._multiply(values)
        return self._multiply(functional.pad(values, (0, 0, 0, padding)))[:rows]

    def _multiply(self, values: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            values, self.weight, self.bias, "none", [], ""
        )
        return product


class Fp16Linear:
    """A product with float16 weights in float32 arithmetic.

    Rounding changes a weight by at most 1 part in 2,000.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        float_bias = None if bias is None else bias.detach().float()
        float_weight = weight.detach().float().contiguous()
        self.weight = torch.ops.quantized.linear_prepack_fp16(float_weight, float_bias)

    def __call__(self, values: Tensor) -> Tensor:
        """values (...,I) float32 -> (...,O) float32."""
        product: Tensor = torch.ops.quantized.linear_dynamic_fp16(values, self.weight)
        return product


class Int8Linear:
    """A product of 8-bit integers.

    The weights of an output are rounded to multiples of 1/127 of the largest one. The values are
    rounded to 128 steps between the lowest and the highest value of all rows. The result of a row
    therefore depends slightly on the other rows.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        float_weight = weight.detach().float()
        float_bias = None if bias is None else bias.detach().float()
        scales = float_weight.abs().amax(dim=1).double().div_(127)  # (O)
        scales.clamp_(min=torch.finfo(torch.float32).tiny)
        integers = (float_weight / scales.unsqueeze(1)).round().to(torch.int8)
        zero_points = torch.zeros_like(scales, dtype=torch.int64)
        # Other engines compile a kernel for each number of rows.
        with _quantization_engine("fbgemm"):
            quantized = torch._make_per_channel_quantized_tensor(integers, scales, zero_points, 0)
            self.weight = torch.ops.quantized.linear_prepack(quantized, float_bias)

    def __call__(self, values: Tensor) -> Tensor:
        """values (...,I) float32 -> (...,O) float32."""
        # AVX2 adds two products of bytes in 16 bits. 256 steps would overflow them, 128 do not.
        product: Tensor = torch.ops.quantized.linear_dynamic(values, self.weight, reduce_range=True)
        return product


@contextmanager
def _quantization_engine(name: str) -> Iterator[None]:
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        with warnings.catch_warnings():
            # torch warns that quantized tensors are deprecated. Once they are gone, `can_prepack`
            # returns false.
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        torch.backends.quantized.engine = before


_PRODUCTS: dict[WeightFormat, Prepack] = {
    "float32": OneDnnLinear,
    "bfloat16": OneDnnLinear,
    "float16": Fp16Linear,
    "int8": Int8Linear,
}

_QUANTIZED_OPERATORS: dict[WeightFormat, list[tuple[Any, str]]] = {
    "float16": [(torch.ops.quantized, "linear_prepack_fp16")],
    "int8": [
        (torch.ops.quantized, "linear_prepack"),
        (torch, "_make_per_channel_quantized_tensor"),
    ],
}


def can_prepack(device: torch.device, weight_format: WeightFormat) -> bool:
    """Returns whether this device and this torch can multiply by weights of the format."""
    if device.type != "cpu":
        return False
    if weight_format in _QUANTIZED_OPERATORS:
        # Builds for other processors have these operators too, but no engine that computes them.
        if torch.backends.quantized.engine not in ("fbgemm", "x86"):
            return False
        operators = _QUANTIZED_OPERATORS[weight_format]
        return all(hasattr(namespace, name) for namespace, name in operators)
    mkldnn: Any = torch.ops.mkldnn
    if not hasattr(mkldnn, "_linear_pointwise") or not hasattr(mkldnn, "_reorder_linear_weight"):
        return False
    if not torch.backends.mkldnn.is_available():
        return False
    return weight_format == "float32" or bool(mkldnn._is_mkldnn_bf16_supported())


def prepack(model: nn.Module, weight_format: WeightFormat) -> None:
    """Prepacks all matrices of a model in place. The model can then translate, but not train."""
    make_product = _PRODUCTS[weight_format]
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, PrepackedLinear(child, make_product))
        if isinstance(module, Prepackable):
            module.prepack(make_product)
