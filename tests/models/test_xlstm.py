"""The cells of the xLSTM, compared with their equations without any scaling.

Legend: T steps, I input size, H hidden size, E units of a head.
"""

import math

import pytest
import torch
from torch import Tensor, nn

from seq2seq.models.xlstm import MLSTMLayer, SLSTMLayer


def randomize(layer: nn.Module) -> None:
    """Changes all parameters. The initial gates have no weights and would ignore the input."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)


def mlstm_by_hand(layer: MLSTMLayer, inputs: Tensor, initial: Tensor | None) -> Tensor:
    """The mLSTM equations for one sentence, head by head.

    Args:
        layer: the weights.
        inputs: (T,I).
        initial: (H), handed to `initial_state`, or None for an empty cell.

    Returns:
        (T,H).
    """
    heads = layer.w_if.out_features // 2
    size = layer.head_size
    width = len(layer.conv1d_weight)
    C = inputs.new_zeros(heads, size, size)
    n = inputs.new_zeros(heads, size)
    if initial is not None:
        key = torch.full((size,), size**-0.5, dtype=inputs.dtype)
        for head, value in enumerate(initial.view(heads, size)):
            C[head] = torch.outer(value, key)
            n[head] = key
    padded = torch.cat([inputs.new_zeros(width - 1, inputs.shape[1]), inputs])
    outputs = []
    for t, x in enumerate(inputs):
        convolved = (padded[t : t + width] * layer.conv1d_weight).sum(0)
        mixed = nn.functional.silu(convolved + layer.conv1d_bias)
        q = layer.W_q(mixed).view(heads, size)
        k = layer.W_k(mixed).view(heads, size) / math.sqrt(size)
        v = layer.W_v(x).view(heads, size)
        i, f = layer.w_if(x).view(2, heads)
        heads_read = []
        for head in range(heads):
            forget = torch.sigmoid(f[head])
            put = torch.exp(i[head])
            C[head] = forget * C[head] + put * torch.outer(v[head], k[head])
            n[head] = forget * n[head] + put * k[head]
            heads_read.append(C[head] @ q[head] / max(abs(float(n[head] @ q[head])), 1.0))
        outputs.append(torch.sigmoid(layer.W_o(x)) * torch.cat(heads_read))
    return torch.stack(outputs)


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, 9])
def test_mlstm_forward_from_an_empty_cell_equals_the_equations(length: int) -> None:
    torch.manual_seed(length)
    layer = MLSTMLayer(6, 8).double()
    randomize(layer)
    inputs = torch.randn(3, length, 6).double() * 2
    expected = torch.stack([mlstm_by_hand(layer, sentence, None) for sentence in inputs])
    assert torch.allclose(layer(inputs), expected, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, 9])
def test_mlstm_forward_and_step_from_a_state_equal_the_equations(length: int) -> None:
    torch.manual_seed(length)
    layer = MLSTMLayer(6, 8).double()
    randomize(layer)
    inputs = torch.randn(3, length, 6).double() * 2
    initial = torch.randn(3, 8).double()
    rows = zip(inputs, initial, strict=True)
    expected = torch.stack([mlstm_by_hand(layer, sentence, first) for sentence, first in rows])
    state = layer.initial_state(initial)
    assert torch.allclose(layer(inputs, state), expected, atol=1e-10)
    for t in range(length):
        output, state = layer.step(inputs[:, t], state)
        assert torch.allclose(output, expected[:, t], atol=1e-10)


@torch.no_grad()
def test_slstm_forward_and_step_equal_the_equations() -> None:
    torch.manual_seed(1)
    layer = SLSTMLayer(3, 4).double()
    randomize(layer)
    inputs = torch.randn(2, 6, 3).double()
    h = torch.randn(2, 4).double()
    c = torch.zeros(2, 4).double()
    n = torch.zeros(2, 4).double()
    state = layer.initial_state(h)
    at_once = layer(inputs, state)
    for t in range(6):
        i, f, z, o = (layer.W(inputs[:, t]) + layer.R(h)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.exp(i) * torch.tanh(z)
        n = torch.sigmoid(f) * n + torch.exp(i)
        h = torch.sigmoid(o) * c / n
        output, state = layer.step(inputs[:, t], state)
        assert torch.allclose(output, h)
        assert torch.allclose(at_once[:, t], h)


@pytest.mark.parametrize("layer_type", [MLSTMLayer, SLSTMLayer])
@pytest.mark.parametrize("bias", [-200.0, 200.0])
def test_extreme_input_gates_give_finite_numbers(
    layer_type: type[MLSTMLayer] | type[SLSTMLayer], bias: float
) -> None:
    torch.manual_seed(1)
    layer = layer_type(6, 8)
    if isinstance(layer, MLSTMLayer):
        input_gate = layer.w_if.bias.detach().chunk(2)[0]
    else:
        input_gate = layer.W.bias.detach().chunk(4)[0]
    input_gate.fill_(bias)
    inputs = torch.randn(2, 5, 6, requires_grad=True)
    outputs = layer(inputs, layer.initial_state(torch.randn(2, 8)))
    outputs.sum().backward()
    assert bool(torch.isfinite(outputs).all())
    assert inputs.grad is not None
    assert bool(torch.isfinite(inputs.grad).all())


def test_mlstm_cell_is_float32_under_autocast() -> None:
    layer = MLSTMLayer(8, 8)
    inputs = torch.randn(2, 5, 8)
    with torch.autocast("cpu", torch.bfloat16):
        state = layer.initial_state(torch.zeros(2, 8))
        output, next_state = layer.step(inputs[:, 0], state)
        assert layer(inputs, state).dtype == output.dtype == torch.bfloat16
    assert next_state.C.dtype == next_state.n.dtype == torch.float32
