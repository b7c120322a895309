"""The best next tokens, compared with normalizing and sorting all of them."""

import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from seq2seq.decoding.engine import MINUS_INFINITY
from seq2seq.decoding.engines import torch_next_tokens
from seq2seq.decoding.engines.torch_layout import TensorLayout
from seq2seq.decoding.engines.torch_next_tokens import TorchNextTokens

EVERYTHING = 10**6


def layout_of(row_counts: list[int]) -> TensorLayout:
    """The layout of sentences with these numbers of rows."""
    width = max(row_counts)
    slots = []
    for sentence, count in enumerate(row_counts):
        slots.extend(sentence * width + rank for rank in range(count))
    if len(slots) == width * len(row_counts):
        return TensorLayout(len(row_counts), width)
    return TensorLayout(len(row_counts), width, torch.tensor(slots))


@dataclass
class Case:
    """A random input. Column 1 is the only one left in the rows `ends`."""

    logits: Tensor
    scores: Tensor
    row_counts: list[int]
    count: int
    forbidden: list[int]
    excluded: list[tuple[int, int]]
    ends: list[int]

    def slow_best(self, count: int) -> list[list[tuple[float, int, int]]]:
        """(log-probability, row, column) of each sentence, best first, one number at a time."""
        log_probs = self.logits.double().log_softmax(1)
        best = []
        first_row = 0
        for row_count in self.row_counts:
            entries = []
            for row in range(first_row, first_row + row_count):
                for column in range(self.logits.shape[1]):
                    if self.is_allowed(row, column):
                        total = float(self.scores[row].double() + log_probs[row, column])
                        entries.append((total, row, column))
            first_row += row_count
            best.append(sorted(entries, reverse=True)[:count])
        return best

    def is_allowed(self, row: int, column: int) -> bool:
        if column in self.forbidden or (row, column) in self.excluded:
            return False
        if row in self.ends and column != 1:
            return False
        return float(self.logits[row, column]) > MINUS_INFINITY


def random_case(seed: int) -> Case:
    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    columns = rng.choice([2, 3, 7, 16, 37, 300])
    row_counts = [rng.randint(0, 4) for _ in range(rng.randint(1, 5))] + [rng.randint(1, 4)]
    rows = sum(row_counts)
    logits = torch.randn(rows, columns, generator=generator) * rng.choice([1, 20])
    impossible = torch.rand(rows, columns, generator=generator) < rng.choice([0, 0.3])
    logits[impossible] = MINUS_INFINITY
    logits[:, 1] = torch.randn(rows, generator=generator)
    if rng.random() < 0.3:
        logits = logits.bfloat16()
    others = [column for column in range(columns) if column != 1]
    pairs = [(row, column) for row in range(rows) for column in range(2, columns)]
    excluded_share = rng.choice([0, 0.1])
    return Case(
        logits=logits,
        scores=-5 * torch.rand(rows, generator=generator),
        row_counts=row_counts,
        count=rng.choice([1, 2, 6, 10]),
        forbidden=rng.sample(others, min(columns - 1, rng.randint(0, 4))),
        excluded=[pair for pair in pairs if rng.random() < excluded_share],
        ends=[row for row in range(rows) if rng.random() < 0.2],
    )


def fast_best(case: Case) -> list[list[tuple[float, int, int]]]:
    forbidden = torch.tensor(case.forbidden, dtype=torch.int64)
    scores = TorchNextTokens(case.logits.clone(), layout_of(case.row_counts), forbidden)
    if case.excluded:
        rows, columns = zip(*case.excluded, strict=True)
        scores.exclude(rows, columns)
    if case.ends:
        scores.exclude_all_but(case.ends, [1] * len(case.ends))
    tensors = scores.best(case.scores.numpy(), case.count)
    best = []
    for log_probs, rows_, columns_ in zip(*(tensor.tolist() for tensor in tensors), strict=True):
        entries = zip(log_probs, rows_, columns_, strict=True)
        best.append([entry for entry in entries if entry[0] > MINUS_INFINITY])
    return best


