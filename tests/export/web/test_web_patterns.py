"""Patterns of Python match the same in JavaScript."""

import functools
import re
import sys
import unicodedata
from typing import Any

import pytest
import regex
from node import NEEDS_NODE, run_node

from seq2seq.export.web_pattern_reader import UnsupportedPatternError
from seq2seq.export.web_patterns import compile_pattern
from seq2seq.text import span_patterns, tags, wrapping

TEXTS = [
    "",
    "a",
    "aaab aab ab",
    "Straße 12, ÄÖÜ äöü ß ſ \u212a k",
    "x\u00a0y\u2009z\u3000\x85\x1f\n",
    "日本語、ひらがな。カタカナー",
    "👨‍👩‍👧 1️⃣ 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "`a` ``b `c` d`` ```e",
    "(a(b)c) [d] {e} <f> foo(a, b) A-B_c9 ''x''",
    "Alpha BETA rc1 Kelvin",
    "١٢٣ ½ ² x₂ 3.14 -5",
]
PATTERNS = {
    "alternatives": re.compile("a|ab|b+"),
    "lazy": re.compile("a+?b"),
    "counts": re.compile("a{2}|a{,1}b|a{2,}"),
    "possessive": regex.compile("a++b|a{1,2}+b"),
    "possessive group": regex.compile(r"(?:a|ab)++c|(?P<x>[^\s]++)\s"),
    "atomic": regex.compile("(?>a+)b"),
    "named": regex.compile(r"(?P<mark>`+)(?P<inner>[^`]+)(?P=mark)"),
    "numbered": re.compile(r"(a)(b)?|(\w)\3"),
    "nested numbers": regex.compile(r"((?:x|')++)(\w)\1"),
    "same name twice": regex.compile(r"(?P<x>a)b|(?P<x>b)a|(?P<y>c)"),
    "look around": re.compile(r"(?<=a)b|(?<![a-z])[a-z](?!\w)|\w(?=\.)"),
    "word ends": re.compile(r"\b\w|\w\b"),
    "word ends of regex": regex.compile(r"\b\w|\B."),
    "classes": re.compile(r"[\w.-]+|[^\s\d]"),
    "negated classes": regex.compile(r"[^\W\p{Han}]+|\D\S"),
    "ranges": re.compile(r"[+-]|[a-c\-]+|[]x]|[\]\[]"),
    "properties": regex.compile(r"\p{Lu}\p{Ll}*|\p{Hiragana}+|[\p{Han}\p{scx=Katakana}]+|\P{L}"),
    "emoji": regex.compile(r"\p{ExtPict}\u200d?|\p{RI}{2}|[\U000e0020-\U000e007f]+"),
    "set operations": regex.compile(r"(?V1)[[\w\s]--[a-z]]+|[\p{L}&&\p{Latin}]"),
    "ignored case": re.compile(r"alpha|[a-c]+e|\bK", re.IGNORECASE),
    "ignored case within": regex.compile("a(?i:lpha|BETA|[r]c)|(?i:k)"),
    "verbose": regex.compile(r"a [ ] b # a comment ( \n | \# | [#] | \ | x y", regex.VERBOSE),
    "ends": re.compile(r"^\w+|.$"),
    "dot of everything": re.compile("y.", re.DOTALL),
    "braces": re.compile(r"{\w}|\{e\}"),
    "span patterns": span_patterns.built_in_pattern(),
    "unusual": span_patterns.UNUSUAL,
    "tags": tags._tag_pattern(),
    "leading": wrapping._LEADING,
}


def in_python(pattern: Any, names: list[str], text: str) -> list[list[Any]]:
    found = []
    for match in pattern.finditer(text):
        groups = {name: match[int(name) if name.isdigit() else name] for name in names}
        found.append([*match.span(), groups])
    return found


@functools.cache
def in_javascript() -> dict[str, list[Any]]:
    compiled = [[compile_pattern(pattern), TEXTS] for pattern in PATTERNS.values()]
    results = run_node("match_patterns.mjs", content=compiled)
    return dict(zip(PATTERNS, results, strict=True))


@NEEDS_NODE
@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_matches_as_in_python(name: str) -> None:
    pattern = PATTERNS[name]
    names = list(compile_pattern(pattern)["groups"])
    expected = [in_python(pattern, names, text) for text in TEXTS]
    assert in_javascript()[name] == expected


@NEEDS_NODE
@pytest.mark.parametrize("escape", [r"\w", r"\d", r"\s"])
@pytest.mark.parametrize("library", [re, regex])
def test_a_class_has_the_same_characters(library: Any, escape: str) -> None:
    # Characters that Python 3.11 does not know may be letters to others. Lone surrogates are none.
    known = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs")
    ]
    text = "".join(known)
    pattern = library.compile(escape)
    [[found]] = run_node("match_patterns.mjs", content=[[compile_pattern(pattern), [text]]])
    expected = [match.start() for match in pattern.finditer(text)]
    assert [start for start, _, _ in found] == expected


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (r"(?<=a++)b", "look-behind"),
        (r"(a)(?(1)b|c)", "group"),
        (r"[[:alpha:]]", "POSIX"),
        (r"(?i)(a)\1", "reference"),
        (r"\X", r"\\X"),
        (r"(?R)?", "group"),
        (r"(?m:^a)", "flag m"),
        (r"(?V1)[a--b&&c]", "set operations"),
    ],
)
def test_what_javascript_lacks_is_told(pattern: str, what: str) -> None:
    with pytest.raises(UnsupportedPatternError, match=what):
        compile_pattern(regex.compile(pattern))
