"""The norms against the library's."""

import torch

from seq2seq.models.normalisation import LayerNorm, rms_norm


def test_layer_norm_comes_in_the_format_of_the_products() -> None:
    norm, values = LayerNorm(8), torch.randn(3, 5, 8, requires_grad=True)
    wanted = torch.nn.functional.layer_norm(values, (8,), norm.weight, norm.bias)
    assert torch.equal(norm(values), wanted)
    with torch.autocast("cpu", torch.bfloat16):
        found = norm(values)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, wanted.bfloat16())  # computed in float32, rounded once
    slopes = [torch.autograd.grad(y.float().sin().sum(), values)[0] for y in (found, wanted)]
    assert torch.allclose(slopes[0], slopes[1], atol=0.02)


def test_the_root_mean_square_norm_is_the_librarys() -> None:
    values, weight = torch.randn(3, 5, 8, requires_grad=True), torch.rand(8)
    found, wanted = rms_norm(values, weight), torch.nn.functional.rms_norm(values, (8,), weight, 1e-6)
    assert torch.allclose(found, wanted, atol=1e-6)
    slopes = [torch.autograd.grad(y.sin().sum(), values)[0] for y in (found, wanted)]
    assert torch.allclose(slopes[0], slopes[1], atol=1e-5)
    assert bool(torch.isfinite(torch.autograd.grad(rms_norm(values * 0, weight).sum(), values)[0]).all())
    small = torch.full((1, 8), 0.01)
    assert torch.allclose(rms_norm(small.bfloat16(), weight).float(), rms_norm(small, weight), rtol=0.02)
