"""The attention map: right cells, any width, any alphabet, with and without colour."""

import io
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from seq2seq.inspection import alignment, render_attention

WEIGHTS = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.2], [0.02, 0.1, 0.88]])


def shown(renderable: Any, width: int = 80, encoding: str = "utf-8", color: str | None = None) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    coloured = color is not None  # said both ways, so that FORCE_COLOR and NO_COLOR of the caller change nothing
    console = Console(
        file=file,
        width=width,
        color_system=color,
        force_terminal=coloured,
        no_color=not coloured,
        legacy_windows=False,
    )
    console.print(renderable)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_a_map_by_hand() -> None:
    lines = shown(render_attention(["▁ab", "c", "▁"], ["▁go", "od", "."], WEIGHTS)).split("\n")
    assert [line.rstrip() for line in lines] == [
        "    ·",
        "    a",
        "    b c ·",
        "·go ██",
        " od   ▓▓▒▒",
        "  .   ░░██",
        "",
    ]


def test_shades_grow_with_the_weight() -> None:
    weights = np.array([[0.0, 0.04, 0.05, 0.15, 0.5, 0.9, 1.0]])
    assert shown(render_attention(list("abcdefg"), ["x"], weights)).split("\n")[1] == "x     ░░▒▒▓▓████"


def test_colour_adds_and_replaces_nothing() -> None:
    attention = render_attention(["a", "b", "c"], ["x"], [[0.0, 0.2, 0.7]])
    assert shown(attention).split("\n")[1] == "x   ▒▒██"
    assert (
        shown(attention, color="standard").split("\n")[1] == "x \x1b[36m  \x1b[0m\x1b[36m▒▒\x1b[0m\x1b[1;32m██\x1b[0m"
    )


@pytest.mark.parametrize("width", [1, 5, 12, 20, 33, 80])
def test_every_column_is_drawn_once_within_any_width(width: int) -> None:
    pieces = [f"▁{letter}" for letter in "abcdefghijklmnopqrst"]
    lines = shown(render_attention(pieces, ["▁target", "!"], np.eye(2, 20)), width=width).split("\n")
    if width >= 5:  # narrower than a label and a cell nothing can be seen, but it must not fail
        assert max(map(cell_len, lines)) <= width
        headers = [
            line for line in lines if line.strip() and line.startswith("  ") and "█" not in line and "!" not in line
        ]
        assert "".join("".join(headers).split()).replace("·", "") == "abcdefghijklmnopqrst"
        assert "".join(lines).count("█") == 4


def test_rows_go_on_below_with_their_labels() -> None:
    weights = np.zeros((1, 12))
    weights[0, 11] = 1
    lines = shown(render_attention(list("abcdefghijkl"), ["x"], weights), width=16).split("\n")
    assert [line.rstrip() for line in lines] == ["  a b c d e f g", "x", "", "  h i j k l", "x         ██", ""]


def test_wide_letters_and_accents_keep_the_columns() -> None:
    lines = shown(render_attention(["日本", "e\u0301t", "x"], ["語"], [[0.0, 0.0, 1.0]])).split("\n")
    assert [line.rstrip() for line in lines] == ["   日e\u0301", "   本t x", "語     ██", ""]


def test_long_pieces_are_cut() -> None:
    text = shown(render_attention(["abcdefghijklmnop"], ["▁Donaudampfschifffahrt"], [[1.0]]))
    lines = text.split("\n")
    assert lines[-2] == "·Donaudampfschi~ ██"
    assert [line.strip() for line in lines[:-2]] == [*"abcdefghijk", "~"]


def test_markup_and_controls_are_shown_as_text() -> None:
    text = shown(render_attention(["a"], ["[red]", "\x1b\n\u202e"], [[1.0], [1.0]]))
    assert "[red] ██" in text
    assert "  ??? ██" in text


def test_an_ascii_terminal_gets_ascii() -> None:
    text = shown(render_attention(["▁ä"], ["▁go"], [[1.0]]), encoding="ascii")
    assert [line.rstrip() for line in text.split("\n")] == ["    _", "    ?", "_go ##", ""]


def test_weights_that_are_no_numbers_are_empty_cells() -> None:
    assert shown(render_attention(["a", "b"], ["x"], [[np.nan, 1.0]])).split("\n")[1].rstrip() == "x   ██"


def test_nothing_to_draw() -> None:
    assert shown(render_attention([], ["x"], np.zeros((1, 0)))).strip() == ""
    assert shown(render_attention(["a"], [], np.zeros((0, 1)))).strip() == "a"


def test_pieces_and_weights_must_fit() -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 3\), but there are 2 target and 3 source pieces"):
        render_attention(["a", "b", "c"], ["x", "y"], WEIGHTS)


def test_alignment_takes_the_largest_weight() -> None:
    assert alignment(WEIGHTS) == [(0, 0), (1, 1), (2, 2)]
    assert alignment([[0.2, 0.2, 0.1]]) == [(0, 0)]
    assert alignment(np.zeros((0, 3))) == []
    assert alignment(np.zeros((3, 0))) == []
    assert all(type(index) is int for pair in alignment(WEIGHTS) for index in pair)  # JSON knows no numpy integers
    with pytest.raises(ValueError, match="two dimensions"):
        alignment(np.zeros(3))
