"""What the columns of the logits stand for: the whole vocabulary, or a shortlist per sentence.

Legend
    B  sentences
    N  rows (open hypotheses)
    V  vocabulary
    C  columns: candidates of a sentence, padded
    K  next tokens of a sentence
    F  tokens that are forbidden in some of the sentences only
"""

import copy
import itertools
from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seq2seq.decoding.beam_layout import BeamLayout
from seq2seq.decoding.next_tokens import MINUS_INFINITY, NextTokenScores
from seq2seq.models import Seq2Seq

Integers = NDArray[np.int64]


class OutputTokens(Protocol):
    """Maps columns of the logits to tokens and back. Search knows nothing else about them."""

    @property
    def model(self) -> Seq2Seq:
        """The model whose `step` returns logits with these columns."""

    @property
    def eos_column(self) -> int:
        """The column of </s>."""

    def scores(self, logits: Tensor, layout: BeamLayout) -> NextTokenScores:
        """Reads logits (N,C) and excludes what may never come next. Overwrites the logits."""

    def tokens(self, columns: Integers) -> Integers:
        """Returns the tokens of columns (B,K)."""

    def columns_of(self, sentence: int, token: int) -> list[int]:
        """Returns the columns of a token for the sentence in row `sentence` of memory.

        There are none if the token may never come next.
        """

    def select(self, sentences: Tensor) -> "OutputTokens":
        """Keeps the sentences in these rows of memory."""


class WholeVocabulary:
    """Column v is token v, for every sentence."""

    def __init__(
        self,
        model: Seq2Seq,
        eos: int,
        forbidden: Sequence[int],
        forbidden_of: Sequence[Sequence[int]] = (),
        *,
        device: torch.device,
    ) -> None:
        """
        Args:
            model: predicts the whole vocabulary.
            eos: the token </s>.
            forbidden: tokens that never come next.
            forbidden_of: more of them, for each of the B sentences. () if there are none. What all
                sentences forbid takes the least time.
            device: where the model is.
        """
        self.model = model
        self.eos_column = eos
        # The sentences usually share a few lists.
        lists = {tuple(tokens) for tokens in forbidden_of}
        shared: set[int] = set.intersection(*map(set, lists)) if lists else set()
        self._forbidden_tokens = frozenset(forbidden) | shared
        self._forbidden = torch.tensor(sorted(self._forbidden_tokens)).to(device)
        others = set(itertools.chain(*lists)) - self._forbidden_tokens
        self._other_tokens = np.array(sorted(others), dtype=np.int64)  # (F,)
        self._is_forbidden = np.zeros((len(forbidden_of), len(others)), dtype=np.bool_)  # (B,F)
        if others:
            for sentence, tokens in enumerate(forbidden_of):
                self._is_forbidden[sentence] = np.isin(self._other_tokens, tokens)

    def scores(self, logits: Tensor, layout: BeamLayout) -> NextTokenScores:
        scores = NextTokenScores(logits, self._forbidden)
        if self._is_forbidden.any():
            sentences = torch.arange(layout.sentences, device=logits.device)
            sentence_of_row = layout.expand(sentences).cpu().numpy()  # (N,)
            rows, ranks = self._is_forbidden[sentence_of_row].nonzero()
            scores.exclude(rows, self._other_tokens[ranks])
        return scores

    def tokens(self, columns: Integers) -> Integers:
        return columns

    def columns_of(self, sentence: int, token: int) -> list[int]:
        if token in self._forbidden_tokens:
            return []
        if len(self._other_tokens):
            is_forbidden = self._is_forbidden[sentence]  # (F,)
            if token in self._other_tokens[is_forbidden]:
                return []
        return [token]

    def select(self, sentences: Tensor) -> Self:
        if not len(self._other_tokens):
            return self
        selected = copy.copy(self)
        selected._is_forbidden = self._is_forbidden[sentences.numpy()]
        return selected


class CandidateTokens:
    """Column c of sentence b is token `candidates[b, c]`. Column 0 is </s>."""

    def __init__(
        self, model: Seq2Seq, candidates: Tensor, *, padding: int, device: torch.device
    ) -> None:
        """
        Args:
            model: predicts the whole vocabulary.
            candidates: (B,C) int64 on the CPU: </s> first, then the other tokens that may come
                next, then padding.
            padding: the token that fills up short lists. It never comes next.
            device: where the model is.
        """
        on_device = candidates.to(device)
        self.model = model.with_candidates(on_device)
        self.eos_column = 0
        self._whole_model = model
        self._candidates = candidates
        self._candidates_array = candidates.numpy()
        self._padding = padding
        self._device = device
        self._is_padding = on_device == padding  # (B,C)

    def scores(self, logits: Tensor, layout: BeamLayout) -> NextTokenScores:
        # Padding is masked before normalization, so it takes no share of the probability.
        logits.masked_fill_(layout.expand(self._is_padding), MINUS_INFINITY)
        return NextTokenScores(logits)

    def tokens(self, columns: Integers) -> Integers:
        sentences = np.arange(len(columns))[:, None]  # (B,1)
        return self._candidates_array[sentences, columns]

    def columns_of(self, sentence: int, token: int) -> list[int]:
        columns = (self._candidates_array[sentence] == token).nonzero()[0]
        return columns.tolist()

    def select(self, sentences: Tensor) -> "CandidateTokens":
        return CandidateTokens(
            self._whole_model,
            self._candidates[sentences],
            padding=self._padding,
            device=self._device,
        )
