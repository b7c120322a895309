"""The state space computed in chunks against the recurrence, step by step."""

import pytest
import torch
from torch import Tensor

from seq2seq.models.mamba import MambaBlock, MambaConfig, scan


def recurrence(u: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """h_t = exp(decay_t) h_{t-1} + b_t u_t^T, y_t = c_t h_t, for each sentence and head by itself."""
    read = torch.zeros_like(u)
    for row in range(u.shape[0]):
        for head in range(u.shape[2]):
            held = torch.zeros(b.shape[2], u.shape[3], dtype=u.dtype)
            for t in range(u.shape[1]):
                held = held * decay[row, t, head].exp() + torch.outer(b[row, t], u[row, t, head])
                read[row, t, head] = c[row, t] @ held
    return read


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize("length", [1, 6, 7])
def test_chunks_equal_the_recurrence(chunk: int, length: int) -> None:
    random = torch.Generator().manual_seed(chunk + 100 * length)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    u, b, c = draw(2, length, 3, 4), draw(2, length, 5), draw(2, length, 5)
    decay = -draw(2, length, 3).abs()
    assert torch.allclose(scan(u, decay, b, c, chunk), recurrence(u, decay, b, c))


def test_a_gate_that_forgets_all_hides_the_past_and_one_that_forgets_nothing_keeps_it() -> None:
    u, ones = torch.arange(1.0, 7).view(1, 6, 1, 1), torch.ones(1, 6, 1)
    keeps = scan(u, torch.zeros(1, 6, 1), ones, ones, 4).flatten().tolist()
    assert keeps == [1, 3, 6, 10, 15, 21]
    forgets = scan(u, torch.full((1, 6, 1), -200.0), ones, ones, 4).flatten().tolist()
    assert forgets == [1, 2, 3, 4, 5, 6]


def test_gradients_through_long_chunks_are_finite() -> None:
    u = torch.randn(1, 300, 2, 3, requires_grad=True)
    decay = torch.full((1, 300, 2), -5.0, requires_grad=True)
    ones = torch.ones(1, 300, 2)
    scan(u, decay, ones, ones, 64).sum().backward()
    for tensor in (u, decay):
        assert tensor.grad is not None
        assert bool(torch.isfinite(tensor.grad).all())


@torch.no_grad()
def test_a_block_over_a_sequence_equals_its_steps() -> None:
    torch.manual_seed(1)
    block = MambaBlock(MambaConfig(size=8, head_size=4, state_size=3, chunk=4)).eval()
    for parameter in block.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.3)
    values = torch.randn(3, 11, 8)
    state, stepped = block.empty(values), []
    for place in values.unbind(1):
        output, state = block.step(place, state)
        stepped.append(output)
    assert torch.allclose(block(values), torch.stack(stepped, 1), atol=1e-5)
    assert state.held.shape == (3, 4, 3, 4)
    assert state.recent.shape == (3, 3, 22)


def test_the_first_forget_gates_go_from_quick_to_slow() -> None:
    torch.manual_seed(0)
    block = MambaBlock(MambaConfig(size=256))
    pace = torch.nn.functional.softplus(block.pace_bias.detach())
    assert 0.0009 < float(pace.min()) < float(pace.max()) < 0.11
    assert 1 <= float(block.log_rate.detach().exp().min()) <= float(block.log_rate.detach().exp().max()) <= 16


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"head_size": 7}, "divisible by head_size"), ({"chunk": 0}, "at least 1"), ({"dropout": 1.0}, "below 1")],
)
def test_config_says_what_is_wrong(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MambaConfig(**changes)  # type: ignore[arg-type]
