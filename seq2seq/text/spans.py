"""Finding the parts of a text that a translation keeps as they are: addresses, numbers, code, …"""

import functools
import re
from collections import deque
from collections.abc import Callable, Container, Sequence
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

_SEPARATED_DIGITS = re.compile(r"\d\D\d")
# Shorter lists of numbers are several spans.
_FEWEST_IN_LIST = 6
_LIST_SEPARATORS = (", ", "; ")


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

    def find(self, text: str, boundaries: Container[int] = ()) -> list[Span]:
        """Returns the spans of a text in their order. They do not overlap.

        Those that touch are one (see `join_touching`), and so is a long list of numbers.

        Args:
            text: a text.
            boundaries: positions where spans that touch stay two.
        """
        spans: list[Span] = []
        for pattern in self._patterns:
            spans = _fill_gaps(text, spans, functools.partial(_user_spans, pattern))
        spans = _with_elements(text, spans)
        spans = join_touching(text, _fill_gaps(text, spans, _built_in_spans), boundaries)
        return _with_lists(text, spans, boundaries)


def join_touching(text: str, spans: Sequence[Span], boundaries: Container[int] = ()) -> list[Span]:
    """Joins spans that touch, so that a model cannot put anything between them.

    What the patterns of the user match stays alone, and so does a number such as 1,5, which the
    target language may write otherwise.

    Args:
        text: a text.
        spans: parts of it, in order and without overlap.
        boundaries: positions where nothing is joined, such as those of a tag that was taken out.
    """
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        touches = last is not None and last.end == span.start and span.start not in boundaries
        if last and touches and _can_join(text, last) and _can_join(text, span):
            kind = span.kind if span.kind == last.kind else "code"
            joined[-1] = Span(last.start, span.end, kind)
        else:
            joined.append(span)
    return joined


def _with_lists(text: str, spans: list[Span], boundaries: Container[int]) -> list[Span]:
    """Makes one span of a long list of numbers, such as "1, 2, 3, 4, 5, 6".

    A model loses count of so many slots, and their order.
    """
    if len(spans) < _FEWEST_IN_LIST:
        return spans
    joined: list[Span] = []
    numbers: list[Span] = []
    for span in [*spans, None]:
        follows = (
            span is not None
            and bool(numbers)
            and text[numbers[-1].end : span.start] in _LIST_SEPARATORS
            and numbers[-1].end not in boundaries
            and span.start not in boundaries
        )
        is_number = span is not None and span.kind == "number" and _can_join(text, span)
        if not (follows and is_number):
            is_list = len(numbers) >= _FEWEST_IN_LIST
            joined += [Span(numbers[0].start, numbers[-1].end, "number")] if is_list else numbers
            numbers = []
        if span is not None and is_number:
            numbers.append(span)
        elif span is not None:
            joined.append(span)
    return joined


def _can_join(text: str, span: Span) -> bool:
    if span.kind == "number":
        return _SEPARATED_DIGITS.search(text, span.start, span.end) is None
    return span.kind != "pattern"


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
    return [
        Span(match.start(), match.end(), cast(SpanKind, match.lastgroup))
        for match in built_in_pattern().finditer(text, start, end)
        if match.lastgroup != "plain"
    ]
