"""Paired inline tags: taken out before translation, put back around the translated words.

The model reads "Klicken Sie auf Datei." instead of "Klicken Sie auf <b>Datei</b>." The attention
tells which words of the translation belong into the element. (Hashimoto et al. 2019, "A High-
Quality Multilingual Dataset for Structured Documentation Translation", place tags in a similar
way.)
"""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from seq2seq.text.blocks import BLOCK_NAMES
from seq2seq.text.inline_pairs import InlinePair
from seq2seq.text.tag_placement import Alignment, Element, Range, place_tags
from seq2seq.text.tags import copied_elements, find_tags, pair_tags

# What is nested deeper, and what comes after so many, stays in the text. It limits the time.
_MAX_DEPTH = 16
_MAX_ELEMENTS = 200


@dataclass(frozen=True)
class Markup:
    """A text without paired tags, and its elements in the order of their opening tags."""

    text: str
    elements: tuple[Element, ...] = ()

    def with_symbols(self, first: int) -> tuple["Markup", dict[str, str]]:
        """Replaces each tag by a character of the private use areas that the text lacks.

        Args:
            first: code of the first character.

        Returns:
            The markup with symbols as tags, and the tag that each symbol stands for.
        """
        tags = [tag for element in self.elements for tag in (element.opening, element.closing)]
        used = set(self.text).union(*tags)
        codes = itertools.chain(range(first, 0xF900), range(0xF0000, 0xFFFFE))
        unused = (chr(code) for code in codes if chr(code) not in used)
        symbols = list(itertools.islice(unused, len(tags)))
        elements = [
            replace(element, opening=opening, closing=closing)
            for element, opening, closing in zip(
                self.elements, symbols[::2], symbols[1::2], strict=True
            )
        ]
        return Markup(self.text, tuple(elements)), dict(zip(symbols, tags, strict=True))

    def restore(
        self,
        translation: str,
        source_offsets: Sequence[Range],
        target_offsets: Sequence[Range],
        attention: NDArray[Any] | None,
    ) -> str:
        """Puts the tags into the translation. Each comes out once, nested as in the source.

        An element is put around the words whose tokens attend most to a token in it. If words of
        another element stand among them, it is put around the longest stretch without these. If
        there is no such word, it is put around the word that attends most to the element, and
        without an attention around as large a part as in the source. Names, numbers and the like
        that both texts have once belong together in any case. An element around everything stays
        around everything, and an empty one stays before the word that follows it.

        Args:
            translation: the translation of `text`.
            source_offsets: where the S source tokens start and end in `text`.
            target_offsets: where the T target tokens start and end in the translation.
            attention: (T, S) weights, or None.

        Raises:
            ValueError: if the attention has another shape.
        """
        if not self.elements:
            return translation
        shape = (len(target_offsets), len(source_offsets))
        if attention is not None and attention.shape != shape:
            raise ValueError(f"The attention has the shape {attention.shape}, not {shape}.")
        weights = None
        if attention is not None and attention.size > 0:
            weights = np.nan_to_num(attention.astype(np.float64), posinf=0.0, neginf=0.0)
        alignment = Alignment(self.text, translation, source_offsets, target_offsets, weights)
        return place_tags(self.elements, self.text, translation, alignment)


# -- taking tags out -------------------------------------------------------------------------------


def strip_tags(text: str, inline_pairs: Sequence[InlinePair] = ()) -> Markup:
    """Takes paired tags out of a text, and the pairs of marks that are given.

    Tags without a partner, tags without content such as `<br>`, tags in quotes, comments, templates
    and code, and the elements that are copied whole stay in the text. White space around the tags
    is folded, and the ends are stripped.

    Args:
        text: a sentence.
        inline_pairs: pairs of marks, nested in each other. Those that cross an element stay.
    """
    marks = [*_tag_marks(text), *_marks_of(inline_pairs)]
    marks = _without_crossing(sorted(marks, key=lambda mark: mark.start))
    if not marks:
        return Markup(text)
    builder = _TextBuilder()
    # The elements so far. Their ends are known when their closing tags come.
    elements: list[Element] = []
    opened: list[int] = []
    position = 0
    for mark in marks:
        builder.add(text[position : mark.start])
        position = mark.end
        builder.needs_space |= mark.is_block
        if mark.closes:
            index = opened.pop()
            elements[index] = replace(elements[index], closing=mark.text, end=builder.length)
        else:
            parent = opened[-1] if opened else -1
            opened.append(len(elements))
            elements.append(Element(mark.text, "", builder.length, 0, parent))
    builder.add(text[position:])
    stripped = "".join(builder.parts).rstrip()
    return Markup(stripped, tuple(_trimmed(elements, stripped)))


