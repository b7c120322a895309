"""Quantized weights: how large they are, and what is lost."""

import pytest
import torch
from torch import Tensor

from seq2seq.models.quantization import NumberFormat, dequantize, quantize


def example_weights() -> dict[str, Tensor]:
    """A matrix whose rows have very different ranges (the last row is zero), and a vector."""
    random = torch.Generator().manual_seed(5)
    ranges = torch.tensor([1e-6, 0.1, 1, 10, 1e4, 0]).unsqueeze(1)
    return {
        "matrix": torch.randn(6, 40, generator=random) * ranges,
        "vector": torch.randn(40, generator=random),
    }


def test_int8_error_is_at_most_half_a_step_of_the_row() -> None:
    weights = example_weights()
    restored = dequantize(quantize(weights, "int8"))
    steps = weights["matrix"].abs().amax(dim=1, keepdim=True) / 127
    errors = (restored["matrix"] - weights["matrix"]).abs()
    assert bool((errors <= steps * 0.501).all())


def test_int8_keeps_the_largest_weight_of_each_row_and_zero_rows() -> None:
    matrix = example_weights()["matrix"]
    restored = dequantize(quantize({"matrix": matrix}, "int8"))["matrix"]
    largest = matrix.abs().argmax(dim=1, keepdim=True)
    assert torch.allclose(restored.gather(1, largest), matrix.gather(1, largest))
    assert not restored[5].any()


def test_int8_stores_matrices_as_bytes_and_keeps_vectors() -> None:
    weights = example_weights()
    quantized = quantize(weights, "int8")
    assert quantized["matrix"].dtype == torch.int8
    restored = dequantize(quantized)
    assert list(restored) == list(weights)
    assert torch.equal(restored["vector"], weights["vector"])


@pytest.mark.parametrize(
    ("number_format", "share"), [("float32", 1.0), ("bfloat16", 0.5), ("int8", 0.27)]
)
def test_size_of_each_format(number_format: NumberFormat, share: float) -> None:
    weights = {"matrix": torch.randn(100, 300)}
    quantized = quantize(weights, number_format)
    size = sum(tensor.numel() * tensor.element_size() for tensor in quantized.values())
    assert size <= share * 4 * 100 * 300
    restored = dequantize(quantized)["matrix"].float()
    assert torch.allclose(restored, weights["matrix"], atol=0.03)


def test_dequantize_leaves_other_weights_alone() -> None:
    weights = example_weights()
    restored = dequantize(weights)
    assert all(restored[name] is weights[name] for name in weights)


def test_quantizing_twice_changes_nothing_more() -> None:
    once = dequantize(quantize(example_weights(), "int8"))
    twice = dequantize(quantize(once, "int8"))
    assert torch.allclose(twice["matrix"], once["matrix"])
