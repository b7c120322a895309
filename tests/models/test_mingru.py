"""The scan of the minimal GRU against its recurrence."""

import pytest
import torch

from seq2seq.models.mingru import MinGRULayer, MinGRUState, scan


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13, 64])
def test_the_scan_equals_the_recurrence(length: int) -> None:
    random = torch.Generator().manual_seed(length)
    keep = torch.rand(2, length, 3, generator=random, dtype=torch.float64)
    written = torch.randn(2, length, 3, generator=random, dtype=torch.float64)
    hidden, slow = torch.zeros(2, 3, dtype=torch.float64), []
    for t in range(length):
        hidden = keep[:, t] * hidden + written[:, t]
        slow.append(hidden)
    assert torch.allclose(scan(keep, written), torch.stack(slow, 1), atol=1e-12)


@torch.no_grad()
def test_by_hand() -> None:
    layer = MinGRULayer(1, 1)
    layer.gate.weight.fill_(0)  # z = 1/2 always
    layer.new.weight.fill_(2)
    inputs = torch.tensor([[[1.0], [3.0]]])
    assert layer(inputs).flatten().tolist() == [1.0, 3.5]  # (0 + 2) / 2, (1 + 6) / 2
    state = MinGRUState(torch.tensor([[4.0]]))
    assert layer(inputs, state).flatten().tolist() == [3.0, 4.5]
    output, after = layer.step(inputs[:, 0], state)
    assert float(output) == float(after.hidden) == 3.0


def test_under_autocast_the_state_is_summed_in_float32() -> None:
    layer = MinGRULayer(4, 4)
    inputs = torch.randn(2, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(inputs).dtype == torch.bfloat16
        output, after = layer.step(inputs[:, 0], layer.initial_state(torch.zeros(2, 4)))
    assert output.dtype == torch.bfloat16
    assert after.hidden.dtype == torch.float32
