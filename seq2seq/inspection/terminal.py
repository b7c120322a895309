"""Attention drawn in the terminal: which source pieces each target piece looked at.

Dimensions: T target pieces (the rows), S source pieces (the columns).
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
"""SentencePiece's mark of a piece that begins a word; drawn as a dot, which says the same and stands on the line."""

# A weight is drawn with the last shade whose limit it reaches. Steps are uneven: an attention of 0.2 among
# twenty pieces already says something, while 0.8 and 0.9 say the same.
_LIMITS = (0.05, 0.15, 0.35, 0.6)
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:+#"
_CELL = (
    2  # columns of the terminal for each source piece: about as wide as a line is high, and room for one wide letter
)
_MAX_LABEL = 16
_MAX_HEADER = 12
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # Unicode categories: controls, bidi marks, line separators


@dataclass(frozen=True, kw_only=True)
class AttentionMap:
    """A heat map that `rich` can print: a row for each target piece, source pieces written downwards above the columns.

    Where the columns do not fit the width, the map goes on below with the next source pieces and the labels again.
    The darkness of a cell says how large the weight is, so nothing is lost without colour; in colour the largest weight
    of each row stands out. A terminal that cannot show block characters gets ASCII.
    """

    source_pieces: tuple[str, ...]
    target_pieces: tuple[str, ...]
    weights: NDArray[np.float64]
    """(T, S), each 0 to 1."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, for the width and the encoding of the console at hand."""
        ascii_only = options.ascii_only
        rows = [_label(piece, ascii_only=ascii_only) for piece in self.target_pieces]
        columns = [_label(piece, ascii_only=ascii_only) for piece in self.source_pieces]
        label_width = min(max(map(cell_len, rows), default=0), _MAX_LABEL, max(1, options.max_width // 3))
        labels = [_fit(row, label_width) for row in rows]
        per_block = max(1, (options.max_width - label_width - 1) // _CELL)
        for first in range(0, len(columns), per_block):
            if first:
                yield Text("")
            block = slice(first, first + per_block)
            for line in _header(columns[block]):
                yield Text(" " * (label_width + 1) + line, no_wrap=True, overflow="crop")
            for index, label in enumerate(labels):
                yield self._row(label, index, block, _ASCII_SHADES if ascii_only else _SHADES)

    def _row(self, label: str, index: int, block: slice, shades: str) -> Text:
        line = Text(f"{label} ", no_wrap=True, overflow="crop")
        weights = self.weights[index]
        for column, weight in list(enumerate(weights))[block]:
            shade = shades[int(np.searchsorted(_LIMITS, weight, side="right"))]
            line.append(shade * _CELL, style="bold green" if column == int(weights.argmax()) else "cyan")
        line.rstrip()
        return line


def render_attention(source_pieces: Sequence[str], target_pieces: Sequence[str], weights: ArrayLike) -> AttentionMap:
    """The attention of one sentence as a heat map to print with `rich`.

    weights: (T, S) floats from 0 to 1, a row for each target piece; what is not finite is drawn as 0.
    Raises ValueError if the pieces and the weights do not fit together.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (len(target_pieces), len(source_pieces)):
        raise ValueError(
            f"weights have shape {array.shape}, but there are {len(target_pieces)} target "
            f"and {len(source_pieces)} source pieces"
        )
    array = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
    return AttentionMap(source_pieces=tuple(source_pieces), target_pieces=tuple(target_pieces), weights=array)


def alignment(weights: ArrayLike) -> list[tuple[int, int]]:
    """For each target piece the source piece with the largest weight: (target index, source index), T pairs.

    weights: (T, S). The first source piece wins a tie; without source pieces there are no pairs.
    Raises ValueError unless the weights have two dimensions.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"weights must have two dimensions, target and source, not shape {array.shape}")
    if array.shape[1] == 0:
        return []
    return [(target, int(source)) for target, source in enumerate(array.argmax(axis=1))]


def _label(piece: str, *, ascii_only: bool) -> str:
    """A piece as it is shown: the word mark as a dot, what is invisible or would move the cursor as '?'."""
    shown = "".join("?" if unicodedata.category(letter) in _INVISIBLE else letter for letter in piece)
    if ascii_only:
        return shown.replace(WORD_START, "_").encode("ascii", errors="replace").decode("ascii")
    return shown.replace(WORD_START, "·")


def _letters(label: str) -> list[str]:
    """The letters of a label, each with the accents (of no width) that follow it."""
    letters: list[str] = []
    for character in label:
        if letters and cell_len(character) == 0:
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _fit(label: str, width: int) -> str:
    """The label in exactly `width` columns: filled with spaces on the left, or cut with a tilde at the end."""
    if cell_len(label) > width:
        letters = _letters(label)
        while letters and cell_len("".join(letters)) > width - 1:
            letters.pop()
        label = "".join(letters) + "~"
    return " " * (width - cell_len(label)) + label


def _header(columns: Sequence[str]) -> Iterator[str]:
    """The lines above the cells: each source piece written downwards, all ending just above the map."""
    stacks = []
    for column in columns:
        letters = _letters(column)
        stacks.append(letters if len(letters) <= _MAX_HEADER else [*letters[: _MAX_HEADER - 1], "~"])
    height = max(map(len, stacks), default=0)
    for line in range(height):
        cells = [stack[line - height] if line >= height - len(stack) else "" for stack in stacks]
        yield "".join(cell + " " * (_CELL - cell_len(cell)) for cell in cells).rstrip()
