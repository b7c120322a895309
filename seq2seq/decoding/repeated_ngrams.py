"""Finds the tokens that would repeat an n-gram of a translation.

Legend
    N  rows (open hypotheses)
    T  tokens of every open hypothesis so far, without <s>
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def repeated_ngram_ends(tokens: Integers, size: int) -> Iterator[tuple[int, int]]:
    """Yields (row, token) for each token that would complete an n-gram for the second time.

    Args:
        tokens: (N,T), T at least `size`.
        size: the n of the n-grams.
    """
    starts = tokens.shape[1] - size + 1
    # is_repeat[n, t]: the size - 1 tokens from t on are also the last size - 1 tokens of row n.
    is_repeat = np.ones((len(tokens), starts), dtype=np.bool_)
    # The last token first, because most are new and the others need no comparison then.
    for offset in reversed(range(size - 1)):
        last = tokens[:, starts + offset, None]  # (N,1)
        is_repeat &= tokens[:, offset : offset + starts] == last
        if not is_repeat.any():
            return
    rows, positions = is_repeat.nonzero()
    ends = tokens[rows, positions + size - 1]
    yield from zip(rows.tolist(), ends.tolist(), strict=True)
