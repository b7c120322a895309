"""The forms of a test set."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.evaluation.perturbations import (
    MAX_JOINED,
    Perturbation,
    ends_with_mark,
    insert_span,
    join_groups,
    make_groups,
    perturb,
    remove_span,
)
from seq2seq.evaluation.test_set import TestSet
from seq2seq.text.spans import SpanFinder

SOURCES = ["Das ist ein großer Hund.", "Wo ist die Katze?", "Ja!"] * 10
REFERENCES = ["This is a big dog.", "Where is the cat?", "Yes!"] * 10


def forms(source: str = "de", target: str = "en", seed: int = 1) -> dict[str, Perturbation]:
    test_set = TestSet("test", SOURCES, [REFERENCES, SOURCES])
    return {form.name: form for form in perturb(test_set, source, target, seed)}


def test_the_forms() -> None:
    assert list(forms()) == [
        "clean",
        "upper",
        "title",
        "lower",
        "no_final_punctuation",
        "in_quotes",
        "doubled_spaces",
        "typos",
        "diacritics",
        "spans_inserted",
        "emoji_inserted",
        "joined",
    ]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("clean", "Das ist ein großer Hund."),
        ("upper", "DAS IST EIN GROSSER HUND."),
        ("title", "Das Ist Ein Großer Hund."),
        ("lower", "das ist ein großer hund."),
        ("doubled_spaces", "Das  ist  ein  großer  Hund."),
        ("diacritics", "Das ist ein grosser Hund."),
    ],
)
def test_forms_of_the_source(name: str, source: str) -> None:
    form = forms()[name]
    assert form.sources[0] == source
    assert form.references == [REFERENCES, SOURCES]


def test_typos() -> None:
    form = forms()["typos"]
    changed = [a != b for a, b in zip(form.sources, SOURCES, strict=True)]
    assert changed == [True, True, False] * 10  # "Ja" is too short


def test_forms_of_both_sides() -> None:
    form = forms()["no_final_punctuation"]
    assert form.sources[1] == "Wo ist die Katze"
    assert [lines[1] for lines in form.references] == ["Where is the cat", "Wo ist die Katze"]
    form = forms()["in_quotes"]
    assert form.sources[2] == "„Ja!“"
    assert [lines[2] for lines in form.references] == ["“Yes!”", "“Ja!”"]


@pytest.mark.parametrize("name", ["spans_inserted", "emoji_inserted"])
def test_inserted_spans_are_found_again(name: str) -> None:
    finder = SpanFinder()
    form = forms()[name]
    assert len(set(form.inserted)) > 8
    for text, span, clean in zip(form.sources, form.inserted, SOURCES, strict=True):
        assert f" {span}" in text
        assert remove_span(text, (span,)) == clean
        assert any(text[found.start : found.end] in span for found in finder.find(text)), text


def test_an_inserted_number_has_the_form_of_its_language() -> None:
    in_german = "".join(forms("de", "en", seed=3)["spans_inserted"].inserted)
    in_english = "".join(forms("en", "de", seed=3)["spans_inserted"].inserted)
    assert in_german != in_english
    form = Perturbation(name="", label="", sources=[""], references=[[""]], inserted=("12.345,67",))
    assert form.forms_of_inserted(0, "de", "en") == ("12,345.67", "12.345,67")
    assert forms()["clean"].forms_of_inserted(0, "de", "en") == ()


def test_the_seed_decides() -> None:
    assert forms(seed=1) == forms(seed=1)
    assert forms(seed=1)["typos"] != forms(seed=2)["typos"]


def test_every_inserted_span_is_one_span() -> None:
    from seq2seq.evaluation.perturbations import _EMOJI, _INSERTED_SPANS

    finder = SpanFinder()
    spans = [span for spans in _INSERTED_SPANS.values() for span in spans]
    assert all(len(set(kind)) == 12 for kind in _INSERTED_SPANS.values())
    several = []
    for span in [*spans, *_EMOJI]:
        found = finder.find(f"Das {span} hier")
        if [(one.start, one.end) for one in found] != [(4, 4 + len(span))]:
            several.append(span)
    assert several == []


# -- inserting


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("eins zwei.", {"eins X zwei.", "eins zwei X."}),
        ("a b c", {"a X b c", "a b X c", "a b c X"}),
        ("„Ja?!“", {"„Ja X?!“"}),
        ("Ça va ?", {"Ça X va ?", "Ça va X ?"}),
        ("これは本です。", {"これは本です X。"}),
        ("...", {"X..."}),
        ("", {"X"}),
    ],
)
def test_insert_span(text: str, results: set[str]) -> None:
    rng = random.Random(0)
    assert {insert_span(text, "X", rng) for _ in range(50)} >= results


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("one X two.", "one two."),
        ("one two X.", "one two."),
        ("one two X", "one two"),
        ("X one", "one"),
        ("one X two X", "one two X"),
        ("one two", "one two"),
        ("X", ""),
    ],
)
def test_remove_span(translation: str, expected: str) -> None:
    assert remove_span(translation, ("X",)) == expected


def test_the_first_form_that_is_there_is_removed() -> None:
    assert remove_span("a 1.5 b 1,5 c", ("1,5", "1.5")) == "a 1.5 b c"
    assert remove_span("a 1.5 b", ("1,5", "1.5")) == "a b"


# -- joining


@given(st.integers(0, 100), st.integers(0, 2**32))
def test_groups(count: int, seed: int) -> None:
    numbers = list(range(0, 3 * count, 3))
    groups = make_groups(numbers, random.Random(seed))
    assert [number for group in groups for number in group] == numbers
    if count != 1:
        assert all(2 <= len(group) <= MAX_JOINED for group in groups)


def test_joined_sentences_match_their_references() -> None:
    form = forms()["joined"]
    assert form.sources == join_groups(SOURCES, form.groups)
    assert form.references == [
        join_groups(REFERENCES, form.groups),
        join_groups(SOURCES, form.groups),
    ]
    assert " ".join(form.sources) == " ".join(SOURCES)
    assert 1 < len(form.sources) <= len(SOURCES) / 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ja.", True),
        ("Wirklich?!", True),
        ("Und dann…", True),
        ("これは本です。", True),
        ("「はい！」", True),
        ("„Ja.“", True),
        ("(Siehe Seite 3.)", True),
        ("«\xa0Ça va ?\xa0»", True),
        ("Ja. ", True),
        ("Inhalt", False),
        ("Die Seite:", False),
        ("„Ja“", False),
        ("Version 1.2", False),
        ("", False),
        ("." + 11 * "”", False),
    ],
)
def test_sentences_end_with_a_mark(text: str, expected: bool) -> None:
    assert ends_with_mark(text) == expected


def test_headings_are_not_joined() -> None:
    sources = ["Titel", "Ja.", "Nein!", "Inhalt", "„Wo?“", "Seite 3"]
    references = ["Title", "Yes.", "No!", "Contents", "“Where?”", "Page 3"]
    forms = perturb(TestSet("test", sources, [references]), "de", "en", seed=2)
    assert forms[-1].groups == ((1, 2, 4),)
    assert forms[-1].sources == ["Ja. Nein! „Wo?“"]
    assert forms[-1].references == [["Yes. No! “Where?”"]]


@pytest.mark.parametrize("sources", [["Ja."], ["Titel", "Ja.", "Inhalt"], ["Titel", "Inhalt"]])
def test_without_two_sentences_nothing_is_joined(sources: list[str]) -> None:
    names = [form.name for form in perturb(TestSet("test", sources, [sources]), "de", "en", 1)]
    assert names[-1] == "emoji_inserted"
