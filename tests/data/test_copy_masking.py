"""Copy masking: the same word on both sides, with the right probability, the same every time."""

import pytest

from seq2seq.data.copy_masking import mask_copied_words
from seq2seq.data.corpus import Pairs
from seq2seq.text.tokenizer import COPY

ALWAYS = 0.999999


def mask_pair(source: str, target: str, seed: int = 0) -> tuple[str, str]:
    pairs = Pairs(source=[source], target=[target])
    ((masked_source, masked_target),) = mask_copied_words(pairs, probability=ALWAYS, seed=seed)
    return masked_source, masked_target


def many_pairs() -> Pairs:
    groups = [str(i) for i in range(5000)]
    return Pairs(source=["Anna ruft"] * 5000, target=["Anna calls"] * 5000, groups=groups)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Anna sieht ihn.", "Anna sees him.", (f"{COPY} sieht ihn.", f"{COPY} sees him.")),
        ("Das ist x-2.5!", "This is (x-2.5)", (f"Das ist {COPY}!", f"This is ({COPY})")),
    ],
)
def test_a_word_on_both_sides_is_masked(
    source: str, target: str, expected: tuple[str, str]
) -> None:
    assert mask_pair(source, target) == expected


def test_only_whole_words_are_masked() -> None:
    masked = mask_pair("in Annas Haus", "in Annas's house")
    assert masked == (f"{COPY} Annas Haus", f"{COPY} Annas's house")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Er sieht", "He sees"),
        ("Anna und Anna", "Anna and Anna"),  # it is not clear which Anna is which
        ("Anna ruft", "Anna, Anna calls"),
        ("Anna, Anna ruft", "Anna calls"),
        ("", ""),
    ],
)
def test_only_words_that_occur_once_on_each_side_are_masked(source: str, target: str) -> None:
    assert mask_pair(source, target) == (source, target)


def test_any_of_several_words_may_be_masked() -> None:
    results = {mask_pair("Anna Otto Ida", "Ida Anna Otto", seed) for seed in range(40)}
    assert results == {
        (f"{COPY} Otto Ida", f"Ida {COPY} Otto"),
        (f"Anna {COPY} Ida", f"Ida Anna {COPY}"),
        (f"Anna Otto {COPY}", f"{COPY} Anna Otto"),
    }


def test_the_share_of_masked_pairs_is_the_probability() -> None:
    masked = mask_copied_words(many_pairs(), probability=0.1, seed=1)
    in_source = [COPY in text for text in masked.source]
    assert 420 < sum(in_source) < 580
    assert in_source == [COPY in text for text in masked.target]


def test_groups_and_the_original_pairs_stay() -> None:
    pairs = many_pairs()
    masked = mask_copied_words(pairs, probability=0.1, seed=1)
    assert masked.groups == pairs.groups
    assert pairs == many_pairs()


def test_the_seed_chooses_the_pairs() -> None:
    masked = mask_copied_words(many_pairs(), probability=0.1, seed=1)
    assert mask_copied_words(many_pairs(), probability=0.1, seed=1) == masked
    assert mask_copied_words(many_pairs(), probability=0.1, seed=2) != masked


def test_probability_0_returns_the_pairs_themselves() -> None:
    pairs = many_pairs()
    assert mask_copied_words(pairs, probability=0.0, seed=1) is pairs
