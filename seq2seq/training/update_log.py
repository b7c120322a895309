"""Collects the results of updates without making a GPU wait after each of them."""

import math
import time
from dataclasses import dataclass

from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.training.journal import Journal
from seq2seq.training.state import TrainingState

_MAX_SKIPPED_IN_A_ROW = 20


@dataclass(frozen=True)
class StepMetrics:
    """Figures of the latest updates. The fields are the keys of step events in the journal."""

    step: int
    epoch: int
    """The current epoch, from 1."""
    loss: float
    """Negative log-likelihood in nats per target token."""
    tokens_per_s: float
    """Target tokens per second."""
    learning_rate: float


@dataclass(frozen=True)
class _Update:
    step: int
    num_tokens: int
    likelihood: Tensor
    gradient_norm: Tensor


class UpdateLog:
    """Results of the updates since the last call of `read`, which a GPU may still be computing."""

    def __init__(self, journal: Journal) -> None:
        self.gradient_norm = 0.0
        """Norm of the gradient in the last update that was read."""
        self._journal = journal
        self._pending: list[_Update] = []
        self._started_at = 0.0
        self._skipped_in_a_row = 0

    def start_update(self) -> None:
        """Starts the clock. Call it at the beginning of each update."""
        if not self._pending:
            self._started_at = time.monotonic()

    def add(self, step: int, num_tokens: int, likelihood: Tensor, gradient_norm: Tensor) -> None:
        """Adds the results of update number `step`. Does not look at the values."""
        self._pending.append(_Update(step, num_tokens, likelihood, gradient_norm))

    def read(self, state: TrainingState) -> None:
        """Moves the results to `state.recent`. Waits until a GPU has computed them.

        Raises:
            UserError: too many updates in a row had a gradient with NaN or inf.
        """
        losses = [float(update.likelihood) for update in self._pending]
        norms = [float(update.gradient_norm) for update in self._pending]
        seconds = time.monotonic() - self._started_at
        for update, loss, norm in zip(self._pending, losses, norms, strict=True):
            state.recent.append((loss, update.num_tokens, seconds / len(losses)))
            self.gradient_norm = norm
            self._count_skipped(update.step, norm)
        self._pending = []

    def _count_skipped(self, step: int, gradient_norm: float) -> None:
        if math.isfinite(gradient_norm):
            self._skipped_in_a_row = 0
            return
        self._skipped_in_a_row += 1
        self._journal.write("skipped", step=step, why="gradient not finite")
        if self._skipped_in_a_row >= _MAX_SKIPPED_IN_A_ROW:
            raise UserError(
                f"The gradient contained NaN or inf in {_MAX_SKIPPED_IN_A_ROW} updates in a row. "
                "Lower training.optimizer.learning_rate, or set training.precision: float32, and "
                "train again."
            )


def recent_metrics(state: TrainingState, learning_rate: float) -> StepMetrics:
    """Averages over the updates since the last step event in the journal."""
    loss_sum = 0.0
    num_tokens = 0
    seconds = 0.0
    for loss, update_tokens, update_seconds in state.recent:
        loss_sum += loss * update_tokens
        num_tokens += update_tokens
        seconds += update_seconds
    return StepMetrics(
        step=state.step,
        epoch=state.epoch + 1,
        loss=loss_sum / max(num_tokens, 1),
        tokens_per_s=num_tokens / max(seconds, 1e-9),
        learning_rate=learning_rate,
    )
