"""Classes of characters in regular expressions: those of Python as those of JavaScript."""

import re

# What the escapes mean in `re` and in `regex`, as the content of a class.
_SPACE = r"\x09-\x0d\x1c-\x1f\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CLASSES = {
    "re": {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": _SPACE},
    "regex": {
        "d": r"\p{Nd}",
        "w": r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}",
        "s": _SPACE.replace(r"\x1c-\x1f", ""),
    },
}
_BINARY_PROPERTIES = {"ExtPict", "EMod", "RI", "Alphabetic", "Lowercase", "Uppercase", "Emoji"}
_CATEGORY = re.compile(r"[CLMNPSZ][a-z]?")
PROPERTY = re.compile(r"[pP]\{(\^?)(?:(scx|sc|gc|Script|Script_Extensions)=)?(\w+)\}")
"""A property of Unicode, without the backslash: negation, kind and name are groups."""

# Letters that are equal to an ASCII letter where case does not count.
_OTHER_CASES = {"s": "\u017f", "k": "\u212a"}


def property_class(match: re.Match[str]) -> str:
    """Returns a property of Unicode.

    Args:
        match: what `PROPERTY` matches.
    """
    letter, name = match[0][0], match[3]
    if match[1]:
        letter = "P" if letter == "p" else "p"
    if match[2]:
        return rf"\{letter}{{{match[2]}={name}}}"
    if _CATEGORY.fullmatch(name) or name in _BINARY_PROPERTIES:
        return rf"\{letter}{{{name}}}"
    return rf"\{letter}{{Script={name}}}"


def both_cases(character: str) -> list[str]:
    """Returns the characters that are equal to one where case does not count."""
    if not character.isalpha():
        return [character]
    cases = [character.lower(), character.upper(), _OTHER_CASES.get(character.lower(), "")]
    return sorted({character, *(case for case in cases if len(case) == 1)})


def range_class(first: str, last: str, *, ignores_case: bool) -> str:
    """Returns a range of characters, as a part of a class."""
    pairs = {(first, last)}
    if ignores_case:
        pairs |= {(first.lower(), last.lower()), (first.upper(), last.upper())}
    return "".join(f"{in_class(a)}-{in_class(b)}" for a, b in sorted(pairs))


def in_class(character: str) -> str:
    """Returns a character as JavaScript may have it in a class."""
    if character.isalnum() and character.isascii():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return character if character.isprintable() else f"\\u{{{code:x}}}"
