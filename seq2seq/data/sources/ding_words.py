"""Single words of the dictionary Ding: the everyday ones, each with its usual translation.

The dictionary has 200,000 German words, most of them rare, and up to twenty translations of one.
Its own example sentences and phrases tell which of them are in use. A translation is kept if it
occurs together with the word, or with another form of its line, in an example. Of several, the one
with the highest n * Dice is kept. n is the number of examples with both, and Dice is
2 * n / (examples with the word + examples with the translation). Dice alone likes rare words.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from seq2seq.data.corpus import Pairs
from seq2seq.data.sources.ding_entries import has_placeholder, plain_alternatives, segments

_LONGEST_TRANSLATION = 3
"""In words: "to look after"."""
_SMALLEST_SHARE = 1 / 3
"""Words may differ in case or an exclamation mark only: "Essen" is food, "essen" to eat. The rarer
one is left out if its Dice is a smaller share of the other's: who types "Bitte" means "please"."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_CLEAN = re.compile(rf"{_WORD.pattern}(?: {_WORD.pattern})*[.!?]?")
# "USA", "DVDs", "x axis", but not "E-Mail"
_ABBREVIATED = regex.compile(r"\p{Lu}{2}|(?<![\w-])[b-hj-zB-HJ-Z](?![\w-])")
# "etw. kaufen :: to buy sth.": without the objects, both are words.
_GERMAN_OBJECT = re.compile(r"^(?:(?:jdn|jdm|etw)\.[ /]+)+")
_ENGLISH_OBJECT = re.compile(r"(?:[ /]+(?:sb|sth)\.)+$")
_PARTICLES = ("to", "a", "an", "the")


@dataclass(frozen=True)
class WordEntry:
    """A German word and one of its translations."""

    german: str
    english: str
    line: int
    """Number of the line in the dictionary, from 1."""
    is_first: bool
    """Whether both are the first alternatives of their segments."""
    is_headword: bool
    """Whether both stand first in the line."""


class _Examples:
    """Which example pairs have which words. German is compared without case: nouns and the first
    word of a sentence have capitals."""

    def __init__(self, pairs: Pairs) -> None:
        self._german: dict[str, set[int]] = {}
        self._english: dict[str, set[int]] = {}
        for number, (german, english) in enumerate(pairs):
            for word in _WORD.findall(german.lower()):
                self._german.setdefault(word, set()).add(number)
            for word in _WORD.findall(english):
                self._english.setdefault(word, set()).add(number)

    def evidence(self, entry: WordEntry) -> tuple[int, float]:
        """Returns how many examples have the word and its translation, and their Dice."""
        with_german = self._german.get(_key(entry.german))
        if not with_german:
            return 0, 0.0
        words = _WORD.findall(entry.english)
        if len(words) > 1 and words[0] in _PARTICLES:
            words = words[1:]
        with_english = set.intersection(*(self._english.get(word, set()) for word in words))
        count = len(with_german & with_english)
        return count, 2 * count / (len(with_german) + len(with_english))


def read_words(lines: Iterable[str]) -> list[WordEntry]:
    """Reads every clean entry of one German word and a short translation.

    A segment gives each German alternative with each English one.
    """
    entries = []
    for number, line in enumerate(lines, start=1):
        for position, (german_segment, english_segment) in enumerate(segments(line)):
            words = plain_alternatives(german_segment)
            translations = plain_alternatives(english_segment)
            for german, english in itertools.product(words, translations):
                is_first = german == words[0] and english == translations[0]
                german, english = _without_objects(german, english)
                if _is_usable(german, english):
                    is_headword = is_first and position == 0
                    entries.append(WordEntry(german, english, number, is_first, is_headword))
    return entries


def choose_words(entries: Sequence[WordEntry], examples: Pairs) -> Pairs:
    """Returns the words in use, each with its best translation, in the order of the dictionary.

    Some need no example: an exclamation, such as "Hallo!", that is a first alternative; and the
    first word of a line that has an example for another one, such as its plural.

    Args:
        entries: the result of `read_words`.
        examples: German and English. Held-out pairs must not be among them.
    """
    counts = _Examples(examples)
    evidence = [counts.evidence(entry) for entry in entries]
    used_lines = set()
    for entry, (count, _) in zip(entries, evidence, strict=True):
        if count:
            used_lines.add(entry.line)
    best: dict[str, tuple[float, float, WordEntry]] = {}
    for entry, (count, dice) in zip(entries, evidence, strict=True):
        if not count and not _needs_no_example(entry, used_lines):
            continue
        score = count * dice
        # The earlier entry wins a tie.
        if entry.german not in best or score > best[entry.german][0]:
            best[entry.german] = (score, dice, entry)
    highest: dict[str, float] = {}
    for german, (_, dice, _) in best.items():
        key = _key(german)
        highest[key] = max(dice, highest.get(key, 0.0))
    chosen = []
    for german, (_, dice, entry) in best.items():
        if dice >= highest[_key(german)] * _SMALLEST_SHARE:
            chosen.append(entry)
    chosen.sort(key=lambda entry: entry.line)
    return Pairs(
        source=[entry.german for entry in chosen],
        target=[entry.english for entry in chosen],
        groups=[str(entry.line) for entry in chosen],
    )


def _needs_no_example(entry: WordEntry, used_lines: set[int]) -> bool:
    if entry.is_headword and entry.line in used_lines:
        return True
    return entry.is_first and bool(_end_mark(entry.german))


def _without_objects(german: str, english: str) -> tuple[str, str]:
    """Removes the placeholders for the objects of a verb, if both sides have some."""
    short_german = _GERMAN_OBJECT.sub("", german)
    short_english = _ENGLISH_OBJECT.sub("", english)
    if short_german == german or short_english == english:
        return german, english
    return short_german, short_english


def _is_usable(german: str, english: str) -> bool:
    """Whether this is one German word and a short translation, without leftovers of the format."""
    if " " in german or english.count(" ") >= _LONGEST_TRANSLATION or german == english:
        return False
    # "Hallo!" must not become "hello".
    if _end_mark(german) != _end_mark(english):
        return False
    for text in (german, english):
        if not _CLEAN.fullmatch(text) or _ABBREVIATED.search(text) or has_placeholder(text):
            return False
    return True


def _end_mark(text: str) -> str:
    return text[-1] if text.endswith((".", "!", "?")) else ""


def _key(german: str) -> str:
    """The same for words that differ in case or in an exclamation mark only."""
    return german.rstrip(".!?").lower()
