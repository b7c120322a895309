"""GRU and vanilla layers against their equations written out, one row and one step at a time."""

import pytest
import torch
from torch import Tensor

from seq2seq.models.gru import GRULayer, GRUState
from seq2seq.models.rnn import RNNLayer, RNNState


def gru(layer: GRULayer, x: Tensor, h: Tensor) -> Tensor:
    w, u, b, c = (p.detach() for p in layer.cells.parameters())
    size = len(h)

    def part(k: int, matrix: Tensor, bias: Tensor, vector: Tensor) -> Tensor:
        return matrix[k * size : (k + 1) * size] @ vector + bias[k * size : (k + 1) * size]

    r = torch.sigmoid(part(0, w, b, x) + part(0, u, c, h))
    z = torch.sigmoid(part(1, w, b, x) + part(1, u, c, h))
    n = torch.tanh(part(2, w, b, x) + r * part(2, u, c, h))
    return z * h + (1 - z) * n


def rnn(layer: RNNLayer, x: Tensor, h: Tensor) -> Tensor:
    w, u, b, c = (p.detach() for p in layer.cells.parameters())
    return torch.tanh(w @ x + b + u @ h + c)


@torch.no_grad()
@pytest.mark.parametrize("family", ["gru", "rnn"])
def test_fused_layer_equals_the_steps_and_the_equations(family: str) -> None:
    torch.manual_seed(0)
    layer: GRULayer | RNNLayer = GRULayer(5, 4) if family == "gru" else RNNLayer(5, 4)
    for parameter in layer.parameters():
        parameter.normal_(0, 0.7)
    inputs, first = torch.randn(3, 6, 5), torch.randn(3, 4)
    after: GRUState | RNNState = layer.initial_state(first)
    fused, stepped = layer(inputs, after), []
    for place in inputs.unbind(1):
        output, after = layer.step(place, after)
        stepped.append(output)
    assert torch.allclose(fused, torch.stack(stepped, 1), atol=1e-6)
    for row in range(3):
        hidden = first[row]
        for t in range(6):
            hidden = (
                gru(layer, inputs[row, t], hidden)
                if isinstance(layer, GRULayer)
                else rnn(layer, inputs[row, t], hidden)
            )
            assert torch.allclose(fused[row, t], hidden, atol=1e-6)
        assert torch.allclose(after.hidden[row], hidden, atol=1e-6)


@torch.no_grad()
def test_an_update_gate_of_one_keeps_the_state() -> None:
    layer = GRULayer(2, 3)
    for parameter in layer.parameters():
        parameter.zero_()
    layer.cells.bias_ih_l0[3:6] = 1000.0
    hidden = torch.tensor([[0.3, -0.5, 0.9]])
    output, _ = layer.step(torch.randn(1, 2), GRUState(hidden))
    assert torch.equal(output, hidden)
