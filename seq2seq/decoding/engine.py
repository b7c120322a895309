"""What search needs of whatever computes a model: torch, or ONNX Runtime.

Everything that passes through this interface is NumPy. Memory and state stay inside the engine.

Legend
    B  sentences in memory
    N  rows: the open hypotheses
    S  source tokens
    C  columns: one for each token that may come next; the vocabulary, or the candidates
    K  next tokens to find for each sentence
    R  rows of one call
    A  heirs of a row
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seq2seq.decoding.beam_layout import BeamLayout

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]
Indices = Sequence[int] | Integers

MINUS_INFINITY = float("-inf")


class NextTokens(Protocol):
    """The log-probabilities of the next token of every row.

    A column that is excluded still takes its share of the probability, as if the token had been
    skipped after normalization.
    """

    def exclude(self, rows: Indices, columns: Indices) -> None:
        """Excludes column `columns[i]` of row `rows[i]`."""

    def exclude_all_but(self, rows: Indices, columns: Indices) -> None:
        """Leaves nothing but the columns `columns[i]` in the rows `rows[i]`."""

    def allow(self, rows: Indices, columns: Indices) -> None:
        """Allows column `columns[i]` in row `rows[i]`, if it is among those that never come next.

        This comes before all exclusions of the step.
        """

    def pass_on(self, rows: Integers, column: int, heirs: Integers) -> None:
        """Excludes `column` in the given rows. The best heir gets its logit, if that is larger.

        Args:
            rows: R different rows.
            column: the column that is excluded.
            heirs: (R,A) the other columns that may get its logit. One may occur several times.
        """

    def best(self, scores: Floats, count: int) -> tuple[Floats, Integers, Integers]:
        """Finds the best next tokens of each sentence, over all of its hypotheses.

        Args:
            scores: (N,) log-probabilities of the hypotheses so far.
            count: how many to find. K is less if a sentence has fewer columns than that.

        Returns:
            The log-probabilities with the next token (B,K), best first, -inf where nothing is
            left; the row of each (B,K); its column (B,K).
        """


class Decoding(Protocol):
    """A batch that is being translated, with its memory and the state of every row."""

    def step(self, tokens: Integers) -> tuple[NextTokens, Floats | None]:
        """Reads the last token (N,) of every row and predicts the next one.

        Returns:
            The next tokens, and the attention (N,S) if it is kept and the model has any.
        """

    def select(self, rows: Integers, sentences: Integers | None, layout: BeamLayout) -> None:
        """Keeps some rows of the last step. Without a call, all of them go on.

        Args:
            rows: their numbers, in the new order. They may repeat.
            sentences: the rows of memory to keep. None keeps all.
            layout: which of the new rows belong to which of the kept sentences.
        """


class Engine(Protocol):
    """A model that can be searched."""

    workers: int
    """How many batches are best searched at the same time, with one thread each."""

    def start(
        self,
        source: Integers,
        source_mask: Booleans,
        *,
        never: Sequence[int],
        candidates: Integers | None,
        keep_attention: bool,
        beam: int,
    ) -> Decoding:
        """Reads the source. Every sentence has one row at first.

        Args:
            source: (B,S) source IDs with padding.
            source_mask: (B,S), true at tokens.
            never: different tokens that may not come next, unless they are allowed.
            candidates: (B,C) the only tokens that may come next, padded with `never[0]`. None for
                the whole vocabulary. There are none of the other `never` among them.
            keep_attention: whether steps return the attention.
            beam: the largest number of rows that a sentence will have. Search asks for twice as
                many next tokens.
        """

    def translating(self) -> AbstractContextManager[None]:
        """Prepares the model for a translation, and leaves it afterwards as it was."""

    def use_one_thread(self) -> None:
        """Limits the calling thread, which is one of `workers`, to one thread of its own."""
