"""Target tokens that would invent something: digits and bytes that the source gives no reason for.

The numbers of a source are slots, which search copies. A digit that the model writes besides them
is nearly always invented. Of the German sources without a digit, 0.02 to 0.5 % have an English
translation with one, depending on the corpus. It stands for a number word, as 20 for "zwanzig",
and a word is right, too. Of English sources, 4 % have a Japanese translation with a digit. So
languages with Chinese characters may have digits.

Bytes spell characters that the vocabulary lacks. In the source, these are slots. In the target,
they are rare letters of the language, such as Ö. Other bytes would be junk.
"""

import re
from collections.abc import Iterator, Sequence

from seq2seq.text.tokenizer import Tokenizer

_DIGIT = re.compile(r"\d")
_CHINESE_CHARACTERS = ("ja", "ko", "yue", "zh")


class ForbiddenTokens:
    """Finds the target tokens that the translation of a sentence must not contain."""

    def __init__(self, tokenizer: Tokenizer, target_language: str) -> None:
        """
        Args:
            tokenizer: the tokenizer of the model.
            target_language: code such as "en" or "zh-tw".
        """
        texts = tokenizer.tokens(range(tokenizer.size("target")), "target")
        byte_of = tokenizer.bytes_of("target")
        self._with_digit = tuple(_foreign_bytes(texts, byte_of))
        self._without_digit = self._with_digit
        if re.split("[-_]", target_language.lower())[0] not in _CHINESE_CHARACTERS:
            self._without_digit += tuple(_digits(texts, byte_of))

    def of(self, text: str) -> tuple[int, ...]:
        """Returns the tokens that the translation of a sentence must not contain.

        Args:
            text: what the model reads, with slots.
        """
        return self._with_digit if _DIGIT.search(text) else self._without_digit


def _digits(texts: Sequence[str], byte_of: dict[int, int]) -> Iterator[int]:
    """Yields the tokens with a digit.

    Args:
        texts: the target vocabulary.
        byte_of: the tokens of it that stand for bytes, and the byte of each.
    """
    for token, text in enumerate(texts):
        character = chr(byte_of[token]) if token in byte_of else text
        if _DIGIT.search(character):
            yield token


def _foreign_bytes(texts: Sequence[str], byte_of: dict[int, int]) -> Iterator[int]:
    """Yields the tokens of bytes that are neither ASCII nor part of a letter of the language.

    Letters of a language start with a few bytes only in UTF-8, so those that the vocabulary has
    tell about the others. For arguments see `_digits`.
    """
    letters = {letter for letter in "".join(texts) if letter.isalpha() and not letter.isascii()}
    first_bytes = {letter.encode()[0] for letter in letters}
    for token, byte in byte_of.items():
        is_ascii = 0x20 <= byte < 0x7F
        continues_letter = bool(letters) and 0x80 <= byte < 0xC0
        if not is_ascii and not continues_letter and byte not in first_bytes:
            yield token
