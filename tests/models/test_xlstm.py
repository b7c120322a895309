"""The cells of the extended LSTM against its equations, written without any scaling."""

import math

import pytest
import torch
from torch import Tensor, nn

from seq2seq.models.xlstm import MLSTMLayer, SLSTMLayer, XLSTMConfig


def unlike_its_start(layer: nn.Module) -> None:
    """Gates begin without weights; here they look at the input."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)


def slow_mlstm(layer: MLSTMLayer, inputs: Tensor, first: Tensor | None) -> Tensor:
    """inputs (T,I) of one sentence: the equations at the top of the module, head by head."""
    heads, size = layer.gates.out_features // 2, layer.size
    padded = torch.cat([inputs.new_zeros(len(layer.conv) - 1, inputs.shape[1]), inputs])
    cell, normaliser = inputs.new_zeros(heads, size, size), inputs.new_zeros(heads, size)
    if first is not None:
        for head, value in enumerate(first.view(heads, size)):
            key = torch.full((size,), size**-0.5, dtype=inputs.dtype)
            cell[head], normaliser[head] = torch.outer(value, key), key
    outputs = []
    for t, x in enumerate(inputs):
        mixed = nn.functional.silu((padded[t : t + len(layer.conv)] * layer.conv).sum(0) + layer.conv_bias)
        q, k = layer.query(mixed).view(heads, size), layer.key(mixed).view(heads, size) / math.sqrt(size)
        v, (i, f) = layer.value(x).view(heads, size), layer.gates(x).view(2, heads)
        parts = []
        for head in range(heads):
            keep, put = torch.sigmoid(f[head]), torch.exp(i[head])
            cell[head] = keep * cell[head] + put * torch.outer(v[head], k[head])
            normaliser[head] = keep * normaliser[head] + put * k[head]
            parts.append(cell[head] @ q[head] / max(abs(float(normaliser[head] @ q[head])), 1.0))
        outputs.append(torch.sigmoid(layer.shown(x)) * torch.cat(parts))
    return torch.stack(outputs)


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, 9])
@pytest.mark.parametrize("handed_over", [False, True])
def test_all_at_once_and_step_by_step_are_the_equations(length: int, handed_over: bool) -> None:
    torch.manual_seed(length)
    layer = MLSTMLayer(6, 8).double()
    unlike_its_start(layer)
    inputs, first = torch.randn(3, length, 6).double() * 2, torch.randn(3, 8).double()
    state = layer.initial_state(first)
    found = layer(inputs, state if handed_over else None)
    slow = torch.stack([slow_mlstm(layer, x, h if handed_over else None) for x, h in zip(inputs, first, strict=True)])
    assert torch.allclose(found, slow, atol=1e-10)
    if handed_over:
        for t in range(length):
            output, state = layer.step(inputs[:, t], state)
            assert torch.allclose(output, slow[:, t], atol=1e-10)


@torch.no_grad()
def test_the_vector_cell_is_its_equations() -> None:
    torch.manual_seed(1)
    layer = SLSTMLayer(3, 4).double()
    unlike_its_start(layer)
    inputs, hidden = torch.randn(2, 6, 3).double(), torch.randn(2, 4).double()
    found, state = layer(inputs, layer.initial_state(hidden)), layer.initial_state(hidden)
    cell, normaliser = torch.zeros(2, 4).double(), torch.zeros(2, 4).double()
    for t in range(6):
        i, f, z, o = (layer.inputs(inputs[:, t]) + layer.hidden(hidden)).chunk(4, -1)
        cell = torch.sigmoid(f) * cell + torch.exp(i) * torch.tanh(z)
        normaliser = torch.sigmoid(f) * normaliser + torch.exp(i)
        hidden = torch.sigmoid(o) * cell / normaliser
        output, state = layer.step(inputs[:, t], state)
        assert torch.allclose(output, hidden)
        assert torch.allclose(found[:, t], hidden)


@pytest.mark.parametrize("kind", [MLSTMLayer, SLSTMLayer])
@pytest.mark.parametrize("bias", [-200.0, 200.0])
def test_gates_far_out_of_the_range_of_exponentials_give_numbers(
    kind: type[MLSTMLayer] | type[SLSTMLayer], bias: float
) -> None:
    torch.manual_seed(1)
    layer = kind(6, 8)
    gates = layer.gates if isinstance(layer, MLSTMLayer) else layer.inputs
    with torch.no_grad():
        gates.bias[: gates.out_features // (2 if isinstance(layer, MLSTMLayer) else 4)].fill_(bias)
    inputs = torch.randn(2, 5, 6, requires_grad=True)
    outputs = layer(inputs, layer.initial_state(torch.randn(2, 8)))
    outputs.sum().backward()
    assert torch.isfinite(outputs).all()
    assert inputs.grad is not None
    assert torch.isfinite(inputs.grad).all()


def test_under_autocast_the_cell_is_summed_in_float32() -> None:
    layer = MLSTMLayer(8, 8)
    inputs = torch.randn(2, 5, 8)
    with torch.autocast("cpu", torch.bfloat16):
        state = layer.initial_state(torch.zeros(2, 8))
        output, after = layer.step(inputs[:, 0], state)
        assert layer(inputs, state).dtype == output.dtype == torch.bfloat16
    assert after.cell.dtype == after.normaliser.dtype == torch.float32


def test_config_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="divisible by 8"):
        XLSTMConfig(hidden_size=12)
