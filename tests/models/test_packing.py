"""Weights laid out beforehand against the same weights as they are."""

from typing import Any

import pytest
import torch
from small_models import SMALL
from torch import nn

from seq2seq.models import FAMILIES, Seq2Seq, Vocabulary, build
from seq2seq.models.packing import PackedLinear, affine, can_pack, pack, packed

CPU = torch.device("cpu")
FORMATS = [
    pytest.param(
        number_format, marks=pytest.mark.skipif(not can_pack(CPU, number_format), reason="not packed on this CPU")
    )
    for number_format in (torch.float32, torch.bfloat16)
]
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 0.02}


def test_only_what_a_cpu_multiplies_by_is_packed() -> None:
    assert not can_pack(torch.device("cuda"), torch.float32)
    assert not can_pack(torch.device("cuda"), torch.bfloat16)
    assert not can_pack(CPU, torch.float64)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="a torch without oneDNN")
def test_float32_is_packed_on_every_cpu() -> None:
    assert can_pack(CPU, torch.float32)


def test_without_the_operators_nothing_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not can_pack(CPU, torch.bfloat16)
    assert not can_pack(CPU, torch.float32)


def test_plain_weights_stay_a_plain_product() -> None:
    layer, values = nn.Linear(5, 3), torch.randn(2, 4, 5)
    assert torch.equal(affine(values, layer.weight, layer.bias), layer(values))


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "shape", [(0, 24), (1, 24), (5, 24), (16, 24), (70, 24), (256, 24), (600, 24), (3, 7, 24), (40, 1, 24)]
)
def test_a_packed_product_is_the_product(shape: tuple[int, ...], bias: bool, number_format: torch.dtype) -> None:
    layer, values = nn.Linear(24, 40, bias=bias).to(number_format), torch.randn(shape).to(number_format)
    tolerance = TOLERANCE[number_format]
    with torch.inference_mode():
        found, wanted = PackedLinear(layer)(values), layer(values)
    assert found.shape == wanted.shape
    assert torch.allclose(found.float(), wanted.float(), atol=tolerance, rtol=tolerance)
    assert packed(layer.weight).is_mkldnn


def small(family: str, number_format: torch.dtype, **changes: Any) -> Seq2Seq[Any, Any]:
    config = FAMILIES[family][0](**{**SMALL[family], **changes})
    torch.manual_seed(1)
    return build(config, Vocabulary(source=50, target=50)).to(number_format).eval()


CASES = [(family, {}) for family in SMALL] + [
    ("lstm", {"clamp": {"forget": 0.5}}),
    ("lstm", {"attention": "additive"}),
]


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize(("family", "changes"), CASES, ids=str)
def test_a_packed_model_predicts_the_same(family: str, changes: dict[str, Any], number_format: torch.dtype) -> None:
    plain, laid_out = (small(family, number_format, **changes) for _ in range(2))
    tolerance = 5 * TOLERANCE[number_format]
    pack(laid_out)
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
