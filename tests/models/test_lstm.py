"""The LSTM layer, compared with its equations.

Legend: N rows, T steps, H hidden size.
"""

import math

import pytest
import torch
from torch import Tensor

from seq2seq.config.model import LSTMConfig
from seq2seq.models import VocabularySizes
from seq2seq.models.lstm import GATE_ORDER, LSTM, LSTMLayer, LSTMState


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert torch.allclose(actual, expected, atol=2e-6), float((actual - expected).abs().max())


def lstm_step(layer: LSTMLayer, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The gate equations for one row and one step. Returns the next hidden state and cell."""
    w, u, b, c = (parameter.detach() for parameter in layer.cells.parameters())
    size = len(hidden)
    products = []
    for gate in range(4):
        rows = slice(gate * size, (gate + 1) * size)
        products.append(w[rows] @ x + u[rows] @ hidden + (b + c)[rows])
    i = torch.sigmoid(products[0])
    f = torch.sigmoid(products[1])
    g = torch.tanh(products[2])
    o = torch.sigmoid(products[3])
    cell = f * cell + i * g
    return o * torch.tanh(cell), cell


@torch.no_grad()
def test_forward_and_step_equal_the_equations() -> None:
    torch.manual_seed(0)
    layer = LSTMLayer(5, 4)
    for parameter in layer.parameters():
        parameter.normal_(0, 0.7)
    inputs = torch.randn(3, 6, 5)
    first = LSTMState(torch.randn(3, 4), torch.randn(3, 4))
    at_once = layer(inputs, first)
    state = first
    steps = []
    for x in inputs.unbind(1):
        output, state = layer.step(x, state)
        steps.append(output)
    assert_close(at_once, torch.stack(steps, 1))
    for row in range(3):
        hidden = first.hidden[row]
        cell = first.cell[row]
        for t in range(6):
            hidden, cell = lstm_step(layer, inputs[row, t], hidden, cell)
            assert_close(at_once[row, t], hidden)
        assert_close(state.cell[row], cell)


@torch.no_grad()
def test_forward_without_a_state_starts_from_zeros() -> None:
    layer = LSTMLayer(5, 4)
    inputs = torch.randn(3, 6, 5)
    zeros = LSTMState(torch.zeros(3, 4), torch.zeros(3, 4))
    assert_close(layer(inputs), layer(inputs, zeros))


def test_initial_state_has_an_empty_cell() -> None:
    hidden = torch.randn(3, 4)
    state = LSTMLayer(5, 4).initial_state(hidden)
    assert torch.equal(state.hidden, hidden)
    assert not state.cell.any()


def lstm_layers(config: LSTMConfig) -> list[LSTMLayer]:
    model = LSTM(config, VocabularySizes(source=11, target=11))
    return [module for module in model.modules() if isinstance(module, LSTMLayer)]


def test_initial_weights() -> None:
    torch.manual_seed(1)
    config = LSTMConfig(embedding_size=6, hidden_size=8, encoder_layers=2, decoder_layers=3)
    layers = lstm_layers(config)
    assert len(layers) == 2 * 2 + 3
    for layer in layers:
        w, u, b, c = layer.cells.parameters()
        biases = dict(zip(GATE_ORDER, (b + c).detach().chunk(4), strict=True))
        for gate, bias in biases.items():
            assert torch.equal(bias, torch.full_like(bias, 1.0 if gate == "forget" else 0.0))
        for gate_weights in u.detach().chunk(4):
            assert_close(gate_weights @ gate_weights.T, torch.eye(len(gate_weights)))  # orthogonal
        glorot_limit = math.sqrt(6 / (w.shape[1] + w.shape[0] // 4))
        assert 0.8 * glorot_limit < float(w.detach().abs().max()) <= glorot_limit
        assert all(p.is_leaf and p.requires_grad for p in layer.parameters())


def test_forget_bias_of_the_config() -> None:
    for layer in lstm_layers(LSTMConfig(embedding_size=6, hidden_size=8, forget_bias=0.25)):
        forget_bias = layer.cells.bias_ih_l0.detach().chunk(4)[GATE_ORDER.index("forget")]
        assert torch.equal(forget_bias, torch.full_like(forget_bias, 0.25))


def constant_gates(*, i: float, f: float, g: float, o: float) -> LSTMLayer:
    """A layer of one unit whose gates ignore the input. The arguments are their biases."""
    layer = LSTMLayer(1, 1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.cells.bias_ih_l0.copy_(torch.tensor([i, f, g, o]))
    return layer


@pytest.mark.parametrize(
    ("forget_bias", "expected"),
    [
        pytest.param(1000.0, 1.0, id="f=1"),
        pytest.param(math.log(3), 0.75**100, id="f=3/4"),
    ],
)
def test_cell_carries_its_gradient_over_100_steps(forget_bias: float, expected: float) -> None:
    layer = constant_gates(i=-1000.0, f=forget_bias, g=0.3, o=0.0)
    first = torch.tensor([[0.6]], requires_grad=True)
    state = LSTMState(torch.zeros(1, 1), first)
    for _ in range(100):
        _, state = layer.step(torch.ones(1, 1), state)
    state.cell.backward()
    assert first.grad is not None
    if expected == 1:
        assert float(first.grad) == 1  # exactly
    assert float(first.grad) == pytest.approx(expected, rel=1e-4)
    assert float(state.cell.detach()) == pytest.approx(0.6 * expected, rel=1e-4)


@torch.no_grad()
def test_cell_is_summed_in_float32_in_a_bfloat16_model() -> None:
    # In bfloat16, a sum of 1,000 times 1/1024 would stop at 0.25.
    layer = constant_gates(i=1000.0, f=1000.0, g=math.atanh(1 / 1024), o=1000.0)
    layer = layer.to(torch.bfloat16)
    state = layer.initial_state(torch.zeros(1, 1, dtype=torch.bfloat16))
    for _ in range(1000):
        hidden, state = layer.step(torch.ones(1, 1, dtype=torch.bfloat16), state)
    assert float(state.cell) == pytest.approx(1000 / 1024, rel=0.01)
    assert hidden.dtype == torch.bfloat16


@torch.no_grad()
def test_forward_of_a_bfloat16_model_returns_bfloat16() -> None:
    layer = LSTMLayer(1, 1).to(torch.bfloat16)
    state = layer.initial_state(torch.zeros(1, 1, dtype=torch.bfloat16))
    assert layer(torch.ones(1, 3, 1, dtype=torch.bfloat16), state).dtype == torch.bfloat16
