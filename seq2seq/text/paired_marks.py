"""Quotes and brackets in pairs: which closing mark belongs to which opening mark."""

from collections.abc import Iterator, Sequence

import regex

CLOSING = {
    **{'"': '"', "'": "'", "„": '“”"', "“": '”"', "”": "”", "«": "»", "»": "«»", "‟": "”"},
    **{"‚": "‘’'", "‘": "’'", "’": "’", "‛": "’", "‹": "›", "›": "‹›"},
    **{"「": "」", "『": "』", "｢": "｣", "《": "》", "〈": "〉"},
    **{"(": ")", "[": "]", "（": "）", "［": "］", "【": "】", "〔": "〕"},
}
"""Opening mark -> marks that may close it."""

_CLOSERS = frozenset("".join(CLOSING.values()))
_ALL_MARKS = regex.escape("".join(sorted({*CLOSING, *_CLOSERS})))
# An apostrophe within a word is no quote: "don’t".
_PAIR_MARK = regex.compile(rf"(?!(?<=\p{{L}})['’]\p{{L}})[{_ALL_MARKS}]")
# French puts spaces inside.
_OPENING_WITH_SPACE = "«»‹›"
_PUNCTUATION = frozenset(".!?…。！？,;:，；：")
# How many open marks one closing mark may pass over. It keeps the time linear.
_MAX_DEPTH = 8


def is_one_pair(body: str) -> bool:
    """Tells whether the first mark of `body` is closed by the last one, and by none before.

    Marks of all kinds are nested in each other. One without a partner stands for itself.

    Args:
        body: a text that starts with an opening mark.
    """
    for opening, closing in find_pairs(body):
        if opening == 0:
            return closing == len(body) - 1
    return False


def find_pairs(text: str) -> Iterator[tuple[int, int]]:
    """Yields the positions of the opening and the closing mark of each pair, as they close."""
    open_marks: list[str] = []
    positions: list[int] = []
    for match in _PAIR_MARK.finditer(text):
        mark, position = match[0], match.start()
        if mark in _CLOSERS and position > 0:
            follows_opening = bool(positions) and positions[-1] == position - 1
            opens = mark in CLOSING and _starts_text(text, position, follows_opening)
            partner = None if opens else _partner(open_marks, mark)
            if partner is not None:
                yield positions[partner], position
                del open_marks[partner:]
                del positions[partner:]
                continue
            if not opens and mark not in _OPENING_WITH_SPACE:
                continue
        if mark in CLOSING:
            open_marks.append(mark)
            positions.append(position)


def _starts_text(body: str, position: int, follows_opening: bool) -> bool:
    """Tells whether a mark that may open or close opens: it stands before a word and after none."""
    mark = body[position]
    before, after = body[position - 1], body[position + 1 : position + 2]
    if after in ("", mark) or after.isspace() or after in _PUNCTUATION:
        return False
    is_after_text = before.isalnum() or before in _PUNCTUATION or before in _CLOSERS
    return follows_opening or not is_after_text


def _partner(open_marks: Sequence[str], mark: str) -> int | None:
    """Returns the number of the last open mark that `mark` closes. It must be one of the last."""
    for number in range(len(open_marks) - 1, max(len(open_marks) - _MAX_DEPTH, 0) - 1, -1):
        if mark in CLOSING[open_marks[number]]:
            return number
    return None
