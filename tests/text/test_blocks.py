"""Blocks of HTML: where a sentence is divided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.text.blocks import divide_at_blocks
from seq2seq.text.sentences import Sentence


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<td>Datei</td><td>Ordner</td>", ["<td>Datei</td>", "<td>Ordner</td>"]),
        ("<ul><li>A</li> <li>B</li></ul>", ["<ul><li>A</li>", "<li>B</li></ul>"]),
        ("eins<br>zwei<br/>drei", ["eins<br>", "zwei<br/>", "drei"]),
        ("Titel <p class='x'>Text</p>", ["Titel", "<p class='x'>Text</p>"]),
        ("<b>Datei</b> <i>Ordner</i>", None),
        ("<td>12</td><td>13</td>", None),
        ("<para/>a<pre>", None),
        ("a < b und c > d", None),
    ],
)
def test_parts(text: str, parts: list[str] | None) -> None:
    divided = divide_at_blocks(Sentence(text, " "))
    assert [part.text for part in divided] == (parts or [text])
    assert divided[-1].space == " "


PIECES = ["<td>", "</td>", "<br>", "<b>", "</b>", "a", " ", "  ", "<", "1"]


@given(st.lists(st.sampled_from(PIECES)).map("".join).map(str.strip))
def test_the_parts_are_the_text(text: str) -> None:
    divided = divide_at_blocks(Sentence(text))
    assert "".join(part.text + part.space for part in divided) == text
