"""How good are the translations: metrics, significance and the report. Knows lists of lines, no models."""

from seq2seq.evaluation.metrics import Figure, Scores, quick_scores, score
from seq2seq.evaluation.report import Hypotheses, build_report, render_report, write_report
from seq2seq.evaluation.significance import Comparison, paired_bootstrap

__all__ = [
    "Comparison",
    "Figure",
    "Hypotheses",
    "Scores",
    "build_report",
    "paired_bootstrap",
    "quick_scores",
    "render_report",
    "score",
    "write_report",
]
