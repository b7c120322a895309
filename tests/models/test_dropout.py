"""Dropout by random bytes: the share, the scale, and independence of the elements."""

import pytest
import torch

from seq2seq.models.layers.dropout import Dropout, drop, variational_dropout_mask


@pytest.mark.parametrize("dropout", [0.1, 0.25, 0.5, 0.9])
def test_drop_keeps_the_share_and_the_mean(dropout: float) -> None:
    torch.manual_seed(1)
    values = drop(torch.ones(400_000), dropout, training=True)
    # The share is rounded to 1/256 and drawn at random.
    assert float((values == 0).float().mean()) == pytest.approx(dropout, abs=0.004)
    assert float(values.mean()) == pytest.approx(1, abs=0.02)
    assert len(values.unique()) == 2


def test_elements_are_dropped_independently() -> None:
    torch.manual_seed(2)
    values = drop(torch.ones(80_000), 0.5, training=True)
    # Eight neighbors share one random number. None of them is preferred, none are correlated.
    is_kept = (values != 0).float().view(-1, 8)
    assert torch.allclose(is_kept.mean(0), torch.full((8,), 0.5), atol=0.02)
    assert torch.allclose(torch.corrcoef(is_kept.T), torch.eye(8), atol=0.04)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 11)])
def test_drop_keeps_shape_and_dtype(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    values = torch.randn(shape).to(dtype)
    dropped = drop(values, 0.5, training=True)
    assert dropped.shape == values.shape
    assert dropped.dtype == values.dtype
    assert bool(((dropped == 0) | torch.isclose(dropped, 2 * values)).all())


def test_drop_returns_its_argument_outside_training() -> None:
    values = torch.randn(5)
    assert drop(values, 0.7, training=False) is values
    assert drop(values, 0.0, training=True) is values


def test_dropout_module_drops_in_training_only() -> None:
    values = torch.ones(100)
    layer = Dropout(0.7)
    assert layer.eval()(values) is values
    assert not torch.equal(layer.train()(values), values)


def test_gradient_is_dropped_like_the_values() -> None:
    values = torch.ones(100, requires_grad=True)
    dropped = drop(values, 0.3, training=True)
    dropped.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, dropped.detach())


def test_same_random_state_drops_the_same_elements() -> None:
    torch.manual_seed(4)
    first = drop(torch.ones(50), 0.5, training=True)
    second = drop(torch.ones(50), 0.5, training=True)
    torch.manual_seed(4)
    assert torch.equal(drop(torch.ones(50), 0.5, training=True), first)
    assert not torch.equal(first, second)


def test_variational_mask_has_one_position_for_each_sentence() -> None:
    tokens = torch.zeros(30, 7)
    mask = variational_dropout_mask(tokens, 9, 0.4, training=True)
    assert mask is not None
    assert mask.shape == (30, 1, 9)


def test_no_variational_mask_if_nothing_is_dropped() -> None:
    tokens = torch.zeros(30, 7)
    assert variational_dropout_mask(tokens, 9, 0.4, training=False) is None
    assert variational_dropout_mask(tokens, 9, 0.0, training=True) is None
