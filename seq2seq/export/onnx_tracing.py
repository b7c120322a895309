"""Traces a model into the two graphs that export/onnx.py describes.

Legend: B sentences, S source tokens, W largest number of rows of a sentence, N rows, V vocabulary.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import onnx_ir as ir
import torch
from onnxscript import opset18 as op
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from seq2seq.export.onnx_layers import prepare
from seq2seq.models import Memory, Rows, Seq2Seq, Step

OPSET = 18


@dataclass(frozen=True)
class GraphLayout:
    """A `RowLayout` of two tensors."""

    row_numbers: Tensor
    """(B,W) int64, the rows of each sentence. Empty places hold any row."""
    slots: Tensor
    """(N,) int64, the place of each row in the flat `row_numbers`."""

    def group(self, rows: Tensor, fill: float = 0.0) -> Tensor:
        """(N,...) -> (B,W,...). Empty places hold some row instead of `fill`; none reads them."""
        grouped: Tensor = torch.onnx.ops.symbolic(
            "Gather",
            (rows, self.row_numbers),
            {"axis": 0},
            dtype=rows.dtype,
            shape=(*self.row_numbers.shape, *rows.shape[1:]),
        )
        return grouped

    def ungroup(self, grouped: Tensor) -> Tensor:
        """(B,W,...) -> (N,...)."""
        return grouped.flatten(0, 1).index_select(0, self.slots)

    def expand(self, sentences: Tensor) -> Tensor:
        """(B,...) -> (N,...)."""
        width = self.row_numbers.shape[1]
        return sentences.index_select(0, self.slots // width)


# -- Tensors of memory and state by name -----------------------------------------------------------


def named_tensors(value: object, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yields the tensors in `Rows` or a tuple of them, with the path of fields that leads there."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Rows):
        for field in fields(value):
            if field.name != "layout":
                yield from named_tensors(getattr(value, field.name), f"{name}.{field.name}")
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from named_tensors(part, f"{name}.{number}")


def _with_tensors(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Undoes `named_tensors`: returns `value` with other tensors. It keeps those without one."""
    if isinstance(value, Tensor):
        return tensors.get(name, value)
    if isinstance(value, Rows):
        parts = {
            field.name: _with_tensors(getattr(value, field.name), f"{name}.{field.name}", tensors)
            for field in fields(value)
            if field.name != "layout"
        }
        return replace(value, **parts)
    if isinstance(value, tuple):
        return tuple(
            _with_tensors(part, f"{name}.{number}", tensors) for number, part in enumerate(value)
        )
    return value


# -- The modules to trace --------------------------------------------------------------------------


class _EncoderModule(nn.Module):
    def __init__(self, model: Seq2Seq, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, source: Tensor, source_mask: Tensor) -> list[Tensor]:
        memory = self.model.encode(source, source_mask)
        tensors = dict(named_tensors(memory, "memory"))
        tensors.update(named_tensors(self.model.start(memory), "state"))
        return [tensors[name] for name in self.names]


class _DecoderModule(nn.Module):
    def __init__(self, model: Seq2Seq, memory: Memory, state: Rows) -> None:
        super().__init__()
        self.model = model
        self.memory = memory
        self.state = state
        self.memory_names = [name for name, _ in named_tensors(memory, "memory")]
        self.state_names = [name for name, _ in named_tensors(state, "state")]

    def forward(
        self,
        token: Tensor,
        parents: Tensor,
        row_numbers: Tensor,
        slots: Tensor,
        memory_tensors: list[Tensor],
        state_tensors: list[Tensor],
    ) -> list[Tensor]:
        memory_parts = dict(zip(self.memory_names, memory_tensors, strict=True))
        state_parts = dict(zip(self.state_names, state_tensors, strict=True))
        memory = _with_tensors(self.memory, "memory", memory_parts)
        state = _with_tensors(self.state, "state", state_parts)
        layout = GraphLayout(row_numbers, slots)
        step, next_state = self.model.step(memory.with_layout(layout), state.select(parents), token)
        attention = [] if step.attention is None else [step.attention]
        after = [tensor for _, tensor in named_tensors(next_state, "next_state")]
        return [step.logits.log_softmax(dim=-1), *attention, *after]


# -- Tracing ---------------------------------------------------------------------------------------

# The sizes of the examples. All sizes of one example differ, so that none is taken for another.
_SENTENCES = 3
_SOURCE_TOKENS = 5
_ROW_NUMBERS = ((0, 1, 2, 3), (4, 5, 6, 0), (0, 0, 0, 0))
_SLOTS = (0, 1, 2, 3, 4, 5, 6)
_ROWS_BEFORE = 9

_Dims = dict[int, torch.export.Dim]


