"""The minimal GRU: the parallel scan against the recurrence, and a case by hand."""

import pytest
import torch

from seq2seq.models.mingru import MinGRULayer, MinGRUState, parallel_scan


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13, 64])
def test_parallel_scan_equals_the_recurrence(length: int) -> None:
    random = torch.Generator().manual_seed(length)
    keep = torch.rand(2, length, 3, generator=random, dtype=torch.float64)
    added = torch.randn(2, length, 3, generator=random, dtype=torch.float64)
    hidden = torch.zeros(2, 3, dtype=torch.float64)
    expected = []
    for t in range(length):
        hidden = keep[:, t] * hidden + added[:, t]
        expected.append(hidden)
    assert torch.allclose(parallel_scan(keep, added), torch.stack(expected, 1), atol=1e-12)


def averaging_layer() -> MinGRULayer:
    """A layer with z = 1/2 and candidate 2 x."""
    layer = MinGRULayer(1, 1)
    with torch.no_grad():
        layer.linear_z.weight.fill_(0)
        layer.linear_h.weight.fill_(2)
    return layer


INPUTS = torch.tensor([[[1.0], [3.0]]])


@torch.no_grad()
def test_layer_from_zeros_by_hand() -> None:
    # (0 + 2) / 2, (1 + 6) / 2
    assert averaging_layer()(INPUTS).flatten().tolist() == [1.0, 3.5]


@torch.no_grad()
def test_layer_from_a_state_by_hand() -> None:
    layer = averaging_layer()
    state = MinGRUState(torch.tensor([[4.0]]))
    assert layer(INPUTS, state).flatten().tolist() == [3.0, 4.5]
    output, next_state = layer.step(INPUTS[:, 0], state)
    assert float(output) == float(next_state.hidden) == 3.0


def test_state_is_float32_under_autocast() -> None:
    layer = MinGRULayer(4, 4)
    inputs = torch.randn(2, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(inputs).dtype == torch.bfloat16
        output, state = layer.step(inputs[:, 0], layer.initial_state(torch.zeros(2, 4)))
    assert output.dtype == torch.bfloat16
    assert state.hidden.dtype == torch.float32
