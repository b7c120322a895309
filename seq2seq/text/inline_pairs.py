"""Quotes, short brackets and links within a sentence.

They are taken out and put back as paired tags are (markup.py). A word right after a quotation mark
is another token than after a space, and a rare one, so the model would misread it.

    Klicken Sie auf "OK".               the model reads: Klicken Sie auf OK.
    Lies [die Hilfe](https://a.org).    the model reads: Lies die Hilfe.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from seq2seq.text.paired_marks import CLOSING, find_pairs
from seq2seq.text.wrapping import MarkConversion

_BRACKETS = "([（［【〔"
_MAY_FOLLOW = frozenset(".,;:!?…。！？，；：、").union(*CLOSING.values())
_HINT = regex.compile(r"[\"'„“”‚‘«»‹›「『(\[（［【〔]")
_LINK = regex.compile(r"(?P<opening>!?\[)(?=\S)[^\[\]]{1,300}+(?P<closing>\]\([^\s()]++\))")
# Longer parentheses are a part of the sentence, and the model knows them.
_MOST_WORDS_IN_BRACKETS = 3
# What comes after so many stays in the text. It limits the time.
_MAX_PAIRS = 50

Range = tuple[int, int]


@dataclass(frozen=True)
class InlinePair:
    """Two marks and what stands between them.

    Attributes:
        start: where the opening mark starts.
        text_start: where the text between the marks starts.
        text_end: where it ends.
        end: where the closing mark ends.
        opening: the opening mark in the translation.
        closing: the closing mark in the translation.
    """

    start: int
    text_start: int
    text_end: int
    end: int
    opening: str
    closing: str


def may_have_pairs(text: str) -> bool:
    """Tells quickly whether `find_inline_pairs` could find something."""
    return _HINT.search(text) is not None


def find_inline_pairs(
    text: str, spans: Sequence[Range], conversion: MarkConversion
) -> list[InlinePair]:
    """Returns the pairs in a text, in the order of their opening marks. They are nested.

    A mark within a word, or within what must not change, is a part of that.

    Args:
        text: a sentence.
        spans: what must not change in it.
        conversion: gives the marks the form of the target language.
    """
    links = [pair for pair in _links(text) if not _cuts(pair.start, spans)]
    taken = [(pair.text_end, pair.end) for pair in links]
    pairs = links
    for start, end in find_pairs(text):
        if _is_inside(start, spans) or _is_inside(end, spans):
            continue
        if any(_is_inside(position, taken) for position in (start, end)):
            continue
        pair = _pair(text, start, end, conversion)
        if pair is not None and all(pair.start != link.start for link in links):
            pairs.append(pair)
    pairs.sort(key=lambda pair: (pair.start, -pair.end))
    return _nested(pairs[:_MAX_PAIRS])


def _links(text: str) -> Iterator[InlinePair]:
    """Yields the links of Markdown: [text](address), and its pictures: ![text](address)."""
    if "](" not in text:
        return
    for match in _LINK.finditer(text):
        opening, closing = match.span("opening"), match.span("closing")
        yield InlinePair(*opening, *closing, match["opening"], match["closing"])


def _pair(text: str, start: int, end: int, conversion: MarkConversion) -> InlinePair | None:
    """Returns the pair of the marks at these positions, if it is to be taken out."""
    before, after = text[start - 1 : start], text[end + 1 : end + 2]
    content = text[start + 1 : end]
    inner = content.strip()
    starts_apart = not before or before.isspace() or before in CLOSING or before == ">"
    ends_apart = not after or after.isspace() or after in _MAY_FOLLOW or after == "<"
    # Without the marks, what stands side by side would be one word, or another span.
    if not inner or not starts_apart or not ends_apart:
        return None
    if text[start] in _BRACKETS and len(inner.split()) > _MOST_WORDS_IN_BRACKETS:
        return None
    text_start = start + 1 + len(content) - len(content.lstrip())
    text_end = text_start + len(inner)
    opening, closing = conversion.pair(text[start:text_start], text[text_end : end + 1])
    return InlinePair(start, text_start, text_end, end + 1, opening, closing)


def _nested(pairs: Sequence[InlinePair]) -> list[InlinePair]:
    """Leaves out the pairs that cross one before them. They are sorted by their start."""
    kept: list[InlinePair] = []
    around: list[InlinePair] = []
    for pair in pairs:
        while around and around[-1].end <= pair.start:
            around.pop()
        if around and pair.end > around[-1].text_end:
            continue
        kept.append(pair)
        around.append(pair)
    return kept


def _is_inside(position: int, ranges: Sequence[Range]) -> bool:
    return any(start <= position < end for start, end in ranges)


def _cuts(position: int, ranges: Sequence[Range]) -> bool:
    """Tells whether a position is within a range and not at its start."""
    return any(start < position < end for start, end in ranges)
