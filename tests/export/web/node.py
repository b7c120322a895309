"""Runs JavaScript of the page with Node.js."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def run_node(script: str, *arguments: str, content: Any) -> Any:
    """Runs a script of this folder.

    Args:
        script: its name.
        arguments: those of the command line.
        content: what it reads from standard input, as JSON.

    Returns:
        What it writes, which is JSON.
    """
    command = ["node", str(Path(__file__).with_name(script)), *arguments]
    done = subprocess.run(command, input=json.dumps(content), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
