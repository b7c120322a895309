"""Training pairs with slots: what stands on both sides becomes the same numbered slot on both."""

import numpy as np

from seq2seq.data.corpus import Pairs
from seq2seq.text.numbers import same_number
from seq2seq.text.slots import slot_pair
from seq2seq.text.spans import SpanFinder
from seq2seq.text.tokenizer import SLOTS


def slot_pairs(
    pairs: Pairs, finder: SpanFinder, *, source_language: str, target_language: str, seed: int
) -> Pairs:
    """Puts the spans that both sides of a pair have into slots.

    The first slot of a pair has a random number, so that the model learns all of them.

    Args:
        pairs: the pairs. They are not changed.
        finder: finds the spans.
        source_language: 1,5 in German is the same number as 1.5 in English.
        target_language: see `source_language`.
        seed: the same seed gives the same numbers.
    """
    first_numbers = np.random.default_rng(seed).integers(len(SLOTS), size=len(pairs)).tolist()
    source: list[str] = []
    target: list[str] = []

    def same(text: str, other: str) -> bool:
        return same_number(text, other, source_language, target_language)

    for (source_text, target_text), first in zip(pairs, first_numbers, strict=True):
        slotted_source, slotted_target = slot_pair(
            source_text,
            target_text,
            finder.find(source_text),
            finder.find(target_text),
            first=first,
            same=same,
        )
        source.append(slotted_source)
        target.append(slotted_target)
    return Pairs(source=source, target=target, groups=pairs.groups)
