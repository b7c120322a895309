"""Runs Python as if only what the runtime needs were installed.

The distributions that pyproject.toml lists as `dependencies` count, with what they need themselves.
Every other one cannot be imported.
"""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent

_BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if path is None and name in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""


def run_light(code: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs Python code in a process of its own."""
    prelude = f"BLOCKED = {sorted(_blocked_modules())!r}{_BLOCK}"
    command = [sys.executable, "-c", prelude + code, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=PROJECT, timeout=60)


def _blocked_modules() -> set[str]:
    needed = _needed_distributions()
    blocked = set()
    for module, names in importlib.metadata.packages_distributions().items():
        if not {_normalized(name) for name in names} & (needed | {"seq2seq"}):
            blocked.add(module)
    assert "torch" in blocked
    return blocked


def _needed_distributions() -> set[str]:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        waiting = list(tomllib.load(file)["project"]["dependencies"])
    needed: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = _normalized(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
        if "extra ==" in requirement or name in needed:
            continue
        needed.add(name)
        try:
            waiting += importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
    return needed


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
