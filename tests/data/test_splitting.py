"""Holding out: the right sizes, the same splits for the same seed, and nothing in two splits."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.sources import HoldOutConfig
from seq2seq.data.corpus import Pairs
from seq2seq.data.splitting import connected_pairs, split_by_group, stable_hash, without_shared
from seq2seq.errors import UserError
from seq2seq.text.normalization import sentence_key


def numbered_pairs(count: int) -> Pairs:
    source = [f"Satz {n}" for n in range(count)]
    target = [f"sentence {n}" for n in range(count)]
    return Pairs(source=source, target=target)


def sentences_in_several_splits(splits: dict[str, Pairs]) -> set[tuple[str, str]]:
    """Returns (side, sentence)."""
    occurrences: dict[tuple[str, str], set[str]] = {}
    for name, pairs in splits.items():
        for source, target in pairs:
            occurrences.setdefault(("source", sentence_key(source)), set()).add(name)
            occurrences.setdefault(("target", sentence_key(target)), set()).add(name)
    return {sentence for sentence, names in occurrences.items() if len(names) > 1}


def test_pairs_are_connected_through_either_side_and_through_groups() -> None:
    pairs = Pairs(
        source=["Hallo!", "hallo", "Guten Tag", "Tschüs", "Nacht", "Hello."],
        target=["Hello.", "Good day", "good DAY!", "Bye", "Night", "The sides are separate"],
        groups=["1", "2", "3", "4", "4", "5"],
    )
    assert connected_pairs(pairs) == [[0, 1, 2], [3, 4], [5]]


def test_splits_have_the_right_sizes() -> None:
    splits = split_by_group(numbered_pairs(1000), valid=50, test=100, seed=1)
    sizes = {name: len(pairs) for name, pairs in splits.items()}
    assert sizes == {"train": 850, "valid": 50, "test": 100}


def test_every_pair_is_in_one_split() -> None:
    pairs = numbered_pairs(1000)
    splits = split_by_group(pairs, valid=50, test=100, seed=1)
    assert sorted(pair for split in splits.values() for pair in split) == sorted(pairs)


def test_the_seed_decides_which_pairs_are_held_out() -> None:
    pairs = numbered_pairs(500)
    splits = split_by_group(pairs, valid=20, test=20, seed=3)
    assert split_by_group(pairs, valid=20, test=20, seed=3) == splits
    assert split_by_group(pairs, valid=20, test=20, seed=4) != splits


def test_the_hash_is_the_same_on_every_machine() -> None:
    assert stable_hash("a page", 7) == 3433224991832457542


@given(st.randoms(use_true_random=False), st.integers(2, 12))
def test_no_sentence_and_no_group_is_in_two_splits(rng: random.Random, vocabulary: int) -> None:
    source = [f"Wort {rng.randrange(vocabulary)}{rng.choice(['', '!', '.'])}" for _ in range(80)]
    target = [f"word {rng.randrange(vocabulary)}" for _ in range(80)]
    pairs = Pairs(
        source=source + [f"einmalig {n}" for n in range(200)],
        target=target + [f"unique {n}" for n in range(200)],
        groups=[str(rng.randrange(100)) for _ in range(280)],
    )
    try:
        splits = split_by_group(pairs, valid=15, test=15, seed=rng.randrange(100))
    except UserError:
        return  # too many pairs are connected
    assert not sentences_in_several_splits(splits)
    split_of = {group: name for name, split in splits.items() for group in split.groups or []}
    for name, split in splits.items():
        assert all(split_of[group] == name for group in split.groups or [])


def test_a_large_connected_part_stays_in_train() -> None:
    unique = numbered_pairs(300)
    pairs = Pairs(
        source=["Ja."] * 300 + unique.source,
        target=[f"yes {n}" for n in range(300)] + unique.target,
    )
    splits = split_by_group(pairs, valid=100, test=100, seed=1)
    assert splits["train"].source.count("Ja.") == 300
    assert len(splits["valid"]) == 100
    assert len(splits["test"]) == 100


def test_at_least_half_is_left_for_training() -> None:
    message = r"Holding out 40 \+ 20 of the 100 pairs of my corpus leaves less than half"
    with pytest.raises(UserError, match=message):
        split_by_group(numbered_pairs(100), valid=40, test=20, seed=1, name="my corpus")


def test_connected_pairs_cannot_be_held_out() -> None:
    pairs = Pairs(source=["Ja."] * 100, target=[f"yes {n}" for n in range(100)])
    message = "Only 0 of 10 pairs of the corpus can be held out for test: 100 pairs are connected"
    with pytest.raises(UserError, match=message):
        split_by_group(pairs, valid=10, test=10, seed=1)


def test_hold_out_sizes_by_default() -> None:
    assert HoldOutConfig().pairs(100_000, "test") == 1000
    assert HoldOutConfig().pairs(2_000, "valid") == 100


def test_hold_out_sizes_can_be_numbers_or_shares() -> None:
    hold_out = HoldOutConfig(valid=7, test=0.25)
    assert hold_out.pairs(400, "valid") == 7
    assert hold_out.pairs(400, "test") == 100


@pytest.mark.parametrize("size", [-1, 1.0, 2.5])
def test_wrong_hold_out_sizes_are_errors(size: float) -> None:
    with pytest.raises(ValueError, match=f"test is {size}"):
        HoldOutConfig(test=size)


def test_without_shared_compares_the_same_side() -> None:
    pairs = Pairs(source=["eins", "zwei", "drei"], target=["one", "two", "three"])
    others = Pairs(source=["Eins!", "two"], target=["x", "drei"])
    assert list(without_shared(pairs, [others])) == [("zwei", "two"), ("drei", "three")]


def test_without_shared_takes_several_corpora() -> None:
    pairs = Pairs(source=["eins", "zwei", "drei"], target=["one", "two", "three"])
    first = Pairs(source=["Eins!"], target=["x"])
    second = Pairs(source=["q"], target=["THREE"])
    assert list(without_shared(pairs, [first, second])) == [("zwei", "two")]
