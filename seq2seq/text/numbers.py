"""Numbers as the languages write them: 12.345,67 in German is 12,345.67 in English."""

import functools
import re
from dataclasses import dataclass

import regex

from seq2seq.text.span_patterns import SIGN_AFTER_NUMBER, SIGN_BEFORE_NUMBER

_NARROW_SPACES = "\u00a0\u2009\u202f"
_SPACES = " " + _NARROW_SPACES


@dataclass(frozen=True)
class _Convention:
    """The signs before the decimals and between groups of three digits."""

    decimal: str
    group: str


# The symbols of the numbering system "latn" in Unicode CLDR 49. A region stands here if it differs
# from its language.
_LANGUAGES = {
    "az bs ca da de el es eu fo hr id is it lb mk nl pt ro sl sr tr vi": _Convention(",", "."),
    "af be bg cs en-za et fi fr-ca gl hu hy ka kk lt lv nb nn no pl pt-pt ru sk sq sv uk": (
        _Convention(",", "\u00a0")
    ),
    "eo fr": _Convention(",", "\u202f"),
    "cy en es-mx es-us fil ga gd he ja ko ms mt sw th zh": _Convention(".", ","),
    "de-ch de-li en-ch it-ch": _Convention(".", "'"),
    "fr-ch": _Convention(",", "'"),
}
_CONVENTIONS = {
    code: convention for codes, convention in _LANGUAGES.items() for code in codes.split()
}

_SIGNS = "-+−–"
_RANGE = re.compile("([-–×])")
# Also a range of such numbers.
_POINT_BETWEEN_DIGITS = re.compile(r"\d+\.\d+(?:[-–×]\d+\.\d+)*")
# A number with "%", a currency and the like. In "5,- €", the dash stands for the cents.
_AMOUNT = regex.compile(
    rf"""
    (?P<before> (?: (?P<minus> [-+−]? ) (?P<sign_before> {SIGN_BEFORE_NUMBER} ) [{_SPACES}]? )? )
    (?P<number> [-+−–]? \d (?: .*\d )? )
    (?P<after> (?: ,[-–—] )? (?: [{_SPACES}]? (?P<sign_after> {SIGN_AFTER_NUMBER} ) )? )
    """,
    regex.VERBOSE,
)
# Signs that differ in form only.
_SAME_FORM = str.maketrans(dict.fromkeys(_SPACES, " ") | {"’": "'", "–": "-", "−": "-"})


def localize_number(text: str, source_language: str, target_language: str) -> str:
    """Returns a number in the form of the target language, or unchanged where that is doubtful.

    A text is changed if the rules of the source language read it as one number: a sign or none,
    digits in groups of three or not in groups, decimals or none. Each end of a range is changed on
    its own, and so is an amount such as "3,5 %" or "€ 1.000". What stays as it is:

    - digits alone (2024), dates (24.12.2024), times (14:30), versions (1.2.3) and all else that
      does not fit the rules of the source language, such as 2.5 in a German text;
    - 3.5 alone from a language with a decimal point: it may be a version or a time;
    - groups after a zero (0.125 in German), and an IP address (192.168.100.200);
    - +44 800 123: it may be a phone number;
    - groups with plain spaces, if the source language has another sign for groups;
    - everything, if a language is not known.

    Args:
        text: the number alone, such as "12.345,67".
        source_language: the language of the text, such as "de" or "de-CH".
        target_language: the language to write it in.
    """
    source = _convention(source_language)
    target = _convention(target_language)
    if source is None or target is None or source == target:
        return text
    amount = _AMOUNT.fullmatch(text)
    before, number, after = amount.group("before", "number", "after") if amount else ("", text, "")
    digits = number.lstrip(_SIGNS)
    sign = number[: len(number) - len(digits)]
    is_alone = not (before or sign or after)
    if is_alone and source.decimal == "." and _POINT_BETWEEN_DIGITS.fullmatch(digits):
        return text
    if sign == "+" and any(space in digits for space in _SPACES):
        return text
    # A part between separators is a number or a separator.
    parts = _RANGE.split(digits)
    return before + sign + "".join(_localize(part, source, target) for part in parts) + after


def same_number(source: str, target: str, source_language: str, target_language: str) -> bool:
    """Tells whether two texts are one number: equal, or equal in the form of one of the languages.

    Different kinds of spaces, minus signs and apostrophes count as equal. The place of a currency
    and the space beside it do not count: 5 € is €5.
    """
    forms = (
        (source, target),
        (localize_number(source, source_language, target_language), target),
        (source, localize_number(target, target_language, source_language)),
    )
    return any(_plain(a) == _plain(b) for a, b in forms)


def _plain(text: str) -> str:
    """Returns a number in a form for comparison: the signs before and after it come last."""
    amount = _AMOUNT.fullmatch(text)
    if amount and (amount["sign_before"] or amount["sign_after"]):
        parts = amount.group("minus", "number", "sign_before", "sign_after")
        text = "".join(part or "" for part in parts)
    return text.translate(_SAME_FORM)


def _convention(language: str) -> _Convention | None:
    code = language.lower().replace("_", "-")
    return _CONVENTIONS.get(code) or _CONVENTIONS.get(code.split("-")[0])


def _localize(text: str, source: _Convention, target: _Convention) -> str:
    match = _number_pattern(source).fullmatch(text)
    if match is None or _is_ip_address(text):
        return text
    whole, _, decimals = match.groups()
    number = target.group.join(re.split(r"\D", whole))
    return number if decimals is None else number + target.decimal + decimals


def _is_ip_address(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) <= 255 for part in parts)


@functools.cache
def _number_pattern(convention: _Convention) -> re.Pattern[str]:
    """Returns a pattern with the groups: whole number, sign between its groups, decimals."""
    signs = _SPACES if convention.group in _SPACES else convention.group + _NARROW_SPACES
    if convention.group == "'":
        signs += "’"
    whole = rf"[1-9]\d{{0,2}}([{signs}])\d{{3}}(?:\2\d{{3}})*|\d+"
    return re.compile(rf"({whole})(?:{re.escape(convention.decimal)}(\d+))?")