class Graphs:
    """Traces the two graphs of a model."""

    def __init__(self, model: Seq2Seq) -> None:
        self.model = prepare(model)
        self.sentences = torch.export.Dim("sentences")
        self.source_tokens = torch.export.Dim("source_tokens")
        self.rows = torch.export.Dim("rows")
        self.rows_before = torch.export.Dim("rows_before")
        self.target_tokens = torch.export.Dim("target_tokens")
        with torch.no_grad():
            self.memory, self.state, step = self._example(_SOURCE_TOKENS, steps=2)
            self.other_memory, self.other_state, _ = self._example(_SOURCE_TOKENS + 1, steps=3)
        self.has_attention = step.attention is not None

    def encoder(self, memory_names: list[str]) -> ir.Model:
        """Traces the encoder, which returns these tensors of memory and the state."""
        names = memory_names + [name for name, _ in named_tensors(self.state, "state")]
        source, mask = _source(_SOURCE_TOKENS)
        dims = {0: self.sentences, 1: self.source_tokens}
        module = _EncoderModule(self.model, names)
        return _trace(module, (source, mask), (dims, dims), ["source", "source_mask"], names)

    def decoder(self) -> tuple[ir.Model, list[str]]:
        """Traces a step. Returns the names of the tensors of memory that it reads, too."""
        memory = dict(named_tensors(self.memory, "memory"))
        state = dict(named_tensors(self.state, "state"))
        module = _DecoderModule(self.model, self.memory, self.state)
        inputs = (
            torch.zeros(len(_SLOTS), dtype=torch.int64),
            torch.zeros(len(_SLOTS), dtype=torch.int64),
            torch.tensor(_ROW_NUMBERS),
            torch.tensor(_SLOTS),
            [tensor.clone() for tensor in memory.values()],
            [_rows(tensor, _ROWS_BEFORE) for tensor in state.values()],
        )
        dims = (
            {0: self.rows},
            {0: self.rows},
            {0: self.sentences, 1: torch.export.Dim("rows_per_sentence")},
            {0: self.rows},
            _dims(self.memory, self.other_memory, self.sentences, self.source_tokens),
            _dims(self.state, self.other_state, self.rows_before, self.target_tokens),
        )
        outputs = ["log_probs", "attention"] if self.has_attention else ["log_probs"]
        outputs += [f"next_{name}" for name in state]
        names = ["token", "parents", "row_numbers", "slots", *memory, *state]
        model = _trace(module, inputs, dims, names, outputs)
        _add_top(model)
        return model, _remove_unused(model, list(memory))

    def _example(self, source_tokens: int, steps: int) -> tuple[Memory, Rows, Step]:
        """Returns a memory, the state after some steps, and the last step."""
        memory = self.model.encode(*_source(source_tokens))
        state = self.model.start(memory)
        token = torch.zeros(_SENTENCES, dtype=torch.int64)
        for _ in range(steps):
            step, state = self.model.step(memory, state, token)
        return memory, state, step


def _source(tokens: int) -> tuple[Tensor, Tensor]:
    shape = (_SENTENCES, tokens)
    return torch.zeros(shape, dtype=torch.int64), torch.ones(shape, dtype=torch.bool)


def _rows(tensor: Tensor, count: int) -> Tensor:
    """Returns the first row of a tensor `count` times."""
    return tensor[:1].expand(count, *tensor.shape[1:]).clone()


def _dims(
    value: Rows, other: Rows, rows: torch.export.Dim, length: torch.export.Dim
) -> list[_Dims]:
    """Returns which dimensions of each tensor may have any size.

    Args:
        value: an example.
        other: one of another length. The dimensions that differ have any size.
        rows: dimension 0.
        length: the others.
    """
    all_dims: list[_Dims] = []
    pairs = zip(named_tensors(value, ""), named_tensors(other, ""), strict=True)
    for (_, tensor), (_, other_tensor) in pairs:
        dims = {0: rows}
        for number, (size, other_size) in enumerate(
            zip(tensor.shape[1:], other_tensor.shape[1:], strict=True), start=1
        ):
            if size != other_size:
                dims[number] = length
        all_dims.append(dims)
    return all_dims


def _trace(
    module: nn.Module,
    inputs: tuple[Any, ...],
    dims: tuple[Any, ...],
    input_names: list[str],
    output_names: list[str],
) -> ir.Model:
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            inputs,
            input_names=input_names,
            output_names=output_names,
            dynamic_shapes=dims,
            opset_version=OPSET,
            dynamo=True,
            custom_translation_table={torch.ops.aten.log_sigmoid.default: _log_sigmoid},
            verbose=False,
        )
    assert program is not None
    _check_dims(program.model, dims)
    return program.model


def _check_dims(model: ir.Model, dims: tuple[Any, ...]) -> None:
    """
    Raises:
        RuntimeError: the exporter took a size for a constant. It does so where `int` or `len` reads
            the size of a tensor.
    """
    expected = tree_flatten(dims, is_leaf=lambda part: isinstance(part, dict))[0]
    for value, dynamic in zip(model.graph.inputs, expected, strict=True):
        assert value.shape is not None
        constant = [number for number in dynamic if isinstance(value.shape[number], int)]
        if constant:
            raise RuntimeError(f"Dimensions {constant} of {value.name} are constants in the graph.")


def _log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)) = -log(1 + exp(-x)). The exporter's own form is -inf below about -100."""
    return op.Neg(op.Softplus(op.Neg(x)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences what the exporter says about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


# -- The graph after tracing -----------------------------------------------------------------------


def _add_top(model: ir.Model) -> None:
    """Adds the input `k` and the outputs `top_values` and `top_columns` after `log_probs`."""
    graph = model.graph
    log_probs = graph.outputs[0]
    k = ir.val("k", ir.DataType.INT64, [1])
    top = ir.node("TopK", [log_probs, k], {"axis": -1}, num_outputs=2)
    for output, name, dtype in zip(
        top.outputs,
        ("top_values", "top_columns"),
        (ir.DataType.FLOAT, ir.DataType.INT64),
        strict=True,
    ):
        output.name = name
        output.dtype = dtype
        output.shape = ir.Shape(["rows", "k"])
    graph.append(top)
    graph.inputs.insert(4, k)
    graph.outputs[1:1] = top.outputs


def _remove_unused(model: ir.Model, memory_names: list[str]) -> list[str]:
    """Removes the inputs of memory that nothing reads. Returns the names of the others."""
    unused = [
        value for value in model.graph.inputs if value.name in memory_names and not value.uses()
    ]
    for value in unused:
        model.graph.inputs.remove(value)
    names = {value.name for value in model.graph.inputs}
    return [name for name in memory_names if name in names]
