"""Which scripts a language is written in, and how much of a text is in another one."""

import functools
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


@functools.cache
def _native_letter(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    """Returns a pattern for one letter of these scripts.

    Script extensions count: for example, the Japanese prolonged sound mark belongs to two scripts.
    """
    members = "".join(rf"\p{{scx={script}}}" for script in scripts)
    return regex.compile(rf"(?V1)[\p{{L}}&&[{members}]]")
