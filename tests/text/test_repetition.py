"""Texts that are the same words again and again, compared with trying every period."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.text.repetition import repetition_starts, symbol_runs


def repetitions(text: str) -> list[str]:
    starts = repetition_starts(text)
    return [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("Hallo", ["Hallo"]),
        ("Nein, nein, nein!", ["Nein, nein, nein!"]),
        ("sehr sehr sehr sehr sehr sehr gut", ["sehr sehr sehr sehr sehr sehr gut"]),
        ("sehr sehr sehr sehr sehr sehr sehr gut", ["sehr "] * 7 + ["gut"]),
        ("also " + "du da, " * 4 + "du bist", ["also ", *["du da, "] * 4, "du bist"]),
        ("also so " + "du da, " * 4 + "gut", ["also so ", *["du da, "] * 4, "gut"]),
        ("ha ha ha ha ha ha ha", ["ha "] * 6 + ["ha"]),
        ("guten Tag " * 3 + "guten Tag", ["guten Tag "] * 3 + ["guten Tag"]),
        ("Du da, " + "du da, " * 3 + "du", ["Du da, ", *["du da, "] * 3, "du"]),
        ("ja, Ja, ja; ja ja ja ja!", ["ja, ", "Ja, ", "ja; ", "ja ", "ja ", "ja ", "ja!"]),
        ("a b c d e f a b c d e f", ["a b c d e f ", "a b c d e f"]),
        ("a b c d e f a b c d e", ["a b c d e f a b c d e"]),
        ("a b c d e f a b c d e f g", ["a b c d e f a b c d e f g"]),
    ],
)
def test_repetitions_by_hand(text: str, expected: list[str]) -> None:
    assert repetitions(text) == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["a", "B", "c."]), min_size=1, max_size=20))
def test_repetitions_equal_those_of_every_period_and_start(words: list[str]) -> None:
    text = " ".join(words)
    assert [part.removesuffix(" ") for part in repetitions(text)] == slow_repetitions(words)


def slow_repetitions(words: list[str]) -> list[str]:
    for period in range(1, len(words) - 5):
        for first in range(len(words) - period - 5):
            last = first + period  # after the stretch that comes again
            while last < len(words) and words[last] == words[last - period]:
                last += 1
            needed = 6 if last - first == len(words) else max(6, 2 * period)
            if last - first - period >= needed:
                cuts = sorted({0, *range(first, last + 1, period), len(words)})
                return [" ".join(words[i:j]) for i, j in itertools.pairwise(cuts)]
    return [" ".join(words)]


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("aA., \u00a0"), max_size=60))
def test_nothing_is_lost(text: str) -> None:
    assert "".join(repetitions(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Das kostet $$$$$$$$ oder $$$$$$$.", ["$$$$$$$$"]),
        ("- - - - - - - - Titel =========", ["- - - - - - - -", "========="]),
        ("Ja!!! Jaaaaaaaaaaaaa _________ $€$€$€$€$€$€$€$€", []),
        ("e" + "\u0301" * 9, ["\u0301" * 9]),
    ],
)
def test_runs_of_a_symbol(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in symbol_runs(text)] == expected