@pytest.mark.parametrize("small", [0, 100_000], ids=["grouped", "sorted"])
@pytest.mark.parametrize("chunk", [1, 50, 100_000])
@pytest.mark.parametrize("seed", range(20))
def test_best_equals_normalizing_and_sorting(
    seed: int, chunk: int, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_next_tokens, "_SMALL", small)
    monkeypatch.setattr(torch_next_tokens, "_CHUNK", chunk)
    case = random_case(100 * chunk + seed)
    allowed = case.slow_best(EVERYTHING)
    for sentence, entries in enumerate(fast_best(case)):
        log_probs = [log_prob for log_prob, _, _ in entries]
        expected = [log_prob for log_prob, _, _ in allowed[sentence][: case.count]]
        assert log_probs == pytest.approx(expected, abs=2e-4)
        # Of equal log-probabilities (bfloat16 has few values) any may come first.
        slow_log_prob = {(row, column): log_prob for log_prob, row, column in allowed[sentence]}
        pairs = [(row, column) for _, row, column in entries]
        assert len(set(pairs)) == len(pairs)
        assert [slow_log_prob[pair] for pair in pairs] == pytest.approx(log_probs, abs=2e-4)


def test_forbidden_columns_keep_their_share_of_the_probability() -> None:
    scores = TorchNextTokens(
        torch.tensor([[2.0, 1.0, 900.0]]), TensorLayout(1, 1), torch.tensor([2])
    )
    best, _, columns = scores.best(np.zeros(1, dtype=np.float32), 2)
    assert columns.tolist() == [[0, 1]]
    assert best.tolist() == [[-898.0, -899.0]]


@pytest.mark.parametrize("small", [0, 100_000], ids=["grouped", "sorted"])
@pytest.mark.parametrize("seed", range(20))
def test_pass_on_equals_editing_the_logits(
    seed: int, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_next_tokens, "_SMALL", small)
    rng = random.Random(seed)
    columns = rng.choice([4, 9, 50])
    log_probs = torch.randn(6, columns, generator=torch.Generator().manual_seed(seed))
    log_probs = log_probs.log_softmax(1)
    rows = rng.sample(range(6), 4)
    heirs = [[rng.choice([0, 2, 3]) for _ in range(3)] for _ in rows]
    scores = TorchNextTokens(log_probs.clone(), TensorLayout(6, 1))
    scores.pass_on(np.array(rows), 1, np.array(heirs))
    for row, row_heirs in zip(rows, heirs, strict=True):
        best = max(row_heirs, key=lambda heir: float(log_probs[row, heir]))
        log_probs[row, best] = max(log_probs[row, best], log_probs[row, 1])
        log_probs[row, 1] = MINUS_INFINITY
    best_log_probs, best_rows, best_columns = scores.best(np.zeros(6, dtype=np.float32), columns)
    for row in range(6):
        expected = sorted(log_probs[row].tolist(), reverse=True)[:-1]
        assert best_log_probs[row, : columns - 1].tolist() == pytest.approx(expected, abs=1e-5)
        found = log_probs[row][best_columns[row, : columns - 1]]
        assert found.tolist() == pytest.approx(expected, abs=1e-5)
        assert set(best_rows[row].tolist()) == {row}


@pytest.mark.parametrize("small", [0, 100_000], ids=["grouped", "sorted"])
def test_exclude_all_but_may_leave_several_columns(
    small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_next_tokens, "_SMALL", small)
    scores = TorchNextTokens(torch.arange(20.0).repeat(2, 1), TensorLayout(2, 1))
    scores.exclude_all_but([1, 1, 1], [3, 7, 11])
    best, _, columns = scores.best(np.zeros(2, dtype=np.float32), 4)
    assert columns[0].tolist() == [19, 18, 17, 16]
    assert columns[1].tolist()[:3] == [11, 7, 3]
    assert best[1, 3] == MINUS_INFINITY


@pytest.mark.parametrize("small", [0, 100_000], ids=["grouped", "sorted"])
def test_a_forbidden_column_can_be_allowed_in_a_row(
    small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_next_tokens, "_SMALL", small)
    log_probs = torch.arange(20.0).repeat(2, 1).log_softmax(1)
    scores = TorchNextTokens(log_probs.clone(), TensorLayout(2, 1), torch.tensor([18, 5, 19]))
    # Column 3 is not forbidden. To allow it changes nothing.
    scores.allow([1, 0], [19, 3])
    best, _, columns = scores.best(np.zeros(2, dtype=np.float32), 3)
    assert columns.tolist() == [[17, 16, 15], [19, 17, 16]]
    assert best[1, 0] == pytest.approx(float(log_probs[1, 19]), abs=1e-5)
