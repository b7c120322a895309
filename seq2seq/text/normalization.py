"""One form for text that looks the same: Unicode form, spaces, invisible characters."""

import re
import unicodedata
from collections.abc import Iterable

from seq2seq.settings import NormalForm

# Control and other invisible characters. Those that separate words (control characters, line and
# paragraph separators) become spaces. The others are deleted: soft hyphen, zero-width space,
# direction marks and isolates, word joiner, byte order mark, and lone surrogates, which UTF-8
# cannot encode. The zero-width (non-)joiners U+200C and U+200D stay: Persian, the scripts of
# India and many emoji need them. A tab is white space like another.
_SEPARATING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_WHITE_SPACE = re.compile(r"\s+")


def normalize_text(text: str, form: NormalForm) -> str:
    """Returns the text in Unicode form `form`, without control characters.

    Each run of white space becomes one space, and the ends are stripped.
    """
    return fold_spaces(normalize_characters(text, form))


def normalize_characters(text: str, form: NormalForm) -> str:
    """Returns the text in Unicode form `form`, without control characters.

    White space within the text stays as it is, tabs too. Other control characters and separators
    of lines become spaces. The ends are stripped.
    """
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
        if form != "none":
            text = unicodedata.normalize("NFC" if form == "nfc" else "NFKC", text)
    return _SEPARATING.sub(" ", text).strip()


def fold_spaces(text: str) -> str:
    """Makes each run of white space one space, and strips the ends."""
    # `split` takes every Unicode space, including the non-breaking one.
    return " ".join(text.split())


def fold_spaces_between(text: str, kept: Iterable[tuple[int, int]]) -> str:
    """Folds white space as `fold_spaces` does, but not within the parts to keep.

    Args:
        text: a text.
        kept: start and end of each part, in order and without overlap.
    """
    parts: list[str] = []
    position = 0
    for start, end in kept:
        parts += [_WHITE_SPACE.sub(" ", text[position:start]), text[start:end]]
        position = end
    parts.append(_WHITE_SPACE.sub(" ", text[position:]))
    return "".join(parts).strip()


class _KeyTable(dict[int, int]):
    """A table for `str.translate`: letters, marks and digits stay, everything else becomes a space.

    Entries are added when a character is seen for the first time.
    """

    def __missing__(self, code: int) -> int:
        # Marks (M) must stay: without its vowel signs, one word of Hindi looks like another.
        is_word_character = unicodedata.category(chr(code))[0] in "LMN"
        self[code] = code if is_word_character else ord(" ")
        return self[code]


_KEY_TABLE = _KeyTable()


def sentence_key(text: str) -> str:
    """Returns a key that is the same for texts which differ in case, punctuation, spaces and
    letter width only."""
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    folded = folded.casefold()
    key = " ".join(folded.translate(_KEY_TABLE).split())
    # A text of nothing but punctuation has a key of its own.
    return key or " ".join(folded.split())
