"""Finding the parts of a text that a translation keeps as they are: addresses, numbers, code, …"""

import functools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import regex

from seq2seq.text.span_patterns import UNUSUAL, built_in_pattern
from seq2seq.text.tags import copied_elements

SpanKind = Literal[
    "url",
    "email",
    "path",
    "placeholder",
    "tag",
    "entity",
    "code",
    "handle",
    "number",
    "emoji",
    "symbol",
    "reserved",
    "pattern",
    "unknown",
]


@dataclass(frozen=True)
class Span:
    """A part of a text.

    Attributes:
        start: the position of its first character.
        end: the position after its last character.
        kind: what it is.
    """

    start: int
    end: int
    kind: SpanKind


class SpanFinder:
    """Finds the parts of a text that must not change in translation."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """
        Args:
            patterns: regular expressions of the user. What they match is a span, whatever else it
                is. The first one that matches wins. `TextConfig` has checked them.
        """
        self._patterns = [regex.compile(pattern) for pattern in patterns]

    def find(self, text: str) -> list[Span]:
        """Returns the spans of a text in their order. They do not overlap."""
        spans: list[Span] = []
        for pattern in self._patterns:
            spans = _fill_gaps(text, spans, functools.partial(_user_spans, pattern))
        spans = _with_elements(text, spans)
        return _fill_gaps(text, spans, _built_in_spans)


def _fill_gaps(
    text: str, spans: list[Span], find: Callable[[str, int, int], list[Span]]
) -> list[Span]:
    """Adds the spans that `find` finds between those that there are."""
    filled = []
    start = 0
    for span in spans:
        filled += [*find(text, start, span.start), span]
        start = span.end
    return filled + find(text, start, len(text))


def _with_elements(text: str, spans: list[Span]) -> list[Span]:
    """Adds the elements whose content is copied, in place of the spans in them.

    Where a span and an element overlap otherwise, the span wins.
    """
    merged: list[Span] = []
    rest = deque(spans)
    for start, end in copied_elements(text):
        while rest and rest[0].end <= start:
            merged.append(rest.popleft())
        inside = []
        while rest and start <= rest[0].start and rest[0].end <= end:
            inside.append(rest.popleft())
        overlaps = bool(rest) and rest[0].start < end
        merged += inside if overlaps else [Span(start, end, "code")]
    return [*merged, *rest]


def _user_spans(pattern: regex.Pattern[str], text: str, start: int, end: int) -> list[Span]:
    matches = pattern.finditer(text, start, end)
    return [Span(*match.span(), "pattern") for match in matches if match[0]]


def _built_in_spans(text: str, start: int, end: int) -> list[Span]:
    if UNUSUAL.search(text, start, end) is None:
        return []
    spans: list[Span] = []
    repeated = ""  # the symbol that the last span consists of
    for match in built_in_pattern().finditer(text, start, end):
        if match.lastgroup == "plain":
            continue
        kind = cast(SpanKind, match.lastgroup)
        span = Span(match.start(), match.end(), kind)
        if kind in ("emoji", "symbol"):
            last = spans[-1] if spans else None
            if last and (last.end, last.kind, repeated) == (span.start, kind, match[0]):
                span = Span(spans.pop().start, span.end, kind)
            repeated = match[0]
        spans.append(span)
    return spans
