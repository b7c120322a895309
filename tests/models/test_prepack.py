"""Products with prepacked weights, compared with plain products.

Legend: I inputs, O outputs.
"""

from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from tiny_models import TINY
from torch import Tensor, nn

from seq2seq.config.model import FAMILY_CONFIGS
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.models.layers.prepack import (
    Fp16Linear,
    Int8Linear,
    OneDnnLinear,
    Prepack,
    PrepackedLinear,
    WeightFormat,
    can_prepack,
    prepack,
)

CPU = torch.device("cpu")
ALL_FORMATS: tuple[WeightFormat, ...] = get_args(WeightFormat)
FORMATS = [
    pytest.param(
        weight_format,
        marks=pytest.mark.skipif(
            not can_prepack(CPU, weight_format), reason="this CPU cannot prepack the format"
        ),
    )
    for weight_format in ALL_FORMATS
]
PRODUCTS: dict[WeightFormat, Prepack] = {
    "float32": OneDnnLinear,
    "bfloat16": OneDnnLinear,
    "float16": Fp16Linear,
    "int8": Int8Linear,
}

# The tests sum 24 products with weights of at most 0.2. Rounding changes a weight by at most 2^-12
# of it in float16, by 2^-9 of it in bfloat16, and by 1/254 of the largest weight in int8. int8 also
# rounds the values, by 1/254 of their range of 8.
TOLERANCE: dict[WeightFormat, float] = {
    "float32": 1e-5,
    "float16": 1e-3,
    "bfloat16": 0.02,
    "int8": 0.09,
}


def values_dtype(weight_format: WeightFormat) -> torch.dtype:
    return torch.bfloat16 if weight_format == "bfloat16" else torch.float32


# -- When prepacking is possible -------------------------------------------------------------------


def test_only_cpus_can_prepack() -> None:
    for weight_format in ALL_FORMATS:
        assert not can_prepack(torch.device("cuda"), weight_format)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="a torch without oneDNN")
def test_every_cpu_with_onednn_can_prepack_float32() -> None:
    assert can_prepack(CPU, "float32")


def test_without_onednn_floats_are_not_prepacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not can_prepack(CPU, "bfloat16")
    assert not can_prepack(CPU, "float32")


def test_other_engines_do_not_prepack_quantized_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    backends = SimpleNamespace(quantized=SimpleNamespace(engine="qnnpack"))
    monkeypatch.setattr(torch, "backends", backends)
    assert not can_prepack(CPU, "float16")
    assert not can_prepack(CPU, "int8")


# -- Products --------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "shape",
    [
        (0, 24),
        (1, 24),
        (5, 24),
        (16, 24),
        (70, 24),
        (256, 24),
        (600, 24),
        (3, 7, 24),
        (40, 1, 24),
    ],
)
def test_prepacked_linear_equals_linear(
    shape: tuple[int, ...], bias: bool, weight_format: WeightFormat
) -> None:
    torch.manual_seed(1)
    dtype = values_dtype(weight_format)
    tolerance = TOLERANCE[weight_format]
    layer = nn.Linear(24, 40, bias=bias).to(dtype)
    values = torch.randn(shape).to(dtype)
    with torch.inference_mode():
        product = PrepackedLinear(layer, PRODUCTS[weight_format])(values)
        expected = layer(values)
    assert product.shape == expected.shape
    assert torch.allclose(product.float(), expected.float(), atol=tolerance, rtol=tolerance)


def rounded_product(weight: Tensor, bias: Tensor, values: Tensor) -> tuple[Tensor, float]:
    """The product of rounded values and weights in floats, and the step of the values."""
    scales = weight.abs().amax(1, keepdim=True) / 127
    integers = torch.where(scales > 0, weight / scales, 0.0).round()
    # Zero is one of the 128 steps.
    lowest = float(values.min().clamp(max=0))
    highest = float(values.max().clamp(min=0))
    step = (highest - lowest) / 127
    zero_point = round(-lowest / step)
    rounded = ((values / step + zero_point).round().clamp(0, 127) - zero_point) * step
    return rounded @ (integers * scales).T + bias, step


