"""Teaches a model to copy text: in some training pairs, a shared word becomes a copy token.

In translation, text that the vocabulary cannot spell becomes the same token, and the copy token in
the output is replaced by that text. The idea is that of Luong et al. 2015b, "Addressing the Rare
Word Problem", section 3.1; here the attention tells which copy token is which, not the position.
"""

import re

import numpy as np

from seq2seq.data.corpus import Pairs
from seq2seq.text.tokenizer import COPY

_WORD = re.compile(r"\w+(?:[-.']\w+)*")


def mask_copied_words(pairs: Pairs, *, probability: float, seed: int) -> Pairs:
    """Replaces a word by COPY on both sides of some pairs.

    Args:
        pairs: the training pairs. They are not changed.
        probability: the chance that a pair is chosen. In a chosen pair, one of the words that occur
            exactly once on each side is replaced, if there is one.
        seed: the same seed chooses the same pairs and words.
    """
    if not probability:
        return pairs
    rng = np.random.default_rng(seed)
    source = list(pairs.source)
    target = list(pairs.target)
    chosen = np.flatnonzero(rng.random(len(pairs)) < probability)
    for i in chosen.tolist():
        words = _words_once_on_both_sides(source[i], target[i])
        if words:
            word = words[int(rng.integers(len(words)))]
            source[i] = _mask_word(source[i], word)
            target[i] = _mask_word(target[i], word)
    return Pairs(source=source, target=target, groups=pairs.groups)


def _words_once_on_both_sides(source: str, target: str) -> list[str]:
    source_words = _WORD.findall(source)
    target_words = _WORD.findall(target)
    return [
        word
        for word in source_words
        if source_words.count(word) == 1 and target_words.count(word) == 1
    ]


def _mask_word(text: str, word: str) -> str:
    return _WORD.sub(lambda match: COPY if match[0] == word else match[0], text)
