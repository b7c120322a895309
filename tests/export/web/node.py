"""Runs the modules of the page in Node.js."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from seq2seq.export.web_bundle import page_sources

NODE = shutil.which("node")


def run_node(script: Path, given: object) -> Any:
    """Runs a script beside the modules of the page, which it imports as "./NAME.js".

    Args:
        script: a module.
        given: it gets this as JSON on standard input.

    Returns:
        What it printed, read as JSON.
    """
    assert NODE is not None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, text in page_sources().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        main = Path(shutil.copy(script, folder / "main.js"))
        result = subprocess.run(
            [NODE, str(main)], input=json.dumps(given), capture_output=True, text=True, timeout=120
        )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
