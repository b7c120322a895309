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
    R  rows of sentences with slots
    A  slot tokens that occur in the batch
    M  rows in which a slot is missing
"""

from collections.abc import Sequence

import numpy as np

from seq2seq.decoding.engine import Integers, NextTokens
from seq2seq.decoding.output_tokens import OutputTokens


class SlotConstraint:
    """Which slots each translation of a batch must contain. Sentences are numbered as there.

    Attributes:
        tokens: the slot tokens that occur in the batch.
        max_lengths: (B,) the most tokens of each translation, with </s>. They leave room for its
            slots.
    """

    def __init__(
        self,
        slots: Sequence[Sequence[int]],
        output: OutputTokens,
        max_lengths: Integers,
    ) -> None:
        """
        Args:
            slots: the slot tokens of each sentence, with repetitions.
            output: the tokens that may come next in each sentence.
            max_lengths: (B,) the most tokens of each translation, with </s>, if it had no slots.

        Raises:
            ValueError: a slot of a sentence is not among the tokens that may come next.
        """
        self.tokens = frozenset[int]().union(*slots)
        self._tokens = np.array(sorted(self.tokens), dtype=np.int64)  # (A,)
        self._required = np.zeros((len(slots), len(self.tokens)), dtype=np.int64)  # (B,A)
        # The column of each slot for each sentence. -1 if it can never come next.
        self._columns = np.full(self._required.shape, -1, dtype=np.int64)  # (B,A)
        for sentence, row in enumerate(slots):
            for rank, token in enumerate(self._tokens.tolist()):
                self._required[sentence, rank] = list(row).count(token)
                for column in output.columns_of(sentence, token):
                    self._columns[sentence, rank] = column
        self._has_slots = self._required.sum(axis=1) > 0  # (B,)
        self.max_lengths = np.maximum(max_lengths, self._required.sum(axis=1) + 1)
        self._eos_column = output.eos_column
        sentences, ranks = ((self._required > 0) & (self._columns < 0)).nonzero()
        if len(sentences):
            raise ValueError(
                f"Sentence {sentences[0]} has slot {self._tokens[ranks[0]]}, which is forbidden "
                "or not among its candidates. Pass the slots to Shortlist.candidates as `required`."
            )

    def apply(self, next_tokens: NextTokens, translations: Integers, sentences: Integers) -> None:
        """Allows the missing slots, and excludes the next tokens that break the constraint.

        - Of the slots, only those are allowed that the sentence has once more.
        - </s> is excluded while a slot is missing. The most probable missing slot gets its
          probability, so a hypothesis that wants to end does not ramble.
        - All but the missing slots are excluded when only they and </s> still fit.

        Args:
            next_tokens: of each row. They exclude all slots, except among candidates.
            translations: (N,T) the tokens so far. They obey the constraint.
            sentences: (N,) the sentence of each row.
        """
        rows = self._has_slots[sentences].nonzero()[0]  # (R,)
        if not len(rows):
            return
        sentences = sentences[rows]
        translations = translations[rows]
        required = self._required[sentences]  # (R,A)
        missing = required - (translations[:, :, None] == self._tokens).sum(axis=1)  # (R,A)
        is_missing = missing > 0
        columns = self._columns[sentences]  # (R,A)
        numbers, ranks = is_missing.nonzero()
        next_tokens.allow(rows[numbers], columns[numbers, ranks])
        numbers, ranks = ((required > 0) & ~is_missing).nonzero()
        if len(numbers):
            next_tokens.exclude(rows[numbers], columns[numbers, ranks])

        missing_counts = missing.sum(axis=1)  # (R,)
        numbers = missing_counts.nonzero()[0]  # (M,)
        if not len(numbers):
            return
        # Slots that are not missing give way to the first that is. Repeated heirs do not matter.
        first_missing = columns[numbers, is_missing[numbers].argmax(axis=1)]  # (M,)
        heirs = np.where(is_missing[numbers], columns[numbers], first_missing[:, None])  # (M,A)
        next_tokens.pass_on(rows[numbers], self._eos_column, heirs)

        steps_left = self.max_lengths[sentences] - translations.shape[1]  # (R,) with this one
        is_urgent = steps_left <= missing_counts + 1  # (R,) one more for </s>
        numbers, ranks = (is_missing & is_urgent[:, None]).nonzero()
        if len(numbers):
            next_tokens.exclude_all_but(rows[numbers], columns[numbers, ranks])
