"""Attention in the terminal: how much each target token attended to each source token.

Dimensions: T target tokens (the rows), S source tokens (the columns).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

WORD_START = "▁"
"""SentencePiece's mark of a token that begins a word. The map shows a middle dot instead."""

# A weight gets the last shade whose limit it reaches. The steps are uneven, because a weight of 0.2
# among twenty tokens already means something, while 0.8 and 0.9 mean the same.
_LIMITS = (0.05, 0.15, 0.35, 0.6)
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:+#"
# Terminal columns for each source token: about as wide as a line is high, and enough for a letter
# of double width.
_CELL_WIDTH = 2
_MAX_LABEL_WIDTH = 16
_MAX_HEADER_HEIGHT = 12
# Unicode categories of characters that are invisible or move the cursor: control characters,
# formatting marks, surrogates, line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, kw_only=True)
class AttentionMap:
    """A heat map that rich can print: a row for each target token, and the source tokens written
    downward above the columns.

    Columns that do not fit the width follow below, with the row labels again. A darker cell is a
    larger weight, so the map is readable without color. In color, the largest weight of each row
    stands out. A terminal that cannot show block characters gets ASCII.
    """

    source_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    weights: NDArray[np.float64]
    """(T, S), from 0 to 1."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields the lines, for the width and the encoding of the console."""
        ascii_only = options.ascii_only
        rows = [_label(token, ascii_only=ascii_only) for token in self.target_tokens]
        columns = [_label(token, ascii_only=ascii_only) for token in self.source_tokens]
        widest = max((cell_len(row) for row in rows), default=0)
        label_width = min(widest, _MAX_LABEL_WIDTH, max(1, options.max_width // 3))
        labels = [_fit(row, label_width) for row in rows]
        shades = _ASCII_SHADES if ascii_only else _SHADES
        columns_per_block = max(1, (options.max_width - label_width - 1) // _CELL_WIDTH)
        for first in range(0, len(columns), columns_per_block):
            if first:
                yield Text("")
            block = slice(first, first + columns_per_block)
            for line in _header(columns[block]):
                yield Text(" " * (label_width + 1) + line, no_wrap=True, overflow="crop")
            for index, label in enumerate(labels):
                yield self._row(label, index, block, shades)

    def _row(self, label: str, index: int, block: slice, shades: str) -> Text:
        line = Text(f"{label} ", no_wrap=True, overflow="crop")
        weights = self.weights[index]
        largest = int(weights.argmax())
        for column in range(*block.indices(len(weights))):
            shade = shades[int(np.searchsorted(_LIMITS, weights[column], side="right"))]
            style = "bold green" if column == largest else "cyan"
            line.append(shade * _CELL_WIDTH, style=style)
        line.rstrip()
        return line


def render_attention(
    source_tokens: Sequence[str], target_tokens: Sequence[str], weights: ArrayLike
) -> AttentionMap:
    """Returns the attention of one sentence as a heat map that rich can print.

    Args:
        source_tokens: S tokens.
        target_tokens: T tokens.
        weights: (T, S), from 0 to 1. NaN and infinity are drawn as 0.

    Raises:
        ValueError: the shape of the weights does not match the tokens.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (len(target_tokens), len(source_tokens)):
        raise ValueError(
            f"weights have shape {array.shape}, but there are {len(target_tokens)} target tokens "
            f"and {len(source_tokens)} source tokens"
        )
    array = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
    return AttentionMap(
        source_tokens=tuple(source_tokens), target_tokens=tuple(target_tokens), weights=array
    )


def alignment(weights: ArrayLike) -> list[tuple[int, int]]:
    """Returns T pairs (target index, source index): for each target token, the source token with
    the largest weight.

    The first source token wins a tie. Without source tokens there are no pairs.

    Args:
        weights: (T, S).

    Raises:
        ValueError: the weights do not have two dimensions.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(
            f"weights must have two dimensions, target and source, but their shape is {array.shape}"
        )
    if array.shape[1] == 0:
        return []
    return [(target, int(source)) for target, source in enumerate(array.argmax(axis=1))]


def _label(token: str, *, ascii_only: bool) -> str:
    """Returns a token as the map shows it, with "?" for each invisible character."""
    characters = []
    for character in token:
        is_invisible = unicodedata.category(character) in _INVISIBLE
        characters.append("?" if is_invisible else character)
    label = "".join(characters)
    if ascii_only:
        return label.replace(WORD_START, "_").encode("ascii", errors="replace").decode("ascii")
    return label.replace(WORD_START, "·")


def _letters(label: str) -> list[str]:
    """Returns the letters of a label, each with the combining accents that follow it."""
    letters: list[str] = []
    for character in label:
        if letters and cell_len(character) == 0:
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _fit(label: str, width: int) -> str:
    """Returns the label in exactly `width` columns: padded on the left, or cut with a tilde."""
    if cell_len(label) > width:
        letters = _letters(label)
        while letters and cell_len("".join(letters)) > width - 1:
            letters.pop()
        label = "".join(letters) + "~"
    return " " * (width - cell_len(label)) + label


def _header(labels: Sequence[str]) -> Iterator[str]:
    """Yields the lines above the cells: each label written downward, ending just above the map."""
    stacks = []
    for label in labels:
        letters = _letters(label)
        if len(letters) > _MAX_HEADER_HEIGHT:
            letters = [*letters[: _MAX_HEADER_HEIGHT - 1], "~"]
        stacks.append(letters)
    height = max((len(stack) for stack in stacks), default=0)
    for line in range(height):
        cells = []
        for stack in stacks:
            above = height - len(stack)
            cell = stack[line - above] if line >= above else ""
            cells.append(cell + " " * (_CELL_WIDTH - cell_len(cell)))
        yield "".join(cells).rstrip()
