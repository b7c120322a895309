"""The aligner against the formula in loops, and where the alignment is known. The lexicon is tested with the shortlist."""

import math
import random

import numpy as np
import pytest

from seq2seq.data.alignment import Aligner, Lexicon, learn_lexicon
from seq2seq.data.tokenizer import EOS, PAD

SOURCES, TARGETS = 12, 16
UNSAID = 15


def reversed_pairs(count: int) -> tuple[list[list[int]], list[list[int]]]:
    """Piece p becomes p + 1, in reverse order, and in front of all stands a piece that nothing says."""
    rng = random.Random(3)
    source = [rng.sample(range(4, SOURCES), rng.randrange(1, 6)) for _ in range(count)]
    return source, [[UNSAID, *(p + 1 for p in reversed(row))] for row in source]


def padded(rows: list[list[int]]) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    width = max(map(len, rows)) + 1
    return np.array([[*row, EOS] + [PAD] * (width - 1 - len(row)) for row in rows])


def slow_alignment(lexicon: Lexicon, source: list[int], target: list[int]) -> list[list[float]]:
    """One sentence, without padding, </s> at the end of both."""
    entries = zip(lexicon.source.tolist(), lexicon.target.tolist(), lexicon.probability.tolist(), strict=True)
    table = {(s, t): probability for s, t, probability in entries}
    rows = []
    for place, piece in enumerate(target):
        if piece == EOS:
            rows.append([float(s == EOS) for s in source])
            continue
        priors = [math.exp(-4 * abs(place / len(target) - j / len(source))) for j in range(len(source))]
        said = [0.92 * p / sum(priors) * table.get((s, piece), 0) for s, p in zip(source, priors, strict=True)]
        total = sum(said) + 0.08 * table.get((lexicon.nothing, piece), 0)
        rows.append([p / total if total else 0.0 for p in said])
    return rows


def test_equals_the_slow_one() -> None:
    source, target = reversed_pairs(40)
    lexicon = learn_lexicon(source, target, source_size=SOURCES, target_size=TARGETS, rounds=2)
    target[5] = [4, 4]  # a piece that the lexicon has never seen, with any source
    found = Aligner(lexicon, TARGETS)(padded(source), padded(target))
    assert found.dtype == np.float32
    for n, (s_row, t_row) in enumerate(zip(source, target, strict=True)):
        wanted = np.array(slow_alignment(lexicon, [*s_row, EOS], [*t_row, EOS]))
        rows, columns = wanted.shape
        assert found[n, :rows, :columns] == pytest.approx(wanted, abs=1e-6)
        assert not found[n, rows:].any()
        assert not found[n, :, columns:].any()
    assert not found[5, :2].any()


def test_finds_what_each_piece_comes_from() -> None:
    source, target = reversed_pairs(500)
    lexicon = learn_lexicon(source, target, source_size=SOURCES, target_size=TARGETS)
    (found,) = Aligner(lexicon, TARGETS)(padded([[4, 5, 6]]), padded([[UNSAID, 7, 6, 5]]))
    assert found[1:].argmax(axis=1).tolist() == [2, 1, 0, 3]
    assert found[1:].max(axis=1).min() > 0.9
    assert found[0].sum() < 0.7  # what nothing says asks for less


def test_of_two_candidates_the_nearer_one() -> None:
    source, target = reversed_pairs(500)
    lexicon = learn_lexicon(source, target, source_size=SOURCES, target_size=TARGETS)
    (found,) = Aligner(lexicon, TARGETS)(padded([[4, 8, 9, 4]]), padded([[5, 10, 9, 5]]))
    assert found.argmax(axis=1)[[0, 3]].tolist() == [0, 3]


def test_a_lexicon_of_nothing() -> None:
    lexicon = learn_lexicon([[]], [[]], source_size=SOURCES, target_size=TARGETS)
    (found,) = Aligner(lexicon, TARGETS)(padded([[4]]), padded([[5]]))
    assert found.tolist() == [[0, 0], [0, 1]]
