"""Cleaning: every rule drops what it should, counts it, and can be turned off."""

import time
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from seq2seq.config.data import CleaningConfig
from seq2seq.data.cleaning import clean_corpora, clean_corpus, clean_extra_pairs
from seq2seq.data.corpus import Corpus, Pairs

TextPair = tuple[str, str]

GOOD = ("Ein Hund läuft.", "A dog is running.")
ALSO_GOOD = ("Noch ein Satz.", "One more sentence.")


def pairs_of(texts: list[TextPair]) -> Pairs:
    return Pairs(source=[source for source, _ in texts], target=[target for _, target in texts])


def make_corpus(train: list[TextPair], **held_out: list[TextPair]) -> Corpus:
    """Makes a corpus; the keyword `test_interface` becomes the split "test-interface"."""
    splits = {"train": pairs_of(train)}
    for name, texts in held_out.items():
        splits[name.replace("_", "-")] = pairs_of(texts)
    return Corpus(name="tiny", source_language="de", target_language="en", splits=splits)


RULES_WITH_EXAMPLES = pytest.mark.parametrize(
    ("pair", "rule", "off"),
    [
        (("Wort " * 101, "word " * 101), "too long", {"max_words": None}),
        (("W" * 601, "w" * 601), "too long", {"max_chars": None}),
        (
            ("Ja.", "Yes, that is how it was said to be at the time."),
            "length ratio",
            {"max_length_ratio": None},
        ),
        (("Windows Update.", "Windows Update."), "identical sides", {"drop_identical": False}),
        (("Привет всем", "Hello to all"), "wrong script", {"max_foreign_letters": None}),
        (GOOD, "duplicate", {"drop_duplicates": False}),
        (
            ("Das ist der TEST", "Something else."),
            "overlap with valid/test",
            {"drop_overlap": False},
        ),
        (("Etwas anderes.", "that's valid"), "overlap with valid/test", {"drop_overlap": False}),
    ],
)


def corpus_with(pair: TextPair) -> Corpus:
    return make_corpus(
        [GOOD, pair, ALSO_GOOD],
        valid=[("Das gilt.", "That's valid!")],
        test=[("Das ist der Test.", "This is the test.")],
    )


@RULES_WITH_EXAMPLES
def test_each_rule_drops_and_counts(pair: TextPair, rule: str, off: dict[str, Any]) -> None:
    clean, report = clean_corpus(corpus_with(pair), CleaningConfig())
    assert list(clean.splits["train"]) == [GOOD, ALSO_GOOD]
    dropped = report.splits["train"].dropped
    assert {name: count for name, count in dropped.items() if count} == {rule: 1}
    assert f"  dropped, {rule}: 1" in report.lines()


@RULES_WITH_EXAMPLES
def test_each_rule_can_be_turned_off(pair: TextPair, rule: str, off: dict[str, Any]) -> None:
    clean, report = clean_corpus(corpus_with(pair), CleaningConfig(**off))
    assert len(clean.splits["train"]) == 3
    assert sum(report.splits["train"].dropped.values()) == 0


def test_pairs_that_overlap_with_a_further_test_split_are_dropped() -> None:
    corpus = make_corpus(
        [GOOD, ("Datei öffnen", "Open File")], test_interface=[("Öffnen", "open file")]
    )
    clean, _ = clean_corpus(corpus, CleaningConfig())
    assert list(clean.splits["train"]) == [GOOD]


def test_an_empty_line_in_a_test_set_overlaps_with_nothing() -> None:
    corpus = make_corpus([GOOD, ("...", "Something is said.")], test=[("", "")])
    clean, report = clean_corpus(corpus, CleaningConfig())
    assert report.splits["train"].dropped["overlap with valid/test"] == 0
    assert len(clean.splits["train"]) == 2


ODD_PAIRS = [
    ("Привет", "Hi"),
    ("same", "same"),
    ("same", "same"),
    ("w " * 500, "w"),
    ("", "no source"),
    (" a\u00a0b ", "c"),
]
NORMALIZED_PAIRS = [
    ("Привет", "Hi"),
    ("same", "same"),
    ("same", "same"),
    (("w " * 500).strip(), "w"),
    ("", "no source"),
    ("a b", "c"),
]


