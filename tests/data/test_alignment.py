"""The aligner against its formula in plain loops, and on text whose alignment is known.

tests/data/test_lexicon.py tests the lexicon.
"""

import math
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from seq2seq.data.alignment import Aligner, Lexicon, train_lexicon
from seq2seq.text.tokenizer import EOS, PAD

SOURCE_SIZE = 12
TARGET_SIZE = 16
SPURIOUS = 15
"""A target token that no source token explains."""


def reversed_pairs(count: int) -> tuple[list[list[int]], list[list[int]]]:
    """Source token n becomes n + 1, in reverse order, after one spurious token."""
    rng = random.Random(3)
    source = [rng.sample(range(4, SOURCE_SIZE), rng.randrange(1, 6)) for _ in range(count)]
    target = [[SPURIOUS, *(token + 1 for token in reversed(row))] for row in source]
    return source, target


def padded(rows: list[list[int]]) -> NDArray[np.int64]:
    width = max(map(len, rows)) + 1
    return np.array([[*row, EOS] + [PAD] * (width - 1 - len(row)) for row in rows])


def train_aligner(pairs: int, iterations: int = 5) -> Aligner:
    source, target = reversed_pairs(pairs)
    lexicon = train_lexicon(
        source,
        target,
        source_size=SOURCE_SIZE,
        target_size=TARGET_SIZE,
        iterations=iterations,
    )
    return Aligner(lexicon, TARGET_SIZE)


def align_in_loops(lexicon: Lexicon, source: list[int], target: list[int]) -> list[list[float]]:
    """Aligns one sentence pair without padding. Both sides end with </s>."""
    entries = zip(
        lexicon.source.tolist(), lexicon.target.tolist(), lexicon.probability.tolist(), strict=True
    )
    table = {(s, t): probability for s, t, probability in entries}
    rows = []
    for i, token in enumerate(target):
        if token == EOS:
            rows.append([float(s == EOS) for s in source])
            continue
        distances = [abs(i / len(target) - j / len(source)) for j in range(len(source))]
        priors = [math.exp(-4 * distance) for distance in distances]
        joint = [
            0.92 * prior / sum(priors) * table.get((s, token), 0)
            for s, prior in zip(source, priors, strict=True)
        ]
        total = sum(joint) + 0.08 * table.get((lexicon.null, token), 0)
        rows.append([value / total if total else 0.0 for value in joint])
    return rows


def test_equals_the_formula_in_loops() -> None:
    source, target = reversed_pairs(40)
    lexicon = train_lexicon(
        source, target, source_size=SOURCE_SIZE, target_size=TARGET_SIZE, iterations=2
    )
    target[5] = [4, 4]  # a token that the lexicon has never seen
    aligned = Aligner(lexicon, TARGET_SIZE)(padded(source), padded(target))
    assert aligned.dtype == np.float32
    for n, (source_row, target_row) in enumerate(zip(source, target, strict=True)):
        expected = np.array(align_in_loops(lexicon, [*source_row, EOS], [*target_row, EOS]))
        rows, columns = expected.shape
        assert aligned[n, :rows, :columns] == pytest.approx(expected, abs=1e-6)
        assert not aligned[n, rows:].any()
        assert not aligned[n, :, columns:].any()
    assert not aligned[5, :2].any()


def test_finds_where_each_token_comes_from() -> None:
    (aligned,) = train_aligner(500)(padded([[4, 5, 6]]), padded([[SPURIOUS, 7, 6, 5]]))
    assert aligned[1:].argmax(axis=1).tolist() == [2, 1, 0, 3]
    assert aligned[1:].max(axis=1).min() > 0.9


def test_a_spurious_token_has_a_small_sum() -> None:
    (aligned,) = train_aligner(500)(padded([[4, 5, 6]]), padded([[SPURIOUS, 7, 6, 5]]))
    assert aligned[0].sum() < 0.7


def test_prefers_the_candidate_nearer_to_the_diagonal() -> None:
    (aligned,) = train_aligner(500)(padded([[4, 8, 9, 4]]), padded([[5, 10, 9, 5]]))
    assert aligned.argmax(axis=1)[[0, 3]].tolist() == [0, 3]


def test_the_case_of_source_tokens_is_ignored() -> None:
    aligner = train_aligner(500)
    source = padded([[4, 5, 6], [7]])
    target = padded([[SPURIOUS, 7, 6, 5], [8]])
    cased = source + SOURCE_SIZE * np.array([[2, 0, 1, 0], [1, 0, 0, 0]])
    assert np.array_equal(aligner(cased, target), aligner(source, target))


def test_an_empty_lexicon_aligns_only_the_end() -> None:
    lexicon = train_lexicon([[]], [[]], source_size=SOURCE_SIZE, target_size=TARGET_SIZE)
    (aligned,) = Aligner(lexicon, TARGET_SIZE)(padded([[4]]), padded([[5]]))
    assert aligned.tolist() == [[0, 0], [0, 1]]
