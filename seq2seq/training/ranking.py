"""Which of two validations is better: the rules of `training.validation.metric`."""

import math
from dataclasses import dataclass

from seq2seq.config.training import ValidationMetric

METRIC_NAMES: dict[ValidationMetric, str] = {
    "auto": "BLEU",
    "bleu": "BLEU",
    "chrf": "chrF",
    "loss": "loss",
}
"""What a person reads."""


@dataclass(frozen=True)
class ValidationScores:
    """The scores of weights on the validation pairs."""

    loss: float
    """Negative log-likelihood in nats per target token."""
    bleu: float
    """0 to 100."""
    chrf: float
    """0 to 100."""

    def rank(self, metric: ValidationMetric) -> tuple[float, float]:
        """Returns a value that is greater for better scores, and equal for equally good ones."""
        match metric:
            case "auto":
                # With the decimals that a person reads, so that two times "BLEU 0.00" are equal.
                return round(self.bleu, 2), self.chrf
            case "bleu":
                return self.bleu, 0.0
            case "chrf":
                return self.chrf, 0.0
            case "loss":
                return -math.inf if math.isnan(self.loss) else -self.loss, 0.0

    def describe(self, metric: ValidationMetric, decimals: int = 2) -> str:
        """Returns the value of the metric: `28.44`, or `0.00 (chrF 5.12)` if chrF decides."""
        match metric:
            case "auto" if round(self.bleu, 2) == 0:
                return f"{self.bleu:.{decimals}f} (chrF {self.chrf:.{decimals}f})"
            case "auto" | "bleu":
                return f"{self.bleu:.{decimals}f}"
            case "chrf":
                return f"{self.chrf:.{decimals}f}"
            case "loss":
                return f"{self.loss:.3f}"
