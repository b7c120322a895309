"""IBM Model 1, compared with expectation maximization in dictionaries."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from fakes import Sentences, unordered_token_pairs, with_random_case

from seq2seq.data.alignment import Lexicon, train_lexicon

SOURCE_SIZE = 12
TARGET_SIZE = 15
NULL = SOURCE_SIZE
UNEXPLAINED = 14


def random_pairs(count: int) -> tuple[Sentences, Sentences]:
    return unordered_token_pairs(count, 0, source_size=SOURCE_SIZE, unexplained=UNEXPLAINED)


def slow_lexicon(
    source: Sentences, target: Sentences, iterations: int
) -> dict[tuple[int, int], float]:
    table: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for _ in range(iterations):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        for source_row, target_row in zip(source, target, strict=True):
            if not source_row:
                continue
            origins = [*source_row, NULL]
            for t in target_row:
                total = sum(table[s, t] for s in origins)
                for s in origins:
                    counts[s, t] += table[s, t] / total
        source_counts: dict[int, float] = defaultdict(float)
        for (s, _), count in counts.items():
            source_counts[s] += count
        table = defaultdict(float)
        for (s, t), count in counts.items():
            table[s, t] = count / source_counts[s]
    return dict(table)


def train(source: Sentences, target: Sentences, **options: int) -> Lexicon:
    return train_lexicon(
        source, target, source_size=SOURCE_SIZE, target_size=TARGET_SIZE, **options
    )


def as_table(lexicon: Lexicon) -> dict[tuple[int, int], float]:
    entries = zip(
        lexicon.source.tolist(),
        lexicon.target.tolist(),
        lexicon.probability.tolist(),
        strict=True,
    )
    return {(source, target): probability for source, target, probability in entries}


def best_translation(lexicon: Lexicon, token: int) -> int:
    entries = lexicon.source == token
    return int(lexicon.target[entries][lexicon.probability[entries].argmax()])


def test_equals_the_slow_lexicon() -> None:
    source, target = random_pairs(60)
    source[7] = []
    target[9] = []
    lexicon = train(source, target, iterations=4)
    assert lexicon.null == NULL
    assert as_table(lexicon) == pytest.approx(slow_lexicon(source, target, 4))


def test_finds_the_translations() -> None:
    lexicon = train(*random_pairs(500))
    translations = {token: best_translation(lexicon, token) for token in range(4, SOURCE_SIZE)}
    assert translations == {token: token + 1 for token in range(4, SOURCE_SIZE)}


@pytest.mark.parametrize("as_arrays", [False, True])
def test_the_case_of_source_tokens_is_ignored(as_arrays: bool) -> None:
    source, target = random_pairs(60)
    lexicon = train(source, target)
    cased: Any = with_random_case(source, SOURCE_SIZE, seed=1)
    if as_arrays:
        cased = [np.array(row, dtype=np.int32) for row in cased]
    assert as_table(train(cased, target)) == as_table(lexicon)


def test_tokens_that_no_source_token_explains_come_from_null() -> None:
    assert best_translation(train(*random_pairs(500)), NULL) == UNEXPLAINED


def test_a_large_corpus_is_sampled_evenly() -> None:
    lexicon = train([[4]] * 100, [[5]] * 50 + [[6]] * 50, max_token_pairs=40)
    table = as_table(lexicon)
    assert table[4, 5] == pytest.approx(0.5)
    assert table[4, 6] == pytest.approx(0.5)


def test_pairs_with_an_empty_side_give_an_empty_lexicon() -> None:
    assert len(train([[], [4]], [[5], []]).source) == 0
