"""Weights laid out beforehand against the same weights as they are."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from small_models import SMALL
from torch import nn

from seq2seq.models import FAMILIES, Seq2Seq, Vocabulary, build, packing
from seq2seq.models.packing import (
    ByteProduct,
    HalfProduct,
    Layout,
    OneDnnProduct,
    PackedLinear,
    WeightFormat,
    can_pack,
    pack,
)

CPU = torch.device("cpu")
FORMATS = [
    pytest.param(
        weight_format, marks=pytest.mark.skipif(not can_pack(CPU, weight_format), reason="not packed on this CPU")
    )
    for weight_format in get_args(WeightFormat)
]
# Weights of 0.2 at most, 24 products of them: half of the last place of float16 and bfloat16 is 2^-12 and 2^-9 of a weight; of
# bytes 1/254 of the largest weight, and 1/254 of the range of the values, which is 8.
TOLERANCE: dict[WeightFormat, float] = {"float32": 1e-5, "float16": 1e-3, "bfloat16": 0.02, "int8": 0.09}


def values_format(weight_format: WeightFormat) -> torch.dtype:
    return torch.bfloat16 if weight_format == "bfloat16" else torch.float32


def test_only_what_a_cpu_multiplies_by_is_packed() -> None:
    assert not any(can_pack(torch.device("cuda"), weight_format) for weight_format in get_args(WeightFormat))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="a torch without oneDNN")
def test_float32_is_packed_on_every_cpu() -> None:
    assert can_pack(CPU, "float32")


def test_without_the_operators_nothing_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not can_pack(CPU, "bfloat16")
    assert not can_pack(CPU, "float32")
    engine = SimpleNamespace(quantized=SimpleNamespace(engine="qnnpack"))
    monkeypatch.setattr(packing.torch, "backends", engine)
    assert not can_pack(CPU, "float16")
    assert not can_pack(CPU, "int8")


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "shape", [(0, 24), (1, 24), (5, 24), (16, 24), (70, 24), (256, 24), (600, 24), (3, 7, 24), (40, 1, 24)]
)
def test_a_packed_product_is_the_product(shape: tuple[int, ...], bias: bool, weight_format: WeightFormat) -> None:
    number_format, tolerance = values_format(weight_format), TOLERANCE[weight_format]
    layer, values = nn.Linear(24, 40, bias=bias).to(number_format), torch.randn(shape).to(number_format)
    with torch.inference_mode():
        found, wanted = PackedLinear(layer, layout(weight_format))(values), layer(values)
    assert found.shape == wanted.shape
    assert torch.allclose(found.float(), wanted.float(), atol=tolerance, rtol=tolerance)


@pytest.mark.skipif(not can_pack(CPU, "int8"), reason="not packed on this CPU")
@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_products_of_bytes_are_the_products_of_what_was_rounded(shift: float) -> None:
    torch.manual_seed(0)
    engine = torch.backends.quantized.engine
    weight, bias, values = torch.randn(40, 24), torch.randn(40), torch.randn(5, 24) + shift
    weight[3] = 0
    scales = weight.abs().amax(1, keepdim=True) / 127
    steps = torch.where(scales > 0, weight / scales, 0.0).round()
    # Zero is one of the 128 values that are told apart.
    lowest, highest = float(values.min().clamp(max=0)), float(values.max().clamp(min=0))
    step = (highest - lowest) / 127
    zero = round(-lowest / step)
    rounded = ((values / step + zero).round().clamp(0, 127) - zero) * step
    wanted = rounded @ (steps * scales).T + bias
    found = ByteProduct(weight, bias)(values)
    # What lies half-way between two steps may be rounded to the other one.
    assert float((found - wanted).abs().median()) < 1e-4
    assert float((found - wanted).abs().max()) < step * float(weight.abs().max())
    assert torch.allclose(found[:, 3], bias[3].expand(5), atol=1e-6)
    assert torch.backends.quantized.engine == engine


def small(family: str, number_format: torch.dtype, **changes: Any) -> Seq2Seq[Any, Any]:
    config = FAMILIES[family][0](**{**SMALL[family], **changes})
    torch.manual_seed(1)
    return build(config, Vocabulary(source=50, target=50)).to(number_format).eval()


def layout(weight_format: WeightFormat) -> Layout:
    return {"float16": HalfProduct, "int8": ByteProduct}.get(weight_format, OneDnnProduct)


CASES = [(family, {}) for family in SMALL] + [
    ("lstm", {"clamp": {"forget": 0.5}}),
    ("lstm", {"attention": "additive"}),
]


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize(("family", "changes"), CASES, ids=str)
def test_a_packed_model_predicts_the_same(family: str, changes: dict[str, Any], weight_format: WeightFormat) -> None:
    plain, laid_out = (small(family, values_format(weight_format), **changes) for _ in range(2))
    tolerance = 5 * TOLERANCE[weight_format]
    pack(laid_out, weight_format)
    # Whatever `step` multiplies by is packed: with the plain weights gone it still works.
    assert not [name for name, module in laid_out.named_modules() if type(module) is nn.Linear]
    source = torch.randint(4, 50, (3, 6))
    with torch.inference_mode():
        states, memories = [], []
        for model in (plain, laid_out):
            memories.append(model.encode(source, source != 0))
            states.append(model.start(memories[-1]))
        for token in torch.randint(4, 50, (4, 3)):
            logits = []
            for number, model in enumerate((plain, laid_out)):
                step, states[number] = model.step(memories[number], states[number], token)
                logits.append(step.logits.float())
            assert torch.allclose(logits[0], logits[1], atol=tolerance, rtol=tolerance), (
                (logits[0] - logits[1]).abs().max()
            )

        # A shortlist with more candidates in all than the vocabulary has pieces lays out a matrix of its own.
        pieces, token = torch.randint(4, 30, (3, 20)), torch.randint(4, 50, (3,))
        (some, _), (all_, _) = (
            model.step(memories[1], states[1], token) for model in (laid_out.restricted(pieces), laid_out)
        )
        assert torch.allclose(some.logits, all_.logits.gather(1, pieces), atol=tolerance, rtol=tolerance)
