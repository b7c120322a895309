"""Which rows of a beam belong to which sentence.

Search keeps the open hypotheses of all sentences in one batch of rows. The rows of a sentence are
neighbors, but sentences may have different numbers of rows. Attention reads the source of each
sentence once for all of its rows, so it needs the rows grouped by sentence.

Legend
    B  sentences
    W  width: the largest number of rows that a sentence has
    N  rows of all sentences, at most B * W
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class BeamLayout:
    """Assigns N rows to B sentences."""

    def __init__(self, row_counts: Integers) -> None:
        """
        Args:
            row_counts: (B,) how many rows each sentence has.
        """
        self.row_counts = row_counts
        self.sentences = len(row_counts)
        self.width = int(row_counts.max(initial=1))
        # (N,) the sentence of each row.
        self.sentence_of_row = np.arange(self.sentences).repeat(row_counts)
        # Whether every sentence has W rows, so that row n has slot n.
        self.is_full = len(self.sentence_of_row) == self.sentences * self.width

    @cached_property
    def slots(self) -> Integers:
        """(N,) int64. If row n is the k-th row of sentence b, then its slot is b * W + k."""
        if self.is_full:
            return np.arange(len(self.sentence_of_row))
        first_rows = self.row_counts.cumsum() - self.row_counts  # (B,)
        rows = np.arange(len(self.sentence_of_row))
        ranks = rows - first_rows[self.sentence_of_row]  # (N,) within the sentence
        slots: Integers = self.sentence_of_row * self.width + ranks
        return slots

    @cached_property
    def row_numbers(self) -> Integers:
        """(B,W) int64, the number of the row in each slot. Empty slots hold 0."""
        if self.is_full:
            return np.arange(len(self.sentence_of_row)).reshape(self.sentences, self.width)
        numbers = np.zeros(self.sentences * self.width, dtype=np.int64)
        numbers[self.slots] = np.arange(len(self.slots))
        return numbers.reshape(self.sentences, self.width)
