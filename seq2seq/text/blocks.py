"""HTML's elements that are blocks: what stands in two of them is not one sentence."""

import regex

from seq2seq.text.sentences import Sentence

_BLOCKS = (
    "blockquote button caption dd div dl dt figcaption h1 h2 h3 h4 h5 h6 label legend li ol option "
    "p para pre section table td th title tr ul"
)
BLOCK_NAMES = frozenset(_BLOCKS.split())
"""The elements between which a reader sees a space."""

_BREAK = regex.compile(
    rf"""<(?: (?P<opening>(?:{"|".join(_BLOCKS.split())})\b(?!/)[^<>]*)
      | /(?:{"|".join(_BLOCKS.split())})\s*
      | (?:br|hr)\b[^<>]*
    )>""",
    regex.VERBOSE | regex.IGNORECASE,
)
_SPACES = regex.compile(r"\s*+")
_LETTER_OUTSIDE_TAGS = regex.compile(r"\p{L}(?![^<>]*>)")


def divide_at_blocks(sentence: Sentence) -> list[Sentence]:
    """Divides a sentence before and after blocks such as `<li>`, and after `<br>`.

    Each part has a letter outside of tags. Joining the parts and their spaces gives the sentence.
    """
    if "<" not in sentence.text:
        return [sentence]
    text = sentence.text
    starts = [0]
    for match in _BREAK.finditer(text):
        boundary = match.start() if match["opening"] is not None else match.end()
        spaces = _SPACES.match(text, boundary)
        boundary = boundary if spaces is None else spaces.end()
        has_letter_before = _LETTER_OUTSIDE_TAGS.search(text, starts[-1], boundary)
        if has_letter_before and _LETTER_OUTSIDE_TAGS.search(text, boundary):
            starts.append(boundary)
    parts = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        kept = part.rstrip()
        parts.append(Sentence(kept, part[len(kept) :]))
    parts[-1] = Sentence(parts[-1].text, sentence.space)
    return parts
