"""How long-running work reports messages and progress."""

from types import TracebackType
from typing import Self


class Reporter:
    """Receives messages and progress. This class ignores them; the command line has one that
    prints.

    It is a context manager, because a live display has to restore the terminal at the end.
    """

    def info(self, line: str) -> None:
        """One line that stays."""

    def progress(self, done: int, total: int) -> None:
        """`done` of `total` units of the current work are finished."""

    def status(self, fraction: float, line: str) -> None:
        """The state of a long task: the share that is done (0 to 1), and a line that the next one
        replaces."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends live output."""


SILENT = Reporter()
"""For callers who want no messages."""
