"""Finds where a text is the same words, or the same symbol, again and again.

A model loses count of repetitions. Search excludes loops (`search.no_repeat_ngram_size`), so where
the source repeats itself, the translation would go on with something made up.
"""

import operator
import re

_MARKS = ".,;:!?…。、！？"
# So many words in a row come once more. Shorter repetitions are ordinary, and the model knows them.
_REPEATED_WORDS = 6
_LONGEST_PERIOD = 50
# Of signs of a source, training has seen a few in a row.
_SYMBOL_RUN = re.compile(r"([^\w\s])(?: ?\1){7,}")


def symbol_runs(text: str) -> list[tuple[int, int]]:
    """Returns where the same symbol stands eight times or more in a row: (start, end)."""
    return [match.span() for match in _SYMBOL_RUN.finditer(text)]


def repetition_starts(text: str) -> list[int]:
    """Returns where to divide a text before, between and after the repetitions of the same words.

    Case and final marks of words are ignored. The last repetition may lack words.

    Returns:
        The start of each part. The first is 0. There are no others without a repetition.
    """
    words = [word.rstrip(_MARKS) or word for word in text.lower().split(" ")]
    # The usual case, found quickly.
    if len(words) < len(set(words)) + _REPEATED_WORDS:
        return [0]
    for period in range(1, min(_LONGEST_PERIOD, len(words) - _REPEATED_WORDS) + 1):
        comes_again = bytes(map(operator.eq, words, words[period:]))
        # A part of a text is divided if it stands there three times, the whole if it does twice.
        is_whole = 0 not in comes_again
        needed = _REPEATED_WORDS if is_whole else max(_REPEATED_WORDS, 2 * period)
        first = comes_again.find(b"\1" * needed)
        if first >= 0:
            end = comes_again.find(b"\0", first)
            last = len(words) - 1 if end < 0 else end + period
            return _starts_of_words(text, range(first, last + 1, period))
    return [0]


def _starts_of_words(text: str, numbers: range) -> list[int]:
    """Returns 0 and the positions of these words of the text."""
    starts = {0}
    position = 0
    for number, word in enumerate(text.split(" ")):
        if number in numbers:
            starts.add(position)
        position += len(word) + 1
    return sorted(starts)
