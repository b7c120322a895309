"""Faults of translations: lost spans and numbers, loops, no text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.evaluation.faults import count_faults, is_loop, numbers_kept, spans_kept
from seq2seq.text.spans import SpanFinder

FINDER = SpanFinder()


@pytest.mark.parametrize(
    ("source", "translation", "kept"),
    [
        ("Siehe https://x.org/a und %s.", "See https://x.org/a and %s.", [True, True]),
        ("Siehe https://x.org/a und %s.", "See https://x.org/b and %s %s.", [False, False]),
        # Twice in the source: one span, which must stand twice in the translation.
        ("{0} und {0}", "{0} and {0}", [True]),
        ("{0} und {0}", "{0}", [False]),
        ("Hallo 😀", "Hello 😀!", [True]),
        # Numbers are counted elsewhere.
        ("Seite 31", "page 32", []),
    ],
)
def test_spans_kept(source: str, translation: str, kept: list[bool]) -> None:
    assert spans_kept(source, translation, FINDER) == kept


def in_thousands(number: str, other: str) -> bool:
    return number == other or number.replace(".", ",") == other


@pytest.mark.parametrize(
    ("source", "translation", "reference", "kept"),
    [
        ("5 von 7", "5 of 7", "5 of 7", [True, True]),
        ("5 von 7", "5 of 8", "5 of 7", [True, False]),
        # The reference writes 5 in letters, so the translation may too.
        ("5 von 7", "five of 7", "five of 7", [True]),
        ("1.000 Euro", "1,000 euros", "1,000 euros", [True]),
        ("1.000 Euro", "1.000 euros", "1,000 euros", [True]),
        ("1.000 Euro", "1000 euros", "1,000 euros", [False]),
        # Each number of the translation counts once.
        ("3 und 3", "3", "3 and 3", [True, False]),
        ("nichts", "5", "5", []),
    ],
)
def test_numbers_kept(source: str, translation: str, reference: str, kept: list[bool]) -> None:
    assert numbers_kept(source, translation, reference, FINDER, in_thousands) == kept


def test_an_equal_number_is_matched_first() -> None:
    def same(number: str, other: str) -> bool:
        return number == other or (number == "8" and other == "9")

    assert numbers_kept("8 9 8", "9 8 9", "9 8 9", FINDER, same) == [True, True, True]


@pytest.mark.parametrize(
    ("translation", "loop"),
    [
        ("no no no", False),
        ("no no no no", True),
        ("he said that he said that he said that he said that", True),
        ("he said that he said that he said that", False),
        ("a b c d " * 4, True),
        ("a b c d e " * 4, False),
        ("", False),
        ("x y z " * 3, False),
    ],
)
def test_repeated_words_are_a_loop(translation: str, loop: bool) -> None:
    assert is_loop("ein Satz von einigen Wörtern zum Vergleich", translation) == loop


def test_what_the_source_repeats_is_no_loop() -> None:
    assert not is_loop("ha ha ha ha", "ha ha ha ha")


def test_a_translation_that_is_too_long_is_a_loop() -> None:
    words = [str(i) for i in range(17)]
    assert not is_loop("zwei Wörter", " ".join(words[:16]))  # 3 * 2 + 10
    assert is_loop("zwei Wörter", " ".join(words))


@given(st.lists(st.sampled_from("ab"), max_size=20))
def test_loops_equal_those_of_the_definition(words: list[str]) -> None:
    expected = any(
        words[i : i + 4 * n] == words[i : i + n] * 4
        for n in range(1, 5)
        for i in range(len(words) - 4 * n + 1)
    )
    assert is_loop("1 2 3 4 5 6 7", " ".join(words)) == expected


def test_counts() -> None:
    faults = count_faults(
        ["Seite 31 von %s.", "Hallo 😀", "", "Nein"],
        ["Page 31 of %s.", " ", "", "no no no no"],
        ["Page 31 of %s.", "Hello 😀", "", "No"],
        finder=FINDER,
        source_language="de",
        target_language="en",
    )
    assert (faults.num_spans, faults.spans_kept) == (2, 1)
    assert (faults.num_numbers, faults.numbers_kept) == (1, 1)
    assert (faults.loops, faults.empty) == (1, 1)


def test_numbers_may_have_the_form_of_either_language() -> None:
    faults = count_faults(
        ["12.345,67 Euro"] * 3,
        ["12,345.67 euros", "12.345,67 euros", "12 euros"],
        ["12,345.67 euros"] * 3,
        finder=FINDER,
        source_language="de",
        target_language="en",
    )
    assert (faults.num_numbers, faults.numbers_kept) == (3, 2)
