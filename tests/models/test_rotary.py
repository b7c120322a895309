"""The rotary embedding: products depend on distances, and the gradient is right.

Legend: N rows, h heads, L positions, E units of a head.
"""

import torch

from seq2seq.models.layers.rotary import RotaryEmbedding, apply_rotary

CPU = torch.device("cpu")


def test_products_depend_on_the_distance_only() -> None:
    torch.manual_seed(1)
    query = torch.randn(1, 1, 1, 8).expand(-1, -1, 6, -1)
    key = torch.randn(1, 1, 1, 8).expand(-1, -1, 6, -1)
    rotary = RotaryEmbedding.at(3, 6, 8, CPU)
    products = (apply_rotary(query, rotary) @ apply_rotary(key, rotary).transpose(2, 3))[0, 0]
    for distance in range(-5, 6):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5)
    assert float((products[0, 0] - products[0, 3]).abs()) > 0.01


def test_rotation_keeps_the_length() -> None:
    torch.manual_seed(1)
    values = torch.randn(2, 3, 6, 8)
    rotated = apply_rotary(values, RotaryEmbedding.at(3, 6, 8, CPU))
    assert torch.allclose(rotated.norm(dim=-1), values.norm(dim=-1))


def test_rotation_and_its_gradient_equal_complex_multiplication() -> None:
    torch.manual_seed(1)
    rotary = RotaryEmbedding.at(2, 5, 8, CPU)
    values = torch.randn(3, 2, 5, 8, requires_grad=True)
    rotated = apply_rotary(values, rotary)
    product = torch.complex(*values.chunk(2, -1)) * torch.complex(rotary.cos, rotary.sin)
    expected = torch.cat([product.real, product.imag], dim=-1)
    assert torch.allclose(rotated, expected, atol=1e-6)
    weight = torch.randn_like(rotated)
    (gradient,) = torch.autograd.grad((rotated * weight).sum(), values)
    (expected_gradient,) = torch.autograd.grad((expected * weight).sum(), values)
    assert torch.allclose(gradient, expected_gradient, atol=1e-6)
