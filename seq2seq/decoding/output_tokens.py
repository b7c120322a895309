"""What the columns of the logits stand for: the whole vocabulary, or a shortlist per sentence.

Legend
    B  sentences
    N  rows (open hypotheses)
    V  vocabulary
    C  columns: candidates of a sentence, padded
    K  next tokens of a sentence
"""

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

    def __init__(self, model: Seq2Seq, *, eos: int, forbidden: Tensor) -> None:
        self.model = model
        self.eos_column = eos
        self._forbidden = forbidden
        self._forbidden_tokens = frozenset(forbidden.tolist())

    def scores(self, logits: Tensor, layout: BeamLayout) -> NextTokenScores:
        return NextTokenScores(logits, self._forbidden)

    def tokens(self, columns: Integers) -> Integers:
        return columns

    def columns_of(self, sentence: int, token: int) -> list[int]:
        return [] if token in self._forbidden_tokens else [token]

    def select(self, sentences: Tensor) -> Self:
        return self


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
