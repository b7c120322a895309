"""Finding spans takes linear time, and microseconds in an ordinary sentence."""

import time

import pytest

from seq2seq.text.spans import SpanFinder

FINDER = SpanFinder()

HOSTILE_PARTS = [
    *"a1{}()<%$&`#@\\/|_.:-+=~*[\"'😀▬→ ½日",
    *["AA(", "a(b)(", "{a,plural,", "{a,plural,{}", "{{a", "${", "<!--", '<a b="', "<a b=c "],
    *["<a b=\"<a c='", '<a b="x" ', "<a a ", '<a b="x" a a ', "<a data-x ", "<a {{", "<a b={{"],
    *["<code>", "<code></code>", "<code><var>", "<span translate=no></span>", "<![CDATA[ "],
    *["{%", "{# a", "<%", "<?php ", "`a `b", "``a ", "` `` ``` ", "##A", "[[a_", "%%a", "%a."],
    *["a::", "a::1::", "::.", "[1:", "1.1.1+a.", "1.1-rc.1", "978 1", "AB12 1234 ", "abc1"],
    *[":ab:", "$a->", "$a.b(", "$5", "5 %", "5 $"],
    *["a.", "A-", "a_", "a@b.", "a/", "C:\\a ", "\\a", "https://a(", "(https://)", "www.a"],
    *["1.", "1 234 ", "+1 ", "(0", "1日", "日_", "A.日", "1..", "--a=", "%(", "AB-1-"],
    *["x.de/", "/a"],
    *["1 234 % ", "5 E", "EUR ", "US-$", "€-", "1×", "1 123.1", "{a {", "{a{b}", "a²", "H₂", "a²+"],
    *["abc₂", "a<", "1<2", "5%5", "5 %d", "1,- "],
]


@pytest.mark.parametrize("part", HOSTILE_PARTS)
def test_time_is_linear_in_the_length(part: str) -> None:
    text = part * (100_000 // len(part))
    start = time.process_time()
    FINDER.find(text)
    # Alone it is below a second. In a busy test process it may be twice that. Quadratic time would
    # take minutes.
    assert time.process_time() - start < 5


def test_an_ordinary_sentence_takes_microseconds() -> None:
    text = "Klicken Sie auf die Schaltfläche, um den Eintrag aus der Liste zu löschen."
    start = time.process_time()
    for _ in range(1000):
        FINDER.find(text)
    assert (time.process_time() - start) / 1000 < 100e-6  # alone about 5e-6
