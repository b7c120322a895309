"""The attention of recurrent decoders, compared with plain loops.

Legend: N rows, S source positions, T queries.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.config.model import AttentionKind
from seq2seq.models.layers.attention import Attention, AttentionMemory

KINDS: tuple[AttentionKind, ...] = ("dot", "general", "additive")


def attend(attention: Attention, query: Tensor, values: Tensor) -> tuple[Tensor, Tensor | None]:
    """Attends to `values` without padding, with their sum as summary."""
    mask = torch.ones(values.shape[:2], dtype=torch.bool)
    context, weights = attention(query, attention.build_memory(values, mask, values.sum(1)))
    return context, weights


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_equal_keys_give_the_mean_of_the_unmasked_values(kind: AttentionKind) -> None:
    torch.manual_seed(0)
    attention = Attention(kind, 4, 4)
    query = torch.randn(1, 2, 4)
    mask = torch.tensor([[True, True, False, True, False]])
    memory = attention.build_memory(torch.ones(1, 5, 4), mask, torch.zeros(1, 4))
    values = torch.arange(20.0).view(1, 5, 4)
    memory = AttentionMemory(memory.keys, values, memory.padding, memory.summary)
    context, weights = attention(query, memory)
    assert weights is not None
    expected_weights = torch.tensor([1, 1, 0, 1, 0]) / 3
    assert torch.allclose(weights, expected_weights.expand(1, 2, 5))
    mean = values[:, [0, 1, 3]].mean(1, keepdim=True)
    assert torch.allclose(context, mean.expand(1, 2, 4))


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_context_follow_the_formulas(kind: AttentionKind) -> None:
    torch.manual_seed(1)
    value_size = 4 if kind == "dot" else 6
    attention = Attention(kind, 4, value_size)
    query = torch.randn(2, 3, 4)
    values = torch.randn(2, 5, value_size)
    context, weights = attend(attention, query, values)
    assert weights is not None
    for n in range(2):
        for t in range(3):
            scores = [score(attention, query[n, t], values[n, s]) for s in range(5)]
            total = sum(math.exp(value) for value in scores)
            expected = [math.exp(value) / total for value in scores]
            assert weights[n, t].tolist() == pytest.approx(expected, abs=1e-6)
            mean = torch.zeros(value_size)
            for s, weight in enumerate(expected):
                mean = mean + weight * values[n, s]
            assert torch.allclose(context[n, t], mean, atol=1e-6)


def score(attention: Attention, query: Tensor, value: Tensor) -> float:
    """The formulas of Luong et al. 2015 and Bahdanau et al. 2015 for one query and one value."""
    if attention.kind == "dot":
        return dot(query.tolist(), value.tolist()) / math.sqrt(4)
    key = [dot(row, value.tolist()) for row in attention.key.weight.tolist()]
    if attention.kind == "general":
        return dot(query.tolist(), key) / math.sqrt(4)
    projected = (attention.query.weight @ query + attention.query.bias).tolist()
    hidden = [math.tanh(q + k) for q, k in zip(projected, key, strict=True)]
    return dot(attention.energy.weight[0].tolist(), hidden)


def dot(left: list[float], right: list[float]) -> float:
    return sum(x * y for x, y in zip(left, right, strict=True))


def test_kind_none_gives_the_summary_at_every_position() -> None:
    values = torch.randn(2, 5, 4)
    context, weights = attend(Attention("none", 4, 4), torch.randn(2, 3, 4), values)
    assert weights is None
    assert torch.equal(context, values.sum(1, keepdim=True).expand(2, 3, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_float32_and_sum_to_one_under_autocast(kind: AttentionKind) -> None:
    torch.manual_seed(2)
    attention = Attention(kind, 64, 64)
    values = torch.randn(2, 50, 64)
    with torch.autocast("cpu", torch.bfloat16):
        context, weights = attend(attention, torch.randn(2, 3, 64) * 3, values)
    assert weights is not None
    assert weights.dtype == torch.float32
    assert torch.allclose(weights.sum(-1), torch.ones(2, 3), atol=1e-5)
    assert context.shape == (2, 3, 64)


def test_dot_needs_equal_sizes() -> None:
    kind: Any = "dot"
    with pytest.raises(ValueError, match="equal size, but they have 4 and 6 units"):
        Attention(kind, 4, 6)
