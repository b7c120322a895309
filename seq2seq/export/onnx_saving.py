"""Writes a traced graph to one file."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from seq2seq.export.onnx_int8 import quantize_weights
from seq2seq.export.onnx_reshape import simplify_reshapes

FORMAT = "1"
"""The version of what the description in export/onnx.py says. Both files hold it as `format`."""


def save(model: ir.Model, file: Path, *, int8: bool) -> None:
    """Writes a graph in a few passes: each weight once, and nothing that no output needs."""
    for value in model.graph.initializers.values():
        if value.const_value is not None:
            # A weight of torch may be a view with strides. The next pass reads whole arrays only.
            value.const_value = ir.tensor(np.ascontiguousarray(value.const_value.numpy()))
    common.DeduplicateHashedInitializersPass()(model)
    simplify_reshapes(model)
    if int8:
        quantize_weights(model)
    ir.passes.Sequential(
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedOpsetsPass(),
        # The exporter stores the source lines of this machine.
        common.ClearMetadataAndDocStringPass(),
    )(model)
    for node in model.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                # Some shapes that the exporter notes are wrong. Every runtime finds its own.
                value.shape = None
    model.producer_name = "seq2seq"
    model.producer_version = None
    model.metadata_props.update({"format": FORMAT, "weights": "int8" if int8 else "float32"})
    ir.save(model, file)
