"""Paired tags are taken out of a text; everything else stays in it."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.text.markup import Markup, strip_tags

PARTS = st.sampled_from(
    [
        *["<b>", "</b>", "<i>", "</i>", "<p>", "</p>", '<a href="x>y">', "</a>", "<br>", "<x/>"],
        *[
            "<!-- ",
            " -->",
            "`",
            "<",
            ">",
            '"',
            "'",
            " ",
            "  ",
            "\n",
            "a",
            "Wort",
            "日",
            ".",
            "\ue100",
        ],
    ]
)
ANY_TEXT = st.one_of(st.text(st.characters()), st.lists(PARTS, max_size=20).map("".join))


def elements_of(markup: Markup) -> list[tuple[str, str, str]]:
    """Returns the tags and the content of each element."""
    return [
        (element.opening, markup.text[element.start : element.end], element.closing)
        for element in markup.elements
    ]


@pytest.mark.parametrize(
    ("text", "stripped", "elements"),
    [
        ("Nur Text.", "Nur Text.", []),
        ("Auf <b>Datei</b>.", "Auf Datei.", [("<b>", "Datei", "</b>")]),
        ("<b>Alles</b>", "Alles", [("<b>", "Alles", "</b>")]),
        ("<B>x</b>", "x", [("<B>", "x", "</b>")]),
        ("<a href='x>y' b=\"c\">z</a>", "z", [("<a href='x>y' b=\"c\">", "z", "</a>")]),
        ("a <b>x <i>y</i></b>", "a x y", [("<b>", "x y", "</b>"), ("<i>", "y", "</i>")]),
        ("a <b></b>c", "a c", [("<b>", "", "</b>")]),
        ("<ui:x-1>y</ui:x-1>", "y", [("<ui:x-1>", "y", "</ui:x-1>")]),
        ('<a b="x < y">z</a>', "z", [('<a b="x < y">', "z", "</a>")]),
        ("<a\tb='c' d>z</a >", "z", [("<a\tb='c' d>", "z", "</a >")]),
        # White space is there once.
        ("a <b> x </b> c", "a x c", [("<b>", "x", "</b>")]),
        ("<b> x </b>", "x", [("<b>", "x", "</b>")]),
        ("a <b> </b> c", "a c", [("<b>", "", "</b>")]),
        ("<p>a</p><p>b</p>", "a b", [("<p>", "a", "</p>"), ("<p>", "b", "</p>")]),
        ("<b>a</b><b>c</b>", "ac", [("<b>", "a", "</b>"), ("<b>", "c", "</b>")]),
        ("a  b <i>c</i>", "a  b c", [("<i>", "c", "</i>")]),
        # These tags have no partner, or none that counts.
        ("a<br>b</br>", "a<br>b</br>", []),
        ("a <x/> b <i>c", "a <x/> b <i>c", []),
        ("c</i>", "c</i>", []),
        ("<b><i>x</b></i>", "<i>x</i>", [("<b>", "<i>x", "</b>")]),
        ("a < b und c > d", "a < b und c > d", []),
        ("Das „<b>“ und „</b>“", "Das „<b>“ und „</b>“", []),
        ("`<b>` und `</b>`", "`<b>` und `</b>`", []),
        ("<!-- <b> --> x </b>", "<!-- <b> --> x </b>", []),
        ("``<b>`` und `</b>", "``<b>`` und `</b>", []),
        ("``a ` <b> `` </b>", "``a ` <b> `` </b>", []),
        ("{% if '<b>' %} x </b>", "{% if '<b>' %} x </b>", []),
        ("<?php echo '<b>'; ?> x </b>", "<?php echo '<b>'; ?> x </b>", []),
        # The content of these is no text to translate.
        ("<code>a  <b>c</b></code>", "<code>a  <b>c</b></code>", []),
        ("<b translate='no'>a <i>c</i></b>", "<b translate='no'>a <i>c</i></b>", []),
        ("<i>a <tt>b</tt></i>", "a <tt>b</tt>", [("<i>", "a <tt>b</tt>", "</i>")]),
        ("<kbd>a</kbd>", "a", [("<kbd>", "a", "</kbd>")]),
        ("Geht`s <b>a</b>, war`s", "Geht`s a, war`s", [("<b>", "a", "</b>")]),
        ("<s> und <unk>", "<s> und <unk>", []),
    ],
)
def test_strips(text: str, stripped: str, elements: list[tuple[str, str, str]]) -> None:
    markup = strip_tags(text)
    assert markup.text == stripped
    assert elements_of(markup) == elements


def test_knows_the_element_around_an_element() -> None:
    markup = strip_tags("<a>1<b>2<i>3</i></b><u>4</u></a><q>5</q>")
    assert [element.parent for element in markup.elements] == [-1, 0, 1, 0, -1]


def test_elements_that_are_nested_too_deep_stay() -> None:
    markup = strip_tags("<b>" * 20 + "x" + "</b>" * 20)
    assert len(markup.elements) == 16
    assert markup.text == "<b>" * 4 + "x" + "</b>" * 4


def test_too_many_elements_stay() -> None:
    markup = strip_tags("<b>x</b> " * 300)
    assert len(markup.elements) == 200
    assert markup.text.count("<b>") == 100


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT)
def test_nothing_but_white_space_is_lost(text: str) -> None:
    markup = strip_tags(text)
    tags = "".join(element.opening + element.closing for element in markup.elements)
    assert sorted("".join((markup.text + tags).split())) == sorted("".join(text.split()))


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT)
def test_elements_lie_within_their_parents_and_after_each_other(text: str) -> None:
    markup = strip_tags(text)
    ends: dict[int, int] = {}
    for element in markup.elements:
        outer = (0, len(markup.text))
        if element.parent >= 0:
            outer = (markup.elements[element.parent].start, markup.elements[element.parent].end)
        assert outer[0] <= element.start <= element.end <= outer[1]
        assert element.start >= ends.get(element.parent, 0)
        ends[element.parent] = element.end
        assert (
            markup.text[element.start : element.end].strip()
            == (markup.text[element.start : element.end])
        )


# -- symbols ---------------------------------------------------------------------------------------


def test_symbols_stand_for_the_tags() -> None:
    markup = strip_tags("<b>x</b> \ue101 <i>y</i>")
    symbolic, tags = markup.with_symbols(0xE100)
    assert tags == {"\ue100": "<b>", "\ue102": "</b>", "\ue103": "<i>", "\ue104": "</i>"}
    assert symbolic.text == markup.text
    restored = symbolic.restore("x \ue101 y", [(0, 1), (4, 5)], [(0, 1), (4, 5)], np.eye(2))
    assert restored == "\ue100x\ue102 \ue101 \ue103y\ue104"


def test_a_tag_may_have_a_private_character() -> None:
    symbolic, tags = strip_tags('<a b="\ue100">x</a>').with_symbols(0xE100)
    assert tags == {"\ue101": '<a b="\ue100">', "\ue102": "</a>"}
    assert symbolic.elements[0].opening == "\ue101"


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        "<",
        "<b",
        "<b ",
        '<b "',
        "<b>",
        "</b>",
        "<a></b>",
        "<code>",
        "<tt></tt>",
        "{%",
        "`` `",
        "<!--",
        "<!-- -",
        "`",
        " `a",
        "<b>x</b>",
    ],
)
def test_the_time_is_linear(part: str) -> None:
    text = part * (100_000 // len(part))
    start = time.process_time()
    markup = strip_tags(text)
    markup.restore(markup.text, [], [], None)
    assert time.process_time() - start < 2