@dataclass(frozen=True)
class _Mark:
    """A tag, or one mark of a pair. `pair` is the same for both of a pair, `text` is put back."""

    start: int
    end: int
    text: str
    pair: tuple[str, int]
    closes: bool
    is_block: bool = False


def _tag_marks(text: str) -> list[_Mark]:
    """Returns the paired tags of a text. They are nested."""
    if "<" not in text:
        return []
    matches = _tags_outside(find_tags(text), copied_elements(text))
    partners = _partners(matches)
    marks: list[_Mark] = []
    opened: list[int] = []
    for number, match in enumerate(matches):
        if number not in partners:
            continue
        closes = bool(match["slash"])
        if not closes:
            opened.append(number)
        pair = ("tag", opened[-1])
        if closes:
            opened.pop()
        is_block = match["name"].lower() in BLOCK_NAMES
        marks.append(_Mark(*match.span(), match[0], pair, closes, is_block))
    return marks


def _marks_of(inline_pairs: Sequence[InlinePair]) -> Iterator[_Mark]:
    for number, pair in enumerate(inline_pairs):
        yield _Mark(pair.start, pair.text_start, pair.opening, ("inline", number), False)
        yield _Mark(pair.text_end, pair.end, pair.closing, ("inline", number), True)


def _without_crossing(marks: Sequence[_Mark]) -> list[_Mark]:
    """Leaves out the inline pairs that cross an element. The others are nested."""
    crossing: set[tuple[str, int]] = set()
    opened: list[tuple[str, int]] = []
    for mark in marks:
        if not mark.closes:
            opened.append(mark.pair)
        elif mark.pair not in crossing:
            while opened[-1] != mark.pair:
                # Elements are nested in each other, so one of the two is an inline pair.
                other = opened.pop()
                crossing.add(other if other[0] == "inline" else mark.pair)
                if other[0] != "inline":
                    opened.append(other)
                    break
            else:
                opened.pop()
    return [mark for mark in marks if mark.pair not in crossing]


def _tags_outside(
    tags: Sequence[regex.Match[str]], ranges: Sequence[Range]
) -> list[regex.Match[str]]:
    """Returns the tags that do not lie in any of the ranges. Both are in text order."""
    outside = []
    rest = deque(ranges)
    for tag in tags:
        while rest and rest[0][1] <= tag.start():
            rest.popleft()
        if not rest or tag.start() < rest[0][0]:
            outside.append(tag)
    return outside


def _partners(tags: Sequence[regex.Match[str]]) -> set[int]:
    """Returns the numbers of the tags that are parts of pairs."""
    kept: set[int] = set()
    ends: list[int] = []
    for opening, closing in pair_tags(tags):
        while ends and ends[-1] < opening:
            ends.pop()
        if len(ends) < _MAX_DEPTH and len(kept) < 2 * _MAX_ELEMENTS:
            ends.append(closing)
            kept.update((opening, closing))
    return kept


class _TextBuilder:
    """Joins the parts of a text between tags, with white space once."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.needs_space = False

    def add(self, part: str) -> None:
        if not self.parts or self.parts[-1][-1].isspace():
            part = part.lstrip()
        elif part and self.needs_space and not part[0].isspace():
            part = " " + part
        if part:
            self.parts.append(part)
            self.length += len(part)
            self.needs_space = False


def _trimmed(elements: Sequence[Element], text: str) -> Iterator[Element]:
    """Takes white space at their ends out of the elements, and keeps them in their parents."""
    ranges: list[Range] = []
    for element in elements:
        outer = ranges[element.parent] if element.parent >= 0 else (0, len(text))
        start = min(max(element.start, outer[0]), outer[1])
        end = min(max(element.end, start), outer[1])
        content = text[start:end]
        if content.strip():
            start += len(content) - len(content.lstrip())
        ranges.append((start, start + len(content.strip())))
        yield replace(element, start=ranges[-1][0], end=ranges[-1][1])
