"""The tokens that would repeat an n-gram."""

import random

import numpy as np
import pytest
from reference_search import has_repeat

from seq2seq.decoding.repeated_ngrams import repeated_ngram_ends


def test_repeats_by_hand() -> None:
    # "5 6" was followed by 7 and by 8. In the second row nothing repeats.
    tokens = np.array([[5, 6, 7, 5, 6, 8, 5, 6], [1, 2, 3, 4, 5, 6, 7, 8]])
    assert sorted(repeated_ngram_ends(tokens, 3)) == [(0, 7), (0, 8)]


@pytest.mark.parametrize("seed", range(20))
def test_repeats_equal_trying_every_token(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.randint(2, 4)
    rows: list[tuple[int, ...]] = []
    while len(rows) < 3:
        row = tuple(rng.randrange(4) for _ in range(7))
        if not has_repeat(row, size):
            rows.append(row)
    expected: set[tuple[int, int]] = set()
    for number, row in enumerate(rows):
        expected |= {(number, token) for token in range(4) if has_repeat((*row, token), size)}
    assert set(repeated_ngram_ends(np.array(rows), size)) == expected
