"""How large the values of a graph can become, whatever a model reads.

The gates of a recurrent layer keep its state between -1 and 1, and an embedding is a row of a known
matrix. So many values have a bound that follows from the weights alone. Whoever rounds such values
needs not look at them first, and rounds them alike in every batch.

A bound is what the absolute value cannot exceed: one number, or one for each place of the last
dimension. Values that may be of any size have none.

Legend: I size of the last dimension.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Bound = NDArray[np.float64]
"""() or (I,)."""
Bounds = dict[ir.Value, Bound]

_ONE = np.array(1.0)
_STATE = "state."
_NEXT = "next_"

_ATTEMPTS = 4
"""How often the bound of a state is widened to what a step makes of it. A sum over all steps, such
as the cell state of an LSTM, would grow for ever."""


def bounds_of_graphs(encoder: ir.Model, decoder: ir.Model) -> Bounds:
    """Returns the bounds of the values in both graphs; export/onnx.py describes them.

    A step reads what the encoder or the step before has written. So the bound of a state holds if
    the encoder keeps to it, and every step that starts within it.
    """
    in_encoder = _bounds(encoder.graph, {})
    inputs = _by_name(encoder.graph.outputs, in_encoder)
    attempts = 0
    while True:
        in_decoder = _bounds(decoder.graph, inputs)
        after = _by_name(decoder.graph.outputs, in_decoder)
        exceeded = [
            name for name in inputs if name.startswith(_STATE) and not _holds(name, inputs, after)
        ]
        if not exceeded:
            return in_encoder | in_decoder
        attempts += 1
        for name in exceeded:
            bound = after.get(_NEXT + name)
            if bound is None or attempts > _ATTEMPTS:
                del inputs[name]
            else:
                inputs[name] = np.maximum(inputs[name], bound)


def _holds(state: str, before: Mapping[str, Bound], after: Mapping[str, Bound]) -> bool:
    """Whether a step leaves a state within the bound that it had before."""
    bound = after.get(_NEXT + state)
    return bound is not None and bool(np.all(bound <= before[state]))


def _by_name(values: Sequence[ir.Value], bounds: Bounds) -> dict[str, Bound]:
    return {value.name: bounds[value] for value in values if value.name and value in bounds}


def _bounds(graph: ir.Graph, inputs: Mapping[str, Bound]) -> Bounds:
    """
    Args:
        graph: its nodes are in the order of computation.
        inputs: the bounds of its inputs, by name.
    """
    bounds: Bounds = {}
    for value in graph.inputs:
        if value.name and value.name in inputs:
            bounds[value] = inputs[value.name]
    for value in graph.initializers.values():
        if value.const_value is not None:
            _set(bounds, value, _of_array(value.const_value.numpy()))
    for node in graph:
        rule = _RULES.get(node.op_type)
        if rule:
            _set(bounds, node.outputs[0], rule(node, bounds))
    return bounds


def _set(bounds: Bounds, value: ir.Value, bound: Bound | None) -> None:
    # The -inf that hides padding is a constant, too.
    if bound is not None and np.isfinite(bound).all():
        bounds[value] = bound


def _of_array(array: NDArray[Any]) -> Bound:
    """The bound of a constant."""
    if not array.size:
        return np.array(0.0)
    magnitudes: Bound = np.abs(array.astype(np.float64))
    return magnitudes.max(axis=tuple(range(array.ndim - 1))) if array.ndim else magnitudes


# -- Rules: the bound of the first output of a node, or None ---------------------------------------


def _at_most_one(node: ir.Node, bounds: Bounds) -> Bound | None:
    # Other activations than the default ones may have no bound.
    return None if "activations" in node.attributes else _ONE


def _same(node: ir.Node, bounds: Bounds) -> Bound | None:
    """The values of the first input in other places."""
    before, after = node.inputs[0], node.outputs[0]
    bound = None if before is None else bounds.get(before)
    if before is None or bound is None or not bound.ndim:
        return bound
    if _last_size(before) == _last_size(after) == len(bound) and not _moves_last(node):
        return bound
    return bound.max()


def _moves_last(node: ir.Node) -> bool:
    if node.op_type != "Transpose":
        return False
    permutation = node.attributes.get("perm")
    return permutation is None or permutation.as_ints()[-1] != len(permutation.as_ints()) - 1


def _last_size(value: ir.Value) -> int | None:
    size = value.shape[-1] if value.shape else None
    return size if isinstance(size, int) else None


def _filled(node: ir.Node, bounds: Bounds) -> Bound | None:
    value = node.attributes.get("value")
    return np.array(0.0) if value is None else _of_array(value.as_tensor().numpy()).max()


def _concat(node: ir.Node, bounds: Bounds) -> Bound | None:
    parts: list[Bound] = []
    sizes: list[int | None] = []
    for value in node.inputs:
        if value is None or value not in bounds:
            return None
        parts.append(bounds[value])
        sizes.append(_last_size(value))
    axis = node.attributes["axis"].as_int()
    shape = node.outputs[0].shape
    known = [size for size in sizes if size is not None]
    if shape is not None and axis in (-1, len(shape) - 1) and len(known) == len(sizes):
        spread = [np.broadcast_to(part, size) for part, size in zip(parts, known, strict=True)]
        return np.concatenate(spread)
    return np.array(max(part.max() for part in parts))


def _product(node: ir.Node, bounds: Bounds) -> Bound | None:
    first, second = (bounds.get(value) for value in node.inputs if value is not None)
    return None if first is None or second is None else first * second


def _sum(node: ir.Node, bounds: Bounds) -> Bound | None:
    first, second = (bounds.get(value) for value in node.inputs if value is not None)
    if first is None or second is None:
        return None
    mean = _weighted_mean(node, bounds) if node.op_type == "Add" else None
    return first + second if mean is None else mean


def _weighted_mean(node: ir.Node, bounds: Bounds) -> Bound | None:
    """z a + (1 - z) b lies between a and b, if z is a gate."""
    products = [_factors(value, "Mul") for value in node.inputs]
    for one, other in (products, products[::-1]):
        for gate, a in (one, one[::-1]):
            for rest, b in (other, other[::-1]):
                if gate is None or a is None or b is None or not _is(gate, "Sigmoid"):
                    continue
                minuend, subtrahend = _factors(rest, "Sub")
                if subtrahend is gate and minuend is not None and _is_one(minuend):
                    return np.maximum(bounds[a], bounds[b])
    return None


def _factors(value: ir.Value | None, operator: str) -> list[ir.Value | None]:
    if value is None or not _is(value, operator):
        return [None, None]
    producer = value.producer()
    assert producer is not None
    return list(producer.inputs)


def _is(value: ir.Value, operator: str) -> bool:
    producer = value.producer()
    return producer is not None and producer.op_type == operator


def _is_one(value: ir.Value) -> bool:
    constant = value.const_value
    return constant is not None and constant.size == 1 and float(constant.numpy().item()) == 1


def _attended(node: ir.Node, bounds: Bounds) -> Bound | None:
    """A mean of rows, weighted by a softmax, is no larger than they are."""
    weights, values = node.inputs
    if weights is None or values is None or not _is(weights, "Softmax"):
        return None
    softmax = weights.producer()
    assert softmax is not None
    axis = softmax.attributes.get("axis")
    is_last = axis is None or axis.as_int() in (-1, len(weights.shape or ()) - 1)
    return bounds.get(values) if is_last else None


_RULES: dict[str, Callable[[ir.Node, Bounds], Bound | None]] = {
    **dict.fromkeys(("Sigmoid", "Tanh", "Softmax", "LSTM", "GRU", "RNN"), _at_most_one),
    **dict.fromkeys(("Expand", "Gather", "Reshape", "Unsqueeze", "Squeeze", "Transpose"), _same),
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Mul": _product,
    "Add": _sum,
    "Sub": _sum,
    "MatMul": _attended,
}
