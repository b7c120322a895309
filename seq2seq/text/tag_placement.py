"""Where the tags of the source stand in the translation.

An element of the source has a range of words in the translation. The ranges are found from the
outside to the inside: those within an element lie within its range, and they do not overlap. So the
tags are nested as in the source, whatever the attention is.
"""

import bisect
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

_UNSPACED = (
    r"[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}"
    r"\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]"
)
_LETTER = rf"[[\w\p{{M}}\p{{S}}\p{{Cf}}]--[{_UNSPACED}&&\p{{L}}]]"
# Of a script without spaces, each character is a unit. So is each slot, with what follows it.
_UNIT = regex.compile(
    rf"""(?V1)[{_UNSPACED}&&\p{{L}}][\p{{M}}\p{{Cf}}]*+
      | (?:\p{{Co}}|{_LETTER}){_LETTER}*+(?:[\p{{P}}--[—…„“”«»‹›"()\[\]{{}}、。]]++{_LETTER}++)*+
      | \S
    """,
    regex.VERBOSE,
)
_WORD_CHARACTER = regex.compile(r"[\w\p{S}\p{Co}]")
_NAME = regex.compile(r"[\p{N}\p{Lu}\p{Co}]")

Range = tuple[int, int]
"""Start and end."""


@dataclass(frozen=True)
class Element:
    """A pair of tags.

    Attributes:
        opening: the opening tag.
        closing: the closing tag.
        start: where its content starts in the text without tags.
        end: where its content ends. It is `start` if the element is empty.
        parent: the index of the element around it, or -1.
    """

    opening: str
    closing: str
    start: int
    end: int
    parent: int = -1


def place_tags(
    elements: Sequence[Element], source: str, translation: str, alignment: "Alignment"
) -> str:
    """Returns the translation with the tags of `elements`.

    Args:
        elements: the elements of the source, in the order of their opening tags.
        source: the source text without the tags.
        translation: its translation.
        alignment: which words translate which.
    """
    placement = _Placement(elements, alignment)
    placement.place(-1, (0, len(source)), (0, len(alignment.units)))
    return placement.render(-1, translation, (0, len(translation)))


class Alignment:
    """The units of a translation (words, marks) and what they translate.

    Attributes:
        units: where each starts and ends in the translation.
        source_units: where the units of the source start and end.
        sources: of each unit, the parts of the source text that its tokens translate.
        is_word: of each unit, whether it is more than punctuation.
    """

    def __init__(
        self,
        source: str,
        translation: str,
        source_offsets: Sequence[Range],
        target_offsets: Sequence[Range],
        attention: NDArray[np.float64] | None,
    ) -> None:
        """
        Args:
            source: the source text.
            translation: its translation.
            source_offsets: where the S source tokens start and end.
            target_offsets: where the T target tokens start and end.
            attention: (T, S) weights, or None.
        """
        self._source = source
        self.units = [match.span() for match in _UNIT.finditer(translation)]
        self._starts = [start for start, _ in self.units]
        self.is_word = [_is_word(translation, unit) for unit in self.units]
        self.source_units = [match.span() for match in _UNIT.finditer(source)]
        self._source_offsets = [_stripped(source, offsets) for offsets in source_offsets]
        self._units_of_tokens = [
            self._units_of(_stripped(translation, offsets)) for offsets in target_offsets
        ]
        self._attention = attention
        self.sources: list[list[Range]] = [[] for _ in self.units]
        if attention is not None:
            for units, best in zip(self._units_of_tokens, attention.argmax(axis=1), strict=True):
                part = self._source_offsets[best]
                # What a mark attends to tells nothing if it is a word, and the reverse.
                for unit in units if part[0] < part[1] else ():
                    if self.is_word[unit] == _is_word(source, part):
                        self.sources[unit].append(part)
        places = _places_of_names(source, self.source_units)
        for name, unit in _places_of_names(translation, self.units).items():
            if name in places:
                self.sources[unit] = [self.source_units[places[name]]]

    def _units_of(self, part: Range) -> range:
        """Returns the units that have characters in a part of the translation."""
        if part[0] >= part[1]:
            return range(0)
        first = max(0, bisect.bisect_right(self._starts, part[0]) - 1)
        return range(first, bisect.bisect_left(self._starts, part[1]))

    @property
    def has_attention(self) -> bool:
        """Whether more than names is aligned."""
        return self._attention is not None

    def num_source_words(self, element: Element) -> int:
        """Returns how many words an element has."""
        first = bisect.bisect_left(self.source_units, (element.start, 0))
        last = bisect.bisect_left(self.source_units, (element.end, 0))
        return sum(_is_word(self._source, unit) for unit in self.source_units[first:last])

    def strongest(self, element: Element, target: Range, nearby: int) -> int | None:
        """Returns the unit in `target` that attends most to an element.

        Of several, it is the one next to the unit `nearby`.
        """
        if self._attention is None:
            return None
        columns = [
            number
            for number, (start, end) in enumerate(self._source_offsets)
            if start < element.end and end > element.start
        ]
        weights = self._attention[:, columns].sum(axis=1)
        candidates = [
            (weight, -abs(units[0] - nearby), units[0])
            for units, weight in zip(self._units_of_tokens, weights.tolist(), strict=True)
            if weight > 0 and units and target[0] <= units[0] < target[1]
        ]
        return max(candidates)[2] if candidates else None


