"""The best next tokens from a table of the best of each row, compared with sorting all of them."""

import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from engines_layout import layout_of
from numpy.typing import NDArray

from seq2seq.decoding.engines.top_tokens import TopTokens

MINUS_INFINITY = float("-inf")


@dataclass
class Twin:
    """What TopTokens promises, one number at a time."""

    log_probs: NDArray[np.float32]
    row_counts: list[int]
    scores: NDArray[np.float32]

    def exclude(self, rows: list[int], columns: list[int]) -> None:
        for row, column in zip(rows, columns, strict=True):
            self.log_probs[row, column] = MINUS_INFINITY

    def exclude_all_but(self, rows: list[int], columns: list[int]) -> None:
        kept = set(zip(rows, columns, strict=True))
        for row in set(rows):
            for column in range(self.log_probs.shape[1]):
                if (row, column) not in kept:
                    self.log_probs[row, column] = MINUS_INFINITY

    def pass_on(self, rows: list[int], column: int, heirs: list[list[int]]) -> None:
        for row, row_heirs in zip(rows, heirs, strict=True):
            best = max(row_heirs, key=lambda heir: self.log_probs[row, heir])
            inherited = max(self.log_probs[row, best], self.log_probs[row, column])
            self.log_probs[row, best] = inherited
            self.log_probs[row, column] = MINUS_INFINITY

    def best(self, count: int) -> list[list[tuple[float, int, int]]]:
        """(log-probability, row, column) of each sentence, best first."""
        results = []
        first_row = 0
        for row_count in self.row_counts:
            entries = []
            for row in range(first_row, first_row + row_count):
                for column, log_prob in enumerate(self.log_probs[row]):
                    total = float(self.scores[row] + log_prob)
                    if total > MINUS_INFINITY:
                        entries.append((total, row, column))
            first_row += row_count
            results.append(sorted(entries, key=lambda entry: -entry[0])[:count])
        return results


@dataclass
class Case:
    """Random log-probabilities, and random changes of them."""

    rng: random.Random
    columns: int = field(init=False)
    entries: int = field(init=False)
    row_counts: list[int] = field(init=False)
    log_probs: NDArray[np.float32] = field(init=False)
    scores: NDArray[np.float32] = field(init=False)
    never: list[int] = field(init=False)

    def __post_init__(self) -> None:
        rng = self.rng
        self.columns = rng.choice([3, 7, 16, 60])
        self.entries = min(self.columns, rng.choice([0, 1, 2, 5, 10]))
        counts = [rng.randint(0, 4) for _ in range(rng.randint(0, 4))] + [rng.randint(1, 4)]
        self.row_counts = [max(counts)] * len(counts) if rng.random() < 0.3 else counts
        numbers = np.random.default_rng(rng.randrange(10**6))
        shape = (sum(self.row_counts), self.columns)
        self.log_probs = -numbers.random(shape, dtype=np.float32) * rng.choice([1, 20])
        self.scores = -5 * numbers.random(shape[0], dtype=np.float32)
        self.never = rng.sample(range(3, self.columns), rng.randint(0, min(3, self.columns - 3)))

    def top_tokens(self) -> TopTokens:
        columns = (-self.log_probs).argsort(axis=1)[:, : self.entries].copy()
        values = np.take_along_axis(self.log_probs, columns, axis=1)
        is_never = np.isin(np.arange(self.columns), self.never)
        layout = layout_of(self.row_counts)
        if not self.entries:
            return TopTokens(self.log_probs.copy(), layout, is_never=is_never)
        return TopTokens(self.log_probs.copy(), layout, values, columns, is_never=is_never)

    def twin(self) -> Twin:
        twin = Twin(self.log_probs.copy(), self.row_counts, self.scores)
        twin.log_probs[:, self.never] = MINUS_INFINITY
        return twin

    def some_rows(self) -> list[int]:
        rows = range(len(self.log_probs))
        return self.rng.sample(rows, self.rng.randint(1, len(rows)))

    def allow_some(self, tops: TopTokens, twin: Twin) -> None:
        """Allows some of what never comes next, and some of what may come next anyway."""
        pairs = [(row, self.rng.randrange(self.columns)) for row in self.some_rows()]
        pairs += [(row, column) for row in self.some_rows() for column in self.never]
        pairs = sorted(set(pairs), key=lambda _: self.rng.random())
        rows = [row for row, _ in pairs]
        columns = [column for _, column in pairs]
        tops.allow(rows, columns)
        twin.log_probs[rows, columns] = self.log_probs[rows, columns]

    def change(self, tops: TopTokens, twin: Twin) -> None:
        """Changes both in the same random way."""
        rows = self.some_rows()
        kind = self.rng.choice(["exclude", "exclude", "pass_on", "exclude_all_but"])
        if kind == "pass_on":
            heirs = [[self.rng.choice([0, 2]) for _ in range(3)] for _ in rows]
            tops.pass_on(rows, 1, np.array(heirs))
            twin.pass_on(rows, 1, heirs)
            return
        rows *= self.rng.choice([1, 2])
        chosen = [self.rng.randrange(self.columns) for _ in rows]
        getattr(tops, kind)(rows, chosen)
        getattr(twin, kind)(rows, chosen)


@pytest.mark.parametrize("first_seed", range(0, 400, 100))
def test_best_equals_sorting_all(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 100):
        case = Case(random.Random(seed))
        tops = case.top_tokens()
        twin = case.twin()
        case.allow_some(tops, twin)
        for _ in range(case.rng.randint(0, 4)):
            case.change(tops, twin)
        count = case.rng.choice([1, 2, 6, 10])
        log_probs, rows, columns = tops.best(case.scores, count)
        for sentence, expected in enumerate(twin.best(count)):
            exists = log_probs[sentence] > MINUS_INFINITY
            assert log_probs[sentence][exists].tolist() == [entry[0] for entry in expected], seed
            pairs = list(zip(rows[sentence][exists], columns[sentence][exists], strict=True))
            assert len(set(pairs)) == len(pairs)
            for (row, column), log_prob in zip(pairs, log_probs[sentence][exists], strict=True):
                assert case.scores[row] + twin.log_probs[row, column] == log_prob


def test_a_row_is_not_read_again_while_its_table_is_enough() -> None:
    tops = TopTokens(
        np.array([[-1.0, -2.0, -9.0], [-1.5, -1.6, -9.0]], dtype=np.float32),
        layout_of([2]),
        np.array([[-1.0, -2.0], [-1.5, -1.6]], dtype=np.float32),
        np.array([[0, 1], [0, 1]]),
    )
    tops._log_probs[:] = 0  # would be found if it were read
    tops.exclude([0], [1])
    log_probs, rows, columns = tops.best(np.zeros(2, np.float32), 2)
    assert log_probs.tolist() == [[-1.0, -1.5]]
    assert rows.tolist() == [[0, 1]]
    assert columns.tolist() == [[0, 0]]


def test_a_row_whose_best_tokens_are_excluded_is_read_again() -> None:
    tops = TopTokens(
        np.array([[-1.0, -2.0, -3.0, -4.0]], dtype=np.float32),
        layout_of([1]),
        np.array([[-1.0, -2.0]], dtype=np.float32),
        np.array([[0, 1]]),
        is_never=np.array([True, False, False, False]),
    )
    tops.exclude([0], [1])
    log_probs, _, columns = tops.best(np.zeros(1, np.float32), 2)
    assert columns.tolist() == [[2, 3]]
    assert log_probs.tolist() == [[-3.0, -4.0]]
