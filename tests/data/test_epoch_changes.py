"""What an epoch has: each pair as often as its weight says, with noise drawn anew each time."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import tiny_tokenizer, word_pairs

from seq2seq.config.augment import NO_NOISE, AugmentConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.config.training import BatchingConfig
from seq2seq.data.batching import Batch, TrainingBatches
from seq2seq.data.corpus import Pairs
from seq2seq.text.tokenizer import EOS, PAD, SLOTS

PAIRS = word_pairs(200, seed=2)
EVERYTHING = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0.3))


def make_batches(
    cache: Path,
    *,
    pairs: Pairs = PAIRS,
    augment: AugmentConfig = NO_NOISE,
    weights: Sequence[tuple[int, float]] = (),
    sampling: float = 0.0,
    seed: int = 1,
    max_length: int = 100,
) -> TrainingBatches:
    return TrainingBatches(
        pairs,
        tiny_tokenizer(),
        BatchingConfig(max_tokens=300, max_length=max_length, pad_to_multiple_of=8),
        TokenizerConfig(sampling=sampling),
        seed=seed,
        cache=cache,
        augment=augment,
        language="de",
        weights=weights,
    )


def noise(**rates: float) -> AugmentConfig:
    """Makes an AugmentConfig whose other rates are 0."""
    return NO_NOISE.replace(**rates)


def counts(batches: TrainingBatches, epoch: int) -> Counter[int]:
    """Returns how often each pair is in an epoch."""
    return Counter(number for rows in batches.pair_numbers(epoch) for number in rows.tolist())


def texts(batches: TrainingBatches, epoch: int, start: int = 0) -> list[tuple[int, str, str]]:
    """Returns the number, the source and the target of each pair of an epoch, in its order."""
    tokenizer = tiny_tokenizer()
    rows = []
    numbers = batches.pair_numbers(epoch)[start:]
    for numbers_of_batch, batch in zip(numbers, batches.batches(epoch, start), strict=True):
        source = tokenizer.decode(batch.source.tolist(), "source")
        target = tokenizer.decode(batch.target_out.tolist(), "target")
        rows += list(zip(numbers_of_batch.tolist(), source, target, strict=True))
    return rows


def is_same(batch: Batch, other: Batch) -> bool:
    return torch.equal(batch.source, other.source) and torch.equal(
        batch.target_out, other.target_out
    )


# -- Weights ---------------------------------------------------------------------------------------


def test_a_whole_weight_is_how_often_an_epoch_has_a_pair(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, weights=[(50, 2), (100, 1), (50, 3)])
    expected = [2] * 50 + [1] * 100 + [3] * 50
    for epoch in range(2):
        found = counts(batches, epoch)
        assert [found[number] for number in range(200)] == expected


def test_another_part_of_a_corpus_is_in_each_epoch(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, weights=[(100, 0.4), (100, 2.5)])
    drawn = []
    total: Counter[int] = Counter()
    for epoch in range(50):
        found = counts(batches, epoch)
        assert {found[number] for number in range(100)} <= {0, 1}
        assert {found[number] for number in range(100, 200)} <= {2, 3}
        drawn.append(frozenset(number for number in found if number < 100))
        total += found
    assert len(set(drawn)) == 50
    # 5000 draws each, so the standard deviation of a mean is 0.007.
    assert sum(total[number] for number in range(100)) / 5000 == pytest.approx(0.4, abs=0.03)
    assert sum(total[number] for number in range(100, 200)) / 5000 == pytest.approx(2.5, abs=0.03)
    # No pair is left out for good.
    assert min(total[number] for number in range(100)) > 0


def test_pairs_after_the_last_corpus_have_weight_1(tmp_path: Path) -> None:
    found = counts(make_batches(tmp_path, weights=[(50, 2)]), 0)
    assert [found[number] for number in range(200)] == [2] * 50 + [1] * 150


def test_weight_1_is_no_weight(tmp_path: Path) -> None:
    plain = list(make_batches(tmp_path).batches(1))
    weighted = list(make_batches(tmp_path, weights=[(120, 1.0), (80, 1.0)]).batches(1))
    assert all(is_same(*pair) for pair in zip(plain, weighted, strict=True))


def test_weights_stay_with_their_pairs_if_long_ones_are_skipped(tmp_path: Path) -> None:
    long = "hund " * 60
    pairs = Pairs(
        source=[long, "hund", long, "katze", "haus"], target=["dog", "dog", "x", "cat", "house"]
    )
    batches = make_batches(tmp_path, pairs=pairs, weights=[(2, 2), (1, 5), (2, 3)], max_length=30)
    assert batches.skipped == 2
    found = Counter(source for _, source, _ in texts(batches, 0))
    assert found == {"hund": 2, "katze": 3, "haus": 3}


def test_weights_are_drawn_the_same_again(tmp_path: Path) -> None:
    weights = [(100, 0.3), (100, 1.5)]
    first = [counts(make_batches(tmp_path, weights=weights), epoch) for epoch in (0, 1)]
    batches = make_batches(tmp_path, weights=weights)
    assert [counts(batches, epoch) for epoch in (1, 0)] == [first[1], first[0]]
    assert counts(make_batches(tmp_path, weights=weights, seed=2), 0) not in first


def test_an_epoch_is_never_empty(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, pairs=PAIRS.select([0, 1]), weights=[(2, 1e-9)])
    for epoch in range(5):
        assert counts(batches, epoch).total() == 1
        assert batches.num_batches(epoch) == 1


def test_no_pairs_have_no_batches(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, weights=[(200, 0.5)], max_length=1)
    assert len(batches) == batches.num_batches(0) == 0


# -- Noise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_without_noise_the_text_is_as_it_was(tmp_path: Path, sampling: float) -> None:
    batches = make_batches(tmp_path, sampling=sampling)
    expected = [(number, *pair) for number, pair in enumerate(PAIRS)]
    for epoch in range(2):
        assert sorted(texts(batches, epoch)) == expected


def test_without_noise_the_encoded_pairs_are_not_copied(tmp_path: Path) -> None:
    batches = make_batches(tmp_path)
    assert batches._epoch(0).encoded.source.flat is batches._encoded.source.flat


def test_noise_does_not_change_how_often_a_pair_comes(tmp_path: Path) -> None:
    weights = [(100, 0.5), (100, 2)]
    plain = make_batches(tmp_path, weights=weights)
    noisy = make_batches(tmp_path, weights=weights, augment=EVERYTHING)
    assert counts(noisy, 3) == counts(plain, 3)


def test_a_rate_is_the_share_of_changed_pairs(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, augment=noise(upper=0.25))
    changed = 0
    for epoch in range(20):
        for number, source, target in texts(batches, epoch):
            assert source in (PAIRS.source[number], PAIRS.source[number].upper())
            assert target == PAIRS.target[number]
            changed += source != PAIRS.source[number]
    assert changed / (20 * 200) == pytest.approx(0.25, abs=0.03)


def test_each_copy_of_a_pair_gets_its_own_noise(tmp_path: Path) -> None:
    pairs = PAIRS.select([0])
    batches = make_batches(tmp_path, pairs=pairs, weights=[(1, 100)], augment=noise(upper=0.5))
    found = Counter(source for _, source, _ in texts(batches, 0))
    assert found.keys() == {pairs.source[0], pairs.source[0].upper()}
    assert min(found.values()) > 30
    batches = make_batches(tmp_path, pairs=pairs, weights=[(1, 100)], augment=noise(typos=1))
    assert len({source for _, source, _ in texts(batches, 0)}) > 10


def test_other_pairs_are_changed_in_each_epoch(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, augment=noise(upper=0.5))
    changed = [
        {number for number, source, _ in texts(batches, epoch) if source.isupper()}
        for epoch in range(2)
    ]
    assert len(changed[0] - changed[1]) > 30
    assert min(map(len, changed)) > 70


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_noise_is_drawn_anew_in_each_epoch_and_the_same_again(
    tmp_path: Path, sampling: float
) -> None:
    batches = make_batches(tmp_path, augment=EVERYTHING, sampling=sampling)
    epochs = [texts(batches, epoch) for epoch in range(3)]
    assert sorted(epochs[0]) != sorted(epochs[1]) != sorted(epochs[2])
    again = make_batches(tmp_path, augment=EVERYTHING, sampling=sampling)
    assert [texts(again, epoch) for epoch in (2, 0, 1)] == [epochs[2], epochs[0], epochs[1]]
    other = make_batches(tmp_path, augment=EVERYTHING, sampling=sampling, seed=2)
    assert sorted(texts(other, 0)) not in map(sorted, epochs)


@pytest.mark.parametrize("guide_attention", [False, True])
@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_a_resumed_epoch_goes_on_with_the_same_noise(
    tmp_path: Path, sampling: float, guide_attention: bool
) -> None:
    settings: dict[str, Any] = {
        "augment": EVERYTHING,
        "sampling": sampling,
        "weights": [(100, 0.5), (100, 1.5)],
    }

    def aligned() -> TrainingBatches:
        batches = make_batches(tmp_path, **settings)
        batches.align(guide_attention=guide_attention)
        return batches

    whole = aligned()
    list(whole.batches(0))
    all_batches = list(whole.batches(1))
    assert len(all_batches) > 5
    for start in (0, 3, len(all_batches) - 1):
        rest = list(aligned().batches(1, start))
        assert all(is_same(*pair) for pair in zip(rest, all_batches[start:], strict=True))
        assert (rest[0].alignment is not None) == guide_attention


PRINT_A_HASH = """
import sys
from pathlib import Path
from test_epoch_changes import hash_of_an_epoch
print(hash_of_an_epoch(Path(sys.argv[1])))
"""


def hash_of_an_epoch(cache: Path) -> str:
    batches = make_batches(cache, augment=EVERYTHING, sampling=0.3, weights=[(200, 1.5)])
    batches.align(guide_attention=False)
    return hashlib.sha256(repr(texts(batches, 2)).encode()).hexdigest()


def test_another_process_draws_the_same(tmp_path: Path) -> None:
    expected = hash_of_an_epoch(tmp_path)
    for hash_seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        }
        command = [sys.executable, "-c", PRINT_A_HASH, str(tmp_path)]
        result = subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, timeout=120
        )
        assert result.stdout.strip() == expected


def test_an_alignment_puts_slots_in_the_place_of_translations(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, augment=noise(slots=1))
    plain = texts(batches, 0)
    assert all(set(SLOTS) & set(source) & set(target) for _, source, target in plain)

    def missing(rows: list[tuple[int, str, str]]) -> int:
        """Counts sources that have fewer words than they had."""
        return sum(
            len([word for word in source.split() if word not in SLOTS])
            < len(PAIRS.source[number].split())
            for number, source, _ in rows
        )

    # No word stands on both sides.
    assert missing(plain) == 0
    batches.align(guide_attention=False)
    aligned = texts(batches, 0)
    assert missing(aligned) > 80
    for _, source, target in aligned:
        for slot in SLOTS:
            assert source.count(slot) == target.count(slot) <= 1


def test_what_became_too_long_stays_as_it_was(tmp_path: Path) -> None:
    # Capitals are spelled in bytes or letters, which is longer.
    tokenizer = tiny_tokenizer()
    plain = tokenizer.encode(PAIRS.source, "source") + tokenizer.encode(PAIRS.target, "target")
    longest = max(map(len, plain))
    limit = longest + 1
    batches = make_batches(tmp_path, augment=noise(upper=1.0), max_length=limit)
    assert batches.skipped == 0
    found = texts(batches, 0)
    kept = 0
    for number, source, _ in found:
        upper = PAIRS.source[number].upper()
        fits = len(tokenizer.encode([upper], "source")[0]) < limit
        assert source == (upper if fits else PAIRS.source[number])
        kept += not fits
    assert 0 < kept < 200


def test_no_noise_goes_beyond_max_length(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, augment=EVERYTHING, sampling=0.05, max_length=40)
    for batch in batches.batches(0):
        for side in (batch.source, batch.target_out):
            content = ((side != PAD) & (side != EOS)).sum(1)
            assert int(content.max()) < 40
            assert int(content.min()) > 0
