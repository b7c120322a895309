import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.cleaning import sentence_key
from seq2seq.data.pairs import Pairs
from seq2seq.data.splitting import HoldOut, components, split_by_group, stable_hash, without_shared
from seq2seq.errors import UserError


def numbered(count: int) -> Pairs:
    return Pairs(source=[f"Satz {n}" for n in range(count)], target=[f"sentence {n}" for n in range(count)])


def shared_between(parts: dict[str, Pairs]) -> set[tuple[str, str]]:
    """(side, sentence) that stand in more than one split."""
    owners: dict[tuple[str, str], set[str]] = {}
    for split, pairs in parts.items():
        for source, target in pairs:
            owners.setdefault(("source", sentence_key(source)), set()).add(split)
            owners.setdefault(("target", sentence_key(target)), set()).add(split)
    return {sentence for sentence, splits in owners.items() if len(splits) > 1}


def test_components_are_joined_over_either_side_and_over_groups() -> None:
    pairs = Pairs(
        source=["Hallo!", "hallo", "Guten Tag", "Tschüs", "Nacht", "Hello."],
        target=["Hello.", "Good day", "good DAY!", "Bye", "Night", "Sides do not mix"],
        groups=["1", "2", "3", "4", "4", "5"],
    )
    assert components(pairs) == [[0, 1, 2], [3, 4], [5]]


def test_sizes_are_met_and_nothing_is_lost_or_doubled() -> None:
    pairs = numbered(1000)
    parts = split_by_group(pairs, valid=50, test=100, seed=1)
    assert {name: len(part) for name, part in parts.items()} == {"train": 850, "valid": 50, "test": 100}
    assert sorted(pair for part in parts.values() for pair in part) == sorted(pairs)


def test_the_seed_decides_and_nothing_else() -> None:
    pairs = numbered(500)
    assert split_by_group(pairs, valid=20, test=20, seed=3) == split_by_group(pairs, valid=20, test=20, seed=3)
    assert split_by_group(pairs, valid=20, test=20, seed=3) != split_by_group(pairs, valid=20, test=20, seed=4)
    assert stable_hash("a page", 7) == 3433224991832457542  # the same on every machine


@given(st.randoms(use_true_random=False), st.integers(2, 12))
def test_no_sentence_stands_in_two_splits(rng: random.Random, vocabulary: int) -> None:
    texts = [f"Wort {rng.randrange(vocabulary)}{rng.choice(['', '!', '.'])}" for _ in range(80)]
    filler = [f"einmalig {n}" for n in range(200)]
    pairs = Pairs(
        source=texts + filler,
        target=[f"word {rng.randrange(vocabulary)}" for _ in texts] + [f"unique {n}" for n in range(200)],
        groups=[str(rng.randrange(100)) for _ in range(280)],
    )
    try:
        parts = split_by_group(pairs, valid=15, test=15, seed=rng.randrange(100))
    except UserError:
        return  # everything hangs together
    assert not shared_between(parts)
    owner = {group: name for name, part in parts.items() for group in part.groups or []}
    assert all(owner[group] == name for name, part in parts.items() for group in part.groups or [])


def test_what_hangs_together_is_left_in_train() -> None:
    pairs = Pairs(
        source=["Ja."] * 300 + [f"Satz {n}" for n in range(300)],
        target=[f"yes {n}" for n in range(300)] + [f"sentence {n}" for n in range(300)],
    )
    parts = split_by_group(pairs, valid=100, test=100, seed=1)
    assert parts["train"].source.count("Ja.") == 300
    assert (len(parts["valid"]), len(parts["test"])) == (100, 100)


def test_errors() -> None:
    with pytest.raises(UserError, match=r"Holding out 40 \+ 20 pairs of the 100 of my corpus leaves less than half"):
        split_by_group(numbered(100), valid=40, test=20, seed=1, name="my corpus")
    one = Pairs(source=["Ja."] * 100, target=[f"yes {n}" for n in range(100)])
    with pytest.raises(
        UserError, match="Only 0 of 10 pairs of the corpus could be held out for test: 100 pairs hang together"
    ):
        split_by_group(one, valid=10, test=10, seed=1)


def test_hold_out_sizes() -> None:
    assert HoldOut().pairs(100_000, "test") == 1000
    assert HoldOut().pairs(2_000, "valid") == 100
    assert HoldOut(valid=7, test=0.25).pairs(400, "valid") == 7
    assert HoldOut(valid=7, test=0.25).pairs(400, "test") == 100
    for wrong in (-1, 1.0, 2.5):
        with pytest.raises(ValueError, match=f"test is {wrong}"):
            HoldOut(test=wrong)


def test_without_shared_looks_at_the_same_side_only() -> None:
    pairs = Pairs(source=["eins", "zwei", "drei"], target=["one", "two", "three"])
    others = Pairs(source=["Eins!", "two"], target=["x", "drei"])
    assert list(without_shared(pairs, [others])) == [("zwei", "two"), ("drei", "three")]
    assert list(without_shared(pairs, [others, Pairs(source=["q"], target=["THREE"])])) == [("zwei", "two")]
