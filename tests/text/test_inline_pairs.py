"""Quotes, short brackets and links within a sentence: which are taken out, and as what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.text.inline_pairs import find_inline_pairs, may_have_pairs
from seq2seq.text.markup import strip_tags
from seq2seq.text.spans import SpanFinder
from seq2seq.text.wrapping import MarkConversion

GERMAN_TO_ENGLISH = MarkConversion("de", "en")


def stripped(text: str) -> tuple[str, list[tuple[str, str, str]]]:
    """What the model reads, and each element: opening mark, content, closing mark."""
    spans = [(span.start, span.end) for span in SpanFinder().find(text)]
    markup = strip_tags(text, find_inline_pairs(text, spans, GERMAN_TO_ENGLISH))
    elements = [
        (element.opening, markup.text[element.start : element.end], element.closing)
        for element in markup.elements
    ]
    return markup.text, elements


@pytest.mark.parametrize(
    ("text", "read", "elements"),
    [
        ('Klicken Sie auf "OK".', "Klicken Sie auf OK.", [('"', "OK", '"')]),
        ("Klicken Sie auf »OK«.", "Klicken Sie auf OK.", [("“", "OK", "”")]),
        ("„Guten Morgen“, sagte er.", "Guten Morgen, sagte er.", [("“", "Guten Morgen", "”")]),
        ("Die Datei (neu) ist da.", "Die Datei neu ist da.", [("(", "neu", ")")]),
        ("Die Taste [Strg] drücken", "Die Taste Strg drücken", [("[", "Strg", "]")]),
        ("Er sagt: \"Das ist 'gut'.\"", "Er sagt: Das ist gut.", None),
        (
            "Lies [die Hilfe](https://a.org/b) und ![Bild](a.png).",
            "Lies die Hilfe und Bild.",
            [("[", "die Hilfe", "](https://a.org/b)"), ("![", "Bild", "](a.png)")],
        ),
        ('Das <b>"neue" Haus</b>', "Das neue Haus", None),
    ],
)
def test_what_is_taken_out(
    text: str, read: str, elements: list[tuple[str, str, str]] | None
) -> None:
    found = stripped(text)
    assert found[0] == read
    if elements is not None:
        assert found[1] == elements


@pytest.mark.parametrize(
    "text",
    [
        "Das ist Hans' Auto und Fritz' Haus.",
        'Der Bildschirm hat 5" und 6".',
        "Wie geht's, wie war's?",
        "Datei(en) öffnen",
        "Öffnen (nur wenn es wirklich nötig ist) Sie die Datei.",  # too long
        'foo("a b") und {n, plural, one {"eine" Datei} other {#}}',
        '<img src="a.png" alt="ein Bild">',
        "Leer: () und „“.",
        "Eine (öffnende Klammer",
    ],
)
def test_what_stays(text: str) -> None:
    assert stripped(text) == (text, [])


def test_a_pair_that_crosses_an_element_stays() -> None:
    text = '<b>Klicken "Sie</b> hier" jetzt'
    assert stripped(text) == ('Klicken "Sie hier" jetzt', [("<b>", 'Klicken "Sie', "</b>")])


MARKS = st.lists(
    st.sampled_from(["Haus", " ", "<b>", "</b>", '"', "(", ")", "„", "“", "'", "[", "](a)", "."]),
    max_size=14,
).map("".join)


@given(MARKS)
def test_pairs_are_nested_and_nothing_else_is_lost(text: str) -> None:
    pairs = find_inline_pairs(text, [], GERMAN_TO_ENGLISH)
    assert may_have_pairs(text) or not pairs
    markup = strip_tags(text, pairs)
    marks = "".join(element.opening + element.closing for element in markup.elements)
    kept = sorted("".join((markup.text + marks).split()))
    straight = str.maketrans({"„": '"', "“": '"', "”": '"', "‘": "'", "’": "'"})
    assert sorted("".join(kept).translate(straight)) == sorted(
        "".join(text.split()).translate(straight)
    )


def test_many_marks_take_linear_time() -> None:
    find_inline_pairs('("a" ' * 20_000, [], GERMAN_TO_ENGLISH)
