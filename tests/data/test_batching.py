"""Batches: every pair once, within the budget, the same for the same seed and epoch, and nothing encoded twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes import tiny_tokenizer, word_pairs

from seq2seq.data import batching
from seq2seq.data.batching import (
    Batch,
    BatchingConfig,
    EncodedPairs,
    Ragged,
    TrainingBatches,
    collate,
    encode_pairs,
    pad,
)
from seq2seq.data.pairs import Pairs
from seq2seq.data.tokenizer import BOS, EOS, PAD, TokenizerConfig

PAIRS = word_pairs(300, seed=1, longest=10)


def make(
    cache: Path, *, pairs: Pairs = PAIRS, seed: int = 1, sampling: float = 0.0, sides: Any = "both", **config: Any
) -> TrainingBatches:
    settings = BatchingConfig(**{"tokens": 600, "max_length": 100, "multiple": 8, **config})
    sampled = TokenizerConfig(sampling=sampling, sampling_sides=sides)
    return TrainingBatches(pairs, tiny_tokenizer(), settings, sampled, seed=seed, cache=cache)


def numbers(batches: TrainingBatches, epoch: int) -> list[list[int]]:
    return [rows.tolist() for rows in batches.epoch(epoch)]


def rows_of(batch: Batch) -> list[tuple[list[int], list[int]]]:
    """Source and target pieces without padding, start and end."""
    return [
        ([piece for piece in source if piece not in (PAD, EOS)], [piece for piece in target if piece not in (PAD, EOS)])
        for source, target in zip(batch.source.tolist(), batch.target_out.tolist(), strict=True)
    ]


def same(one: Batch, other: Batch) -> bool:
    return all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("source", "source_mask", "target_in", "target_out")
    )


# -- one batch ---------------------------------------------------------------------------------------------------------


def test_collate_by_hand() -> None:
    encoded = EncodedPairs(Ragged.of([[7, 8], [9], []]), Ragged.of([[4], [5, 6, 5], [6]]))
    batch = collate(encoded, np.array([1, 0]), 4)
    assert batch.source.tolist() == [[9, EOS, PAD, PAD], [7, 8, EOS, PAD]]
    assert batch.source_mask.tolist() == [[True, True, False, False], [True, True, True, False]]
    assert batch.target_in.tolist() == [[BOS, 5, 6, 5], [BOS, 4, PAD, PAD]]
    assert batch.target_out.tolist() == [[5, 6, 5, EOS], [4, EOS, PAD, PAD]]
    assert batch.target_tokens == 6
    assert batch.source.dtype == batch.target_in.dtype == torch.int64
    moved = batch.to(torch.device("cpu"))
    assert same(moved, batch)
    # With every length a multiple, nothing is added; an empty source is </s> alone.
    assert collate(encoded, np.array([2]), 1).source.tolist() == [[EOS]]


def test_pad() -> None:
    assert pad([[1, 2, 3], []], 4).tolist() == [[1, 2, 3, 0], [0, 0, 0, 0]]
    assert pad([[1, 2, 3, 4]], 4).shape == (1, 4)
    assert pad([[1] * 9], 8).shape == (1, 16)
    assert pad([[1, 2]]).tolist() == [[1, 2]]
    assert pad([]).shape == (0, 1)


def test_ragged_rows() -> None:
    ragged = Ragged.of([[1, 2], [], [3]])
    assert [ragged[i].tolist() for i in range(3)] == [[1, 2], [], [3]]
    assert ragged.lengths.tolist() == [2, 0, 1]
    assert Ragged.of([]).lengths.tolist() == []


# -- an epoch ----------------------------------------------------------------------------------------------------------


def test_every_pair_once_an_epoch_and_as_it_is(tmp_path: Path) -> None:
    batches, tokenizer = make(tmp_path), tiny_tokenizer()
    wanted = sorted(
        zip(tokenizer.encode(PAIRS.source, "source"), tokenizer.encode(PAIRS.target, "target"), strict=True)
    )
    assert len(batches) == 300
    for epoch in range(3):
        assert sorted(row for rows in numbers(batches, epoch) for row in rows) == list(range(300))
        found = [row for batch in batches.batches(epoch) for row in rows_of(batch)]
        assert sorted(found) == wanted
        for batch in batches.batches(epoch):
            assert torch.equal(batch.source_mask, batch.source != PAD)
            assert (batch.target_in[:, 0] == BOS).all()
            assert torch.equal(batch.target_in[:, 1:] == PAD, (batch.target_out[:, 1:] == PAD))
            assert torch.equal((batch.source == EOS).sum(1), torch.ones(len(batch.source), dtype=torch.int64))


def test_the_order_depends_on_seed_and_epoch_alone(tmp_path: Path) -> None:
    first = make(tmp_path / "a")
    orders = [numbers(first, epoch) for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2]
    torch.manual_seed(99)
    np.random.seed(99)
    again = make(tmp_path / "b")
    assert [numbers(again, epoch) for epoch in (2, 0, 1)] == [orders[2], orders[0], orders[1]]
    other = make(tmp_path / "a", seed=2)
    assert numbers(other, 0) not in orders
    # Seed and epoch must not be added up.
    assert numbers(other, 0) != numbers(first, 1)
    # Not only the batches change places: a pair gets other neighbours.
    assert {tuple(sorted(rows)) for rows in orders[0]} != {tuple(sorted(rows)) for rows in orders[1]}


@pytest.mark.parametrize("multiple", [1, 4, 8])
@pytest.mark.parametrize(("tokens", "sentences"), [(200, 512), (600, 512), (600, 5), (5000, 512)])
def test_budget_and_shapes(tmp_path: Path, multiple: int, tokens: int, sentences: int) -> None:
    batches = make(tmp_path, multiple=multiple, tokens=tokens, sentences=sentences)
    sizes = []
    for batch in batches.batches(0):
        assert batch.source.shape[1] % multiple == 0
        assert batch.target_in.shape == batch.target_out.shape
        assert batch.target_in.shape[1] % multiple == 0
        assert max(batch.source.numel(), batch.target_in.numel()) <= tokens
        assert len(batch.source) <= sentences
        assert batch.source_mask.any(1).all()
        sizes.append(batch.target_tokens / batch.target_out.numel())
    # Like lengths lie together: with a large budget for 300 pairs there are few batches and so some padding.
    assert sum(sizes) / len(sizes) > (0.6 if multiple == 8 or tokens == 5000 else 0.8)


def test_batches_are_filled(tmp_path: Path) -> None:
    # One more pair of the same width would exceed the budget, except where the width changes or the epoch ends.
    batches = make(tmp_path, pairs=Pairs(source=["hund"] * 100, target=["dog"] * 100), multiple=8)
    shapes = sorted(batch.target_out.shape for batch in batches.batches(0))
    assert shapes == [(25, 8), (75, 8)]


def test_too_long_pairs_are_counted_and_passed_over(tmp_path: Path) -> None:
    long = "hund " * 40
    pairs = Pairs(
        source=["hund", long, "katze", "haus", "x" * 30],
        target=["dog", "dog", long, "house", "house"],
    )
    size = len(tiny_tokenizer().encode(["x" * 30], "source")[0])
    for max_length, wanted in ((size, 3), (size + 1, 2)):  # one place is kept for the start or end piece
        batches = make(tmp_path, pairs=pairs, max_length=max_length)
        assert batches.too_long == wanted
        assert len(batches) == 5 - wanted
        texts = {
            tuple(tiny_tokenizer().decode(list(row), "source"))
            for batch in batches.batches(0)
            for row in rows_of(batch)
        }
        assert {("hund", "dog"), ("haus", "house")} <= texts
        assert (("x" * 30, "house") in texts) == (wanted == 2)
    assert len(make(tmp_path, pairs=pairs, max_length=3)) == 0
    assert numbers(make(tmp_path, pairs=pairs, max_length=3), 0) == []


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_going_on_within_an_epoch_gives_the_tail(tmp_path: Path, sampling: float) -> None:
    whole = list(make(tmp_path, sampling=sampling).batches(1))
    assert len(whole) > 5
    for start in (0, 1, 4, len(whole) - 1, len(whole)):
        tail = list(make(tmp_path, sampling=sampling).batches(1, start))
        assert len(tail) == len(whole) - start
        assert all(same(one, other) for one, other in zip(tail, whole[start:], strict=True))
    assert len(make(tmp_path, sampling=sampling).epoch(1)) == len(whole)


# -- subword regularisation --------------------------------------------------------------------------------------------


def test_batches_come_with_their_alignment_once_it_is_learnt(tmp_path: Path) -> None:
    batches = make(tmp_path)
    plain = next(batches.batches(0))
    batches.align()
    aligned = next(batches.batches(0))
    assert plain.alignment is None
    assert aligned.alignment is not None
    assert same(plain, aligned)
    assert aligned.alignment.shape == (*aligned.target_out.shape, aligned.source.shape[1])
    ends = aligned.alignment[aligned.target_out == EOS]
    assert torch.equal(ends, (aligned.source == EOS).float())
    moved = aligned.to(torch.device("cpu"))
    assert moved.alignment is not None
    assert torch.equal(moved.alignment, aligned.alignment)


def sampled_rows(batches: TrainingBatches, epoch: int) -> dict[int, tuple[list[int], list[int]]]:
    order = [row for rows in numbers(batches, epoch) for row in rows]
    found = [row for batch in batches.batches(epoch) for row in rows_of(batch)]
    return dict(zip(order, found, strict=True))


def test_sampling_differs_by_epoch_and_can_be_repeated(tmp_path: Path) -> None:
    batches, tokenizer = make(tmp_path, sampling=0.2), tiny_tokenizer()
    epochs = [sampled_rows(batches, epoch) for epoch in range(2)]
    for rows in epochs:
        for number, row in rows.items():
            assert tokenizer.decode(list(row)) == [PAIRS.source[number], PAIRS.target[number]]
    assert sum(epochs[0][number] != epochs[1][number] for number in range(300)) > 100
    assert sampled_rows(make(tmp_path, sampling=0.2), 1) == epochs[1]
    assert sampled_rows(make(tmp_path, sampling=0.2, seed=2), 1) != epochs[1]
    only = sampled_rows(make(tmp_path, sampling=0.2, sides="source"), 0)
    best = tokenizer.encode(PAIRS.target, "target")
    assert all(only[number][1] == best[number] for number in range(300))
    assert any(only[number][0] != epochs[1][number][0] for number in range(300))
    # The sides get draws of their own: the same words on both are divided differently somewhere.
    twins = Pairs(source=PAIRS.source, target=PAIRS.source)
    assert any(
        source != target for source, target in sampled_rows(make(tmp_path, pairs=twins, sampling=0.2), 0).values()
    )


def test_a_sampled_division_stays_within_the_limit(tmp_path: Path) -> None:
    longest = max(len(row) for side in (PAIRS.source, PAIRS.target) for row in tiny_tokenizer().encode(side, "source"))
    batches = make(tmp_path, sampling=0.01, max_length=longest + 1, multiple=1)
    assert batches.too_long == 0
    for batch in batches.batches(0):
        assert max(batch.source.shape[1], batch.target_in.shape[1]) <= longest + 1


# -- the cache ---------------------------------------------------------------------------------------------------------


def test_arrays_are_encoded_once_and_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_tokenizer()
    first = encode_pairs(PAIRS, tokenizer, tmp_path)
    files = sorted(path.name for path in (tmp_path / "encoded").iterdir())
    assert len(files) == 4
    assert isinstance(first.source.flat, np.memmap)
    with monkeypatch.context() as patch:
        patch.setattr(type(tokenizer), "encode", lambda *given: pytest.fail("encoded again"))
        second = encode_pairs(PAIRS, tokenizer, tmp_path)
    for side in ("source", "target"):
        assert np.array_equal(getattr(first, side).flat, getattr(second, side).flat)
    assert [second.target[i].tolist() for i in range(300)] == tokenizer.encode(PAIRS.target, "target")
    assert sorted(path.name for path in (tmp_path / "encoded").iterdir()) == files


def test_another_text_or_tokenizer_gives_other_arrays(tmp_path: Path) -> None:
    def encoded(source: list[str], target: list[str], joint: bool = True) -> list[list[list[int]]]:
        tokenizer = tiny_tokenizer(joint)
        found = encode_pairs(Pairs(source=source, target=target), tokenizer, tmp_path)
        rows = [[found.source[i].tolist(), found.target[i].tolist()] for i in range(len(found))]
        assert [row[0] for row in rows] == tokenizer.encode(source, "source")
        assert [row[1] for row in rows] == tokenizer.encode(target, "target")
        return rows

    encoded(["hund", "katze"], ["dog", "cat"])
    encoded(["hund", "katze"], ["dog", "cat"], joint=False)
    encoded(["katze", "hund"], ["dog", "cat"])
    encoded(["hund", "katze"], ["cat", "dog"])
    encoded(["hund"], ["dog"])
    # The same characters in a row, divided elsewhere.
    encoded(["hund\n", "katze"], ["dog", "cat"])
    encoded(["hund", "\nkatze"], ["dog", "cat"])
    encoded(["hundk", "atze"], ["dog", "cat"])
    encoded(["a", "\ud800"], ["x", "y"])
    encoded(["a", "?"], ["x", "y"])


def test_a_write_that_fails_leaves_no_half_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Any, array: Any, **options: Any) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(batching.np, "save", full)
        with pytest.raises(OSError, match="No space left"):
            encode_pairs(PAIRS, tiny_tokenizer(), tmp_path)
    assert list((tmp_path / "encoded").iterdir()) == []
    # Killed between the two arrays of a side: the second says that both are whole.
    encode_pairs(PAIRS, tiny_tokenizer(), tmp_path)
    for path in (tmp_path / "encoded").glob("*-source.offsets.npy"):
        path.unlink()
    assert encode_pairs(PAIRS, tiny_tokenizer(), tmp_path).source.lengths.sum() > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tokens": 0}, "must be at least 1"),
        ({"multiple": 0}, "must be at least 1"),
        ({"tokens": 100, "max_length": 128}, "tokens must be at least max_length"),
    ],
)
def test_config_says_what_is_wrong(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BatchingConfig(**fields)
