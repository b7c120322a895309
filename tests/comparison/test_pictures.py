"""What is around the pictures."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")


def test_no_compiled_module_is_imported_once_measuring_has_begun(tmp_path: Path) -> None:
    """Ctrl-C in the middle of such an import has broken off comparisons with a traceback, or with a crash of Python."""
    program = """
import sys
from pathlib import Path
from seq2seq.comparison import pictures

def compiled():
    return {name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).endswith((".so", ".pyd"))}

def draw(figure):
    left, right = figure.subplots(1, 2)
    pictures.line(left, "lstm", [1, 2, 3], [1, 10, 100])
    left.set_yscale("log")
    left.legend()
    right.imshow([[1, 2], [3, 4]])

pictures.need_matplotlib()
before = compiled()
pictures.save(draw, Path("picture"))
assert any("matplotlib" in name for name in before), before
assert compiled() == before, compiled() - before
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "picture.svg").exists()
