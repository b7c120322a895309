"""The lines of the dictionary Ding, as plain text.

An entry is one line, `German :: English`. Each side has the same number of segments, separated by
` | `. A segment has alternatives, separated by `; `.
"""

import re
from collections.abc import Iterator

# The dictionary adds [subject], {grammar}, <see also> and (explanation) to its words.
_BRACKETED = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>|\([^()]*\)")
# It also adds /ABBR./ between spaces.
_ABBREVIATION = re.compile(r"(?<!\S)/[^/]+/(?!\S)")
# "gedeckt/abgedeckt" is a choice of words. "und/oder" and short units such as km/h are not.
_CHOICE = re.compile(r"\b(?!und/oder|and/or)([^\W\d_]{3,})(?:/[^\W\d_]{3,})+")
_PLACEHOLDER = re.compile(
    r"(?<!\w)(?:jd|jdn|jdm|jds|jmd|jmdn|jmdm|jmds|etw|sb|sth|smb|smth|sb['’]s|sth['’]s)\.?(?!\w)"
)


def segments(line: str) -> Iterator[tuple[str, str]]:
    """Yields the segments of a line, German and English.

    Comments, and lines with different numbers of segments on the two sides, have none.
    """
    sides = line.split(" :: ")
    if line.startswith("#") or len(sides) != 2:
        return
    german_segments = sides[0].split(" | ")
    english_segments = sides[1].split(" | ")
    if len(german_segments) != len(english_segments):
        return
    yield from zip(german_segments, english_segments, strict=True)


def plain_alternatives(segment: str) -> list[str]:
    """Returns the alternatives of a segment, without anything that the dictionary adds.

    There is at least one. Each may be empty.
    """
    # Brackets go first, because they may contain a "; " of their own. They can be nested.
    while (shorter := _BRACKETED.sub(" ", segment)) != segment:
        segment = shorter
    return [_plain(alternative) for alternative in segment.split("; ")]


def plain_entry(segment: str) -> str:
    """Returns the first alternative of a segment, without anything that the dictionary adds."""
    return plain_alternatives(segment)[0]


def has_placeholder(text: str) -> bool:
    """Whether a text has "jdn.", "sth." or the like in the place of a word."""
    return _PLACEHOLDER.search(text) is not None


def _plain(alternative: str) -> str:
    text = _ABBREVIATION.sub(" ", alternative.rstrip(";"))
    text = _CHOICE.sub(r"\1", " ".join(text.split()))
    return re.sub(r"\s+([,.;:!?])", r"\1", text)
