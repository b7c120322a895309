"""Teaching a translator to carry text over: words that stand on both sides are now and then hidden in a slot.

In translation, characters that the vocabulary has never seen are put into the same slot, and its counterpart in the
output is filled with them (the idea of Luong et al. 2015b, "Addressing the Rare Word Problem", section 3.1, with the
attention instead of positions to say which slot is which).
"""

import re

import numpy as np

from seq2seq.data.pairs import Pairs
from seq2seq.data.tokenizer import COPY

_WORD = re.compile(r"\w+(?:[-.']\w+)*")


def hide_copied_words(pairs: Pairs, *, share: float, seed: int) -> Pairs:
    """In about `share` of the pairs, one word that stands once on each side is replaced by COPY on both."""
    if not share:
        return pairs
    rng = np.random.default_rng(seed)
    source, target = list(pairs.source), list(pairs.target)
    for i in np.flatnonzero(rng.random(len(pairs)) < share).tolist():
        source_words, target_words = _WORD.findall(source[i]), _WORD.findall(target[i])
        both = [w for w in source_words if source_words.count(w) == 1 and target_words.count(w) == 1]
        if both:
            word = both[int(rng.integers(len(both)))]
            source[i], target[i] = _replace(source[i], word), _replace(target[i], word)
    return Pairs(source=source, target=target, groups=pairs.groups)


def _replace(text: str, word: str) -> str:
    return _WORD.sub(lambda match: COPY if match[0] == word else match[0], text)
