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

from seq2seq.text.tag_placement import Alignment, Element, Range, place_tags
from seq2seq.text.tags import copied_elements, find_tags, pair_tags

# HTML's elements between which a reader sees a space.
_BLOCKS = (
    "blockquote button caption dd div dl dt figcaption h1 h2 h3 h4 h5 h6 label legend li ol option "
    "p para pre section table td th title tr ul"
)
_BLOCK_NAMES = frozenset(_BLOCKS.split())
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


def strip_tags(text: str) -> Markup:
    """Takes paired tags out of a text.

    Tags without a partner, tags without content such as `<br>`, tags in quotes, comments, templates
    and code, and the elements that are copied whole stay in the text. White space around the tags
    is folded, and the ends are stripped.
    """
    matches = _tags_outside(find_tags(text), copied_elements(text))
    partners = _partners(matches)
    if not partners:
        return Markup(text)
    builder = _TextBuilder()
    # The elements so far. Their ends are known when their closing tags come.
    elements: list[Element] = []
    opened: list[int] = []
    position = 0
    for number, match in enumerate(matches):
        if number not in partners:
            continue
        builder.add(text[position : match.start()])
        position = match.end()
        builder.needs_space |= match["name"].lower() in _BLOCK_NAMES
        if match["slash"]:
            index = opened.pop()
            elements[index] = replace(elements[index], closing=match[0], end=builder.length)
        else:
            parent = opened[-1] if opened else -1
            opened.append(len(elements))
            elements.append(Element(match[0], "", builder.length, 0, parent))
    builder.add(text[position:])
    stripped = "".join(builder.parts).rstrip()
    return Markup(stripped, tuple(_trimmed(elements, stripped)))


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
