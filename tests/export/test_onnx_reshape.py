"""Reshapes get constant shapes only where these give the same result."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx_ir.passes import common

from seq2seq.export.onnx_reshape import simplify_reshapes

# (B,W,S) -> (B,W,1,S) -> (B*W,1,S), and (B,W,S) -> (B,S,W), which no constant can say. All sizes
# are computed, as the exporter writes it.
TEXT = """
<ir_version: 9, opset_import: ["" : 18]>
graph (float[B,W,S] x, int64[N] indices) => (float[R,1,S] rows, float[B,S,W] turned, int64[N] y)
<int64[1] one = {1}, int64[1] rest = {-1}>
{
    b = Shape<start=0,end=1>(x)
    w = Shape<start=1,end=2>(x)
    s = Shape<start=2,end=3>(x)
    four = Concat<axis=0>(b, w, one, s)
    with_four = Reshape<allowzero=1>(x, four)
    bw = Mul(b, w)
    three = Concat<axis=0>(bw, one, s)
    flat = Reshape<allowzero=1>(with_four, three)
    rows = Identity(flat)
    other = Concat<axis=0>(b, s, w)
    other_view = Reshape<allowzero=1>(x, other)
    turned = Identity(other_view)
    same = Reshape(indices, rest)
    y = Neg(same)
}
"""
SHAPES = {
    "with_four": ["B", "W", 1, "S"],
    "flat": ["R", 1, "S"],
    "other_view": ["B", "S", "W"],
    "same": ["N"],
}


def run(model: ir.Model, sizes: tuple[int, int, int]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    values = np.arange(np.prod(sizes), dtype=np.float32).reshape(sizes)
    return session.run(None, {"x": values, "indices": np.arange(4)})


def test_simplified_graph_gives_the_same() -> None:
    original = ir.from_proto(onnx.parser.parse_model(TEXT))
    model = ir.from_proto(onnx.parser.parse_model(TEXT))
    for node in model.graph:
        for value in node.outputs:
            if value.name in SHAPES:
                value.shape = ir.Shape(SHAPES[value.name])
    simplify_reshapes(model)
    common.RemoveUnusedNodesPass()(model)
    kinds = [node.op_type for node in model.graph]
    assert kinds.count("Reshape") == 2
    assert kinds.count("Concat") == 1  # that of the shape that no constant can say
    for sizes in ((2, 3, 5), (1, 1, 4), (3, 1, 1)):
        expected = run(original, sizes)
        found = run(model, sizes)
        for one, other in zip(expected, found, strict=True):
            assert one.shape == other.shape
            assert np.array_equal(one, other)
