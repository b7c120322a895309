"""Attention of a recurrent decoder: score each source position, normalize, take the weighted mean.

Legend:
    B  sentences
    N  rows (hypotheses)
    W  largest number of rows of one sentence
    S  source tokens
    T  queries of a row
    H  size of a query
    E  size of an encoder output
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seq2seq.config.model import AttentionKind
from seq2seq.models.base import Memory


@dataclass(frozen=True)
class AttentionMemory(Memory):
    """The source as the attention reads it."""

    keys: Tensor
    """(B,S,H), projected once for each sentence."""
    values: Tensor
    """(B,S,E)."""
    padding: Tensor
    """(B,1,S), 0 at tokens and -inf at padding, in the dtype of the keys."""
    summary: Tensor
    """(B,E), the last state of the encoder."""


class Attention(nn.Module):
    """Scores of Luong et al. 2015 (section 3.1: dot, general) and Bahdanau et al. 2015 (A.1.2).

    Differs from Luong: dot and general scores are divided by sqrt(H) (Vaswani et al. 2017, section
    3.2.1), because products of layer-normalized states grow with H.

    With `none`, the context is the encoder's summary at every position (Cho et al. 2014). One
    vector of fixed size then carries the whole sentence.
    """

    def __init__(self, kind: AttentionKind, query_size: int, value_size: int) -> None:
        super().__init__()
        if kind == "dot" and query_size != value_size:
            raise ValueError(
                f"Attention 'dot' needs query and value of equal size, but they have {query_size} "
                f"and {value_size} units."
            )
        self.kind = kind
        self.query_size = query_size
        if kind in ("general", "additive"):
            self.key = nn.Linear(value_size, query_size, bias=False)
        if kind == "additive":
            self.query = nn.Linear(query_size, query_size)
            self.energy = nn.Linear(query_size, 1, bias=False)

    def build_memory(self, values: Tensor, mask: Tensor, summary: Tensor) -> AttentionMemory:
        """Projects the keys, once for each sentence.

        Args:
            values: encoder outputs (B,S,E).
            mask: (B,S), true at tokens.
            summary: (B,E).
        """
        keys = self.key(values) if self.kind in ("general", "additive") else values
        on_cpu = values.device.type == "cpu"
        if on_cpu and values.dtype == torch.bfloat16 and not self.training:
            # The products of a search step are too small to gain from bfloat16 units.
            keys = keys.float()
            values = values.float()
        padding = torch.zeros_like(mask, dtype=keys.dtype)
        padding = padding.masked_fill_(~mask, float("-inf")).unsqueeze(1)  # (B,1,S)
        return AttentionMemory(keys, values, padding, summary)

    def forward(self, query: Tensor, memory: AttentionMemory) -> tuple[Tensor, Tensor | None]:
        """query (N,T,H) -> context (N,T,E), weights (N,T,S) float32 or None."""
        if self.kind == "none":
            context = memory.expand(memory.summary).unsqueeze(1)  # (N,1,E)
            return context.expand(-1, query.shape[1], -1), None
        # The rows of a sentence read the same memory, so they count as more queries.
        grouped = memory.group(query)  # (B,W,T,H)
        rows_and_queries = grouped.shape[1:3]
        scores = self._scores(grouped.flatten(1, 2), memory)  # (B,W*T,S)
        # Softmax in float32: in bfloat16 the weights would not sum to one.
        weights = torch.softmax(scores.float(), dim=-1)
        context = torch.bmm(weights.to(memory.values.dtype), memory.values)  # (B,W*T,E)
        return (
            memory.ungroup(context.unflatten(1, rows_and_queries)),
            memory.ungroup(weights.unflatten(1, rows_and_queries)),
        )

    def _scores(self, query: Tensor, memory: AttentionMemory) -> Tensor:
        """query (B,W*T,H) -> (B,W*T,S), -inf at padding."""
        if self.kind == "additive":
            # e_ts = v . tanh(W q_t + U k_s) for all pairs: (B,W*T,1,H) + (B,1,S,H).
            summed = self.query(query).unsqueeze(2) + memory.keys.unsqueeze(1)
            energy: Tensor = self.energy(torch.tanh(summed).to(query.dtype)).squeeze(-1)
            return energy + memory.padding
        # padding + q . k / sqrt(H) in one pass.
        return torch.baddbmm(
            memory.padding,
            query.to(memory.keys.dtype),
            memory.keys.transpose(1, 2),
            alpha=self.query_size**-0.5,
        )
