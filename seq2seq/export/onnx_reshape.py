"""Reshapes that compute no sizes.

The exporter computes the shape of every Reshape from the sizes of its inputs: several small nodes,
which take as long as a large one when a step has one row. ONNX can say most shapes as a constant:
0 keeps the size that the input has at that place, and -1 stands for what remains.
"""

import numpy as np
import onnx_ir as ir


def simplify_reshapes(model: ir.Model) -> None:
    """Gives Reshape nodes a constant shape where one can say it, and removes those without effect.

    Later passes remove the nodes that computed the shapes.
    """
    for node in list(model.graph):
        if node.op_type == "Reshape":
            _skip_reshapes_before(node)
            _simplify(model.graph, node)


def _skip_reshapes_before(node: ir.Node) -> None:
    """The shape between two reshapes does not matter."""
    values = node.inputs[0]
    while values is not None:
        before = values.producer()
        if before is None or before.op_type != "Reshape":
            return
        values = before.inputs[0]
        node.replace_input_with(0, values)


def _simplify(graph: ir.Graph, node: ir.Node) -> None:
    values, shape = node.inputs
    output = node.outputs[0]
    assert values is not None
    assert shape is not None
    if values.shape is None or output.shape is None or output.is_graph_output():
        return
    if len(values.shape) == len(output.shape) == 1:
        output.replace_all_uses_with(values)
        return
    sizes = _constant_sizes(values.shape, output.shape)
    if shape.const_value is None and sizes.count(-1) <= 1:
        name = f"shape.{'.'.join(map(str, sizes))}"
        constant = graph.initializers.get(name)
        if constant is None:
            tensor = ir.tensor(np.array(sizes, dtype=np.int64), name=name)
            constant = ir.val(name, const_value=tensor)
            graph.register_initializer(constant)
        node.replace_input_with(1, constant)
        # The exporter sets it, and then 0 would be a size.
        node.attributes.pop("allowzero", None)


def _constant_sizes(before: ir.Shape, after: ir.Shape) -> list[int]:
    """Returns the sizes of `after`: 0 where it has that of `before`, and -1 where it is unknown."""
    sizes: list[int] = []
    for place, size in enumerate(after):
        if isinstance(size, int):
            sizes.append(size)
        elif place < len(before) and size.value is not None and before[place] == size:
            sizes.append(0)
        else:
            sizes.append(-1)
    return sizes
