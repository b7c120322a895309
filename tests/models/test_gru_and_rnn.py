"""GRU and vanilla layers, compared with their equations for one row and one step."""

import pytest
import torch
from torch import Tensor

from seq2seq.models.gru import GRULayer, GRUState
from seq2seq.models.rnn import RNNLayer


def gru_step(layer: GRULayer, x: Tensor, h: Tensor) -> Tensor:
    w, u, b, c = (parameter.detach() for parameter in layer.cells.parameters())
    size = len(h)

    def product(gate: int, matrix: Tensor, bias: Tensor, vector: Tensor) -> Tensor:
        rows = slice(gate * size, (gate + 1) * size)
        return matrix[rows] @ vector + bias[rows]

    r = torch.sigmoid(product(0, w, b, x) + product(0, u, c, h))
    z = torch.sigmoid(product(1, w, b, x) + product(1, u, c, h))
    n = torch.tanh(product(2, w, b, x) + r * product(2, u, c, h))
    return z * h + (1 - z) * n


def rnn_step(layer: RNNLayer, x: Tensor, h: Tensor) -> Tensor:
    w, u, b, c = (parameter.detach() for parameter in layer.cells.parameters())
    return torch.tanh(w @ x + b + u @ h + c)


@torch.no_grad()
@pytest.mark.parametrize("family", ["gru", "rnn"])
def test_forward_and_step_equal_the_equations(family: str) -> None:
    torch.manual_seed(0)
    layer: GRULayer | RNNLayer = GRULayer(5, 4) if family == "gru" else RNNLayer(5, 4)
    for parameter in layer.parameters():
        parameter.normal_(0, 0.7)
    inputs = torch.randn(3, 6, 5)
    first = torch.randn(3, 4)
    state = layer.initial_state(first)
    at_once = layer(inputs, state)
    steps = []
    for x in inputs.unbind(1):
        output, state = layer.step(x, state)
        steps.append(output)
    assert torch.allclose(at_once, torch.stack(steps, 1), atol=1e-6)
    for row in range(3):
        hidden = first[row]
        for t in range(6):
            if isinstance(layer, GRULayer):
                hidden = gru_step(layer, inputs[row, t], hidden)
            else:
                hidden = rnn_step(layer, inputs[row, t], hidden)
            assert torch.allclose(at_once[row, t], hidden, atol=1e-6)
        assert torch.allclose(state.hidden[row], hidden, atol=1e-6)


@torch.no_grad()
def test_update_gate_of_one_keeps_the_state() -> None:
    layer = GRULayer(2, 3)
    for parameter in layer.parameters():
        parameter.zero_()
    layer.cells.bias_ih_l0[3:6] = 1000.0
    hidden = torch.tensor([[0.3, -0.5, 0.9]])
    output, _ = layer.step(torch.randn(1, 2), GRUState(hidden))
    assert torch.equal(output, hidden)
