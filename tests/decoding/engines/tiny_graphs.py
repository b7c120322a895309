"""Graphs of a tiny model with the inputs and outputs of an export, and the same model in NumPy.

Legend
    B  sentences
    S  source tokens
    N  rows
    V  vocabulary, on both sides
    H  hidden size
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

VOCABULARY = 12
HIDDEN = 4

_NUMBERS = np.random.default_rng(3)
EMBEDDING = _NUMBERS.normal(size=(VOCABULARY, HIDDEN)).astype(np.float32)
OUTPUT = _NUMBERS.normal(size=(HIDDEN, VOCABULARY)).astype(np.float32)

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def write_graphs(folder: Path) -> tuple[Path, Path]:
    """Writes encoder.onnx and decoder.onnx."""
    encoder = folder / "encoder.onnx"
    decoder = folder / "decoder.onnx"
    _write(
        encoder,
        nodes=[
            ("Cast", ["source_mask"], ["mask"], {"to": TensorProto.FLOAT}),
            ("Gather", ["embedding", "source"], ["embedded"], {}),
            ("Unsqueeze", ["mask", "two"], ["mask_column"], {}),
            ("Mul", ["embedded", "mask_column"], ["memory.0"], {}),
            ("ReduceSum", ["memory.0", "one"], ["state.0"], {"keepdims": 0}),
        ],
        inputs={"source": ("int", ["B", "S"]), "source_mask": ("bool", ["B", "S"])},
        outputs={"memory.0": ("float", ["B", "S", HIDDEN]), "state.0": ("float", ["B", HIDDEN])},
        constants={"embedding": EMBEDDING, "one": np.array([1]), "two": np.array([2])},
    )
    _write(
        decoder,
        nodes=[
            ("Gather", ["state.0", "parents"], ["before"], {}),
            ("Gather", ["embedding", "token"], ["embedded"], {}),
            ("Add", ["before", "embedded"], ["sum"], {}),
            # The sentence of a row is its slot, divided by the width of the layout.
            ("Shape", ["row_numbers"], ["width"], {"start": 1, "end": 2}),
            ("Div", ["slots", "width"], ["sentence"], {}),
            ("Gather", ["memory.0", "sentence"], ["memory"], {}),
            ("Unsqueeze", ["sum", "two"], ["query"], {}),
            ("MatMul", ["memory", "query"], ["energies"], {}),
            ("Squeeze", ["energies", "two"], ["row_energies"], {}),
            ("Softmax", ["row_energies"], ["attention"], {"axis": 1}),
            ("Unsqueeze", ["attention", "one"], ["weights"], {}),
            ("MatMul", ["weights", "memory"], ["contexts"], {}),
            ("Squeeze", ["contexts", "one"], ["context"], {}),
            ("Add", ["sum", "context"], ["next"], {}),
            ("Tanh", ["next"], ["next_state.0"], {}),
            ("MatMul", ["next_state.0", "output"], ["logits"], {}),
            ("LogSoftmax", ["logits"], ["log_probs"], {"axis": 1}),
            ("TopK", ["log_probs", "k"], ["top_values", "top_columns"], {}),
        ],
        inputs={
            "token": ("int", ["N"]),
            "parents": ("int", ["N"]),
            "row_numbers": ("int", ["B", "W"]),
            "slots": ("int", ["N"]),
            "k": ("int", [1]),
            "memory.0": ("float", ["B", "S", HIDDEN]),
            "state.0": ("float", ["M", HIDDEN]),
        },
        outputs={
            "log_probs": ("float", ["N", VOCABULARY]),
            "top_values": ("float", ["N", "K"]),
            "top_columns": ("int", ["N", "K"]),
            "attention": ("float", ["N", "S"]),
            "next_state.0": ("float", ["N", HIDDEN]),
        },
        constants={
            "embedding": EMBEDDING,
            "output": OUTPUT,
            "one": np.array([1]),
            "two": np.array([2]),
        },
    )
    return encoder, decoder


class TinyModel:
    """The same model, one row at a time."""

    def __init__(self, source: Integers, mask: NDArray[np.bool_]) -> None:
        self.memory = EMBEDDING[source] * mask[:, :, None]  # (B,S,H)
        self.states = self.memory.sum(axis=1)  # (N,H)
        self.sentences = np.arange(len(source))  # (N,) of each row

    def step(self, tokens: Integers) -> tuple[Floats, Floats]:
        """Returns log-probabilities (N,V) and attention (N,S)."""
        states = self.states + EMBEDDING[tokens]
        log_probs = []
        attention = []
        for row, sentence in enumerate(self.sentences):
            energies = self.memory[sentence] @ states[row]  # (S,)
            weights = np.exp(energies - energies.max())
            weights /= weights.sum()
            states[row] = np.tanh(states[row] + weights @ self.memory[sentence])
            logits = states[row] @ OUTPUT
            log_probs.append(logits - logits.max() - np.log(np.exp(logits - logits.max()).sum()))
            attention.append(weights)
        self.states = states
        return np.array(log_probs), np.array(attention)


_KINDS = {"int": TensorProto.INT64, "float": TensorProto.FLOAT, "bool": TensorProto.BOOL}
Shapes = dict[str, tuple[str, list[Any]]]


def _write(
    path: Path,
    *,
    nodes: list[tuple[str, list[str], list[str], dict[str, Any]]],
    inputs: Shapes,
    outputs: Shapes,
    constants: dict[str, NDArray[Any]],
) -> None:
    graph = helper.make_graph(
        [helper.make_node(kind, given, made, **options) for kind, given, made, options in nodes],
        path.stem,
        _infos(inputs),
        _infos(outputs),
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), path)


def _infos(shapes: Shapes) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(name, _KINDS[kind], shape)
        for name, (kind, shape) in shapes.items()
    ]
