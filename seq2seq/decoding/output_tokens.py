"""What the columns of an engine's scores stand for: the whole vocabulary, or a shortlist per
sentence.

Legend
    B  sentences
    C  columns: candidates of a sentence, padded
    K  next tokens of a sentence
    N  rows (open hypotheses)
    F  tokens that are forbidden in some of the sentences only
"""

import copy
import itertools
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

    def allowed(self, sentence_of_row: Integers) -> tuple[Integers, Integers]:
        """Returns the rows and columns to allow of those that never come next elsewhere.

        Args:
            sentence_of_row: (N,) the row of memory of each hypothesis.
        """

    def select(self, sentences: Integers) -> "OutputTokens":
        """Keeps the sentences in these rows of memory."""


class WholeVocabulary:
    """Column v is token v, for every sentence."""

    def __init__(
        self, eos: int, forbidden: Sequence[int], forbidden_of: Sequence[Sequence[int]] = ()
    ) -> None:
        """
        Args:
            eos: the token </s>.
            forbidden: tokens that never come next.
            forbidden_of: more of them, for each of the B sentences. () if there are none. What all
                sentences forbid takes the least time.
        """
        self.eos_column = eos
        # The sentences usually share a few lists.
        lists = {tuple(tokens) for tokens in forbidden_of}
        shared: set[int] = set.intersection(*map(set, lists)) if lists else set()
        self._forbidden = frozenset(forbidden) | shared
        others = set(itertools.chain(*lists)) - self._forbidden
        self._others = np.array(sorted(others), dtype=np.int64)  # (F,)
        self._is_allowed = np.ones((len(forbidden_of), len(others)), dtype=np.bool_)  # (B,F)
        if others:
            for sentence, tokens in enumerate(forbidden_of):
                self._is_allowed[sentence] = ~np.isin(self._others, tokens)

    def tokens(self, columns: Integers) -> Integers:
        return columns

    def columns_of(self, sentence: int, token: int) -> list[int]:
        if token in self._forbidden:
            return []
        if len(self._others) and token in self._others[~self._is_allowed[sentence]]:
            return []
        return [token]

    def allowed(self, sentence_of_row: Integers) -> tuple[Integers, Integers]:
        if not len(self._others):
            return self._others, self._others
        rows, ranks = self._is_allowed[sentence_of_row].nonzero()
        return rows, self._others[ranks]

    def select(self, sentences: Integers) -> Self:
        if not len(self._others):
            return self
        selected = copy.copy(self)
        selected._is_allowed = self._is_allowed[sentences]
        return selected


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

    def allowed(self, sentence_of_row: Integers) -> tuple[Integers, Integers]:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing

    def select(self, sentences: Integers) -> "CandidateTokens":
        return CandidateTokens(self._candidates[sentences])
