"""What a graph's values cannot exceed, and that they do not."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from tiny_models import TINY

from seq2seq.config.model import FAMILY_CONFIGS
from seq2seq.export.onnx_bounds import Bounds, bounds_of_graphs
from seq2seq.export.onnx_saving import save, simplify
from seq2seq.export.onnx_tracing import Graphs
from seq2seq.models import VocabularySizes, build

TOKENS = 60
ROWS = 7
SENTENCES = 3
LENGTH = 9


def traced(family: str, **settings: object) -> tuple[ir.Model, ir.Model, Bounds]:
    torch.manual_seed(3)
    config = FAMILY_CONFIGS[family](**{**TINY[family], **settings})
    model = build(config, VocabularySizes(source=TOKENS, target=TOKENS)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # so that gates saturate and values come near to their bounds
    graphs = Graphs(model)
    decoder, names = graphs.decoder()
    encoder = graphs.encoder(names)
    for graph in (encoder, decoder):
        simplify(graph)
    return encoder, decoder, bounds_of_graphs(encoder, decoder)


def show_all(model: ir.Model, bounds: Bounds, file: Path) -> dict[str, NDArray[np.float64]]:
    """Saves a graph that returns every value with a bound. Returns the bounds by name."""
    shown = {}
    for node in model.graph:
        for value in node.outputs:
            if value not in bounds or value.is_graph_output():
                continue
            if value.dtype == ir.DataType.FLOAT:
                model.graph.outputs.append(value)
    for value in model.graph.outputs:
        if value in bounds:
            assert value.name
            shown[value.name] = bounds[value]
    save(model, file, weights="float32")
    return shown


VARIANTS: list[tuple[str, dict[str, object]]] = [
    ("lstm", {}),
    ("lstm", {"input_feeding": True, "decoder_layers": 3}),
    ("lstm", {"residual": False, "attention": "additive"}),
    ("rnn", {"layer_norm": False}),
    ("gru", {"layer_norm": False}),
    ("gru", {}),
    ("mingru", {"layer_norm": False}),
    ("xlstm", {}),
    ("transformer", {}),
    ("mamba", {}),
]


@pytest.mark.parametrize(("family", "settings"), VARIANTS)
def test_no_value_exceeds_its_bound(
    family: str, settings: dict[str, object], tmp_path: Path
) -> None:
    encoder, decoder, bounds = traced(family, **settings)
    shown = show_all(encoder, bounds, tmp_path / "encoder.onnx")
    shown_of_steps = show_all(decoder, bounds, tmp_path / "decoder.onnx")
    assert len(shown) > 1
    assert len(shown_of_steps) > 3
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    first = onnxruntime.InferenceSession(str(tmp_path / "encoder.onnx"), options)
    rng = np.random.default_rng(5)
    source = rng.integers(4, TOKENS, (SENTENCES, LENGTH))
    source[1, 4:] = 0
    values = run(first, {"source": source, "source_mask": source > 0})
    check(values, shown)
    step = onnxruntime.InferenceSession(str(tmp_path / "decoder.onnx"), options)
    names = [given.name for given in step.get_inputs()]
    given = {name: value for name, value in values.items() if name in names}
    parents = np.arange(SENTENCES)
    layout = np.array([[0, 1, 2], [3, 4, 5], [6, 6, 6]])
    for number in range(40):
        if number == 1:
            parents = np.array([0, 0, 0, 1, 1, 1, 2])
        elif number > 1:
            parents = rng.permuted(np.arange(ROWS))
        rows = SENTENCES if number == 0 else ROWS
        numbers = np.arange(SENTENCES)[:, None] if number == 0 else layout
        values = run(
            step,
            {
                **given,
                "token": rng.integers(0, TOKENS, rows),
                "parents": parents,
                "row_numbers": numbers,
                "slots": np.arange(rows),
                "k": np.array([2]),
            },
        )
        check(values, shown_of_steps)
        for name, value in values.items():
            if name.startswith("next_state."):
                given[name.removeprefix("next_")] = value


def run(
    session: onnxruntime.InferenceSession, inputs: dict[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.float64]]:
    needed = {given.name for given in session.get_inputs()}
    outputs = [output.name for output in session.get_outputs()]
    values = session.run(outputs, {k: v for k, v in inputs.items() if k in needed})
    return dict(zip(outputs, values, strict=True))


def check(values: dict[str, NDArray[np.float64]], bounds: dict[str, NDArray[np.float64]]) -> None:
    for name, bound in bounds.items():
        value = values[name]
        assert value.size == 0 or (np.abs(value) <= bound * (1 + 1e-5) + 1e-6).all(), name


@pytest.mark.parametrize(("family", "settings"), VARIANTS[:5])
def test_every_product_of_a_gated_model_reads_values_with_a_bound(
    family: str, settings: dict[str, object]
) -> None:
    *graphs, bounds = traced(family, **settings)
    products = 0
    for graph in graphs:
        for node in graph.graph:
            if node.op_type == "Gemm":
                products += 1
                assert node.inputs[0] in bounds, node
    assert products > 3


# -- Rules, one by one -----------------------------------------------------------------------------


def bound_of(*nodes: ir.Node) -> float | None:
    """Returns the largest bound of the output of the last node."""
    output = nodes[-1].outputs[0]
    output.name = "memory.values"
    used = dict.fromkeys(value for node in nodes for value in node.inputs if value)
    inputs = [value for value in used if value.producer() is None and value.const_value is None]
    weights = [value for value in used if value.const_value is not None]
    graph = ir.Graph(inputs, [output], nodes=nodes, initializers=weights, name="encoder")
    step = ir.Graph([], [], nodes=[], name="decoder")
    bounds = bounds_of_graphs(ir.Model(graph, ir_version=10), ir.Model(step, ir_version=10))
    return float(bounds[output].max()) if output in bounds else None


def weight(name: str, *numbers: float) -> ir.Value:
    array = np.array(numbers, dtype=np.float32)
    return ir.val(name, const_value=ir.tensor(array, name=name))


def free(name: str = "x") -> ir.Value:
    return ir.val(name, ir.DataType.FLOAT, ["n", 2])


def test_gates_are_at_most_one_and_constants_are_what_they_are() -> None:
    tanh = ir.node("Tanh", [free()])
    assert bound_of(tanh) == 1
    sigmoid = ir.node("Sigmoid", [free()])
    assert bound_of(sigmoid, ir.node("Mul", [*sigmoid.outputs, weight("w", -3, 2)])) == 3
    sigmoid = ir.node("Sigmoid", [free()])
    assert bound_of(sigmoid, ir.node("Sub", [weight("w", -3), *sigmoid.outputs])) == 4


def test_what_may_be_of_any_size_has_no_bound() -> None:
    assert bound_of(ir.node("Transpose", [free()])) is None
    assert bound_of(ir.node("Relu", [free()])) is None
    assert bound_of(ir.node("Mul", [free(), weight("w", 1)])) is None
    sigmoid = ir.node("Sigmoid", [free()])
    assert bound_of(sigmoid, ir.node("Add", [*sigmoid.outputs, weight("w", -np.inf)])) is None
    linear = {"activations": ["Sigmoid", "Affine"]}
    assert bound_of(ir.node("GRU", [free(), weight("w", 1), weight("u", 1)], linear)) is None


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("one", "expected"), [(1, 5), (2, 16)])
def test_a_gate_mixes_two_values_without_exceeding_them(
    swapped: bool, one: float, expected: float
) -> None:
    gate = ir.node("Sigmoid", [free("x")])
    value = ir.node("Tanh", [free("y")])
    rest = ir.node("Sub", [weight("one", one), *gate.outputs])
    large = ir.node("Mul", [*value.outputs, weight("five", 5)])
    factors = [*gate.outputs, *value.outputs]
    kept = ir.node("Mul", factors[::-1] if swapped else factors)
    new = ir.node("Mul", [*rest.outputs, *large.outputs])
    terms = [*kept.outputs, *new.outputs]
    mean = ir.node("Add", terms[::-1] if swapped else terms)
    assert bound_of(gate, value, rest, large, kept, new, mean) == expected


def test_two_different_gates_make_no_mean() -> None:
    gate = ir.node("Sigmoid", [free("x")])
    other = ir.node("Sigmoid", [free("y")])
    value = ir.node("Tanh", [free("z")])
    rest = ir.node("Sub", [weight("one", 1), *other.outputs])
    kept = ir.node("Mul", [*gate.outputs, *value.outputs])
    new = ir.node("Mul", [*rest.outputs, *value.outputs])
    total = ir.node("Add", [*kept.outputs, *new.outputs])
    assert bound_of(gate, other, value, rest, kept, new, total) == 3


@pytest.mark.parametrize(("axis", "expected"), [(-1, 7), (1, 7), (0, None)])
def test_a_mean_by_attention_is_no_larger_than_its_values(
    axis: int, expected: float | None
) -> None:
    tanh = ir.node("Tanh", [free("x")])
    values = ir.node("Mul", [*tanh.outputs, weight("w", 2, 7)])
    softmax = ir.node("Softmax", [free("y")], {"axis": axis})
    softmax.outputs[0].shape = ir.Shape(["n", "m"])
    mean = ir.node("MatMul", [*softmax.outputs, *values.outputs])
    assert bound_of(tanh, values, softmax, mean) == expected


@pytest.mark.parametrize(("perm", "expected"), [((0, 1), 2), ((1, 0), 7)])
def test_a_column_has_a_bound_of_its_own_until_columns_become_rows(
    perm: tuple[int, int], expected: float
) -> None:
    tanh = ir.node("Tanh", [free()])
    scaled = ir.node("Mul", [*tanh.outputs, weight("w", 2, 7)])
    moved = ir.node("Transpose", scaled.outputs, {"perm": perm})
    for node in (scaled, moved):
        node.outputs[0].shape = ir.Shape(["n", 2])
    first_column = ir.node("Mul", [*moved.outputs, weight("first", 1, 0)])
    assert bound_of(tanh, scaled, moved, first_column) == expected


def test_bounds_are_finite() -> None:
    for family in ("lstm", "xlstm"):
        *_, bounds = traced(family)
        assert all(np.isfinite(bound).all() for bound in bounds.values())
