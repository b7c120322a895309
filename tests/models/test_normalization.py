"""The norms, compared with torch's."""

import torch

from seq2seq.models.layers.normalization import LayerNorm, rms_norm


def test_layer_norm_returns_the_dtype_of_autocast() -> None:
    torch.manual_seed(1)
    norm = LayerNorm(8)
    values = torch.randn(3, 5, 8, requires_grad=True)
    expected = torch.nn.functional.layer_norm(values, (8,), norm.weight, norm.bias)
    assert torch.equal(norm(values), expected)
    with torch.autocast("cpu", torch.bfloat16):
        normalized = norm(values)
    assert normalized.dtype == torch.bfloat16
    assert torch.equal(normalized, expected.bfloat16())  # computed in float32, rounded once
    (gradient,) = torch.autograd.grad(normalized.float().sin().sum(), values)
    (expected_gradient,) = torch.autograd.grad(expected.sin().sum(), values)
    assert torch.allclose(gradient, expected_gradient, atol=0.02)


def test_rms_norm_equals_torch() -> None:
    torch.manual_seed(1)
    values = torch.randn(3, 5, 8, requires_grad=True)
    weight = torch.rand(8)
    normalized = rms_norm(values, weight)
    expected = torch.nn.functional.rms_norm(values, (8,), weight, 1e-6)
    assert torch.allclose(normalized, expected, atol=1e-6)
    (gradient,) = torch.autograd.grad(normalized.sin().sum(), values)
    (expected_gradient,) = torch.autograd.grad(expected.sin().sum(), values)
    assert torch.allclose(gradient, expected_gradient, atol=1e-5)


def test_rms_norm_of_zeros_has_a_finite_gradient() -> None:
    values = torch.zeros(3, 5, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(rms_norm(values, torch.rand(8)).sum(), values)
    assert bool(torch.isfinite(gradient).all())


def test_rms_norm_of_small_values_is_accurate_in_bfloat16() -> None:
    values = torch.full((1, 8), 0.01)
    weight = torch.rand(8)
    normalized = rms_norm(values.bfloat16(), weight).float()
    assert torch.allclose(normalized, rms_norm(values, weight), rtol=0.02)
