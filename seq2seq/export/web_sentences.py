"""What the library sentencex knows about the words of a language, for the page that translates.

The library is a part of the Python program only. A page finds boundaries by itself
(export/web/text/sentence_boundaries.js), but it needs the library's words: abbreviations, months
and the like. They are asked of the library here: does it divide "qx qx approx. Qx qx"? So a page
always has the knowledge of the version that is installed.

The words that are asked about are those of the training text, and all strings of up to four letters
or as many of them as the library answers about in seconds.
"""

import functools
import itertools
import re
import string
import sys
import time
import unicodedata
from collections.abc import Collection, Iterable

import sentencex

# The library divides texts of more than 10 KB itself, and loses what is between the parts.
_ASKED_AT_ONCE = 60
# If an answer takes longer, this is how long the answers to a question may take, and how many there
# are in any case.
_QUICK = 5e-6
_SECONDS = 0.5
_FEWEST_WORDS = 300
_LARGEST_ALPHABET = 150
# Each question is a paragraph of its own.
_PARAGRAPH = "\n\n"
# Asked about in any case: typical first words of sentences, names with "!", and German months.
_CAPITALIZED = (
    "The It He She We They You I In On At If When This That There But And So My Your His Her Its "
    "Our What Who Why How Where Which Is Are Was Were Do Does Did Has Have Had Can Could Will Yes "
    "Yahoo Yum "
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
)
# A title or unit of this many letters.
_MARKER_LETTERS = (2, 3)
_TITLES = "B.Sc M.Sc B.Com M.Com Ph.D LL.B LL.D LL.M B.C.E M.B.A D.D.S BSc MSc BCom MCom PhD"


def sentence_knowledge(language: str, words: Collection[str]) -> dict[str, object]:
    """Returns what the library knows about a language.

    Args:
        language: code such as "de" or "pt-br".
        words: words of the language in lower case.

    Returns:
        What `Knowledge` in export/web/text/sentence_boundaries.js needs. Sets are lists.
    """
    return _Questions(re.split("[-_]", language.lower())[0]).answers(words)


class _Questions:
    """Asks whether the library divides a text. "Qx" stands for any word."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._most_words = _FEWEST_WORDS
        seconds = min(self._seconds_per_word() for _ in range(5))
        # In most languages, it answers about a million words in a second. In a few, it is slow.
        if seconds < _QUICK:
            self._most_words = sys.maxsize
        else:
            self._most_words = max(_FEWEST_WORDS, int(_SECONDS / seconds))

    def answers(self, words: Collection[str]) -> dict[str, object]:
        """Asks everything."""
        lower = _candidates(words)
        known = [word.capitalize() for word in sorted(words, key=len)]
        capitalized = list(dict.fromkeys([*_CAPITALIZED.split(), *known]))
        abbreviations = self.kept("qx qx {}. Qx qx", lower)
        starters = self.divided("Qx Q. {} qx", capitalized)
        found: dict[str, object] = {
            "terminators": self.divided("Qx qx{} Qx qx", _punctuation()),
            "abbreviations": abbreviations,
            "starters": starters,
            "continuing": self.kept("qx qx. {} qx", capitalized),
            "exclamations": self.kept("qx {}! Qx qx", capitalized),
            "dotted": self._dotted(starters),
            "continues_lower": bool(self.kept("qx qx. {}", ["qx"])),
            "continues_comma": bool(self.kept("qx qx. , {}", ["Qx"])),
            "continues_i": bool(self.kept("Qx qx... {} qx", ["I"])),
        }
        return found | self._markers(lower, frozenset(abbreviations))

    def _markers(self, words: Iterable[str], abbreviations: frozenset[str]) -> dict[str, object]:
        """Asks about units and titles, after which a sentence may end or not."""
        letters = [word for length in _MARKER_LETTERS for word in _strings(length)]
        dotted = [".".join(pair) for pair in _strings(2)]
        lower = [*letters, *dotted, *_TITLES.lower().split()]
        names = sorted({*lower, *(name.upper() for name in lower), *_TITLES.split()})
        # Behind a unit or title, a sentence goes on if the word before it has a capital.
        markers = self.divided("qx qx {}. Qx qx", self.kept("Qx {}. Qx qx", names))
        others = [name for name in names if name not in markers]
        digit_markers = self.divided("qx qx 7 {}. Qx qx", self.kept("Qx 7 {}. Qx qx", others))
        breaking = self.divided("qx qx 7 {}. 7 qx", [*markers, *digit_markers])
        fronting: list[str] = []
        if markers:
            question = f"{{}} 7 {markers[0]}. Qx qx"
            fronting = self.kept(question, (word for word in words if word not in abbreviations))
        return {
            "markers": markers,
            "digit_markers": digit_markers,
            "breaking_markers": breaking,
            "fronting": fronting,
        }

    def _dotted(self, starters: list[str]) -> list[str]:
        """Asks about abbreviations such as "e.g", which a typical first word may follow."""
        if not starters:
            return []
        dotted = [".".join(letters) for length in (2, 3) for letters in _strings(length)]
        kept = self.kept("qx qx {}. Qx qx", dotted)
        return self.divided(f"qx qx {{}}. {starters[0]} qx", kept)

    def kept(self, question: str, words: Iterable[str]) -> list[str]:
        """Returns the words with which the text stays whole."""
        return self._asked(question, words, divides=False)

    def divided(self, question: str, words: Iterable[str]) -> list[str]:
        """Returns the words with which the text is divided."""
        return self._asked(question, words, divides=True)

    def _seconds_per_word(self) -> float:
        start = time.perf_counter()
        self.kept("qx qx {}. Qx qx", ["qx"] * _ASKED_AT_ONCE)
        return (time.perf_counter() - start) / _ASKED_AT_ONCE

    def _asked(self, question: str, words: Iterable[str], *, divides: bool) -> list[str]:
        found: list[str] = []
        rest = itertools.islice(words, self._most_words)
        while part := list(itertools.islice(rest, _ASKED_AT_ONCE)):
            text = _PARAGRAPH.join(question.format(word) for word in part)
            counts = [0]
            for segment in sentencex.segment(self._language, text):
                if segment == _PARAGRAPH:
                    counts.append(0)
                else:
                    counts[-1] += 1
            found += [
                word for word, count in zip(part, counts, strict=True) if (count > 1) == divides
            ]
        return found


def _candidates(words: Collection[str]) -> list[str]:
    """Returns words that may be abbreviations, the likely ones first."""
    letters = {letter for word in words for letter in word if not letter.isascii()}
    alphabet = string.ascii_lowercase
    # Chinese has too many letters, and no abbreviations.
    if len(letters) <= _LARGEST_ALPHABET:
        alphabet += "".join(sorted(letters))
    short = [word for length in (1, 2) for word in _strings(length, alphabet)]
    longer = [word for length in (3, 4) for word in _strings(length)]
    return list(dict.fromkeys([*short, *sorted(words, key=len), *longer]))


def _strings(length: int, alphabet: str = string.ascii_lowercase) -> list[str]:
    """Returns all strings of so many letters."""
    return ["".join(letters) for letters in itertools.product(alphabet, repeat=length)]


@functools.cache
def _punctuation() -> list[str]:
    characters = map(chr, range(sys.maxunicode + 1))
    marks = [character for character in characters if unicodedata.category(character)[0] == "P"]
    return list(dict.fromkeys([*"!?.…。！？｡", *marks]))
