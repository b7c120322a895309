"""Dividing a line to translate into sentences, and joining their translations again.

The library sentencex finds the boundaries. Some of them are dropped here. A boundary that is wrong
tears a sentence apart. A boundary that is missing does less harm: the model reads two sentences at
once. So a doubtful boundary is dropped.
"""

import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import sentencex

from seq2seq.text.scripts import UNSPACED

# The library looks for the closing quote of every opening one, so its time can grow with the square
# of the length. Longer texts are read part by part.
_MAX_CHARS = 10_000

# Words whose period rarely ends a sentence, and at which sentencex 1.0.32 divides.
_ABBREVIATIONS = {
    "ca": "pàg.",
    "da": "bl.a. ca. dvs. f.eks. kl. nr.",
    "de": (
        "abb. abzgl. allg. anm. aufl. ausg. bd. bes. bspw. dipl. dt. ehem. einschl. engl. entspr. "
        "exkl. fa. franz. geb. gem. gest. hrsg. inkl. insb. kap. lat. max. pos. röm. tab. tel. "
        "tsd. verf. ziff. zzgl."
    ),
    "el": "αρ. δηλ. κ. σελ.",
    "en": "approx. ca. cf. ch. eq. excl. fig. figs. incl. max. misc. mt. pp. resp. vol. vols.",
    "es": "av.",
    "fr": "art. av. cf. chap. dr. éd. env. fig. m. max. mm. mme. mlle. n°. pp. tél. vol.",
    "hu": "dr. kb. pl. ún.",
    "it": "cap. pag. pagg.",
    "nb": "bl.a. ca. dvs. f.eks. kl. nr.",
    "nl": "d.w.z. dhr. excl. incl. m.b.v. mevr. o.a.",
    "no": "bl.a. ca. dvs. f.eks. kl. nr.",
    "pl": "dr. godz. m.in. np. nr. ok. prof. rys. str. św. tj. tzw. ul. zob.",
    "pt": "cap. ex. núm. pág. págs. sr. sra.",
    "ro": "dl. dna. nr. pag. str.",
    "ru": "им. напр. рис. см. стр. т.е. ул.",
    "sk": "str. t.j.",
    "sv": "bl.a. ca. kl. nr. t.ex.",
    "tr": "bkz. no. örn.",
    "uk": "див. напр. рис.",
}

# The library takes "OK." for an abbreviation (of Oklahoma). It reads "OK!" instead.
_OK_PERIOD = re.compile(r"(?<=\bO[Kk])\.(?!\w)")

# The library fails at some white space, such as an ideographic space after a French initial.
_WHITE_SPACE = re.compile(r"\s")

# "Die 2. Auflage", "im 19. Jahrhundert": nouns have capitals in German, so only the word before
# the number tells that the sentence goes on.
_GERMAN_ORDINAL = re.compile(
    r"""\b(?: am | im | ins | vom | zum | zur | beim | der | die | das | dem | den | des
          | (?: k?ein | dies | jed | jen | welch | mein | dein | sein | ihr | unser | eur | euer )
            (?: e[mnrs]? )?
        )\s\d{1,2}\.$""",
    re.VERBOSE | re.IGNORECASE,
)
# What a word may stand after: "l'art. 5", "(vgl. S. 5)".
_WORD_START = re.compile("""[\\s(\\[{"'„“”«»‘’/–—]+""")
# Characters before a boundary that are enough to see the last words.
_LOOK_BACK = 40

# "1.", "12)", "b)", "(a)", "IV.", "•"
_LIST_MARKER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]{1,2}|[-–—•*·]")
_LIST_NUMBER = re.compile(r"(?<!\S)(\d{1,2})[.)]\s+(?=\S)")
_END_MARKS = ".!?…:;"

_CLOSING_MARKS = "\"'”“’‘»«)]}」』）】〉》〕"
_WIDE_OPENING_MARKS = "「『“（《【〈"
_FULL_WIDTH_MARKS = "。！？｡"


