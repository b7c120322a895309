"""Weights of a graph as 8-bit integers.

Each row of a matrix (the weights of one output, or the embedding of one token) is rounded to
multiples of 1/127 of its largest weight, as in seq2seq/models/quantization.py.

- A product is computed in integers. Values with a bound (onnx_bounds.py) are rounded to multiples
  of 1/127 of it. If the bound differs between the columns of the values, they are divided by it
  first, and the weights are multiplied by it. So a sentence is rounded alike in every batch.
- Values without a bound are rounded to 256 steps between the lowest and the highest value of all
  rows, at run time.
- An embedding is multiplied by its scale after it is looked up. A matrix that embeds tokens and
  predicts them too is stored once.
- The weights of recurrent operators are multiplied by their scales when the graph is loaded. They
  take fewer bytes in the file, and the computation stays float32.

Vectors and small matrices stay float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from seq2seq.export.onnx_bounds import Bound, Bounds

Array = NDArray[Any]

_STEPS = 127
_ZERO_POINT = 128
"""Which unsigned integer stands for a value of 0."""
_SMALL = 4096
"""Matrices with fewer weights stay float32."""

_TO_FLOAT = {"to": ir.DataType.FLOAT}
_RECURRENT = ("LSTM", "GRU", "RNN")


@dataclass(frozen=True)
class _Weight:
    """A float32 initializer (O,I), or (I,O) if it is transposed."""

    initializer: ir.Value
    is_transposed: bool = False

    def array(self) -> Array:
        """(O,I)."""
        weights = _array(self.initializer)
        return weights.T if self.is_transposed else weights


@dataclass(frozen=True)
class _Int8Matrix:
    """A matrix (O,I) that is already in the graph."""

    integers: ir.Value
    """(O,I) int8."""
    scales: ir.Value
    """(O) float32."""
    transposed: ir.Value
    """(I,O) int8, the result of a Transpose of `integers`. It takes no place in the file."""


def quantize_weights(model: ir.Model, bounds: Bounds) -> None:
    """Replaces the large float32 matrices of a graph by 8-bit integers, in place.

    Args:
        model: the graph.
        bounds: what the absolute values in the graph cannot exceed, where that is known.
    """
    _Quantization(model.graph, bounds).run()


class _Quantization:
    """Replaces nodes one by one. New nodes go where the old one was."""

    def __init__(self, graph: ir.Graph, bounds: Bounds) -> None:
        self.graph = graph
        self.bounds = bounds
        self.matrices: dict[tuple[ir.Value, bytes], _Int8Matrix] = {}
        """Initializers, and the factors of their columns -> their integers."""
        self.constants: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}
        """Type, shape and content -> the initializer."""
        self.recurrent: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}
        """Weights of recurrent operators -> their integers and scales."""
        self.dynamic: dict[ir.Value, Sequence[ir.Value]] = {}
        """Values -> their integers, scale and zero point at run time."""

    def run(self) -> None:
        replace = {"Gather": self._embedding, "Gemm": self._gemm, "MatMul": self._matmul}
        for node in list(self.graph):
            if node.op_type in replace:
                replace[node.op_type](node)
            elif node.op_type in _RECURRENT:
                self._recurrent(node)

    def _embedding(self, node: ir.Node) -> None:
        weight, tokens = _inputs(node)
        if not _is_large(weight):
            return
        matrix = self._matrix(_Weight(weight))
        axis = self._constant(np.array([1], dtype=np.int64))
        column = ir.node("Unsqueeze", [matrix.scales, axis])
        rows = ir.node("Gather", [matrix.integers, tokens])
        scales = ir.node("Gather", [column.outputs[0], tokens])
        floats = ir.node("Cast", rows.outputs, _TO_FLOAT)
        scaled = ir.node("Mul", [floats.outputs[0], scales.outputs[0]])
        self._replace(node, [column, rows, scales, floats, scaled])

    def _gemm(self, node: ir.Node) -> None:
        values, weight, *bias = _inputs(node)
        transposed = node.attributes.get("transB")
        if _is_large(weight) and transposed is not None and transposed.as_int() == 1:
            self._product(node, values, _Weight(weight), bias)

    def _matmul(self, node: ir.Node) -> None:
        values, weight = _inputs(node)
        producer = weight.producer()
        if producer is not None and producer.op_type == "Transpose":
            (original,) = _inputs(producer)
            if _is_large(original):
                self._product(node, values, _Weight(original), [])
        elif _is_large(weight):
            self._product(node, values, _Weight(weight, is_transposed=True), [])

    def _product(
        self, node: ir.Node, values: ir.Value, weight: _Weight, bias: list[ir.Value]
    ) -> None:
        bound = self.bounds.get(values)
        if bound is None:
            new = self._dynamic_product(values, self._matrix(weight))
        else:
            new = self._bounded_product(values, weight, bound)
        if bias:
            new.append(ir.node("Add", [*new[-1].outputs, *bias]))
        self._replace(node, new)

    def _bounded_product(self, values: ir.Value, weight: _Weight, bound: Bound) -> list[ir.Node]:
        new: list[ir.Node] = []
        factors = np.where(bound > 0, bound, 1).astype(np.float32)
        if np.ptp(factors) == 0:
            scale = factors.max() / _STEPS
            matrix = self._matrix(weight)
        else:
            scale = np.float32(1 / _STEPS)
            matrix = self._matrix(weight, factors)
            divided = ir.node("Mul", [values, self._constant(1 / factors)])
            new.append(divided)
            values = divided.outputs[0]
        zero = self._constant(np.array(_ZERO_POINT, dtype=np.uint8))
        integers = ir.node("QuantizeLinear", [values, self._constant(scale), zero])
        product = ir.node("MatMulInteger", [*integers.outputs, matrix.transposed, zero])
        floats = ir.node("Cast", product.outputs, _TO_FLOAT)
        scales = self._constant(scale * _array(matrix.scales))
        return [*new, integers, product, floats, ir.node("Mul", [*floats.outputs, scales])]

    def _dynamic_product(self, values: ir.Value, matrix: _Int8Matrix) -> list[ir.Node]:
        new: list[ir.Node] = []
        if values not in self.dynamic:
            dynamic = ir.node("DynamicQuantizeLinear", [values], num_outputs=3)
            new.append(dynamic)
            self.dynamic[values] = dynamic.outputs
        integers, scale, zero = self.dynamic[values]
        product = ir.node("MatMulInteger", [integers, matrix.transposed, zero])
        floats = ir.node("Cast", product.outputs, _TO_FLOAT)
        scales = ir.node("Mul", [scale, matrix.scales])
        scaled = ir.node("Mul", [floats.outputs[0], scales.outputs[0]])
        return [*new, product, floats, scales, scaled]

    def _recurrent(self, node: ir.Node) -> None:
        inputs = _inputs(node)
        for index in (1, 2):
            if not _is_large(inputs[index]):
                continue
            weight = inputs[index]
            if weight not in self.recurrent:
                integers, scales = _round(_array(weight))
                self.recurrent[weight] = (
                    self._store(f"{weight.name}.int8", integers),
                    self._store(f"{weight.name}.scale", scales),
                )
            stored, stored_scales = self.recurrent[weight]
            floats = ir.node("Cast", [stored], _TO_FLOAT)
            scaled = ir.node("Mul", [floats.outputs[0], stored_scales])
            self.graph.insert_before(node, [floats, scaled])
            node.replace_input_with(index, scaled.outputs[0])

    def _matrix(self, weight: _Weight, factors: Array | None = None) -> _Int8Matrix:
        """Returns the integers of a weight, the same ones for every use.

        Args:
            weight: a weight.
            factors: (I,) multiply its columns.
        """
        key = (weight.initializer, b"" if factors is None else factors.tobytes())
        if key not in self.matrices:
            weights = weight.array()
            integers, scales = _round(weights if factors is None else weights * factors)
            name = f"{weight.initializer.name}.int8"
            if factors is not None:
                name += f".{len(self.matrices)}"
            stored = self._store(name, integers)
            transpose = ir.node("Transpose", [stored], {"perm": [1, 0]})
            self.graph.insert_before(self.graph[0], transpose)
            stored_scales = self._store(f"{name}.scale", scales[:, 0])
            self.matrices[key] = _Int8Matrix(stored, stored_scales, transpose.outputs[0])
        return self.matrices[key]

    def _constant(self, array: Array) -> ir.Value:
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = self._store(f"int8.{len(self.constants)}", array)
        return self.constants[key]

    def _store(self, name: str, array: Array) -> ir.Value:
        tensor = ir.tensor(np.ascontiguousarray(array), name=name)
        value = ir.val(name, const_value=tensor)
        self.graph.register_initializer(value)
        return value

    def _replace(self, node: ir.Node, new: list[ir.Node]) -> None:
        ir.convenience.replace_nodes_and_values(
            self.graph, node, [node], new, node.outputs, new[-1].outputs
        )


def _inputs(node: ir.Node) -> list[ir.Value]:
    return [value for value in node.inputs if value is not None]


def _is_large(value: ir.Value) -> bool:
    """Whether a value is a float32 weight that is worth rounding."""
    tensor = value.const_value
    if tensor is None or not value.is_initializer():
        return False
    return len(tensor.shape) >= 2 and tensor.dtype == ir.DataType.FLOAT and tensor.size >= _SMALL


def _array(initializer: ir.Value) -> Array:
    assert initializer.const_value is not None
    return initializer.const_value.numpy()


def _round(weights: Array) -> tuple[Array, Array]:
    """weights (...,O,I) -> int8 integers (...,O,I), float32 scales (...,O,1)."""
    largest = np.abs(weights).max(axis=-1, keepdims=True)
    scales = np.where(largest > 0, largest / _STEPS, 1).astype(np.float32)
    return np.round(weights / scales).astype(np.int8), scales
