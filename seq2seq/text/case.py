"""Case as a property of its own: words in lower case, and the case of each character.

A model that reads "datei", "Datei" and "DATEI" as one word with a case learns all three from any of
them (source factors: Sennrich & Haddow 2016, "Linguistic Input Features Improve Neural Machine
Translation").
"""

import functools

import regex

NO_CASE = 0
"""Lower case, or a character that has no case."""
CAPITALIZED = 1
"""The first letter of the word is a capital."""
UPPER = 2
"""All letters of the word are capitals, two at least."""
NUM_CASES = 3

_WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*+")
# A word with a capital.
_CASED_WORD = regex.compile(r"(?<![\p{L}\p{M}])(?=[\p{L}\p{M}]*[\p{Lu}\p{Lt}])\p{L}[\p{L}\p{M}]*+")
_CAPITAL = regex.compile(r"[\p{Lu}\p{Lt}]")
_REMEMBERED_WORDS = 20_000
# In these languages, I is the capital of ı, and İ that of i.
_DOTLESS_I = ("tr", "az")


class CaseFolder:
    """Separates the case of words from their letters. `unfold` undoes `fold` for any text.

    A word that has another case, such as LibreOffice, stays as it is.
    """

    def __init__(self, language: str) -> None:
        """
        Args:
            language: code such as "de" or "pt-br".
        """
        self._has_dotless_i = language.lower().split("-")[0].split("_")[0] in _DOTLESS_I
        # The same words come again and again.
        self._folded_word = functools.lru_cache(_REMEMBERED_WORDS)(self._fold_word)

    def fold(self, text: str) -> tuple[str, bytes]:
        """Returns the folded text, and the case of each of its characters."""
        if _CAPITAL.search(text) is None:
            return text, bytes(len(text))
        parts: list[str] = []
        cases = bytearray()
        end = 0
        for match in _CASED_WORD.finditer(text):
            word = match[0]
            folded, case = self._folded_word(word)
            between = text[end : match.start()]
            parts += [between, folded]
            cases += bytes(len(between)) + bytes([case]) * len(folded)
            end = match.end()
        parts.append(text[end:])
        cases += bytes(len(text) - end)
        return "".join(parts), bytes(cases)

    def unfold(self, text: str, cases: bytes) -> str:
        """Returns the text whose folding is `text` and `cases`."""
        if not any(cases):
            return text
        parts: list[str] = []
        end = 0
        for match in _WORD.finditer(text):
            case = cases[match.start()]
            if case:
                parts += [text[end : match.start()], self._apply(match[0], case)]
                end = match.end()
        parts.append(text[end:])
        return "".join(parts)

    def upper(self, text: str) -> str:
        """Returns the text in capitals."""
        if self._has_dotless_i:
            text = text.replace("i", "İ")
        return text.upper()

    def _fold_word(self, word: str) -> tuple[str, int]:
        folded = self._lower(word)
        case = UPPER if len(word) > 1 and word.isupper() else CAPITALIZED
        # A word whose capitals cannot be restored, such as LibreOffice or ẞ, stays as it is. So
        # does one that would be another number of words.
        if folded == word or self._apply(folded, case) != word or not _WORD.fullmatch(folded):
            return word, NO_CASE
        return folded, case

    def _lower(self, text: str) -> str:
        if self._has_dotless_i:
            text = text.replace("İ", "i").replace("I", "ı")
        return text.lower()

    def _apply(self, word: str, case: int) -> str:
        if case == UPPER:
            return self.upper(word)
        return self.upper(word[0]) + word[1:]


def is_upper(text: str) -> bool:
    """Tells whether a text is written in capitals: it has a word of two letters or more with a
    case, and no lower-case letter."""
    # `isupper` ignores characters without case.
    if not text.isupper():
        return False
    return any(len(word) > 1 and word.isupper() for word in _WORD.findall(text))
