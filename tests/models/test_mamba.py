"""The state space computed in chunks, compared with the recurrence.

Legend: B sentences, L positions, H heads of P units, K state size.
"""

import pytest
import torch
from torch import Tensor

from seq2seq.config.model import MambaConfig
from seq2seq.models.mamba import MambaBlock, ssd_chunked


def recurrence(u: Tensor, log_decay: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """h_t = exp(log_decay_t) h_{t-1} + B_t u_t^T and y_t = C_t h_t, sentence by sentence.

    u (B,L,H,P), log_decay (B,L,H), B and C (B,L,K) -> y (B,L,H,P).
    """
    y = torch.zeros_like(u)
    for row in range(u.shape[0]):
        for head in range(u.shape[2]):
            h = torch.zeros(B.shape[2], u.shape[3], dtype=u.dtype)
            for t in range(u.shape[1]):
                h = h * log_decay[row, t, head].exp() + torch.outer(B[row, t], u[row, t, head])
                y[row, t, head] = C[row, t] @ h
    return y


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize("length", [1, 6, 7])
def test_chunks_equal_the_recurrence(chunk: int, length: int) -> None:
    torch.manual_seed(chunk + 100 * length)
    u = torch.randn(2, length, 3, 4, dtype=torch.float64)
    B = torch.randn(2, length, 5, dtype=torch.float64)
    C = torch.randn(2, length, 5, dtype=torch.float64)
    log_decay = -torch.randn(2, length, 3, dtype=torch.float64).abs()
    actual = ssd_chunked(u, log_decay, B, C, chunk)
    assert torch.allclose(actual, recurrence(u, log_decay, B, C))


@pytest.mark.parametrize(
    ("log_decay", "expected"),
    [
        pytest.param(0.0, [1, 3, 6, 10, 15, 21], id="forgets-nothing"),
        pytest.param(-200.0, [1, 2, 3, 4, 5, 6], id="forgets-everything"),
    ],
)
def test_extreme_forget_gates(log_decay: float, expected: list[int]) -> None:
    u = torch.arange(1.0, 7).view(1, 6, 1, 1)
    ones = torch.ones(1, 6, 1)
    assert ssd_chunked(u, ones * log_decay, ones, ones, 4).flatten().tolist() == expected


def test_gradients_through_long_chunks_are_finite() -> None:
    u = torch.randn(1, 300, 2, 3, requires_grad=True)
    log_decay = torch.full((1, 300, 2), -5.0, requires_grad=True)
    ones = torch.ones(1, 300, 2)
    ssd_chunked(u, log_decay, ones, ones, 64).sum().backward()
    for tensor in (u, log_decay):
        assert tensor.grad is not None
        assert bool(torch.isfinite(tensor.grad).all())


@torch.no_grad()
def test_block_over_a_sequence_equals_its_steps() -> None:
    torch.manual_seed(1)
    block = MambaBlock(MambaConfig(size=8, head_size=4, state_size=3, chunk=4)).eval()
    for parameter in block.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.3)
    values = torch.randn(3, 11, 8)
    state = block.empty_state(values)
    outputs = []
    for x in values.unbind(1):
        output, state = block.step(x, state)
        outputs.append(output)
    assert torch.allclose(block(values), torch.stack(outputs, 1), atol=1e-5)
    assert state.ssm.shape == (3, 4, 3, 4)
    assert state.conv_inputs.shape == (3, 3, 22)


def test_initial_forget_gates_range_from_quick_to_slow() -> None:
    torch.manual_seed(0)
    block = MambaBlock(MambaConfig(size=256))
    dt = torch.nn.functional.softplus(block.dt_bias.detach())
    assert 0.0009 < float(dt.min()) < float(dt.max()) < 0.11
    decay_rates = block.A_log.detach().exp()
    assert 1 <= float(decay_rates.min()) <= float(decay_rates.max()) <= 16
