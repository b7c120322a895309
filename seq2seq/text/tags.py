"""Tags in a text: which belong together, and which elements have no text to translate in them."""

import functools
from collections import Counter
from collections.abc import Sequence

import regex

from seq2seq.text.span_patterns import CODE_AND_TEMPLATES

# HTML's elements without content, and those whose content is code. The names of keys (kbd) differ
# from language to language.
_VOID = "area base br col embed hr img input link meta param source track wbr"
_CODE = "code pre samp script style tt var"
_VOID_NAMES = frozenset(_VOID.split())
_CODE_NAMES = frozenset(_CODE.split())
_QUOTES = "\"'„“”‚‘’«»‹›`"
_NOT_TRANSLATED = regex.compile(
    r"""\s translate \s*= \s* ["']? no \b
      | \s class \s*= \s* (?: notranslate | "[^"]* \bnotranslate\b | '[^']* \bnotranslate\b )
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_HINT = regex.compile(rf"<(?:{_CODE.replace(' ', '|')})[\s>]|translate", regex.IGNORECASE)
"""No element that is copied is without it."""


@functools.cache
def _tag_pattern() -> regex.Pattern[str]:
    # What hides tags matches too, without a name.
    pattern = rf"""{CODE_AND_TEMPLATES}
      | <(?P<slash>/?)(?P<name>[A-Za-z][\w:.-]*+)
        (?P<rest>(?:[\s/](?:[^<>"']++|"[^"]*+"|'[^']*+')*+)?)>
    """
    return regex.compile(pattern, regex.VERBOSE)


def find_tags(text: str) -> list[regex.Match[str]]:
    """Returns the tags of a text that can have a partner.

    Each is a match with the groups slash, name and rest. A tag without content such as `<br>` has
    no partner, and tags in quotes, comments, templates and code count as text.
    """
    return [match for match in _tag_pattern().finditer(text) if _can_have_partner(match)]


def pair_tags(tags: Sequence[regex.Match[str]]) -> list[tuple[int, int]]:
    """Returns the numbers of the opening and the closing tag of each element, in text order.

    A tag that stays open within an element has no partner.
    """
    open_tags: list[int] = []
    num_open: Counter[str] = Counter()
    pairs: list[tuple[int, int]] = []
    for number, match in enumerate(tags):
        name = match["name"].lower()
        if not match["slash"]:
            open_tags.append(number)
            num_open[name] += 1
        elif num_open[name] > 0:
            opening = -1
            while opening < 0 or tags[opening]["name"].lower() != name:
                opening = open_tags.pop()
                num_open[tags[opening]["name"].lower()] -= 1
            pairs.append((opening, number))
    return sorted(pairs)


def copied_elements(text: str) -> list[tuple[int, int]]:
    """Returns where the elements are that a translation keeps with their content, in text order.

    These are elements of code such as `<code>`, and those with the attribute `translate="no"` or
    the class "notranslate" (HTML Living Standard, section "The translate attribute").
    An element within another one is a part of it.
    """
    if "<" not in text or _HINT.search(text) is None:
        return []
    tags = find_tags(text)
    ranges: list[tuple[int, int]] = []
    end = 0
    for opening, closing in pair_tags(tags):
        start = tags[opening].start()
        if start >= end and _is_copied(tags[opening]):
            end = tags[closing].end()
            ranges.append((start, end))
    return ranges


def _can_have_partner(match: regex.Match[str]) -> bool:
    if match["name"] is None or match["name"].lower() in _VOID_NAMES or match["rest"].endswith("/"):
        return False
    # „<b>“: the text is about the tag.
    before = match.string[max(0, match.start() - 1) : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return not (before and after and before in _QUOTES and after in _QUOTES)


def _is_copied(tag: regex.Match[str]) -> bool:
    return tag["name"].lower() in _CODE_NAMES or _NOT_TRANSLATED.search(tag["rest"]) is not None
