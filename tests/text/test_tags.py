"""Tags are paired, and elements without text to translate are found."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.text.tags import copied_elements, find_tags, pair_tags

PARTS = st.sampled_from(
    [
        "<code>",
        "</code>",
        "<b>",
        "</b>",
        '<b translate="no">',
        "<tt/>",
        "`",
        "<!--",
        "-->",
        "a",
        " ",
    ]
)


def copied(text: str) -> list[str]:
    return [text[start:end] for start, end in copied_elements(text)]


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("a <code>b</code> c", ["<code>b</code>"]),
        ("<code>a</code><pre>b</pre>", ["<code>a</code>", "<pre>b</pre>"]),
        ("<Code a='>'>b</CODE>", ["<Code a='>'>b</CODE>"]),
        ("<b><code>a</code></b>", ["<code>a</code>"]),
        ("<pre><code>a</code></pre>", ["<pre><code>a</code></pre>"]),
        ("<b translate=no>a</b>", ["<b translate=no>a</b>"]),
        ("<b TRANSLATE = 'no'>a</b>", ["<b TRANSLATE = 'no'>a</b>"]),
        ("<b class='a notranslate'>a</b>", ["<b class='a notranslate'>a</b>"]),
        ("<b class=notranslate>a</b>", ["<b class=notranslate>a</b>"]),
        ("<b translate='no'><b>a</b></b>", ["<b translate='no'><b>a</b></b>"]),
        # Text to translate, or no element.
        ("<b translate='yes'>a</b>", []),
        ("<b title='translate=no'>a</b>", []),
        ("<codec>a</codec>", []),
        ("<kbd>a</kbd>", []),
        ("<code>a", []),
        ("a</code>", []),
        ("<code/>a</code>", []),
        ("`<code>` und `</code>`", []),
        ("<!-- <code> --> a </code>", []),
        ("{# <code> #} a </code>", []),
        ("„<code>“ a „</code>“", []),
    ],
)
def test_finds_elements_that_are_copied(text: str, elements: list[str]) -> None:
    assert copied(text) == elements


def test_pairs_are_in_the_order_of_the_opening_tags() -> None:
    assert pair_tags(find_tags("<a><b></b><i></a></i><u></u>")) == [(0, 4), (1, 2), (6, 7)]


@settings(deadline=None)
@given(st.lists(PARTS, max_size=30).map("".join))
def test_elements_follow_each_other(text: str) -> None:
    end = 0
    for start, stop in copied_elements(text):
        assert end <= start < stop <= len(text)
        assert text[start] == "<"
        assert text[stop - 1] == ">"
        end = stop


@pytest.mark.parametrize("part", ["<code>", "</code>", "<code></code>", "<code><b>", "<tt></b>"])
def test_the_time_is_linear(part: str) -> None:
    text = part * (100_000 // len(part))
    start = time.process_time()
    copied_elements(text)
    assert time.process_time() - start < 2
