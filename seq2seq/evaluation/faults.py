"""What is wrong with a translation whatever the reference says: lost spans, loops, no text.

Such faults are rare in a test set, so BLEU hardly shows them, but each of them is seen at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seq2seq.text.numbers import same_number
from seq2seq.text.scripts import count_words
from seq2seq.text.spans import SpanFinder

LONGEST_LOOP = 4
"""Words of the longest n-gram that is looked for."""
LOOP_REPETITIONS = 4
"""An n-gram this many times in a row is a loop."""
MAX_LENGTH_RATIO = 3
EXTRA_LENGTH = 10
"""A translation of more than `MAX_LENGTH_RATIO` times the words of its source, and this many more,
is a loop too."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The faults of N translations."""

    num_spans: int
    """Spans of the sources, numbers aside. A span that occurs twice in a sentence counts once."""
    spans_kept: int
    """Those that the translation has exactly as often as the source."""
    num_numbers: int
    """Numbers of the sources that the references have too."""
    numbers_kept: int
    """Those that the translation has, as they are or written as in the target language."""
    loops: int
    """Translations that repeat themselves or are far too long."""
    empty: int
    """Translations without text of sources with text."""


def count_faults(
    sources: Sequence[str],
    translations: Sequence[str],
    references: Sequence[str],
    *,
    finder: SpanFinder,
    source_language: str,
    target_language: str,
) -> Faults:
    """Counts the faults of N translations.

    Args:
        sources: N texts.
        translations: N translations.
        references: N references, which tell which numbers a translation should have.
        finder: finds the spans that must not change.
        source_language: code such as "de", for the form of numbers.
        target_language: likewise.
    """

    def same(number: str, other: str) -> bool:
        return same_number(number, other, source_language, target_language)

    spans: list[bool] = []
    numbers: list[bool] = []
    loops = 0
    empty = 0
    for source, translation, reference in zip(sources, translations, references, strict=True):
        spans += spans_kept(source, translation, finder)
        numbers += numbers_kept(source, translation, reference, finder, same)
        loops += is_loop(source, translation)
        empty += bool(source.strip()) and not translation.strip()
    return Faults(
        num_spans=len(spans),
        spans_kept=sum(spans),
        num_numbers=len(numbers),
        numbers_kept=sum(numbers),
        loops=loops,
        empty=empty,
    )


def spans_kept(source: str, translation: str, finder: SpanFinder) -> list[bool]:
    """Tells of each different span of the source whether the translation has it as often.

    Numbers are left out, because languages write them differently.
    """
    spans = {span.text: None for span in _spans(source, finder) if not span.is_number}
    return [source.count(text) == translation.count(text) for text in spans]


def numbers_kept(
    source: str,
    translation: str,
    reference: str,
    finder: SpanFinder,
    same: Callable[[str, str], bool],
) -> list[bool]:
    """Tells of each number of the source that the reference has too whether the translation has it.

    Args:
        source: the source text.
        translation: its translation.
        reference: a right translation.
        finder: finds the numbers.
        same: tells whether a number of the source and one of the target are the same.
    """
    numbers = _numbers(source, finder)
    if not numbers:
        return []
    in_reference = _matched(numbers, _numbers(reference, finder), same)
    expected = [number for number, found in zip(numbers, in_reference, strict=True) if found]
    return _matched(expected, _numbers(translation, finder), same)


def is_loop(source: str, translation: str) -> bool:
    """Tells whether a translation repeats some words, or is far too long.

    What the source repeats likewise is no loop. Words are what stands between spaces, so in scripts
    without them, only the length tells.
    """
    if count_words(translation) > MAX_LENGTH_RATIO * count_words(source) + EXTRA_LENGTH:
        return True
    return _repeats(translation) and not _repeats(source)


@dataclass(frozen=True)
class _SpanText:
    text: str
    is_number: bool


def _spans(text: str, finder: SpanFinder) -> list[_SpanText]:
    found = finder.find(text)
    return [_SpanText(text[span.start : span.end], span.kind == "number") for span in found]


def _numbers(text: str, finder: SpanFinder) -> list[str]:
    return [span.text for span in _spans(text, finder) if span.is_number]


def _matched(numbers: list[str], others: list[str], same: Callable[[str, str], bool]) -> list[bool]:
    """Tells of each number whether there is another one for it. Each other one is used once."""
    unused = list(others)
    matched = []
    for number in numbers:
        # An equal one comes first, so that one in the other form is left for its own number.
        match = number if number in unused else None
        if match is None:
            match = next((other for other in unused if same(number, other)), None)
        matched.append(match is not None)
        if match is not None:
            unused.remove(match)
    return matched


def _repeats(text: str) -> bool:
    """Tells whether an n-gram of words stands `LOOP_REPETITIONS` times in a row."""
    words = text.split()
    for n in range(1, LONGEST_LOOP + 1):
        # As many words in a row equal the word n places before them as all repetitions have.
        equal = 0
        for word, earlier in zip(words[n:], words, strict=False):
            equal = equal + 1 if word == earlier else 0
            if equal == n * (LOOP_REPETITIONS - 1):
                return True
    return False
