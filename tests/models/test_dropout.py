"""Dropout by bytes of random numbers: what is dropped, how much, and that every element is on its own."""

import pytest
import torch

from seq2seq.models.dropout import Dropout, drop


@pytest.mark.parametrize("dropout", [0.1, 0.25, 0.5, 0.9])
def test_the_share_and_the_mean(dropout: float) -> None:
    torch.manual_seed(1)
    found = drop(torch.ones(400_000), dropout, training=True)
    assert float((found == 0).float().mean()) == pytest.approx(dropout, abs=0.004)  # 1/512 of rounding, and chance
    assert float(found.mean()) == pytest.approx(1, abs=0.02)
    assert len(found.unique()) == 2


def test_elements_are_dropped_independently() -> None:
    torch.manual_seed(2)
    kept = (drop(torch.ones(80_000), 0.5, training=True) != 0).float().view(-1, 8)
    # Eight neighbours come from one number: none of them is favoured, and none goes with another.
    assert torch.allclose(kept.mean(0), torch.full((8,), 0.5), atol=0.02)
    assert torch.allclose(torch.corrcoef(kept.T), torch.eye(8), atol=0.04)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 11)])
def test_any_shape_and_format(shape: tuple[int, ...]) -> None:
    for values in (torch.randn(shape), torch.randn(shape).bfloat16(), torch.randn(shape).double()):
        found = drop(values, 0.5, training=True)
        assert found.shape == values.shape
        assert found.dtype == values.dtype
        assert bool(((found == 0) | torch.isclose(found, 2 * values)).all())


def test_without_training_nothing_happens() -> None:
    values = torch.randn(5)
    layer = Dropout(0.7)
    assert drop(values, 0.0, training=True) is values
    assert layer.eval()(values) is values
    assert not torch.equal(layer.train()(torch.ones(100)), torch.ones(100))


def test_the_gradient_passes_where_the_value_did() -> None:
    values = torch.ones(100, requires_grad=True)
    found = drop(values, 0.3, training=True)
    found.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, found.detach())


def test_the_same_random_state_drops_the_same() -> None:
    torch.manual_seed(4)
    first = drop(torch.ones(50), 0.5, training=True)
    second = drop(torch.ones(50), 0.5, training=True)
    torch.manual_seed(4)
    assert torch.equal(drop(torch.ones(50), 0.5, training=True), first)
    assert not torch.equal(first, second)
