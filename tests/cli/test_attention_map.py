"""The attention map: right cells, any width, any alphabet, with and without color."""

import io

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from seq2seq.cli.attention_map import AttentionMap, alignment, render_attention

WEIGHTS = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.2], [0.02, 0.1, 0.88]])


def printed_lines(
    attention_map: AttentionMap, width: int = 80, encoding: str = "utf-8", color: str | None = None
) -> list[str]:
    """What rich prints, line by line, without the spaces at the ends."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    in_color = color is not None
    console = Console(
        file=file,
        width=width,
        color_system=color,  # type: ignore[arg-type]
        # Both options, so that FORCE_COLOR and NO_COLOR of the environment change nothing.
        force_terminal=in_color,
        no_color=not in_color,
        legacy_windows=False,
    )
    console.print(attention_map)
    file.flush()
    return [line.rstrip() for line in raw.getvalue().decode(encoding).split("\n")]


def test_a_map_by_hand() -> None:
    assert printed_lines(render_attention(["▁ab", "c", "▁"], ["▁go", "od", "."], WEIGHTS)) == [
        "    ·",
        "    a",
        "    b c ·",
        "·go ██",
        " od   ▓▓▒▒",
        "  .   ░░██",
        "",
    ]


def test_a_larger_weight_gets_a_darker_shade() -> None:
    weights = np.array([[0.0, 0.04, 0.05, 0.15, 0.5, 0.9, 1.0]])
    lines = printed_lines(render_attention(list("abcdefg"), ["x"], weights))
    assert lines[1] == "x     ░░▒▒▓▓████"


def test_color_is_only_an_addition() -> None:
    attention_map = render_attention(["a", "b", "c"], ["x"], [[0.0, 0.2, 0.7]])
    assert printed_lines(attention_map)[1] == "x   ▒▒██"
    cyan = "\x1b[36m"
    bold_green = "\x1b[1;32m"
    end = "\x1b[0m"
    expected = f"x {cyan}  {end}{cyan}▒▒{end}{bold_green}██{end}"
    assert printed_lines(attention_map, color="standard")[1] == expected


@pytest.mark.parametrize("width", [5, 12, 20, 33, 80])
def test_every_column_is_drawn_once_within_any_width(width: int) -> None:
    tokens = [f"▁{letter}" for letter in "abcdefghijklmnopqrst"]
    lines = printed_lines(render_attention(tokens, ["▁target", "!"], np.eye(2, 20)), width=width)
    assert max(cell_len(line) for line in lines) <= width
    headers = [line for line in lines if line.startswith("  ") and not set(line) & set("█!")]
    assert "".join("".join(headers).split()).replace("·", "") == "abcdefghijklmnopqrst"
    assert "".join(lines).count("█") == 4


def test_a_terminal_of_one_column_is_no_error() -> None:
    printed_lines(render_attention(["▁a", "▁b"], ["▁target"], np.eye(1, 2)), width=1)


def test_columns_that_do_not_fit_follow_below_with_the_labels() -> None:
    weights = np.zeros((1, 12))
    weights[0, 11] = 1
    lines = printed_lines(render_attention(list("abcdefghijkl"), ["x"], weights), width=16)
    assert lines == ["  a b c d e f g", "x", "", "  h i j k l", "x         ██", ""]


def test_wide_letters_and_accents_do_not_shift_columns() -> None:
    lines = printed_lines(render_attention(["日本", "e\u0301t", "x"], ["語"], [[0.0, 0.0, 1.0]]))
    assert lines == ["   日e\u0301", "   本t x", "語     ██", ""]


def test_long_tokens_are_cut() -> None:
    lines = printed_lines(render_attention(["abcdefghijklmnop"], ["▁Donaudampfschifffahrt"], [[1]]))
    assert lines[-2] == "·Donaudampfschi~ ██"
    assert [line.strip() for line in lines[:-2]] == [*"abcdefghijk", "~"]


def test_markup_and_control_characters_are_shown_as_text() -> None:
    lines = printed_lines(render_attention(["a"], ["[red]", "\x1b\n\u202e"], [[1.0], [1.0]]))
    assert "[red] ██" in lines
    assert "  ??? ██" in lines


def test_an_ascii_terminal_gets_ascii() -> None:
    lines = printed_lines(render_attention(["▁ä"], ["▁go"], [[1.0]]), encoding="ascii")
    assert lines == ["    _", "    ?", "_go ##", ""]


def test_nan_is_an_empty_cell() -> None:
    assert printed_lines(render_attention(["a", "b"], ["x"], [[np.nan, 1.0]]))[1] == "x   ██"


def test_no_source_tokens() -> None:
    assert printed_lines(render_attention([], ["x"], np.zeros((1, 0)))) == [""]


def test_no_target_tokens() -> None:
    lines = printed_lines(render_attention(["a"], [], np.zeros((0, 1))))
    assert "".join(lines).strip() == "a"


def test_tokens_and_weights_must_match() -> None:
    message = r"shape \(3, 3\), but there are 2 target tokens and 3 source tokens"
    with pytest.raises(ValueError, match=message):
        render_attention(["a", "b", "c"], ["x", "y"], WEIGHTS)


def test_alignment_takes_the_largest_weight() -> None:
    assert alignment(WEIGHTS) == [(0, 0), (1, 1), (2, 2)]


def test_the_first_of_two_equal_weights_is_aligned() -> None:
    assert alignment([[0.2, 0.2, 0.1]]) == [(0, 0)]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_alignment_without_tokens_is_empty(shape: tuple[int, int]) -> None:
    assert alignment(np.zeros(shape)) == []


def test_alignment_contains_plain_integers() -> None:
    """JSON cannot contain NumPy integers."""
    assert all(type(index) is int for pair in alignment(WEIGHTS) for index in pair)


def test_alignment_needs_two_dimensions() -> None:
    with pytest.raises(ValueError, match="two dimensions"):
        alignment(np.zeros(3))
