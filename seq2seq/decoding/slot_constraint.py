"""Makes every translation contain the slots of its sentence, each exactly as often.

A slot is a token that stands for a part of the text that is copied (text/slots.py). A translation
that loses one loses a number or an address, and one that invents one has nothing to put there. So
search chooses only where the slots stand. This is lexically constrained search (Hokamp & Liu 2017)
with constraints of one token. A beam is not divided by the constraints met, because a hypothesis
that wants to end is made to meet the next one instead.

Legend
    B  sentences
    N  rows (open hypotheses)
    T  tokens of every open hypothesis so far, without <s>
    A  slot tokens of the vocabulary
    R  rows in which a slot is missing
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seq2seq.decoding.next_tokens import NextTokenScores
from seq2seq.decoding.output_tokens import OutputTokens

Integers = NDArray[np.int64]


class SlotConstraint:
    """Which slots each translation of a batch must contain. Sentences are numbered as there.

    Attributes:
        tokens: the A slot tokens.
        max_lengths: (B,) the most tokens of each translation, with </s>. They leave room for its
            slots.
    """

    def __init__(
        self,
        slots: Sequence[Sequence[int]],
        all_slots: Sequence[int],
        output: OutputTokens,
        max_lengths: Integers,
    ) -> None:
        """
        Args:
            slots: the slot tokens of each sentence, with repetitions.
            all_slots: all slot tokens of the vocabulary. Those in `slots` need not be among them.
            output: the tokens that may come next in each sentence.
            max_lengths: (B,) the most tokens of each translation, with </s>, if it had no slots.

        Raises:
            ValueError: a slot of a sentence is not among the tokens that may come next.
        """
        self.tokens = frozenset(all_slots).union(*slots)
        self._tokens = np.array(sorted(self.tokens), dtype=np.int64)  # (A,)
        self._required = np.zeros((len(slots), len(self.tokens)), dtype=np.int64)  # (B,A)
        # The column of each slot for each sentence. -1 if it can never come next.
        self._columns = np.full(self._required.shape, -1, dtype=np.int64)  # (B,A)
        for sentence, row in enumerate(slots):
            for rank, token in enumerate(self._tokens.tolist()):
                self._required[sentence, rank] = list(row).count(token)
                for column in output.columns_of(sentence, token):
                    self._columns[sentence, rank] = column
        self.max_lengths = np.maximum(max_lengths, self._required.sum(axis=1) + 1)
        self._eos_column = output.eos_column
        sentences, ranks = ((self._required > 0) & (self._columns < 0)).nonzero()
        if len(sentences):
            raise ValueError(
                f"Sentence {sentences[0]} has slot {self._tokens[ranks[0]]}, which is forbidden "
                "or not among its candidates. Pass the slots to Shortlist.candidates as `required`."
            )

    def apply(self, scores: NextTokenScores, translations: Integers, sentences: Integers) -> None:
        """Excludes the next tokens that break the constraint.

        - A slot that the sentence does not have, or not once more, is excluded.
        - </s> is excluded while a slot is missing. The most probable missing slot gets its
          probability, so a hypothesis that wants to end does not ramble.
        - All but the missing slots are excluded when only they and </s> still fit.

        Args:
            scores: of the next token of each row.
            translations: (N,T) the tokens so far. They obey the constraint.
            sentences: (N,) the sentence of each row.
        """
        used = (translations[:, :, None] == self._tokens).sum(axis=1)  # (N,A)
        missing = self._required[sentences] - used  # (N,A)
        is_missing = missing > 0
        columns = self._columns[sentences]  # (N,A)
        rows, ranks = (~is_missing & (columns >= 0)).nonzero()
        scores.exclude(rows, columns[rows, ranks])

        missing_counts = missing.sum(axis=1)  # (N,)
        rows = missing_counts.nonzero()[0]  # (R,)
        if not len(rows):
            return
        # Slots that are not missing give way to the first that is. Repeated heirs do not matter.
        first_missing = columns[rows, is_missing[rows].argmax(axis=1)]  # (R,)
        heirs = np.where(is_missing[rows], columns[rows], first_missing[:, None])  # (R,A)
        scores.pass_on(rows, self._eos_column, heirs)

        steps_left = self.max_lengths[sentences] - translations.shape[1]  # (N,) with this one
        is_urgent = steps_left <= missing_counts + 1  # (N,) one more for </s>
        rows, ranks = (is_missing & is_urgent[:, None]).nonzero()
        scores.exclude_all_but(rows, columns[rows, ranks])
