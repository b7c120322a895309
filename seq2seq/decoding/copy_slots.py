"""Carries text that the vocabulary cannot spell from the source to the translation.

Before translation, each stretch of unknown characters is replaced by a slot, the token COPY. The
model has learned to translate slots as slots (data/copy_masking.py). After translation, each slot
of the target gets the text of the source slot that it attended to most. (Luong et al. 2015,
"Addressing the Rare Word Problem", replace unknown words by positions instead.)
"""

import re
from dataclasses import dataclass

from torch import Tensor

from seq2seq.text.tokenizer import COPY, RESERVED, Tokenizer

_LETTER_OR_DIGIT = re.compile(r"\w")


@dataclass(frozen=True)
class SlottedText:
    """A text with slots, and the text that each slot stands for, in order."""

    text: str
    copied: list[str]

    @property
    def has_words(self) -> bool:
        """Whether there is anything to translate besides the slots."""
        return _LETTER_OR_DIGIT.search(self.text.replace(COPY, "")) is not None


class CopySlots:
    """Makes slots and fills them."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # The tokenizer may put a token for a space before it.
        self.token = tokenizer.encode([COPY], "target")[0][-1]

    def make(self, text: str) -> SlottedText:
        """Replaces each stretch of characters that have no token by a slot."""
        unknown = self._tokenizer.unknown_characters(text, "source") | set(RESERVED)
        stretch = re.compile("[" + re.escape("".join(sorted(unknown))) + "]+")
        return SlottedText(stretch.sub(COPY, text), stretch.findall(text))

    def fill(
        self,
        translation: str,
        copied: list[str],
        source: list[int],
        target: list[int],
        attention: Tensor | None,
    ) -> str:
        """Replaces the slots of a translation. Each copied text is used at most once.

        Args:
            translation: the text of `target`.
            copied: the texts of the source slots, in order.
            source: S source tokens.
            target: T target tokens.
            attention: (T + 1, S or more) weights. Without attention, slots are filled in order.
        """
        slots = [position for position, token in enumerate(source) if token == self.token]
        # A slot that was cut off at the maximum length has no position.
        unused = list(range(min(len(slots), len(copied))))
        fillings = []
        for position, token in enumerate(target):
            if token != self.token:
                continue
            filling = ""
            if unused:
                best = unused[0]
                if attention is not None:
                    weights = attention[position]
                    best = max(unused, key=lambda slot: float(weights[slots[slot]]))
                filling = copied[best]
                unused.remove(best)
            fillings.append(filling)
        # All slots are replaced in one pass: a filling may itself contain the character COPY.
        remaining = iter(fillings)
        filled = re.sub(COPY, lambda match: next(remaining, ""), translation)
        return " ".join(filled.split())
