"""The lines that a person reads during training."""

from seq2seq.training.update_log import StepMetrics
from seq2seq.training.validation import Validation


def status_line(metrics: StepMetrics, best_bleu: float | None, seconds_left: float) -> str:
    """Returns one line: where training is and how fast it goes."""
    parts = [
        f"step {metrics.step:,}",
        f"epoch {metrics.epoch}",
        f"loss {metrics.loss:.3f}",
        f"{metrics.tokens_per_s:,.0f} tokens/s",
        f"lr {metrics.learning_rate:.1e}",
    ]
    if best_bleu is not None:
        parts.append(f"best BLEU {best_bleu:.1f}")
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