def test_the_test_split_is_only_normalized() -> None:
    clean, report = clean_corpus(make_corpus([GOOD], test=ODD_PAIRS), CleaningConfig())
    assert list(clean.splits["test"]) == NORMALIZED_PAIRS
    assert report.splits["test"].before == 6
    assert report.splits["test"].after == 6
    assert report.splits["test"].changed == 2


def test_the_valid_split_also_loses_empty_sides() -> None:
    clean, report = clean_corpus(make_corpus([GOOD], valid=ODD_PAIRS), CleaningConfig())
    assert list(clean.splits["valid"]) == [pair for pair in NORMALIZED_PAIRS if pair[0]]
    assert report.splits["valid"].dropped == {"empty": 1}


def test_sides_that_are_empty_after_normalization_are_dropped_from_train() -> None:
    corpus = make_corpus([GOOD, ("\u200b", "x"), ("x", "  ")])
    clean, report = clean_corpus(corpus, CleaningConfig())
    assert list(clean.splits["train"]) == [GOOD]
    assert report.splits["train"].dropped["empty"] == 2


def test_the_length_ratio_is_relative_to_the_corpus() -> None:
    # Every target is four times as long as its source, except the last one.
    usual = [("字" * n, "x" * (4 * n)) for n in range(20, 60)]
    corpus = make_corpus([*usual, ("字" * 160, "x" * 160)])
    clean, report = clean_corpus(corpus, CleaningConfig(max_foreign_letters=None))
    assert list(clean.splits["train"]) == usual
    assert report.splits["train"].dropped["length ratio"] == 1


def test_groups_stay_with_their_pairs() -> None:
    pairs = Pairs(
        source=["a b", "", "c d"],
        target=["A B C", "x", "C D E"],
        groups=["one", "two", "three"],
    )
    clean, _ = clean_corpus(replace(make_corpus([]), splits={"train": pairs}), CleaningConfig())
    assert clean.splits["train"].groups == ["one", "three"]


def test_extra_pairs_are_cleaned_like_training_pairs() -> None:
    corpus = make_corpus([GOOD], test=[("Das ist der Test.", "This is the test.")])
    extra = pairs_of([("Das ist der Test!", "Another text."), (" Noch ein  Satz.", ALSO_GOOD[1])])
    clean, report = clean_extra_pairs(extra, corpus, CleaningConfig())
    assert list(clean) == [ALSO_GOOD]
    assert report.lines() == [
        "extra pairs: 2 pairs, 1 kept; 1 texts normalized",
        "  dropped, overlap with valid/test: 1",
    ]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"max_words": 0}, "max_words"),
        ({"max_chars": -1}, "max_chars"),
        ({"max_length_ratio": 1.0}, "max_length_ratio"),
        ({"max_foreign_letters": 1.5}, "max_foreign_letters"),
        ({"normalize": "nfd"}, "'nfc', 'nfkc' or 'none'"),
        ({"max_length": 3}, "max_length"),
    ],
)
def test_wrong_settings_are_errors(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CleaningConfig(**setting)


def test_cleaning_is_fast() -> None:
    numbered = [
        (
            f"Das ist der Satz Nummer {n}, für größere Mengen.",
            f"This is sentence number {n}, for larger amounts.",
        )
        for n in range(10_000)
    ]
    corpus = make_corpus(numbered, test=numbered[:100])
    started = time.perf_counter()
    clean_corpus(corpus, CleaningConfig())
    # 200,000 pairs take a few seconds. The limit leaves room for a busy machine.
    assert time.perf_counter() - started < 1.5


def test_a_pair_of_two_corpora_stays_in_both() -> None:
    first = make_corpus([GOOD, ("Hier gilt es.", "It is so.")], valid=[ALSO_GOOD])
    second = make_corpus([GOOD, ALSO_GOOD], test=[("Hier  gilt es!", "Another text.")])
    clean, reports = clean_corpora([first, second], CleaningConfig())
    assert [list(corpus.splits["train"]) for corpus in clean] == [[GOOD], [GOOD]]
    dropped = [report.splits["train"].dropped["overlap with valid/test"] for report in reports]
    assert dropped == [1, 1]


def test_other_corpora_do_not_matter_if_overlap_is_allowed() -> None:
    first = make_corpus([ALSO_GOOD])
    second = make_corpus([GOOD], test=[ALSO_GOOD])
    clean, _ = clean_corpora([first, second], CleaningConfig(drop_overlap=False))
    assert list(clean[0].splits["train"]) == [ALSO_GOOD]
