"""Batches: every pair once an epoch, within the budget, the same for the same seed and epoch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes import tiny_tokenizer, word_pairs

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.config.training import BatchingConfig
from seq2seq.data.batching import Batch, TrainingBatches, collate, pad
from seq2seq.data.corpus import Pairs
from seq2seq.data.encoding import EncodedPairs, RaggedArray
from seq2seq.text.tokenizer import BOS, EOS, PAD, Tokenizer

PAIRS = word_pairs(300, seed=1, longest=10)

TokenPair = tuple[list[int], list[int]]


def make_batches(
    cache: Path,
    *,
    pairs: Pairs = PAIRS,
    seed: int = 1,
    sampling: float = 0.0,
    sides: Any = "both",
    **batching: Any,
) -> TrainingBatches:
    sizes = {"max_tokens": 600, "max_length": 100, "pad_to_multiple_of": 8, **batching}
    return TrainingBatches(
        pairs,
        tiny_tokenizer(),
        BatchingConfig(**sizes),
        TokenizerConfig(sampling=sampling, sampling_sides=sides),
        seed=seed,
        cache=cache,
    )


def pair_numbers(batches: TrainingBatches, epoch: int) -> list[list[int]]:
    return [numbers.tolist() for numbers in batches.pair_numbers(epoch)]


def token_pairs(batch: Batch) -> list[TokenPair]:
    """Returns the tokens of each pair without padding, start and end."""

    def content(row: list[int]) -> list[int]:
        return [token for token in row if token not in (PAD, EOS)]

    rows = zip(batch.source.tolist(), batch.target_out.tolist(), strict=True)
    return [(content(source), content(target)) for source, target in rows]


def token_pairs_by_number(batches: TrainingBatches, epoch: int) -> dict[int, TokenPair]:
    order = [number for numbers in pair_numbers(batches, epoch) for number in numbers]
    pairs = [pair for batch in batches.batches(epoch) for pair in token_pairs(batch)]
    return dict(zip(order, pairs, strict=True))


def is_same(batch: Batch, other: Batch) -> bool:
    names = ("source", "source_mask", "target_in", "target_out")
    return all(torch.equal(getattr(batch, name), getattr(other, name)) for name in names)


# -- One batch -------------------------------------------------------------------------------------


@pytest.fixture
def encoded() -> EncodedPairs:
    source = RaggedArray.of([[7, 8], [9], []])
    target = RaggedArray.of([[4], [5, 6, 5], [6]])
    return EncodedPairs(source, target)


def test_collate_adds_start_end_and_padding(encoded: EncodedPairs) -> None:
    batch = collate(encoded, np.array([1, 0]), 4)
    assert batch.source.tolist() == [[9, EOS, PAD, PAD], [7, 8, EOS, PAD]]
    assert batch.source_mask.tolist() == [[True, True, False, False], [True, True, True, False]]
    assert batch.target_in.tolist() == [[BOS, 5, 6, 5], [BOS, 4, PAD, PAD]]
    assert batch.target_out.tolist() == [[5, 6, 5, EOS], [4, EOS, PAD, PAD]]
    assert batch.alignment is None


def test_collate_makes_int64_and_bool(encoded: EncodedPairs) -> None:
    batch = collate(encoded, np.array([1, 0]), 4)
    assert batch.source.dtype == batch.target_in.dtype == batch.target_out.dtype == torch.int64
    assert batch.source_mask.dtype == torch.bool


def test_collate_pads_an_exact_multiple_no_further(encoded: EncodedPairs) -> None:
    assert collate(encoded, np.array([1]), 2).source.tolist() == [[9, EOS]]


def test_collate_of_an_empty_source_is_the_end_token(encoded: EncodedPairs) -> None:
    assert collate(encoded, np.array([2]), 1).source.tolist() == [[EOS]]


def test_num_target_tokens_counts_the_end_token(encoded: EncodedPairs) -> None:
    assert collate(encoded, np.array([1, 0]), 4).num_target_tokens == 6


def test_a_batch_moves_to_a_device(encoded: EncodedPairs) -> None:
    batch = collate(encoded, np.array([1, 0]), 4)
    assert is_same(batch.to(torch.device("cpu")), batch)


def test_pad_rounds_the_width_up() -> None:
    assert pad([[1, 2, 3], []], 4).tolist() == [[1, 2, 3, 0], [0, 0, 0, 0]]
    assert pad([[1, 2, 3, 4]], 4).shape == (1, 4)
    assert pad([[1] * 9], 8).shape == (1, 16)
    assert pad([[1, 2]]).tolist() == [[1, 2]]


def test_pad_of_nothing_has_a_column() -> None:
    assert pad([]).shape == (0, 1)
    assert pad([[]]).tolist() == [[PAD]]


# -- An epoch --------------------------------------------------------------------------------------


def test_every_pair_comes_once_an_epoch(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    tokenizer = tiny_tokenizer()
    source = tokenizer.encode(PAIRS.source, "source")
    target = tokenizer.encode(PAIRS.target, "target")
    assert len(batches) == 300
    for epoch in range(3):
        by_number = token_pairs_by_number(batches, epoch)
        assert by_number == dict(enumerate(zip(source, target, strict=True)))


def test_target_in_is_target_out_shifted(tmp_path: Path) -> None:
    for batch in make_batches(tmp_path).batches(0):
        assert (batch.target_in[:, 0] == BOS).all()
        assert torch.equal(batch.target_in[:, 1:] == PAD, batch.target_out[:, 1:] == PAD)


def test_every_source_has_one_end_token_and_a_mask(tmp_path: Path) -> None:
    for batch in make_batches(tmp_path).batches(0):
        assert torch.equal(batch.source_mask, batch.source != PAD)
        assert (batch.source == EOS).sum(1).tolist() == [1] * len(batch.source)


def test_num_batches(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    assert batches.num_batches(1) == len(list(batches.batches(1)))


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_an_epoch_is_sampled_and_grouped_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampling: float
) -> None:
    calls: list[str] = []
    group = TrainingBatches._group
    sample = Tokenizer.sample

    def counting_group(self: TrainingBatches, *arguments: Any) -> Any:
        calls.append("group")
        return group(self, *arguments)

    def counting_sample(self: Tokenizer, texts: Any, side: Any, **options: Any) -> Any:
        calls.append(side)
        return sample(self, texts, side, **options)

    monkeypatch.setattr(TrainingBatches, "_group", counting_group)
    monkeypatch.setattr(Tokenizer, "sample", counting_sample)
    batches = make_batches(tmp_path, sampling=sampling)
    batches.num_batches(0)
    list(batches.batches(0))
    list(batches.batches(0, start=2))
    one_epoch = ["source", "target", "group"] if sampling else ["group"]
    assert calls == one_epoch
    batches.num_batches(1)
    assert calls == 2 * one_epoch


def test_order_depends_only_on_seed_and_epoch(tmp_path: Path) -> None:
    first = make_batches(tmp_path / "a")
    orders = [pair_numbers(first, epoch) for epoch in range(3)]
    torch.manual_seed(99)
    np.random.seed(99)
    second = make_batches(tmp_path / "b")
    assert [pair_numbers(second, epoch) for epoch in (2, 0, 1)] == [orders[2], orders[0], orders[1]]


def test_another_seed_or_epoch_gives_another_order(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    orders = [pair_numbers(batches, epoch) for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2]
    # Seed 2 in epoch 0 differs from seed 1 in epoch 1 too: they are not added up.
    assert pair_numbers(make_batches(tmp_path, seed=2), 0) not in orders


def test_a_pair_gets_other_neighbors_in_each_epoch(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    first, second = (
        {tuple(sorted(numbers)) for numbers in pair_numbers(batches, epoch)} for epoch in range(2)
    )
    assert first != second


@pytest.mark.parametrize("multiple", [1, 4, 8])
@pytest.mark.parametrize(
    ("max_tokens", "max_sentences"), [(200, 512), (600, 512), (600, 5), (5000, 512)]
)
def test_batches_stay_within_the_budget(
    tmp_path: Path, multiple: int, max_tokens: int, max_sentences: int
) -> None:
    batches = make_batches(
        tmp_path,
        pad_to_multiple_of=multiple,
        max_tokens=max_tokens,
        max_sentences=max_sentences,
    )
    shares = []
    for batch in batches.batches(0):
        assert batch.source.shape[1] % multiple == 0
        assert batch.target_in.shape == batch.target_out.shape
        assert batch.target_in.shape[1] % multiple == 0
        assert max(batch.source.numel(), batch.target_in.numel()) <= max_tokens
        assert len(batch.source) <= max_sentences
        assert batch.source_mask.any(1).all()
        shares.append(batch.num_target_tokens / batch.target_out.numel())
    # Similar lengths are grouped. A large budget makes few batches of 300 pairs: more padding.
    least = 0.6 if multiple == 8 or max_tokens == 5000 else 0.8
    assert sum(shares) / len(shares) > least


def test_batches_are_full(tmp_path: Path) -> None:
    # All pairs have the same width, so only the last batch has room left.
    pairs = Pairs(source=["hund"] * 100, target=["dog"] * 100)
    batches = make_batches(tmp_path, pairs=pairs)
    shapes = sorted(batch.target_out.shape for batch in batches.batches(0))
    assert shapes == [(25, 8), (75, 8)]


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_batches_can_start_within_an_epoch(tmp_path: Path, sampling: float) -> None:
    whole = list(make_batches(tmp_path, sampling=sampling).batches(1))
    assert len(whole) > 5
    for start in (0, 1, 4, len(whole) - 1, len(whole)):
        rest = list(make_batches(tmp_path, sampling=sampling).batches(1, start))
        assert len(rest) == len(whole) - start
        assert all(is_same(*pair) for pair in zip(rest, whole[start:], strict=True))


# -- Pairs that are too long -----------------------------------------------------------------------

LONG = "hund " * 40
LONG_WORD = "x" * 30
SOME_LONG = Pairs(
    source=["hund", LONG, "katze", "haus", LONG_WORD],
    target=["dog", "dog", LONG, "house", "house"],
)


def texts_of(batches: TrainingBatches) -> set[tuple[str, ...]]:
    tokenizer = tiny_tokenizer()
    pairs = [pair for batch in batches.batches(0) for pair in token_pairs(batch)]
    return {tuple(tokenizer.decode(list(pair))) for pair in pairs}


@pytest.mark.parametrize(("room", "skipped"), [(0, 3), (1, 2)])
def test_long_pairs_are_skipped_and_counted(tmp_path: Path, room: int, skipped: int) -> None:
    # One position of max_length is reserved for the start or end token.
    size = len(tiny_tokenizer().encode([LONG_WORD], "source")[0])
    batches = make_batches(tmp_path, pairs=SOME_LONG, max_length=size + room)
    assert batches.skipped == skipped
    assert len(batches) == 5 - skipped
    texts = texts_of(batches)
    assert {("hund", "dog"), ("haus", "house")} <= texts
    assert ((LONG_WORD, "house") in texts) == (room == 1)


def test_all_pairs_may_be_too_long(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, pairs=SOME_LONG, max_length=3)
    assert len(batches) == 0
    assert batches.num_batches(0) == 0


def test_the_remaining_pairs_are_not_encoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = Tokenizer.encode

    def counting_encode(self: Tokenizer, texts: Any, side: Any) -> Any:
        encoded.append(side)
        return encode(self, texts, side)

    monkeypatch.setattr(Tokenizer, "encode", counting_encode)
    assert make_batches(tmp_path, pairs=SOME_LONG, max_length=20).skipped
    assert encoded == ["source", "target"]


# -- Alignment -------------------------------------------------------------------------------------


def test_batches_have_an_alignment_after_align(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    assert next(batches.batches(0)).alignment is None
    batches.align(guide_attention=True)
    batch = next(batches.batches(0))
    assert batch.alignment is not None
    assert batch.alignment.dtype == torch.float32
    assert batch.alignment.shape == (*batch.target_out.shape, batch.source.shape[1])


def test_an_alignment_changes_no_tokens(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    before = next(batches.batches(0))
    batches.align(guide_attention=True)
    assert is_same(before, next(batches.batches(0)))


def test_end_tokens_are_aligned_with_end_tokens(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    batches.align(guide_attention=True)
    batch = next(batches.batches(0))
    assert batch.alignment is not None
    ends = batch.alignment[batch.target_out == EOS]
    assert torch.equal(ends, (batch.source == EOS).float())


def test_an_alignment_moves_to_a_device(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    batches.align(guide_attention=True)
    batch = next(batches.batches(0))
    moved = batch.to(torch.device("cpu"))
    assert batch.alignment is not None
    assert moved.alignment is not None
    assert torch.equal(moved.alignment, batch.alignment)


# -- Subword regularization ------------------------------------------------------------------------


def test_sampled_tokens_spell_the_text(tmp_path: Path) -> None:
    by_number = token_pairs_by_number(make_batches(tmp_path, sampling=0.2), 0)
    for number, pair in by_number.items():
        assert tiny_tokenizer().decode(list(pair)) == [PAIRS.source[number], PAIRS.target[number]]


def test_sampling_differs_between_epochs(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, sampling=0.2)
    first = token_pairs_by_number(batches, 0)
    second = token_pairs_by_number(batches, 1)
    assert sum(first[number] != second[number] for number in range(300)) > 100


def test_sampling_depends_on_the_seed(tmp_path: Path) -> None:
    sampled = token_pairs_by_number(make_batches(tmp_path, sampling=0.2), 1)
    assert token_pairs_by_number(make_batches(tmp_path, sampling=0.2), 1) == sampled
    assert token_pairs_by_number(make_batches(tmp_path, sampling=0.2, seed=2), 1) != sampled


def test_sampling_of_the_source_leaves_the_target(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, sampling=0.2, sides="source")
    sampled = token_pairs_by_number(batches, 0)
    best_source = tiny_tokenizer().encode(PAIRS.source, "source")
    best_target = tiny_tokenizer().encode(PAIRS.target, "target")
    assert all(sampled[number][1] == best_target[number] for number in range(300))
    assert any(sampled[number][0] != best_source[number] for number in range(300))


def test_the_two_sides_are_sampled_independently(tmp_path: Path) -> None:
    same_text = Pairs(source=PAIRS.source, target=PAIRS.source)
    sampled = token_pairs_by_number(make_batches(tmp_path, pairs=same_text, sampling=0.2), 0)
    assert any(source != target for source, target in sampled.values())


def test_a_sampled_text_stays_within_max_length(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    sides = (PAIRS.source, PAIRS.target)
    longest = max(len(row) for texts in sides for row in tokenizer.encode(texts, "source"))
    batches = make_batches(tmp_path, sampling=0.01, max_length=longest + 1, pad_to_multiple_of=1)
    assert batches.skipped == 0
    for batch in batches.batches(0):
        assert max(batch.source.shape[1], batch.target_in.shape[1]) <= longest + 1


# -- Settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_sentences": 0}, "max_sentences"),
        ({"pad_to_multiple_of": 0}, "pad_to_multiple_of"),
        ({"max_tokens": 100, "max_length": 128}, "max_tokens must be at least max_length"),
    ],
)
def test_wrong_sizes_are_errors(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BatchingConfig(**fields)
