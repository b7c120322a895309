"""The lines that training shows to the user."""

from dataclasses import dataclass

from seq2seq.config.training import ValidationMetric
from seq2seq.training.ranking import METRIC_NAMES, ValidationScores
from seq2seq.training.state import TrainingState
from seq2seq.training.validation import Validation


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


def status_line(
    metrics: StepMetrics,
    best: ValidationScores | None,
    metric: ValidationMetric,
    seconds_left: float,
) -> str:
    """Returns one line: where training is and how fast it goes.

    Args:
        metrics: figures of the latest updates.
        best: the scores of the best validation, if there is one.
        metric: what decides which validation is the best.
        seconds_left: time until the budget is used.
    """
    parts = [
        f"step {metrics.step:,}",
        f"epoch {metrics.epoch}",
        f"loss {metrics.loss:.3f}",
        f"{metrics.tokens_per_s:,.0f} tokens/s",
        f"lr {metrics.learning_rate:.1e}",
    ]
    if best is not None:
        parts.append(f"best {METRIC_NAMES[metric]} {best.describe(metric, decimals=1)}")
    parts.append(f"{format_duration(seconds_left)} left")
    return "  ".join(parts)


def validation_lines(
    step: int, validation: Validation, elapsed_s: float, better: bool
) -> list[str]:
    """Returns the scores and the sample translations."""
    scores = (
        f"validation at step {step:,} ({format_duration(elapsed_s)}): loss {validation.loss:.3f}  "
        f"BLEU {validation.bleu:.2f}  chrF {validation.chrf:.2f}"
    )
    if better:
        scores += "  best so far"
    lines = [scores]
    for sample in validation.samples:
        lines.append(f"    source       {sample.source}")
        lines.append(f"    reference    {sample.reference}")
        lines.append(f"    translation  {sample.translation}")
    return lines


def format_duration(seconds: float) -> str:
    """Returns 1:02:03 or 2:03."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}"
