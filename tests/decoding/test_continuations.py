"""The best continuations against all of them, normalised and sorted."""

import random

import pytest
import torch
from torch import Tensor

from seq2seq.decoding import continuations as module
from seq2seq.decoding.continuations import NEVER, Continuations
from seq2seq.models import Askers


def askers_of(counts: list[int]) -> Askers:
    width = max(counts)
    slots = [sentence * width + k for sentence, count in enumerate(counts) for k in range(count)]
    uniform = len(slots) == width * len(counts)
    return Askers(len(counts), width, None if uniform else torch.tensor(slots))


def slowly(
    logits: Tensor,
    scores: Tensor,
    counts: list[int],
    count: int,
    forbidden: list[int],
    out: list[tuple[int, int]],
    only: dict[int, int],
) -> list[list[tuple[float, int, int]]]:
    """For each sentence (total, row, column), the best first, one number at a time."""
    log_probs, found, row = logits.double().log_softmax(1), [], 0
    for rows in counts:
        entries = []
        for n in range(row, row + rows):
            for column in range(logits.shape[1]):
                allowed = column not in forbidden and (n, column) not in out and only.get(n, column) == column
                if allowed and float(logits[n, column]) > NEVER:
                    entries.append((float(scores[n].double() + log_probs[n, column]), n, column))
        row += rows
        found.append(sorted(entries, reverse=True)[:count])
    return found


@pytest.mark.parametrize("seed", range(60))
def test_equals_normalising_and_sorting_all(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    monkeypatch.setattr(module, "_AT_ONCE", rng.choice([1, 50, 100_000]))
    monkeypatch.setattr(module, "_FEW", rng.choice([0, 0, 100_000]))
    columns, count = rng.choice([2, 3, 7, 16, 37, 300]), rng.choice([1, 2, 6, 10])
    counts = [rng.randint(0, 4) for _ in range(rng.randint(1, 5))] + [rng.randint(1, 4)]
    rows = sum(counts)
    logits = torch.randn(rows, columns, generator=generator) * rng.choice([1, 20])
    logits[torch.rand(rows, columns, generator=generator) < rng.choice([0, 0.3])] = NEVER
    logits[:, 1] = torch.randn(rows, generator=generator)
    if rng.random() < 0.3:
        logits = logits.bfloat16()
    scores = -5 * torch.rand(rows, generator=generator)
    forbidden = rng.sample([c for c in range(columns) if c != 1], min(columns - 1, rng.randint(0, 4)))
    out = [(n, c) for n in range(rows) for c in range(2, columns) if rng.random() < rng.choice([0, 0.1])]
    only = {n: 1 for n in range(rows) if rng.random() < 0.2}
    wanted = slowly(logits, scores, counts, count, forbidden, out, only)
    made = Continuations(logits.clone(), torch.tensor(forbidden, dtype=torch.int64))
    if out:
        made.rule_out(*zip(*out, strict=True))
    if only:
        made.allow_only(1, list(only))
    best, found_rows, found_columns = made.best(scores, askers_of(counts), count)
    for sentence, entries in enumerate(wanted):
        values = [value for value in best[sentence].tolist() if value > NEVER]
        assert values == pytest.approx([total for total, _, _ in entries], abs=2e-4)
        # Where numbers are equal (bfloat16 has few) any of them may come first.
        said = {(n, c): total for total, n, c in slowly(logits, scores, counts, 10**6, forbidden, out, only)[sentence]}
        chosen = list(zip(found_rows[sentence].tolist(), found_columns[sentence].tolist(), strict=True))[: len(values)]
        assert len(set(chosen)) == len(chosen)
        assert [said[entry] for entry in chosen] == pytest.approx(values, abs=2e-4)


def test_what_is_ruled_out_keeps_its_share_of_the_probability() -> None:
    made = Continuations(torch.tensor([[2.0, 1.0, 900.0]]), torch.tensor([2]))
    best, _, columns = made.best(torch.zeros(1), Askers(1, 1), 2)
    assert columns.tolist() == [[0, 1]]
    assert best.tolist() == [[-898.0, -899.0]]


def test_askers_spread_gather_and_repeat() -> None:
    askers, values = askers_of([2, 0, 1]), torch.tensor([[5.0], [6.0], [7.0]])
    spread = askers.spread(values, missing=-1.0)
    assert spread.squeeze(2).tolist() == [[5, 6], [-1, -1], [7, -1]]
    assert torch.equal(askers.gather(spread), values)
    assert askers.repeat(torch.tensor([10, 20, 30])).tolist() == [10, 10, 30]
    assert askers.rows().tolist() == [[0, 1], [0, 0], [2, 0]]
    uniform = askers_of([2, 2])
    assert uniform.slots is None
    assert uniform.spread(torch.arange(4)).tolist() == uniform.rows().tolist() == [[0, 1], [2, 3]]
    assert uniform.gather(torch.arange(4).view(2, 2)).tolist() == [0, 1, 2, 3]
    assert uniform.repeat(torch.tensor([8, 9])).tolist() == [8, 8, 9, 9]
