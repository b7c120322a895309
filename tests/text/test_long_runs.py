"""What has too many letters without a space is found. Words, addresses and Chinese are not."""

import time

import pytest

from seq2seq.text.long_runs import long_runs
from seq2seq.text.spans import SpanFinder

COMPOUND = "Rindfleischetikettierungsüberwachungsgesetz"
FINDER = SpanFinder()


def runs_of(text: str, known: frozenset[str] = frozenset()) -> list[str]:
    return [text[start:end] for start, end in long_runs(text, FINDER.find(text), known)]


@pytest.mark.parametrize("run", ["a-b." * 20 + "c", "nein" * 13, COMPOUND, "ja!" * 30 + "ja"])
@pytest.mark.parametrize("frame", ["{}", "Da ist {}.", "Hallo, {}, ja!"])
def test_a_long_run_is_found_without_its_final_mark(run: str, frame: str) -> None:
    assert runs_of(frame.replace("{}", run)) == [run]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Donaudampfschifffahrtsgesellschaft",
        "die Nord-Süd-Achse/Ost-West-Achse",
        "(https://www.example.org/" + "abc/" * 30 + ")",
        "我们" * 50,
        "ภาษาไทย" * 20,
        "nein " * 20,
    ],
)
def test_words_addresses_and_scripts_without_spaces_are_no_long_runs(text: str) -> None:
    assert runs_of(text) == []


def test_a_long_run_has_the_spans_in_it_as_parts() -> None:
    run = "x" * 35 + "%s" + "y" * 35
    assert runs_of(f"a {run} b") == [run]


def test_a_long_word_that_is_known_is_a_word() -> None:
    assert runs_of(COMPOUND, frozenset([COMPOUND.lower()])) == []


@pytest.mark.parametrize("part", ["a", ".", "a" * 41 + " ", "a%s", "1 ", ("-" * 41) + "%s "])
def test_time_is_linear_in_the_length(part: str) -> None:
    text = part * (100_000 // len(part))
    spans = FINDER.find(text)
    start = time.process_time()
    long_runs(text, spans, ())
    assert time.process_time() - start < 5
