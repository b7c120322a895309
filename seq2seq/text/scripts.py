"""Scripts: how much of a text is in a foreign one, and words in scripts without spaces."""

import functools
import math
import re

import regex

_LATIN_LANGUAGES = (
    "af ast az bs br ca cs cy da de en eo es et eu fi fo fr fy ga gd gl hr hsb hu id is it la lb "
    "lt lv ms mt nb nds nl nn no oc pl pt ro sk sl sq sv sw tl tr vi"
)
_CYRILLIC_LANGUAGES = "be bg kk ky mk mn ru tg tt uk"
# Language -> Unicode names of its scripts. Languages that are not listed are not checked.
_SCRIPTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_LATIN_LANGUAGES.split(), ("Latin",)),
    **dict.fromkeys(_CYRILLIC_LANGUAGES.split(), ("Cyrillic",)),
    **dict.fromkeys(("ar", "fa", "ur", "ug"), ("Arabic",)),
    **dict.fromkeys(("hi", "mr", "ne"), ("Devanagari",)),
    "am": ("Ethiopic",),
    "bn": ("Bengali",),
    "el": ("Greek",),
    "gu": ("Gujarati",),
    "he": ("Hebrew",),
    "hy": ("Armenian",),
    "ja": ("Han", "Hiragana", "Katakana"),
    "ka": ("Georgian",),
    "km": ("Khmer",),
    "ko": ("Hangul", "Han"),
    "ta": ("Tamil",),
    "th": ("Thai",),
    "zh": ("Han", "Bopomofo"),
}
_LETTER = regex.compile(r"\p{L}")
_BEYOND_LATIN = re.compile("[^\x00-\u024f]")

UNSPACED_LETTERS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
"""The letters of scripts without spaces between words, as part of a character class of `regex`."""
UNSPACED = regex.compile(f"[{UNSPACED_LETTERS}]")

# Scripts without spaces between words, and how many characters a word has on average, roughly.
# Script extensions (scx) include the marks of a script. Marks that Latin has too are left out.
_UNSPACED_SCRIPTS = {
    regex.compile(r"(?!\p{scx=Latin})[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]"): 2,
    regex.compile(
        r"(?!\p{scx=Latin})"
        r"[\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]"
    ): 4,
}


def foreign_letters(text: str, language: str) -> float:
    """Returns the share (0 to 1) of the letters that are in no script of `language`.

    0 if the text has no letters, or if the language is unknown here.
    """
    scripts = _SCRIPTS.get(re.split("[-_]", language.lower())[0])
    if scripts is None:
        return 0.0
    if scripts == ("Latin",) and not _BEYOND_LATIN.search(text):
        return 0.0  # the usual case, found quickly
    letters = _LETTER.findall(text)
    if not letters:
        return 0.0
    foreign = len(letters) - len(_native_letter(scripts).findall(text))
    return foreign / len(letters)


def count_words(text: str) -> int:
    """Returns how many words a text has.

    Words are what stands between spaces. In scripts without spaces, the number is an estimate: 2
    characters a word in Chinese and Japanese, 4 in Thai, Lao, Khmer, Burmese and Tibetan.
    """
    words = 0.0
    for script, characters_per_word in _UNSPACED_SCRIPTS.items():
        text, num_characters = script.subn(" ", text)
        words += num_characters / characters_per_word
    return math.ceil(words) + len(text.split())


@functools.cache
def _native_letter(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    """Returns a pattern for one letter of these scripts.

    Script extensions count: for example, the Japanese prolonged sound mark belongs to two scripts.
    """
    members = "".join(rf"\p{{scx={script}}}" for script in scripts)
    return regex.compile(rf"(?V1)[\p{{L}}&&[{members}]]")
