"""Noise in the training text: each rate does what it says, the same way in every process."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import tiny_tokenizer, word_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config.augment import NO_NOISE, AugmentConfig
from seq2seq.data.alignment import Aligner, train_lexicon
from seq2seq.data.augmentation import Augmenter, Change, SlotWords
from seq2seq.data.corpus import Pairs
from seq2seq.text.tokenizer import SLOTS

A, B = SLOTS[:2]
KINDS = list(AugmentConfig.model_fields)


def changed(pairs: Pairs, seed: int = 0, language: str = "de", **rates: float) -> list[Change]:
    """Returns all pairs after the noise of the first epoch."""
    augmenter = Augmenter(
        pairs, NO_NOISE.replace(**rates), tiny_tokenizer(), language=language, seed=seed
    )
    changes = augmenter.changes(np.arange(len(pairs)), epoch=1)
    return [changes.get(position, pair) for position, pair in enumerate(pairs)]


def changed_pair(source: str, target: str, seed: int = 0, **rates: float) -> Change:
    (pair,) = changed(Pairs(source=[source], target=[target]), seed, **rates)
    return pair


def augmenter_of(pairs: Pairs, seed: int = 0, **rates: float) -> Augmenter:
    return Augmenter(pairs, AugmentConfig(**rates), tiny_tokenizer(), language="de", seed=seed)


# -- each kind alone -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("upper", f"DIE „KATZE“ – {A} – SIEHT ES."),
        ("title", f"Die „Katze“ – {A} – Sieht Es."),
        ("lower", f"die „katze“ – {A} – sieht es."),
        ("quotes", f'Die "Katze" – {A} – sieht es.'),
    ],
)
def test_a_kind_changes_the_source_alone(kind: str, expected: str) -> None:
    source = f"Die „Katze“ – {A} – sieht es."
    assert changed_pair(source, f"The cat {A}.", **{kind: 1.0}) == (expected, f"The cat {A}.")


def test_straight_quotes_become_typographic_ones() -> None:
    sources = {changed_pair('Die "Katze"', "x", seed, quotes=1.0)[0] for seed in range(20)}
    assert sources == {"Die „Katze“", "Die “Katze”"}


def test_dashes_take_another_form() -> None:
    sources = {changed_pair("Hund – Katze", "x", seed, dashes=1.0)[0] for seed in range(40)}
    assert sources == {f"Hund{dash}Katze" for dash in (" — ", " - ", " -- ", "—")}


def test_diacritics_are_dropped_or_spelled_out() -> None:
    sources = {changed_pair("Öl für é", "ö", seed, diacritics=1.0) for seed in range(20)}
    assert sources == {("Ol fur e", "ö"), ("Oel fuer e", "ö")}


def test_typos_change_a_word_and_no_slot() -> None:
    for seed in range(20):
        source, target = changed_pair(f"{A} Katze {B}", "cat", seed, typos=1.0)
        assert source != f"{A} Katze {B}"
        assert (source[:2], source[-2:], target) == (f"{A} ", f" {B}", "cat")


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("Wer ist da?", "Who is it?!"), ("Wer ist da", "Who is it")),
        (("Gut.", "Good"), ("Gut.", "Good")),  # only if both have one
        (("Gut", "Good."), ("Gut", "Good.")),
        (("…", "..."), ("…", "...")),  # nothing would be left
        ((f"Siehe {A}.", f"See {A}."), (f"Siehe {A}", f"See {A}")),
    ],
)
def test_final_marks_are_removed_on_both_sides(pair: Change, expected: Change) -> None:
    assert changed_pair(*pair, no_final_punctuation=1.0) == expected


def test_a_pair_is_joined_with_the_next_of_its_document() -> None:
    pairs = Pairs(
        source=["Eins.", "Zwei!", "Drei.", "Vier"],
        target=["One.", "Two!", "Three.", "Four"],
        groups=["a", "a", "b", "b"],
    )
    assert changed(pairs, join=1.0) == [
        ("Eins. Zwei!", "One. Two!"),
        ("Zwei!", "Two!"),  # the next one is of another document
        ("Drei. Vier", "Three. Four"),
        ("Vier", "Four"),  # there is no next one
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Eins", "One."), ("Zwei.", "Two.")),  # no end of a sentence
        (("Eins.", "One"), ("Zwei.", "Two.")),
        ((f"Eins {A}.", f"One {A}."), (f"Zwei {A}.", f"Two {A}.")),  # a slot would be there twice
        (("", "."), ("Zwei.", "Two.")),
        (("Eins.", ""), ("Zwei.", "Two.")),
    ],
)
def test_pairs_that_do_not_fit_together_are_not_joined(first: Change, second: Change) -> None:
    pairs = Pairs(source=[first[0], second[0]], target=[first[1], second[1]])
    assert changed(pairs, join=1.0) == [first, second]


def test_pairs_with_different_slots_are_joined() -> None:
    pairs = Pairs(source=[f"{A}.", f"{B}."], target=[f"{A}.", f"{B}."])
    assert changed(pairs, join=1.0)[0] == (f"{A}. {B}.",) * 2


def test_full_width_marks_have_no_space_after_them() -> None:
    pairs = Pairs(source=["猫。", "犬。"], target=["Cat.", "Dog."])
    assert changed(pairs, join=1.0)[0] == ("猫。犬。", "Cat. Dog.")


# -- slots -----------------------------------------------------------------------------------------


def slots_in(text: str) -> list[str]:
    return sorted(character for character in text if character in SLOTS)


def slot_results(slot_words: SlotWords, source: str, target: str) -> set[Change]:
    """Returns the pairs that a slot was added to, with it written as □."""
    results = set()
    for seed in range(400):
        pair = slot_words(source, target, random.Random(seed))
        if len(slots_in(pair[0])) == 1:
            slot = slots_in(pair[0])[0]
            results.add((pair[0].replace(slot, "□"), pair[1].replace(slot, "□")))
    return results


AROUND = {
    ("□ Anna ruft.", "□ Anna calls."),
    ("Anna ruft □.", "Anna calls □."),
    ("Anna ruft. □", "Anna calls. □"),
}


def test_a_word_on_both_sides_becomes_a_slot_or_has_one_beside_it() -> None:
    slot_words = SlotWords(tiny_tokenizer())
    assert slot_results(slot_words, "Anna ruft.", "Anna calls.") == AROUND | {
        ("□ ruft.", "□ calls."),
        ("Anna □ ruft.", "Anna □ calls."),
    }


def test_without_such_a_word_a_slot_stands_around_the_text() -> None:
    results = slot_results(SlotWords(tiny_tokenizer()), "Er ruft", "He calls")
    assert results == {("□ Er ruft", "□ He calls"), ("Er ruft □", "He calls □")}


def test_aligned_words_become_slots() -> None:
    tokenizer = tiny_tokenizer()
    pairs = word_pairs(300)
    lexicon = train_lexicon(
        tokenizer.encode(pairs.source, "source"),
        tokenizer.encode(pairs.target, "target"),
        source_size=tokenizer.size("source"),
        target_size=tokenizer.size("target"),
    )
    slot_words = SlotWords(tokenizer)
    slot_words.aligner = Aligner(lexicon, tokenizer.size("target"))
    results = slot_results(slot_words, "hund sieht katze .", "dog sees cat .")
    replaced = {
        ("□ sieht katze .", "□ sees cat ."),
        ("hund □ katze .", "dog □ cat ."),
        ("hund sieht □ .", "dog sees □ ."),
    }
    beside = {
        ("hund □ sieht katze .", "dog □ sees cat ."),
        ("hund sieht □ katze .", "dog sees □ cat ."),
        ("hund sieht katze □ .", "dog sees cat □ ."),
    }
    assert results >= replaced | beside


def test_an_augmenter_uses_the_aligner_that_it_is_given() -> None:
    class AlignAll:
        """Aligns every token with the first one of the other side."""

        def __call__(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
            alignment = np.zeros((1, target.shape[1], source.shape[1]))
            alignment[:, :, 0] = 1
            return alignment

    pairs = Pairs(source=["hund"] * 200, target=["dog"] * 200)
    augmenter = augmenter_of(pairs, **{**dict.fromkeys(KINDS, 0.0), "slots": 1.0})
    assert augmenter.needs_alignment
    rows = np.arange(200)
    words = {
        "".join(c for c in pair[0] if c.isalpha()) for pair in augmenter.changes(rows, 1).values()
    }
    assert words == {"hund"}
    augmenter.align_with(AlignAll())  # type: ignore[arg-type]
    words = {
        "".join(c for c in pair[0] if c.isalpha()) for pair in augmenter.changes(rows, 1).values()
    }
    assert words == {"hund", ""}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["hund", "Anna", ".", "x-y", *SLOTS]), unique=True),
    st.randoms(use_true_random=False),
)
def test_no_slot_is_doubled_and_both_sides_have_the_same(
    words: list[str], rng: random.Random
) -> None:
    text = " ".join(words)
    source, target = SlotWords(tiny_tokenizer())(text, text, rng)
    assert slots_in(source) == slots_in(target)
    assert len(set(slots_in(source))) == len(slots_in(source))
    assert set(slots_in(source)) >= set(slots_in(text))


def test_a_pair_with_all_slots_gets_no_more() -> None:
    text = " ".join(SLOTS)
    assert changed_pair(text, text, slots=1.0) == (text, text)


# -- which pairs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_rate_is_the_share_of_the_pairs(kind: str) -> None:
    pairs = Pairs(
        source=['Der "Bär" – er ruft.'] * 2000, target=["He calls."] * 2000, groups=["a"] * 2000
    )
    new = changed(pairs, **{kind: 0.3})
    different = sum(pair != old for pair, old in zip(new, pairs, strict=True))
    assert 0.25 < different / len(pairs) < 0.35


def test_the_three_cases_exclude_each_other() -> None:
    pairs = Pairs(source=["Ein Hund ruft"] * 3000, target=["x"] * 3000)
    sources = [source for source, _ in changed(pairs, upper=0.2, title=0.3, lower=0.5)]
    shares = [
        sources.count(text) / 3000 for text in ("EIN HUND RUFT", "Ein Hund Ruft", "ein hund ruft")
    ]
    assert sum(shares) == 1
    assert shares == pytest.approx([0.2, 0.3, 0.5], abs=0.04)


def test_without_rates_nothing_changes() -> None:
    pairs = word_pairs(50)
    assert changed(pairs) == list(pairs)
    assert not Augmenter(pairs, NO_NOISE, tiny_tokenizer(), language="de", seed=0).is_active
    assert augmenter_of(pairs).is_active


def test_only_slots_need_an_alignment() -> None:
    assert not augmenter_of(word_pairs(1), slots=0.0).needs_alignment
    assert augmenter_of(word_pairs(1), slots=0.1).needs_alignment


def test_the_seed_and_the_epoch_decide() -> None:
    pairs = word_pairs(200)
    rows = np.arange(200)
    first = augmenter_of(pairs).changes(rows, 1)
    assert augmenter_of(pairs).changes(rows, 1) == first
    assert augmenter_of(pairs).changes(rows, 2) != first
    assert augmenter_of(pairs, seed=1).changes(rows, 1) != first


def test_a_pair_that_is_there_twice_gets_noise_of_its_own_each_time() -> None:
    pairs = Pairs(source=["hund sieht katze"], target=["dog sees cat"])
    changes = augmenter_of(pairs, typos=1.0).changes(np.zeros(50, dtype=np.int64), 1)
    assert len(set(changes.values())) > 10


def test_the_order_of_the_rows_is_that_of_the_results() -> None:
    pairs = Pairs(source=["hund", "katze"], target=["dog", "cat"])
    config = NO_NOISE.replace(upper=1.0)
    augmenter = Augmenter(pairs, config, tiny_tokenizer(), language="de", seed=0)
    assert augmenter.changes(np.array([1, 0, 1]), 1) == {
        0: ("KATZE", "cat"),
        1: ("HUND", "dog"),
        2: ("KATZE", "cat"),
    }


def test_every_process_makes_the_same_changes() -> None:
    code = "import test_augmentation; print(test_augmentation.digest())"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    digests = {digest()}
    for hash_seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.pathsep.join([*folders, *sys.path]),
        }
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, env=environment, capture_output=True, check=True)
        digests.add(result.stdout.decode().strip())
    assert len(digests) == 1


def digest() -> str:
    """Returns a hash of all changes of an epoch, at high rates."""
    rates = dict.fromkeys(KINDS, 0.2)
    changes = augmenter_of(word_pairs(200), **rates).changes(np.arange(200), 3)
    return hashlib.sha256(repr(sorted(changes.items())).encode()).hexdigest()
