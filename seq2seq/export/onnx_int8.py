"""Weights of a graph as 8-bit integers.

Each row of a matrix (the weights of one output, or the embedding of one token) is rounded to
multiples of 1/127 of its largest weight, as in seq2seq/models/quantization.py.

- A product is computed in integers. The values are rounded to 256 steps between the lowest and the
  highest value of all rows, at run time.
- An embedding is multiplied by its scale after it is looked up. A matrix that embeds tokens and
  predicts them too is stored once.
- The weights of recurrent operators are multiplied by their scales when the graph is loaded. They
  take fewer bytes in the file, and the computation stays float32.

Vectors and small matrices stay float32.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

_STEPS = 127
_SMALL = 4096
"""Matrices with fewer weights stay float32."""

_RECURRENT = ("LSTM", "GRU", "RNN")


@dataclass(frozen=True)
class _Int8Matrix:
    """A matrix (O,I) that is already in the graph."""

    integers: ir.Value
    """(O,I) int8."""
    scales: ir.Value
    """(O) float32."""
    transposed: ir.Value
    """(I,O) int8, the result of a Transpose of `integers`. It takes no place in the file."""


def quantize_weights(model: ir.Model) -> None:
    """Replaces the large float32 matrices of a graph by 8-bit integers, in place."""
    _Quantization(model.graph).run()


class _Quantization:
    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.matrices: dict[str, _Int8Matrix] = {}
        self.dynamic: dict[ir.Value, list[ir.Value]] = {}
        """Values -> their integers, scale and zero point."""

    def run(self) -> None:
        for node in list(self.graph):
            if node.op_type == "Gather":
                self._embedding(node)
            elif node.op_type == "Gemm":
                self._gemm(node)
            elif node.op_type == "MatMul":
                self._matmul(node)
            elif node.op_type in _RECURRENT:
                self._recurrent(node)

    def _embedding(self, node: ir.Node) -> None:
        weight, tokens = node.inputs
        if not _is_large(weight):
            return
        matrix = self._matrix(weight)
        column = ir.node("Unsqueeze", [matrix.scales, self._constant("axis_1", [1])])
        rows = ir.node("Gather", [matrix.integers, tokens])
        scales = ir.node("Gather", [column.outputs[0], tokens])
        floats = ir.node("Cast", rows.outputs, {"to": ir.DataType.FLOAT.value})
        scaled = ir.node("Mul", [floats.outputs[0], scales.outputs[0]])
        self._replace(node, [column, rows, scales, floats, scaled])

    def _gemm(self, node: ir.Node) -> None:
        values, weight = node.inputs[:2]
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        transposed = node.attributes.get("transB")
        if not _is_large(weight) or transposed is None or transposed.as_int() != 1:
            return
        self._product(node, values, self._matrix(weight), bias)

    def _matmul(self, node: ir.Node) -> None:
        values, weight = node.inputs
        producer = None if weight is None else weight.producer()
        if producer is not None and producer.op_type == "Transpose":
            (original,) = producer.inputs
            if _is_large(original):
                self._product(node, values, self._matrix(original), None)
        elif _is_large(weight):
            self._product(node, values, self._matrix(weight, is_transposed=True), None)

    def _product(
        self, node: ir.Node, values: ir.Value, matrix: _Int8Matrix, bias: ir.Value | None
    ) -> None:
        new: list[ir.Node] = []
        if values not in self.dynamic:
            dynamic = ir.node("DynamicQuantizeLinear", [values], num_outputs=3)
            new.append(dynamic)
            self.dynamic[values] = list(dynamic.outputs)
        integers, scale, zero = self.dynamic[values]
        product = ir.node("MatMulInteger", [integers, matrix.transposed, zero])
        floats = ir.node("Cast", product.outputs, {"to": ir.DataType.FLOAT.value})
        scales = ir.node("Mul", [scale, matrix.scales])
        scaled = ir.node("Mul", [floats.outputs[0], scales.outputs[0]])
        new += [product, floats, scales, scaled]
        if bias is not None:
            new.append(ir.node("Add", [scaled.outputs[0], bias]))
        self._replace(node, new)

    def _recurrent(self, node: ir.Node) -> None:
        for index in (1, 2):
            weight = node.inputs[index]
            if not _is_large(weight):
                continue
            integers, scales = _round(weight.const_value.numpy())
            name = weight.name
            stored = self._store(f"{name}.int8", integers)
            scale = self._store(f"{name}.scale", scales)
            floats = ir.node("Cast", [stored], {"to": ir.DataType.FLOAT.value})
            scaled = ir.node("Mul", [floats.outputs[0], scale])
            self.graph.insert_before(node, [floats, scaled])
            node.replace_input_with(index, scaled.outputs[0])

    def _matrix(self, weight: ir.Value, *, is_transposed: bool = False) -> _Int8Matrix:
        """Returns the integers of an initializer (O,I), or (I,O), the same ones for every use."""
        name = str(weight.name)
        if name not in self.matrices:
            weights = weight.const_value.numpy()
            integers, scales = _round(weights.T if is_transposed else weights)
            stored = self._store(f"{name}.int8", integers)
            transpose = ir.node("Transpose", [stored], {"perm": [1, 0]})
            self.graph.insert_before(self.graph[0], transpose)
            self.matrices[name] = _Int8Matrix(
                stored, self._store(f"{name}.scale", scales[:, 0]), transpose.outputs[0]
            )
        return self.matrices[name]

    def _store(self, name: str, array: np.ndarray) -> ir.Value:
        tensor = ir.tensor(np.ascontiguousarray(array), name=name)
        value = ir.Value(
            name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        self.graph.register_initializer(value)
        return value

    def _constant(self, name: str, numbers: list[int]) -> ir.Value:
        if name in self.graph.initializers:
            return self.graph.initializers[name]
        return self._store(name, np.array(numbers, dtype=np.int64))

    def _replace(self, node: ir.Node, new: list[ir.Node]) -> None:
        ir.convenience.replace_nodes_and_values(
            self.graph, node, [node], new, node.outputs, new[-1].outputs
        )


def _is_large(value: ir.Value | None) -> bool:
    """Whether a value is a float32 weight that is worth rounding."""
    if value is None or not value.is_initializer() or value.const_value is None:
        return False
    tensor = value.const_value
    is_matrix = len(tensor.shape) >= 2
    return is_matrix and tensor.dtype == ir.DataType.FLOAT and tensor.size >= _SMALL


def _round(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """weights (...,O,I) -> int8 integers (...,O,I), float32 scales (...,O,1)."""
    largest = np.abs(weights).max(axis=-1, keepdims=True)
    scales = np.where(largest > 0, largest / _STEPS, 1).astype(np.float32)
    return np.round(weights / scales).astype(np.int8), scales
