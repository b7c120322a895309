"""What the columns of an engine's scores stand for: the whole vocabulary, or a shortlist per
sentence.

Legend
    B  sentences
    C  columns: candidates of a sentence, padded
    K  next tokens of a sentence
"""

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np

from seq2seq.decoding.engine import Integers


class OutputTokens(Protocol):
    """Maps columns to tokens and back. Search knows nothing else about them."""

    @property
    def eos_column(self) -> int:
        """The column of </s>."""

    def tokens(self, columns: Integers) -> Integers:
        """Returns the tokens of columns (B,K)."""

    def columns_of(self, sentence: int, token: int) -> list[int]:
        """Returns the columns of a token for the sentence in row `sentence` of memory.

        There are none if the token may never come next.
        """

    def select(self, sentences: Integers) -> "OutputTokens":
        """Keeps the sentences in these rows of memory."""


class WholeVocabulary:
    """Column v is token v, for every sentence."""

    def __init__(self, *, eos: int, forbidden: Sequence[int]) -> None:
        self.eos_column = eos
        self._forbidden = frozenset(forbidden)

    def tokens(self, columns: Integers) -> Integers:
        return columns

    def columns_of(self, sentence: int, token: int) -> list[int]:
        return [] if token in self._forbidden else [token]

    def select(self, sentences: Integers) -> Self:
        return self


class CandidateTokens:
    """Column c of sentence b is token `candidates[b, c]`. Column 0 is </s>."""

    def __init__(self, candidates: Integers) -> None:
        """
        Args:
            candidates: (B,C) </s> first, then the other tokens that may come next, then padding.
        """
        self.eos_column = 0
        self._candidates = candidates

    def tokens(self, columns: Integers) -> Integers:
        sentences = np.arange(len(columns))[:, None]  # (B,1)
        tokens: Integers = self._candidates[sentences, columns]
        return tokens

    def columns_of(self, sentence: int, token: int) -> list[int]:
        columns = (self._candidates[sentence] == token).nonzero()[0]
        return columns.tolist()

    def select(self, sentences: Integers) -> "CandidateTokens":
        return CandidateTokens(self._candidates[sentences])
