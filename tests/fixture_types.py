"""Types of the fixtures that call the command line."""

import subprocess
from collections.abc import Callable

RunCli = Callable[..., subprocess.CompletedProcess[bytes]]
"""Runs `seq2seq ARGUMENTS` in a process of its own; `stdin` is what it reads."""
RunCliHere = Callable[..., str]
"""Runs `seq2seq ARGUMENTS` in this process and returns standard output."""
RunCliExpectingError = Callable[..., str]
"""Runs `seq2seq ARGUMENTS` in this process, which must fail, and returns standard error."""
TranslateHere = Callable[..., str]
"""Runs `seq2seq translate ARGUMENTS` in this process with `stdin`, and returns standard output."""
