"""The output projection of a model that is limited to candidates (a shortlist).

Legend:
    B  sentences
    N  rows (hypotheses)
    W  largest number of rows of one sentence
    D  size of the values
    V  vocabulary
    C  candidates of one sentence
    U  candidates of all sentences together
"""

from functools import partial
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from seq2seq.models.base import Memory
from seq2seq.models.layers.prepack import Prepack, PrepackedProduct


class CandidateProjection(Protocol):
    """Projects to the candidates of each sentence."""

    def project(self, values: Tensor, memory: Memory) -> Tensor:
        """values (N,D) -> logits (N,C). `memory` assigns the rows to sentences."""


class SeparateCandidates:
    """Each sentence has its own rows of the output matrix: a batch of B small products."""

    def __init__(self, weight: Tensor, bias: Tensor, candidates: Tensor) -> None:
        """weight (V,D), bias (V), candidates (B,C) int64."""
        # `weight[candidates]` takes three times as long.
        self.weight = functional.embedding(candidates, weight)  # (B,C,D)
        self.bias = bias[candidates].unsqueeze(1)  # (B,1,C)

    def project(self, values: Tensor, memory: Memory) -> Tensor:
        """values (N,D) or (N,1,D) -> (N,C) or (N,1,C)."""
        grouped = memory.group(values.flatten(0, -2))  # (B,W,D)
        logits = torch.baddbmm(self.bias, grouped, self.weight.transpose(1, 2))  # (B,W,C)
        return memory.ungroup(logits).view(*values.shape[:-1], -1)


class SharedCandidates:
    """One product with the candidates of all sentences. Each row then picks its own."""

    def __init__(
        self, weight: Tensor, bias: Tensor, candidates: Tensor, make_product: Prepack | None
    ) -> None:
        """weight (V,D), bias (V), candidates (B,C) int64."""
        is_candidate = torch.zeros(len(weight), dtype=torch.bool, device=candidates.device)
        is_candidate[candidates.flatten()] = True
        self.columns = (is_candidate.cumsum(0) - 1)[candidates]  # (B,C), numbers below U
        self.product = _product(weight[is_candidate], bias[is_candidate], make_product)

    def project(self, values: Tensor, memory: Memory) -> Tensor:
        """values (N,D) or (N,1,D) -> (N,C) or (N,1,C)."""
        logits = self.product(values)  # (...,U)
        columns = memory.expand(self.columns)  # (N,C)
        return logits.gather(-1, columns.view(*values.shape[:-1], -1))


def _product(weight: Tensor, bias: Tensor, make_product: Prepack | None) -> PrepackedProduct:
    if make_product is None:
        return partial(functional.linear, weight=weight, bias=bias)
    return make_product(weight, bias)
