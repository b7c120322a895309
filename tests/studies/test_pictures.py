"""The pictures of the studies."""

import subprocess
import sys
from pathlib import Path

import pytest

from seq2seq.config import FAMILY_CONFIGS
from seq2seq.studies.pictures import bars, color, line

matplotlib_figure = pytest.importorskip("matplotlib.figure")


def test_a_name_has_the_color_of_its_family() -> None:
    assert color("lstm") == color("lstm without attention")
    assert color("rnn") != color("gru")
    assert color("something else") == color("something new")


def test_every_family_has_a_color_of_its_own() -> None:
    colors = {color(family) for family in FAMILY_CONFIGS}
    assert len(colors) == len(FAMILY_CONFIGS)
    assert color("no family") not in colors


def test_bars_run_from_top_to_bottom_in_shared_axes_too() -> None:
    figure = matplotlib_figure.Figure()
    for axes in figure.subplots(1, 2, sharey=True):
        bars(axes, {"first": 1.0, "second": 2.0})
    assert all(axes.yaxis_inverted() for axes in figure.axes)


def test_lines_of_one_color_have_different_styles() -> None:
    axes = matplotlib_figure.Figure().subplots()
    for name in ("lstm", "gru", "lstm forget bias 0", "lstm forget bias 5"):
        line(axes, name, [1, 2], [1, 2])
    looks = {(drawn.get_color(), drawn.get_linestyle()) for drawn in axes.get_lines()}
    assert len(looks) == 4


def test_drawing_imports_no_compiled_module(tmp_path: Path) -> None:
    """Ctrl-C during such an import breaks off with a traceback, or crashes Python."""
    program = """
import sys
from pathlib import Path
from seq2seq.studies import pictures

def compiled_modules():
    names = set()
    for name, module in sys.modules.items():
        if str(getattr(module, "__file__", "")).endswith((".so", ".pyd")):
            names.add(name)
    return names

def draw(figure):
    left, right = figure.subplots(1, 2)
    pictures.line(left, "lstm", [1, 2, 3], [1, 10, 100])
    left.set_yscale("log")
    left.legend()
    right.imshow([[1, 2], [3, 4]])

pictures.require_matplotlib()
before = compiled_modules()
pictures.save(draw, Path("picture"))
assert any("matplotlib" in name for name in before), before
assert compiled_modules() == before, compiled_modules() - before
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "picture.svg").exists()
    assert (tmp_path / "picture.png").exists()
