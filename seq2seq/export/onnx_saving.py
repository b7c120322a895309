"""Writes a traced graph to one file."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from seq2seq.export.onnx_reshape import simplify_reshapes

FORMAT = "1"
"""The version of what the description in export/onnx.py says. Both files hold it as `format`."""


def simplify(model: ir.Model) -> None:
    """Keeps each weight once, and removes what computes shapes that are known."""
    for value in model.graph.initializers.values():
        if value.const_value is not None:
            # A weight of torch may be a view with strides. The next pass reads whole arrays only.
            value.const_value = ir.tensor(np.ascontiguousarray(value.const_value.numpy()))
    common.DeduplicateHashedInitializersPass()(model)
    simplify_reshapes(model)


def save(model: ir.Model, file: Path, *, weights: str) -> None:
    """Writes a graph without what no output needs.

    Args:
        model: the graph.
        file: where to write it.
        weights: the number format of its matrices, for the reader of the file.
    """
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
    model.metadata_props.update({"format": FORMAT, "weights": weights})
    ir.save(model, file)
