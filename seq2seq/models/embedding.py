"""Pieces to vectors and vectors to pieces.

Legend: B sentences, N rows, T pieces, D embedding size, V vocabulary, C candidates.
"""

import copy
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.base import Memory, MemoryT, Seq2Seq, StateT, Vocabulary
from seq2seq.models.dropout import apply_mask, locked_mask
from seq2seq.models.packing import Layout, Packable, Product

Tying = Literal["none", "target", "all"]


class PieceConfig(Protocol):
    """What every family's config says of its pieces."""

    @property
    def dropout(self) -> float: ...
    @property
    def word_dropout(self) -> float: ...
    @property
    def tie_embeddings(self) -> Tying: ...


class PieceEmbedding(nn.Module):
    """Embeddings of unit variance with dropout of whole pieces and of locked units."""

    def __init__(self, vocabulary: int, size: int, *, dropout: float, word_dropout: float) -> None:
        super().__init__()
        self.size, self.dropout, self.word_dropout = size, dropout, word_dropout
        self.weight = nn.Parameter(torch.randn(vocabulary, size) * size**-0.5)

    def forward(self, pieces: Tensor) -> Tensor:
        """pieces (B,T) -> (B,T,D)."""
        # The matrix is tied to the output, where rows of length 1 suit; as an input it is scaled to unit variance.
        embedded = functional.embedding(pieces, self.weight) * self.size**0.5
        if self.training and self.word_dropout:
            keep = 1 - self.word_dropout
            embedded = embedded * torch.empty_like(embedded[..., :1]).bernoulli_(keep)
        return apply_mask(embedded, locked_mask(pieces, self.size, self.dropout, self.training))


class PieceModel(Seq2Seq[MemoryT, StateT], Packable):
    """A family that embeds pieces and predicts them by a projection; the matrices are shared as its config says."""

    _layout: Layout | None = None
    _product: Product | None = None
    """values (...,D) -> logits, where the output matrix has been laid out, or reduced to what any sentence may say."""
    _places: Tensor | None = None
    """Where `restricted` to many in all: the places (B,C) of each sentence's candidates among those logits."""
    _only: tuple[Tensor, Tensor] | None = None
    """Where `restricted` to few in all: output rows (B,C,D) and biases (B,1,C) of the candidates."""

    def __init__(self, vocabulary: Vocabulary, size: int, config: PieceConfig) -> None:
        super().__init__()

        def embedding(pieces: int) -> PieceEmbedding:
            return PieceEmbedding(pieces, size, dropout=config.dropout, word_dropout=config.word_dropout)

        tie = config.tie_embeddings
        self.target_embedding = embedding(vocabulary.target)
        self.source_embedding = self.target_embedding if tie == "all" else embedding(vocabulary.source)
        self.output_bias = nn.Parameter(torch.zeros(vocabulary.target))
        own = tie == "none"
        self.output = (
            nn.Parameter(torch.randn(vocabulary.target, size) * size**-0.5) if own else self.target_embedding.weight
        )

    def _project(self, values: Tensor, memory: Memory) -> Tensor:
        """values (N,...,D) of the rows that ask this memory -> logits (N,...,V); (N,...,C) in a step of a restricted model,
        where each row has one place."""
        if self._only is not None:
            (weight, bias), askers = self._only, memory.asked(len(self._only[0]), len(values))
            found = torch.baddbmm(bias, askers.spread(values.flatten(0, -2)), weight.transpose(1, 2))  # (B,W,C)
            return askers.gather(found).view(*values.shape[:-1], -1)
        logits = self._product(values) if self._product else functional.linear(values, self.output, self.output_bias)
        if self._places is None:
            return logits
        own = memory.asked(len(self._places), len(values)).repeat(self._places)
        return logits.gather(-1, own.view(*values.shape[:-1], -1))

    def pack(self, layout: Layout) -> None:
        self._layout, self._product = layout, layout(self.output, self.output_bias)

    def restricted(self, pieces: Tensor) -> "PieceModel[MemoryT, StateT]":
        narrowed = copy.copy(self)  # shares every weight
        if pieces.numel() <= len(self.output):
            # (`self.output[pieces]` takes three times as long.)
            narrowed._only = functional.embedding(pieces, self.output), self.output_bias[pieces].unsqueeze(1)
            return narrowed
        # Rows of their own for many sentences are more to read than rows that all share: those of all candidates.
        said = torch.zeros(len(self.output), dtype=torch.bool, device=pieces.device)
        said[pieces.flatten()] = True
        narrowed._places = (said.cumsum(0) - 1)[pieces]
        weight, bias = self.output[said], self.output_bias[said]
        narrowed._product = (
            self._layout(weight, bias) if self._layout else partial(functional.linear, weight=weight, bias=bias)
        )
        return narrowed
