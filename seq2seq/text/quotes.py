"""The quotation marks of languages."""

from typing import NamedTuple


class Quotes(NamedTuple):
    """The marks of a language. French ones include the no-break space inside."""

    opening: str
    closing: str
    single_opening: str
    single_closing: str


# CLDR 41, common/main/*.xml, element "delimiters": the outer pair of quotes, then the inner pair.
# Where the outer pair is single, as in Dutch, the double one comes first.
_LANGUAGES_OF = {
    "“”‘’": (
        "af as az bn cy da en eo fil fy gd gl gu hi id jv km kn ko ku lo lv mi ml mn mr ms mt my "
        "ne nl or pa pt si sw ta te th tl tr tt uz vi xh yo zh zu"
    ),
    "„“‚‘": "cs de et hr hsb is lb mk nds sk sl",
    "«»“”": "ca el es it kk mg pt-pt sq",
    "«»„“": "be ky os ru uk",
    "„”«»": "pl ro",
    "«»‹›": "am fa fr-ch it-ch",
    "«»‘’": "nb nn no",
    "«»«»": "fr hy",
    "””’’": "fi he se sv yi",
    "”“’‘": "ar ur",
    "„“„“": "bg lt",
    "„“«»": "ka",
    "„“‘‘": "sr",
    "„”‘’": "bs",
    "„”»«": "hu",
    "“”“”": "eu tk",
    "「」『』": "ja zh-hant zh-hk zh-mo zh-tw",
}
_MARKS_OF = {
    language: marks for marks, codes in _LANGUAGES_OF.items() for language in codes.split()
}
_SPACES_INSIDE = {"fr": "\u00a0"}


def find_quotes(language: str) -> Quotes | None:
    """Returns the quotation marks of a language, or None if they are not known.

    Args:
        language: code such as "de", "de-AT" or "zh_Hant".
    """
    code = language.lower().replace("_", "-")
    base = code.split("-")[0]
    marks = _MARKS_OF.get(code) or _MARKS_OF.get(base)
    if marks is None:
        return None
    space = _SPACES_INSIDE.get(base, "")
    return Quotes(marks[0] + space, space + marks[1], marks[2] + space, space + marks[3])
