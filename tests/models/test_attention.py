"""Attention by hand: means, masks, and the three formulas against plain loops."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.models.attention import Attention, AttentionKind

KINDS: tuple[AttentionKind, ...] = ("dot", "general", "additive")


def attend(
    attention: Attention, query: Tensor, values: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    mask = torch.ones(values.shape[:2], dtype=torch.bool) if mask is None else mask
    context, weights = attention(query, attention.remember(values, mask, values.sum(1)))
    return context, weights


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_equal_keys_give_the_mean_of_what_the_mask_leaves(kind: AttentionKind) -> None:
    torch.manual_seed(0)
    attention, query = Attention(kind, 4, 4), torch.randn(1, 2, 4)
    memory = attention.remember(
        torch.ones(1, 5, 4), torch.tensor([[True, True, False, True, False]]), torch.zeros(1, 4)
    )
    values = torch.arange(20.0).view(1, 5, 4)
    context, weights = attention(query, type(memory)(memory.keys, values, memory.padding, memory.summary))
    assert weights is not None
    third = torch.tensor([1, 1, 0, 1, 0]) / 3
    assert torch.allclose(weights, third.expand(1, 2, 5))
    assert torch.allclose(context, values[:, [0, 1, 3]].mean(1, keepdim=True).expand(1, 2, 4))


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_formulas(kind: AttentionKind) -> None:
    torch.manual_seed(1)
    attention = Attention(kind, 4, 4 if kind == "dot" else 6)
    query, values = torch.randn(2, 3, 4), torch.randn(2, 5, 4 if kind == "dot" else 6)
    context, weights = attend(attention, query, values)
    assert weights is not None
    for n in range(2):
        for t in range(3):
            scores = [score(attention, query[n, t], values[n, s]) for s in range(5)]
            total = sum(math.exp(value) for value in scores)
            wanted = [math.exp(value) / total for value in scores]
            assert weights[n, t].tolist() == pytest.approx(wanted, abs=1e-6)
            mean = sum((weight * values[n, s] for s, weight in enumerate(wanted)), torch.zeros(values.shape[2]))
            assert torch.allclose(context[n, t], mean, atol=1e-6)


def score(attention: Attention, query: Tensor, value: Tensor) -> float:
    if attention.kind == "dot":
        return sum(q * v for q, v in zip(query.tolist(), value.tolist(), strict=True)) / math.sqrt(4)
    projected = [sum(w * v for w, v in zip(row, value.tolist(), strict=True)) for row in attention.key.weight.tolist()]
    if attention.kind == "general":
        return sum(q * k for q, k in zip(query.tolist(), projected, strict=True)) / math.sqrt(4)
    asked = (attention.query.weight @ query + attention.query.bias).tolist()
    hidden = [math.tanh(q + k) for q, k in zip(asked, projected, strict=True)]
    return sum(e * h for e, h in zip(attention.energy.weight[0].tolist(), hidden, strict=True))


def test_none_gives_the_summary_at_every_place() -> None:
    values = torch.randn(2, 5, 4)
    context, weights = attend(Attention("none", 4, 4), torch.randn(2, 3, 4), values)
    assert weights is None
    assert torch.equal(context, values.sum(1, keepdim=True).expand(2, 3, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_float32_and_sum_to_one_in_bfloat16(kind: AttentionKind) -> None:
    torch.manual_seed(2)
    attention, values = Attention(kind, 64, 64), torch.randn(2, 50, 64)
    with torch.autocast("cpu", torch.bfloat16):
        context, weights = attend(attention, torch.randn(2, 3, 64) * 3, values)
    assert weights is not None
    assert weights.dtype == torch.float32
    assert torch.allclose(weights.sum(-1), torch.ones(2, 3), atol=1e-5)
    assert context.shape == (2, 3, 64)


def test_dot_needs_equal_sizes() -> None:
    kind: Any = "dot"
    with pytest.raises(ValueError, match="equal sizes"):
        Attention(kind, 4, 6)