@dataclass(frozen=True)
class Sentence:
    """A sentence of a line.

    Attributes:
        text: the sentence, without white space at its ends.
        space: the white space after it, before the next sentence. Empty after the last one.
    """

    text: str
    space: str = ""


class SentenceSplitter:
    """Divides lines of one language into sentences."""

    def __init__(self, language: str) -> None:
        """
        Args:
            language: code such as "de" or "pt-br". For a language that the library does not know,
                its rules for English hold.
        """
        # The library knows neither regions nor capitals: "de", but not "de-AT" or "DE".
        self._language = re.split("[-_]", language.lower())[0]
        self._abbreviations = set(_ABBREVIATIONS.get(self._language, "").split())

    def split(self, text: str) -> list[Sentence]:
        """Divides a text. Joining each sentence and its space gives the text back.

        Args:
            text: a text without lone surrogates and without white space at its ends.
        """
        if not text:
            return []
        starts = self._starts(text)
        if not starts:
            return [Sentence(text)]
        sentences = []
        start = 0
        for next_start in starts:
            end = _end_of_text(text, next_start)
            sentences.append(Sentence(text[start:end], text[end:next_start]))
            start = next_start
        sentences.append(Sentence(text[start:]))
        return sentences

    def _starts(self, text: str) -> list[int]:
        """Returns where the sentences after the first one start."""
        starts = []
        for boundary in _library_boundaries(text, self._language):
            start = _start_of_text(text, boundary)
            if start < len(text):
                starts.append(start)
        if not starts:
            return []
        capitalized = _starts_with_capital(text)
        item_starts, item_texts = _list_items(text)
        kept = set(item_starts)
        for start in starts:
            if start not in item_texts and self._ends_sentence(text, start, capitalized):
                kept.add(start)
        return _without_fragments(text, sorted(kept))

    def _ends_sentence(self, text: str, start: int, capitalized: bool) -> bool:
        """Decides whether the text before `start` ends a sentence.

        Args:
            text: the whole text.
            start: where the library lets the next sentence start.
            capitalized: whether sentences of this text start with capitals.
        """
        end = _end_of_text(text, start)
        before = text[max(0, end - _LOOK_BACK) : end]
        if end == start and not _can_divide_without_space(before, text[start]):
            return False
        if capitalized and text[start].islower():
            return False
        if not before.endswith("."):
            return True
        word = _WORD_START.split(before)[-1].casefold()
        if word in self._abbreviations:
            return False
        return not (self._language == "de" and _GERMAN_ORDINAL.search(before))


def _library_boundaries(text: str, language: str) -> list[int]:
    """Returns the positions between the sentences that the library finds."""
    boundaries: list[int] = []
    start = 0
    while start < len(text):
        window = text[start : start + _MAX_CHARS]
        segments = _library_segments(window, language)
        for segment in segments[:-1]:
            start += len(segment)
            boundaries.append(start)
        # The last segment may go on behind the window, so the next window starts with it. A segment
        # that fills its window alone is skipped.
        is_last_window = start + len(segments[-1]) == len(text)
        if is_last_window or len(segments) == 1:
            start += len(segments[-1])
    return boundaries


def _library_segments(text: str, language: str) -> list[str]:
    """Returns the sentences that the library finds, or the whole text if it fails."""
    text = _OK_PERIOD.sub("!", _WHITE_SPACE.sub(" ", text))
    segments: list[str]
    try:
        segments = sentencex.segment(language, text)
    except BaseException as error:
        # An error in the library's Rust is no Exception, and its type cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        return [text]
    return segments if "".join(segments) == text else [text]


def _start_of_text(text: str, position: int) -> int:
    """Returns the first position from `position` on that is no white space."""
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _end_of_text(text: str, position: int) -> int:
    """Returns the position after the last character before `position` that is no white space."""
    while position > 0 and text[position - 1].isspace():
        position -= 1
    return position