class _Placement:
    """Finds the place of each element: a range of units, from the outside to the inside."""

    def __init__(self, elements: Sequence[Element], alignment: Alignment) -> None:
        self._elements = elements
        self._alignment = alignment
        self._children: dict[int, list[int]] = {}
        for index, element in enumerate(elements):
            self._children.setdefault(element.parent, []).append(index)
        self._ranges: dict[int, Range] = {}

    def render(self, parent: int, translation: str, part: Range) -> str:
        """Returns a part of the translation, the content of `parent`, with the tags in it."""
        units = self._alignment.units
        last = self._ranges[parent][1] if parent >= 0 else len(units)
        rendered = ""
        position = part[0]
        # What is empty comes before what starts at the same word.
        for index in sorted(self._children.get(parent, ()), key=lambda i: (*self._ranges[i], i)):
            low, high = self._ranges[index]
            start = units[low][0] if low < last else part[1]
            end = units[high - 1][1] if low < high else start
            element = self._elements[index]
            content = self.render(index, translation, (start, end))
            rendered += translation[position:start] + element.opening + content + element.closing
            position = end
        return rendered + translation[position : part[1]]

    def place(self, parent: int, source: Range, target: Range) -> None:
        """Places the elements in `parent`.

        Args:
            parent: index of the element.
            source: its range in the source text.
            target: its range of units.
        """
        children = self._children.get(parent, [])
        filled = [i for i in children if self._elements[i].start < self._elements[i].end]
        if len(filled) == 1 and self._range_of(filled[0]) == source:
            self._ranges[filled[0]] = target
        elif filled:
            ranges = self._aligned(filled, target)
            self._ranges.update(self._with_outer_marks(ranges, source, target))
        for index in filled:
            if index not in self._ranges:
                self._ranges[index] = self._guess(index, children, source, target)
        for index in children:
            if index not in self._ranges:
                gap = self._gap(self._elements[index], source, target)
                self._ranges[index] = self._outside(index, gap, children)
        for index in children:
            self.place(index, self._range_of(index), self._ranges[index])

    def _range_of(self, index: int) -> Range:
        return self._elements[index].start, self._elements[index].end

    def _aligned(self, siblings: Sequence[int], target: Range) -> dict[int, Range]:
        """Returns the ranges of those siblings to which words are aligned."""
        ends = [self._elements[index].end for index in siblings]
        owned: list[tuple[int, int]] = []
        for unit in range(*target):
            votes: Counter[int] = Counter()
            for start, end in self._alignment.sources[unit]:
                number = bisect.bisect_right(ends, start)
                is_inside = number < len(ends) and self._elements[siblings[number]].start < end
                votes[siblings[number] if is_inside else -1] += 1
            # With as many votes, an element comes before none.
            owner = max(votes, key=lambda index: (votes[index], index >= 0), default=-1)
            if owner >= 0:
                owned.append((owner, unit))
        ranges: dict[int, Range] = {}
        sizes: Counter[int] = Counter()
        for owner, group in itertools.groupby(owned, key=lambda pair: pair[0]):
            stretch = [unit for _, unit in group]
            if len(stretch) > sizes[owner]:
                sizes[owner] = len(stretch)
                ranges[owner] = (stretch[0], stretch[-1] + 1)
        if not self._alignment.has_attention:
            # A name alone tells little about a longer element.
            for owner, size in sizes.items():
                if size < self._alignment.num_source_words(self._elements[owner]):
                    del ranges[owner]
        return ranges

    def _with_outer_marks(
        self, ranges: dict[int, Range], source: Range, target: Range
    ) -> dict[int, Range]:
        """Gives the marks at an end of `target` to the element at that end of `source`.

        What a mark attends to is often not the same mark.
        """
        if not ranges:
            return ranges
        first = min(ranges, key=lambda index: ranges[index])
        low, high = ranges[first]
        starts_first = self._elements[first].start == source[0]
        if starts_first and not any(self._alignment.is_word[target[0] : low]):
            ranges[first] = (target[0], high)
        last = max(ranges, key=lambda index: ranges[index])
        low, high = ranges[last]
        ends_last = self._elements[last].end == source[1]
        if ends_last and not any(self._alignment.is_word[high : target[1]]):
            ranges[last] = (low, target[1])
        return ranges

    def _guess(self, index: int, siblings: Sequence[int], source: Range, target: Range) -> Range:
        """Returns a range for an element to which no word is aligned."""
        element = self._elements[index]
        low, high = target
        scale = (high - low) / (source[1] - source[0])
        wanted = low + int((element.start - source[0]) * scale)
        size = max(1, round((element.end - element.start) * scale))
        strongest = self._alignment.strongest(element, target, wanted)
        if strongest is not None:
            wanted, size = strongest, 1
        taken = {unit for i in siblings if i in self._ranges for unit in range(*self._ranges[i])}
        free = [unit for unit in range(low, high) if unit not in taken]
        words = [unit for unit in free if self._alignment.is_word[unit]]
        if not free:
            return self._outside(index, wanted, siblings)
        start = min(words or free, key=lambda unit: abs(unit - wanted))
        end = start + 1
        while end < min(start + size, high) and end not in taken:
            end += 1
        while end > start + 1 and not self._alignment.is_word[end - 1]:
            end -= 1
        return start, end

    def _gap(self, element: Element, source: Range, target: Range) -> int:
        """Returns the unit before which an empty element stands."""
        low, high = target
        if element.start <= source[0]:
            return low
        if element.start >= source[1]:
            return high
        units = self._alignment.source_units
        number = bisect.bisect_left(units, (element.start, 0))
        start, end = units[min(number, len(units) - 1)]
        for unit in range(low, high):
            if any(part[0] < end and part[1] > start for part in self._alignment.sources[unit]):
                return unit
        return low + round((element.start - source[0]) / (source[1] - source[0]) * (high - low))

    def _outside(self, index: int, gap: int, siblings: Sequence[int]) -> Range:
        """Moves an empty range out of the sibling that it is in, in the order of the source."""
        for sibling in siblings:
            start, end = self._ranges.get(sibling, (0, 0))
            if start <= gap < end:
                gap = end if sibling < index else start
        return gap, gap


def _is_word(text: str, part: Range) -> bool:
    return _WORD_CHARACTER.search(text, *part) is not None


def _stripped(text: str, part: Range) -> Range:
    """Returns the part without white space at its ends."""
    content = text[part[0] : part[1]]
    start = part[0] + len(content) - len(content.lstrip())
    return start, start + len(content.strip())


def _places_of_names(text: str, units: Sequence[Range]) -> dict[str, int]:
    """Returns the numbers of the units with a capital or a digit that occur once."""
    words = [text[start:end] for start, end in units]
    counts = Counter(words)
    return {
        word: number
        for number, word in enumerate(words)
        if counts[word] == 1 and _NAME.search(word)
    }
