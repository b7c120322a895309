"""The loss against torch's own, against the formula, and by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seq2seq.training import loss as loss_module
from seq2seq.training.loss import alignment_cross_entropy, smoothed_cross_entropy

PAD = 0


def slow_smoothed_cross_entropy(
    logits: Tensor, target: Tensor, *, smoothing: float, ignore: int
) -> tuple[Tensor, Tensor]:
    """The loss as the formula says it, with the gradient left to autograd."""
    kept = target.flatten() != ignore
    log_probs = functional.log_softmax(logits.flatten(0, 1)[kept].float(), dim=-1)
    likelihood = -log_probs.gather(1, target.flatten()[kept].unsqueeze(1)).mean()
    return (1 - smoothing) * likelihood - smoothing * log_probs.mean(), likelihood.detach()


def fast_smoothed_cross_entropy(
    logits: Tensor, target: Tensor, *, smoothing: float, ignore: int
) -> tuple[Tensor, Tensor]:
    """What is tested, on a copy of the logits: it writes the gradient over them."""
    return smoothed_cross_entropy(logits.clone(), target, smoothing=smoothing, ignore=ignore)


def case(dtype: torch.dtype = torch.float32, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    """logits (3,5,7) that ask for a gradient, target (3,5) with padding."""
    random = torch.Generator().manual_seed(2)
    logits = (torch.randn(3, 5, 7, generator=random) * scale).to(dtype).requires_grad_()
    target = torch.randint(1, 7, (3, 5), generator=random)
    target[0, 3:] = target[2, 1:] = PAD
    return logits, target


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_equals_torch(smoothing: float) -> None:
    logits, target = case()
    loss, likelihood = fast_smoothed_cross_entropy(logits, target, smoothing=smoothing, ignore=PAD)
    (gradient,) = torch.autograd.grad(loss * 2.5, logits)
    other = functional.cross_entropy(
        logits.flatten(0, 1), target.flatten(), label_smoothing=smoothing, ignore_index=PAD
    )
    (wanted,) = torch.autograd.grad(other * 2.5, logits)
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(float(other.detach()), rel=1e-6)
    assert torch.allclose(gradient, wanted, atol=1e-6)
    assert float(gradient[target == PAD].abs().max()) == 0
    plain = functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD)
    assert float(likelihood) == pytest.approx(float(plain.detach()), rel=1e-6)
    assert not likelihood.requires_grad


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_equals_the_formula(smoothing: float) -> None:
    logits, target = case(scale=20)
    fast, slow = (
        loss(logits, target, smoothing=smoothing, ignore=PAD)
        for loss in (fast_smoothed_cross_entropy, slow_smoothed_cross_entropy)
    )
    for one, other in zip(fast, slow, strict=True):
        assert torch.allclose(one, other)
    (one,), (other,) = (torch.autograd.grad(loss[0], logits) for loss in (fast, slow))
    assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("at_once", [1, 7, 21, 50, 104, 1000])
def test_parts_of_any_size_give_the_same(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logits, target = case()
    monkeypatch.setattr(loss_module, "_AT_ONCE", at_once)
    found = fast_smoothed_cross_entropy(logits, target, smoothing=0.2, ignore=PAD)
    wanted = slow_smoothed_cross_entropy(logits, target, smoothing=0.2, ignore=PAD)
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other)
    (one,), (other,) = (torch.autograd.grad(loss[0], logits) for loss in (found, wanted))
    assert torch.allclose(one, other, atol=1e-6)


def test_the_gradient_takes_the_memory_of_the_logits() -> None:
    inputs, target = case()
    logits = inputs.clone()
    loss, _ = smoothed_cross_entropy(logits, target, smoothing=0.1, ignore=PAD)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.data_ptr() == logits.data_ptr()
    untouched = inputs.detach().clone()  # as in validation: no gradient, nothing written
    smoothed_cross_entropy(untouched, target, smoothing=0.1, ignore=PAD)
    assert torch.equal(untouched, inputs)


def test_by_hand() -> None:
    # Two pieces that count, of three: probabilities (1/2, 1/4, 1/4) with target 1, (1/3, 1/3, 1/3) with target 2.
    logits = torch.tensor([[[math.log(2), 0, 0], [5.0, 5, 5], [9, -9, 0]]])
    target = torch.tensor([[1, 2, PAD]])
    loss, likelihood = fast_smoothed_cross_entropy(logits, target, smoothing=0.3, ignore=PAD)
    assert float(likelihood) == pytest.approx((math.log(4) + math.log(3)) / 2)
    spread = (math.log(2) + math.log(4) + math.log(4)) / 3  # the mean over all pieces at the first place
    assert float(loss) == pytest.approx((0.7 * math.log(4) + 0.3 * spread + math.log(3)) / 2)


def test_bfloat16_logits_give_a_float32_loss() -> None:
    logits, target = case(torch.bfloat16)
    loss, likelihood = fast_smoothed_cross_entropy(logits, target, smoothing=0.1, ignore=PAD)
    wanted, _ = slow_smoothed_cross_entropy(logits.detach().float(), target, smoothing=0.1, ignore=PAD)
    assert loss.dtype == likelihood.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(float(wanted), rel=1e-5)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.dtype == torch.bfloat16


def test_very_large_logits_and_no_target_at_all() -> None:
    logits = torch.tensor([[[1e4, 0.0, -1e4], [3e38, 0.0, 1.0]]], requires_grad=True)
    loss, likelihood = fast_smoothed_cross_entropy(logits, torch.tensor([[1, PAD]]), smoothing=0.0, ignore=PAD)
    assert float(loss.detach()) == float(likelihood) == 1e4
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    nothing, _ = fast_smoothed_cross_entropy(logits, torch.tensor([[PAD, PAD]]), smoothing=0.1, ignore=PAD)
    assert math.isfinite(float(nothing.detach()))


def test_alignment_by_hand() -> None:
    weights = torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]], requires_grad=True)
    alignment = torch.tensor([[[1.0, 0.0], [0.0, 0.4], [0.0, 0.0]]])
    found = alignment_cross_entropy(weights, alignment, torch.tensor([[5, 6, PAD]]), ignore=PAD)
    assert float(found.detach()) == pytest.approx(-(math.log(0.5) + 0.4 * math.log(0.75)) / 2)
    (gradient,) = torch.autograd.grad(found, weights)
    assert gradient.flatten().tolist() == pytest.approx([-1.0, 0.0, 0.0, -0.4 / 0.75 / 2, 0.0, 0.0])


def test_alignment_with_a_weight_of_nothing_and_no_target_at_all() -> None:
    weights = torch.tensor([[[0.0, 1.0]]], requires_grad=True)
    for target in (torch.tensor([[5]]), torch.tensor([[PAD]])):
        found = alignment_cross_entropy(weights, torch.tensor([[[1.0, 0.0]]]), target, ignore=PAD)
        (gradient,) = torch.autograd.grad(found, weights)
        assert torch.isfinite(found)
        assert torch.isfinite(gradient).all()
