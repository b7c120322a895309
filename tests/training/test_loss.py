"""The losses against torch's own, against the formula, and by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seq2seq.training.loss import alignment_cross_entropy, smoothed_cross_entropy

PAD = 0


def reference_loss(logits: Tensor, target: Tensor, *, smoothing: float) -> tuple[Tensor, Tensor]:
    """Computes the loss by its formula, and leaves the gradient to autograd."""
    counted = target.flatten() != PAD
    log_probs = functional.log_softmax(logits.flatten(0, 1)[counted].float(), dim=-1)
    likelihood = -log_probs.gather(1, target.flatten()[counted].unsqueeze(1)).mean()
    return (1 - smoothing) * likelihood - smoothing * log_probs.mean(), likelihood.detach()


def loss_on_copy(logits: Tensor, target: Tensor, *, smoothing: float) -> tuple[Tensor, Tensor]:
    """Calls the tested function on a copy of the logits, because it overwrites them."""
    return smoothed_cross_entropy(logits.clone(), target, smoothing=smoothing, ignore=PAD)


def random_case(dtype: torch.dtype = torch.float32, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    """Returns logits (3,5,7) that need a gradient, and target (3,5) with padding."""
    generator = torch.Generator().manual_seed(2)
    logits = (torch.randn(3, 5, 7, generator=generator) * scale).to(dtype).requires_grad_()
    target = torch.randint(1, 7, (3, 5), generator=generator)
    target[0, 3:] = PAD
    target[2, 1:] = PAD
    return logits, target


def gradient_of(loss: Tensor, logits: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, logits)
    return gradient


def assert_equals_reference(logits: Tensor, target: Tensor, smoothing: float) -> None:
    loss, likelihood = loss_on_copy(logits, target, smoothing=smoothing)
    expected_loss, expected_likelihood = reference_loss(logits, target, smoothing=smoothing)
    assert torch.allclose(loss, expected_loss)
    assert torch.allclose(likelihood, expected_likelihood)
    gradient = gradient_of(loss, logits)
    assert torch.allclose(gradient, gradient_of(expected_loss, logits), atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_loss_equals_torch(smoothing: float) -> None:
    logits, target = random_case()
    loss, _ = loss_on_copy(logits, target, smoothing=smoothing)
    expected = functional.cross_entropy(
        logits.flatten(0, 1), target.flatten(), label_smoothing=smoothing, ignore_index=PAD
    )
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    gradient = gradient_of(loss * 2.5, logits)
    assert torch.allclose(gradient, gradient_of(expected * 2.5, logits), atol=1e-6)
    assert float(gradient[target == PAD].abs().max()) == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_likelihood_is_not_smoothed(smoothing: float) -> None:
    logits, target = random_case()
    _, likelihood = loss_on_copy(logits, target, smoothing=smoothing)
    expected = functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD)
    assert float(likelihood) == pytest.approx(float(expected.detach()), rel=1e-6)
    assert not likelihood.requires_grad


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_equals_the_formula(smoothing: float) -> None:
    logits, target = random_case(scale=20)
    assert_equals_reference(logits, target, smoothing)


@pytest.mark.parametrize("chunk_elements", [1, 7, 21, 50, 104, 1000])
def test_the_size_of_chunks_does_not_matter(
    chunk_elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seq2seq.training.loss._CHUNK_ELEMENTS", chunk_elements)
    logits, target = random_case()
    assert_equals_reference(logits, target, smoothing=0.2)


def test_the_gradient_overwrites_the_logits() -> None:
    inputs, target = random_case()
    logits = inputs.clone()
    loss, _ = smoothed_cross_entropy(logits, target, smoothing=0.1, ignore=PAD)
    assert gradient_of(loss, logits).data_ptr() == logits.data_ptr()


def test_logits_that_need_no_gradient_are_left_alone() -> None:
    inputs, target = random_case()
    logits = inputs.detach().clone()
    smoothed_cross_entropy(logits, target, smoothing=0.1, ignore=PAD)
    assert torch.equal(logits, inputs)


def test_loss_by_hand() -> None:
    # Two tokens count, of three: probabilities (1/2, 1/4, 1/4) with target 1, and (1/3, 1/3, 1/3)
    # with target 2.
    logits = torch.tensor([[[math.log(2), 0, 0], [5.0, 5, 5], [9, -9, 0]]])
    loss, likelihood = loss_on_copy(logits, torch.tensor([[1, 2, PAD]]), smoothing=0.3)
    assert float(likelihood) == pytest.approx((math.log(4) + math.log(3)) / 2)
    mean_over_vocabulary = (math.log(2) + math.log(4) + math.log(4)) / 3
    first = 0.7 * math.log(4) + 0.3 * mean_over_vocabulary
    assert float(loss) == pytest.approx((first + math.log(3)) / 2)


def test_bfloat16_logits_give_a_float32_loss() -> None:
    logits, target = random_case(torch.bfloat16)
    loss, likelihood = loss_on_copy(logits, target, smoothing=0.1)
    expected, _ = reference_loss(logits.detach().float(), target, smoothing=0.1)
    assert loss.dtype == likelihood.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-5)
    assert gradient_of(loss, logits).dtype == torch.bfloat16


def test_very_large_logits_give_a_finite_gradient() -> None:
    logits = torch.tensor([[[1e4, 0.0, -1e4], [3e38, 0.0, 1.0]]], requires_grad=True)
    loss, likelihood = loss_on_copy(logits, torch.tensor([[1, PAD]]), smoothing=0.0)
    assert float(loss.detach()) == float(likelihood) == 1e4
    assert torch.isfinite(gradient_of(loss, logits)).all()


def test_a_batch_of_padding_has_a_finite_loss() -> None:
    loss, _ = loss_on_copy(torch.ones(1, 2, 3), torch.tensor([[PAD, PAD]]), smoothing=0.1)
    assert math.isfinite(float(loss))


def test_alignment_loss_by_hand() -> None:
    weights = torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]], requires_grad=True)
    alignment = torch.tensor([[[1.0, 0.0], [0.0, 0.4], [0.0, 0.0]]])
    loss = alignment_cross_entropy(weights, alignment, torch.tensor([[5, 6, PAD]]), ignore=PAD)
    assert float(loss.detach()) == pytest.approx(-(math.log(0.5) + 0.4 * math.log(0.75)) / 2)
    expected = [-1.0, 0.0, 0.0, -0.4 / 0.75 / 2, 0.0, 0.0]
    assert gradient_of(loss, weights).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("target", [5, PAD])
def test_alignment_loss_is_finite_for_a_weight_of_zero(target: int) -> None:
    weights = torch.tensor([[[0.0, 1.0]]], requires_grad=True)
    alignment = torch.tensor([[[1.0, 0.0]]])
    loss = alignment_cross_entropy(weights, alignment, torch.tensor([[target]]), ignore=PAD)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient_of(loss, weights)).all()
