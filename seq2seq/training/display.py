"""What a person sees of a training run: a live line at a terminal, now and then a plain line elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seq2seq.training.validation import Validation

PLAIN_EVERY_S = 30.0


def clock(seconds: float) -> str:
    """1:02:03 or 2:03."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Display:
    """Shows progress; use it as a context manager so that the terminal is left in order."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, highlight=False, markup=False)

    def step(self, facts: dict[str, float], progress: float, left_s: float, best_bleu: float | None) -> None:
        """facts: step, epoch, loss, tokens_per_s, learning_rate."""
        now = time.monotonic()
        if not self._live and now - self._shown_at < PLAIN_EVERY_S:
            return
        self._shown_at = now
        best = "" if best_bleu is None else f"  best BLEU {best_bleu:.1f}"
        text = (
            f"step {facts['step']:,.0f}  epoch {facts['epoch']:.0f}  loss {facts['loss']:.3f}  "
            f"{facts['tokens_per_s']:,.0f} tokens/s  lr {facts['learning_rate']:.1e}{best}  {clock(left_s)} left"
        )
        if not self._live:
            self.say(f"{progress:4.0%}  {text}")
            return
        row = Table.grid(padding=(0, 1))
        row.add_row(ProgressBar(total=1.0, completed=progress, width=20), Text(f"{progress:4.0%} {text}"))
        self._live.update(row)

    def validation(self, step: int, found: Validation, elapsed_s: float, better: bool) -> None:
        """The scores and the sample translations."""
        self.say(
            f"validation at step {step:,} ({clock(elapsed_s)}): loss {found.loss:.3f}  BLEU {found.bleu:.2f}  "
            f"chrF {found.chrf:.2f}{'  best so far' if better else ''}"
        )
        for sample in found.samples:
            self.say(f"    source       {sample['source']}")
            self.say(f"    reference    {sample['reference']}")
            self.say(f"    translation  {sample['translation']}")
