"""The help of a command, taken from its docstring."""

import inspect
from collections.abc import Callable
from typing import Any


def help_text(command: Callable[..., Any]) -> str:
    """Returns the docstring of a command with each paragraph on one line, so that it fits any
    terminal.

    A paragraph that begins with "Example" keeps its lines: its first line is the title, and the
    others are indented.
    """
    paragraphs = []
    for paragraph in inspect.cleandoc(command.__doc__ or "").split("\n\n"):
        lines = paragraph.splitlines()
        if lines[0].startswith("Example"):
            # Some versions of typer join the lines of a paragraph, unless it begins with \b.
            paragraphs.append("\n  ".join([f"\b{lines[0]}", *lines[1:]]))
        else:
            paragraphs.append(" ".join(lines))
    return "\n\n".join(paragraphs)
