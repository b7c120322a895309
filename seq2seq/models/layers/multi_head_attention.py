"""Multi-head attention of the Transformer and of Mamba's decoder.

Legend:
    B  sentences
    N  rows (hypotheses, or sentences)
    W  largest number of rows of one sentence
    T  queries of a row
    L  positions that the queries attend to (S if these are source tokens)
    D  size of queries and outputs
    h  heads of E = D / h units
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.base import Memory
from seq2seq.models.layers.dropout import drop
from seq2seq.models.layers.linear import dense
from seq2seq.models.layers.rotary import RotaryEmbedding, apply_rotary


@dataclass(frozen=True)
class LayerMemory(Memory):
    """The source as one decoder layer reads it."""

    keys: Tensor
    """(B,h,S,E)."""
    values: Tensor
    """(B,h,S,E)."""
    mask: Tensor
    """(B,1,1,S), true at tokens."""


@dataclass(frozen=True)
class LayeredMemory(Memory):
    """The source as all decoder layers read it: keys and values are projected once."""

    keys: tuple[Tensor, ...]
    """(B,h,S,E) for each decoder layer."""
    values: tuple[Tensor, ...]
    """(B,h,S,E) for each decoder layer."""
    mask: Tensor
    """(B,S), true at tokens."""

    @classmethod
    def of(
        cls, outputs: Tensor, mask: Tensor, cross_attentions: Iterable["MultiHeadAttention"]
    ) -> Self:
        """Projects encoder outputs (B,S,D) for the cross-attention of each decoder layer."""
        all_keys: list[Tensor] = []
        all_values: list[Tensor] = []
        for attention in cross_attentions:
            keys, values = attention.project(outputs)
            all_keys.append(keys)
            all_values.append(values)
        return cls(tuple(all_keys), tuple(all_values), mask)

    @property
    def layers(self) -> list[LayerMemory]:
        """The memory of each decoder layer."""
        mask = self.mask[:, None, None, :]  # (B,1,1,S)
        return [
            LayerMemory(keys, values, mask, layout=self.layout)
            for keys, values in zip(self.keys, self.values, strict=True)
        ]


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(E)) V in h heads (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.q_proj = dense(size, size)
        self.k_proj = dense(size, size)
        self.v_proj = dense(size, size)
        self.out_proj = dense(size, size)

    def project(
        self, values: Tensor, rotary: RotaryEmbedding | None = None
    ) -> tuple[Tensor, Tensor]:
        """values (N,L,D) -> keys and values (N,h,L,E). Rotates the keys if `rotary` is given."""
        keys = self._split_heads(self.k_proj(values))
        if rotary is not None:
            keys = apply_rotary(keys, rotary)
        return keys, self._split_heads(self.v_proj(values))

    def forward(
        self,
        inputs: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        rotary: RotaryEmbedding,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """Attends without returning weights.

        Args:
            inputs: (N,T,D), projected to the queries.
            keys: (N,h,L,E), already rotated.
            values: (N,h,L,E).
            rotary: the rotary embedding of the T positions of the queries.
            mask: (N,1,1,L), true at positions that may be seen.
            causal: whether query t sees positions 0 to t only.

        Returns:
            (N,T,D).
        """
        context = functional.scaled_dot_product_attention(
            apply_rotary(self._split_heads(self.q_proj(inputs)), rotary),
            keys,
            values,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
        )
        return self._join_heads(context)

    def forward_with_weights(self, inputs: Tensor, memory: LayerMemory) -> tuple[Tensor, Tensor]:
        """Attends to the source.

        The formula is written out, because the fused operator does not return the weights.

        Args:
            inputs: (N,T,D), projected to the queries.
            memory: B sentences. The layout of the memory assigns the N rows to them.

        Returns:
            (N,T,D), and the weights (N,T,S), averaged over the heads.
        """
        # The rows of a sentence read the same memory, so they count as more queries.
        grouped = memory.group(self.q_proj(inputs))  # (B,W,T,D)
        rows_and_queries = grouped.shape[1:3]
        query = self._split_heads(grouped.flatten(1, 2))  # (B,h,W*T,E)
        scores = torch.matmul(query, memory.keys.transpose(2, 3)).float() * query.shape[-1] ** -0.5
        masked = scores.masked_fill(~memory.mask, float("-inf"))
        weights = torch.softmax(masked, dim=-1)  # (B,h,W*T,S)
        dropped = drop(weights, self.dropout, self.training).to(memory.values.dtype)
        outputs = self._join_heads(torch.matmul(dropped, memory.values))  # (B,W*T,D)
        return (
            memory.ungroup(outputs.unflatten(1, rows_and_queries)),
            memory.ungroup(weights.mean(1).unflatten(1, rows_and_queries)),
        )

    def _split_heads(self, values: Tensor) -> Tensor:
        """(N,L,D) -> (N,h,L,E)."""
        return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _join_heads(self, context: Tensor) -> Tensor:
        """(N,h,T,E) -> (N,T,D), through the output projection."""
        outputs: Tensor = self.out_proj(context.transpose(1, 2).flatten(2))
        return outputs
