"""Tokens to vectors and vectors to logits.

Legend:
    B  sentences
    N  rows (hypotheses, or sentences)
    T  tokens
    D  embedding size
    V  vocabulary
    K  cases of a source token
    C  candidates of one sentence
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.config.model import ModelConfig
from seq2seq.models.base import Memory, MemoryT, Seq2Seq, StateT, VocabularySizes
from seq2seq.models.layers.dropout import apply_mask, variational_dropout_mask
from seq2seq.models.layers.prepack import Prepack, Prepackable, PrepackedProduct
from seq2seq.models.layers.shortlist import (
    CandidateProjection,
    SeparateCandidates,
    SharedCandidates,
)


class TokenEmbedding(nn.Module):
    """Embeddings of unit variance, with word dropout and variational dropout of units."""

    def __init__(self, vocabulary: int, size: int, *, dropout: float, word_dropout: float) -> None:
        super().__init__()
        self.size = size
        self.dropout = dropout
        self.word_dropout = word_dropout
        self.weight = nn.Parameter(torch.randn(vocabulary, size) * size**-0.5)

    def forward(self, tokens: Tensor, added: Tensor | None = None) -> Tensor:
        """tokens (B,T) int64 -> (B,T,D). `added` (B,T,D) is added to the rows of the matrix."""
        rows = functional.embedding(tokens, self.weight)
        if added is not None:
            rows = rows + added
        # The matrix may be tied to the output projection, which needs rows of length 1. As an
        # input, it is scaled to unit variance.
        embedded = rows * self.size**0.5
        if self.training and self.word_dropout:
            keep = 1 - self.word_dropout
            embedded = embedded * torch.empty_like(embedded[..., :1]).bernoulli_(keep)
        mask = variational_dropout_mask(tokens, self.size, self.dropout, self.training)
        return apply_mask(embedded, mask)


class CasedEmbedding(nn.Module):
    """Embeddings of source IDs: the embedding of the token plus that of its case.

    Sennrich & Haddow 2016, section 2.1, concatenate the embeddings of a word's features. In a sum,
    the embedding of the token keeps its size, and may be tied.
    """

    def __init__(self, tokens: TokenEmbedding, cases: int) -> None:
        super().__init__()
        self.tokens = tokens
        # Case 0 adds nothing and has no row. The others begin as case 0 and learn the difference.
        self.cases = nn.Parameter(torch.zeros(cases - 1, tokens.size))  # (K-1,D)

    def forward(self, source: Tensor) -> Tensor:
        """source (B,S) int64, token + V * case -> (B,S,D)."""
        vocabulary = len(self.tokens.weight)
        cases = functional.pad(self.cases, (0, 0, 1, 0))  # (K,D)
        added = functional.embedding(source // vocabulary, cases)  # (B,S,D)
        return self.tokens(source % vocabulary, added)


class TokenModel(Seq2Seq[MemoryT, StateT], Prepackable):
    """Base of families that embed tokens and predict them by a projection.

    The config decides which matrices are shared (`tie_embeddings`). The projection can be limited
    to candidates (`with_candidates`).
    """

    _make_product: Prepack | None = None
    _prepacked_output: PrepackedProduct | None = None
    _candidates: CandidateProjection | None = None

    def __init__(self, vocabulary: VocabularySizes, size: int, config: ModelConfig) -> None:
        super().__init__()
        self.target_embedding = _embedding(vocabulary.target, size, config)
        self.source_embedding: TokenEmbedding | CasedEmbedding
        if config.tie_embeddings == "all":
            self.source_embedding = self.target_embedding
        else:
            self.source_embedding = _embedding(vocabulary.source, size, config)
        if vocabulary.source_cases > 1:
            self.source_embedding = CasedEmbedding(self.source_embedding, vocabulary.source_cases)
        self.output_bias = nn.Parameter(torch.zeros(vocabulary.target))
        if config.tie_embeddings == "none":
            self.output = nn.Parameter(torch.randn(vocabulary.target, size) * size**-0.5)
        else:
            self.output = self.target_embedding.weight

    def project(self, values: Tensor, memory: Memory) -> Tensor:
        """Computes the logits.

        Args:
            values: (N,D) of one step, or (N,T,D).
            memory: assigns the N rows to sentences.

        Returns:
            (N,V) or (N,T,V). With candidates, (N,C) of one step.
        """
        if self._candidates is not None:
            return self._candidates.project(values, memory)
        if self._prepacked_output is not None:
            return self._prepacked_output(values)
        return functional.linear(values, self.output, self.output_bias)

    def with_candidates(self, tokens: Tensor) -> "TokenModel[MemoryT, StateT]":
        limited = copy.copy(self)  # shares every weight
        # Few candidates: each sentence gets its own rows of the output matrix. Many candidates:
        # one product with the rows of all candidates reads less memory.
        if tokens.numel() <= len(self.output):
            limited._candidates = SeparateCandidates(self.output, self.output_bias, tokens)
        else:
            limited._candidates = SharedCandidates(
                self.output, self.output_bias, tokens, self._make_product
            )
        return limited

    def prepack(self, make_product: Prepack) -> None:
        self._make_product = make_product
        self._prepacked_output = make_product(self.output, self.output_bias)


def _embedding(vocabulary: int, size: int, config: ModelConfig) -> TokenEmbedding:
    return TokenEmbedding(
        vocabulary, size, dropout=config.dropout, word_dropout=config.word_dropout
    )
