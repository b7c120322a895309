"""What the user sees during long work: messages, a live line of training, a progress bar."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seq2seq.interrupt import work_begins
from seq2seq.reporter import Reporter

PLAIN_STATUS_INTERVAL_S = 30.0
"""Seconds between two status lines where the output is not a terminal."""


def make_console(*, stderr: bool = False) -> Console:
    """Returns a console that does not wrap lines at 80 columns in a log file or in CI."""
    console = Console(stderr=stderr)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, width=200)


def counted(count: int, noun: str) -> str:
    """Returns "1 sentence" or "1,000 sentences".

    Args:
        count: how many.
        noun: one of them, with a plural in -s.
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def print_samples(samples: Sequence[Mapping[str, str]]) -> None:
    """Prints sample translations, each with its source and reference."""
    for sample in samples:
        typer.echo("")
        for name, text in sample.items():
            typer.echo(f"{name:<12} {text}")


class ConsoleReporter(Reporter):
    """Reports at the terminal. Use it as a context manager, so that live output ends cleanly.

    Live output starts when it is first needed, so the reporter can be entered again, for example
    by a function that it was passed to.
    """

    def __init__(self, activity: str = "translating", *, stderr: bool = False) -> None:
        """
        Args:
            activity: the word beside the progress bar.
            stderr: write lines and status to standard error. The progress bar always goes there.
        """
        work_begins()
        self._activity = activity
        self._console = make_console(stderr=stderr)
        self._bar_console = make_console(stderr=True)
        self._live: Live | None = None
        self._bar: Progress | None = None
        self._bar_task = TaskID(0)
        self._plain_status_at = float("-inf")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_live()
        self._stop_bar()

    def info(self, line: str) -> None:
        """Prints a line that stays."""
        self._console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def status(self, fraction: float, line: str) -> None:
        """Shows a live line at a terminal, and elsewhere a plain line every 30 seconds."""
        if not self._console.is_terminal:
            now = time.monotonic()
            if now - self._plain_status_at >= PLAIN_STATUS_INTERVAL_S:
                self._plain_status_at = now
                self.info(f"{fraction:4.0%}  {line}")
            return
        self._stop_bar()
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=1.0, completed=fraction, width=20)
        row.add_row(bar, Text(f"{fraction:4.0%} {line}"))
        self._live.update(row)

    def progress(self, done: int, total: int) -> None:
        """Shows a bar with count and time left at a terminal, and nothing elsewhere."""
        if not self._bar_console.is_terminal:
            return
        if self._bar is None:
            self._stop_live()
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self._bar_console,
                transient=True,
            )
            self._bar.start()
            self._bar_task = self._bar.add_task(self._activity, total=total)
        self._bar.update(self._bar_task, completed=done, total=total)

    def _stop_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
