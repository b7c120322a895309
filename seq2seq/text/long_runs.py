"""Long runs of characters without a space, which are neither words nor spans."""

import bisect
from collections.abc import Collection, Sequence

import regex

from seq2seq.text.scripts import UNSPACED
from seq2seq.text.source_words import WORD
from seq2seq.text.spans import Span

# Few words of any language are longer, and few words with marks between them.
_LONGEST_WORD = 40
_LONGEST_RUN = 60
_LONG_RUN = regex.compile(rf"(?<!\S)\S{{{_LONGEST_WORD + 1},}}+")
_FINAL_MARKS = ".,;:!?…"


def long_runs(
    text: str, spans: Sequence[Span], known_words: Collection[str]
) -> list[tuple[int, int]]:
    """Returns where a text has too many characters without a space: (start, end).

    A model reads such a run letter by letter and loses its way in it. Runs of scripts without
    spaces do not count, and neither do the spans in a run.

    Args:
        text: a text.
        spans: its spans, in order and without overlap. A run has those in it as parts.
        known_words: long words that a model knows, in lower case.
    """
    ranges: list[tuple[int, int]] = []
    for run in _LONG_RUN.finditer(text):
        if UNSPACED.search(run[0]):
            continue
        start = run.start()
        end = start + len(run[0].rstrip(_FINAL_MARKS))
        if end - start - _length_of_spans(spans, start, end) > _LONGEST_RUN:
            ranges.append((start, end))
            continue
        ranges += [
            word.span()
            for word in WORD.finditer(text, start, end)
            if len(word[0]) > _LONGEST_WORD and word[0].lower() not in known_words
        ]
    return ranges


def _length_of_spans(spans: Sequence[Span], start: int, end: int) -> int:
    """Returns how many characters between `start` and `end` are in spans."""
    first = bisect.bisect_right(spans, start, key=lambda span: span.end)
    last = bisect.bisect_left(spans, end, key=lambda span: span.start)
    return sum(min(span.end, end) - max(span.start, start) for span in spans[first:last])