def _starts_with_capital(text: str) -> bool:
    """Tells whether the first letter that has a case is a capital."""
    for character in text:
        if character.islower() or character.isupper():
            return character.isupper()
    return True


def _can_divide_without_space(before: str, following: str) -> bool:
    """Decides about a boundary without white space.

    "a?b" may be an address, so only scripts without spaces have such boundaries. A sentence goes on
    after speech in quotes, 「はい。」と言った, unless other quotes open.
    """
    if before[-1] in _CLOSING_MARKS:
        return _ends_full_width(before) and following in _WIDE_OPENING_MARKS
    return before[-1] in _FULL_WIDTH_MARKS or UNSPACED.match(following) is not None


def _list_items(text: str) -> tuple[list[int], set[int]]:
    """Finds lists such as "1. Open it. 2. Close it."

    The numbers of a list follow each other, and the first one starts a sentence.

    Returns:
        Where a sentence starts with the number of an item, and where the texts after the numbers
        start. At the latter, no sentence starts.
    """
    item_starts: list[int] = []
    item_texts: list[int] = []
    item: re.Match[str] | None = None
    expected = 0
    for match in _LIST_NUMBER.finditer(text):
        end = _end_of_text(text, match.start())
        starts_sentence = end == 0 or text[end - 1] in _END_MARKS
        if item is not None and int(match[1]) == expected:
            item_texts += [item.end(), match.end()]
            if starts_sentence:
                item_starts.append(match.start())
        elif not starts_sentence:
            continue
        item = match
        expected = int(match[1]) + 1
    return item_starts, set(item_texts)


def _without_fragments(text: str, starts: list[int]) -> list[int]:
    """Drops boundaries next to parts that are no sentences.

    The marker of a list item belongs to what follows, punctuation to what precedes.
    """
    kept: list[int] = []
    for start, end in itertools.pairwise([*starts, len(text)]):
        previous = kept[-1] if kept else 0
        is_short = start - previous < _LOOK_BACK
        if is_short and _LIST_MARKER.fullmatch(text[previous:start].strip()):
            continue
        if not _is_punctuation(text[start:end]):
            kept.append(start)
    return kept


def _is_punctuation(text: str) -> bool:
    return all(unicodedata.category(character)[0] in "PZ" for character in text)


# -- joining ---------------------------------------------------------------------------------------


def join_translations(translations: Sequence[str], sentences: Sequence[Sentence]) -> str:
    """Joins the translations of the sentences of a line.

    The white space between two sentences is kept, with two exceptions. Where the source has none
    and the translation needs some, as from Japanese to English, a space is added. Where the
    translation ends with a full-width mark and the source does not, as from English to Japanese, a
    single space is dropped.

    Args:
        translations: one for each sentence. Empty ones are left out.
        sentences: the sentences of the line.
    """
    joined = ""
    previous = Sentence("")
    for translation, sentence in zip(translations, sentences, strict=True):
        if not translation:
            continue
        if joined:
            joined += _space_between(joined, previous, translation)
        joined += translation
        previous = sentence
    return joined


def _space_between(joined: str, sentence: Sentence, following: str) -> str:
    """Returns the white space after the translation of `sentence`."""
    if not sentence.space:
        is_between_tags = joined.endswith(">") or following.startswith("<")
        needs_none = is_between_tags or _ends_full_width(joined) or UNSPACED.match(following)
        return "" if needs_none else " "
    if sentence.space == " " and _ends_full_width(joined) and not _ends_full_width(sentence.text):
        return ""
    return sentence.space


def _ends_full_width(text: str) -> bool:
    """Tells whether a text ends with a full-width end mark, closing quotes aside."""
    return text.rstrip(_CLOSING_MARKS)[-1:] in tuple(_FULL_WIDTH_MARKS)