@pytest.mark.skipif(not can_prepack(CPU, "int8"), reason="this CPU cannot prepack int8")
@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_int8_product_equals_the_product_of_rounded_numbers(shift: float) -> None:
    torch.manual_seed(0)
    weight = torch.randn(40, 24)
    weight[3] = 0
    bias = torch.randn(40)
    values = torch.randn(5, 24) + shift
    expected, step = rounded_product(weight, bias, values)
    product = Int8Linear(weight, bias)(values)
    # A value half-way between two steps may be rounded to the other one.
    assert float((product - expected).abs().median()) < 1e-4
    assert float((product - expected).abs().max()) < step * float(weight.abs().max())
    assert torch.allclose(product[:, 3], bias[3].expand(5), atol=1e-6)


@pytest.mark.skipif(not can_prepack(CPU, "int8"), reason="this CPU cannot prepack int8")
def test_int8_prepacking_restores_the_quantization_engine() -> None:
    engine = torch.backends.quantized.engine
    Int8Linear(torch.randn(4, 3), None)
    assert torch.backends.quantized.engine == engine


# -- Models ----------------------------------------------------------------------------------------


def tiny_model(family: str, dtype: torch.dtype, changes: dict[str, Any]) -> Seq2Seq:
    torch.manual_seed(1)
    config = FAMILY_CONFIGS[family](**{**TINY[family], **changes})
    return build(config, VocabularySizes(source=50, target=50)).to(dtype).eval()


MODELS: list[tuple[str, dict[str, Any]]] = [
    *((family, {}) for family in TINY),
    ("lstm", {"attention": "additive"}),
]


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize(("family", "changes"), MODELS, ids=str)
def test_prepacked_model_gives_the_same_logits(
    family: str, changes: dict[str, Any], weight_format: WeightFormat
) -> None:
    tolerance = 5 * TOLERANCE[weight_format]
    plain = tiny_model(family, values_dtype(weight_format), changes)
    prepacked = tiny_model(family, values_dtype(weight_format), changes)
    prepack(prepacked, weight_format)
    assert not [name for name, module in prepacked.named_modules() if type(module) is nn.Linear]
    source = torch.randint(4, 50, (3, 6))
    with torch.inference_mode():
        memory = plain.encode(source, source != 0)
        state = plain.start(memory)
        prepacked_memory = prepacked.encode(source, source != 0)
        prepacked_state = prepacked.start(prepacked_memory)
        for token in torch.randint(4, 50, (4, 3)):
            step, state = plain.step(memory, state, token)
            prepacked_step, prepacked_state = prepacked.step(
                prepacked_memory, prepacked_state, token
            )
            logits = step.logits.float()
            prepacked_logits = prepacked_step.logits.float()
            difference = float((prepacked_logits - logits).abs().max())
            assert torch.allclose(prepacked_logits, logits, atol=tolerance, rtol=tolerance), (
                difference
            )


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("family", TINY)
@pytest.mark.parametrize("count", [5, 20], ids=["few-candidates", "many-candidates"])
def test_candidates_of_a_prepacked_model_get_the_same_logits(
    family: str, weight_format: WeightFormat, count: int
) -> None:
    """Many candidates exceed the vocabulary in total. Their rows are then prepacked again."""
    tolerance = 5 * TOLERANCE[weight_format]
    model = tiny_model(family, values_dtype(weight_format), {})
    prepack(model, weight_format)
    source = torch.randint(4, 50, (3, 6))
    candidates = torch.randint(4, 30, (3, count))
    token = torch.randint(4, 50, (3,))
    with torch.inference_mode():
        memory = model.encode(source, source != 0)
        state = model.start(memory)
        full, _ = model.step(memory, state, token)
        limited, _ = model.with_candidates(candidates).step(memory, state, token)
    expected = full.logits.gather(1, candidates)
    assert torch.allclose(limited.logits, expected, atol=tolerance, rtol=tolerance)
