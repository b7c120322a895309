"""The lines that training shows to the user."""

import pytest

from seq2seq.config.training import ValidationMetric
from seq2seq.training.progress import (
    StepMetrics,
    format_duration,
    recent_metrics,
    status_line,
    validation_lines,
)
from seq2seq.training.ranking import ValidationScores
from seq2seq.training.state import TrainingState
from seq2seq.training.validation import Sample, Validation

METRICS = StepMetrics(step=1032, epoch=2, loss=2.3061, tokens_per_s=9164.7, learning_rate=0.0019)
BEST = ValidationScores(loss=2.5, bleu=28.44, chrf=55.1)
VALIDATION = Validation(
    loss=2.5, bleu=28.416, chrf=55.0, samples=[Sample("Ein Hund.", "A dog.", "The dog.")]
)


def test_recent_metrics_weight_losses_by_tokens() -> None:
    state = TrainingState(step=50, epoch=2, recent=[(1.0, 30, 1.0), (2.0, 10, 3.0)])
    metrics = recent_metrics(state, learning_rate=0.1)
    assert metrics.loss == pytest.approx(1.25)
    assert metrics.tokens_per_s == pytest.approx(10)
    assert (metrics.step, metrics.epoch, metrics.learning_rate) == (50, 3, 0.1)


def test_status_line() -> None:
    assert status_line(METRICS, BEST, "auto", seconds_left=600) == (
        "step 1,032  epoch 2  loss 2.306  9,165 tokens/s  lr 1.9e-03  best BLEU 28.4  10:00 left"
    )


def test_status_line_before_the_first_validation() -> None:
    assert "BLEU" not in status_line(METRICS, None, "auto", seconds_left=600)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("bleu", "best BLEU 28.4"),
        ("chrf", "best chrF 55.1"),
        ("loss", "best loss 2.500"),
    ],
)
def test_the_status_line_shows_the_metric(metric: ValidationMetric, text: str) -> None:
    assert f"  {text}  " in status_line(METRICS, BEST, metric, seconds_left=600)


def test_the_status_line_shows_chrf_where_it_decides() -> None:
    best = ValidationScores(loss=2.5, bleu=0.0, chrf=12.34)
    assert "best BLEU 0.0 (chrF 12.3)" in status_line(METRICS, best, "auto", seconds_left=600)
    assert "best BLEU 0.0  " in status_line(METRICS, best, "bleu", seconds_left=600)


def test_validation_lines_show_scores_and_samples() -> None:
    assert validation_lines(1500, VALIDATION, elapsed_s=61, better=True) == [
        "validation at step 1,500 (1:01): loss 2.500  BLEU 28.42  chrF 55.00  best so far",
        "    source       Ein Hund.",
        "    reference    A dog.",
        "    translation  The dog.",
    ]


def test_only_a_better_validation_is_the_best_so_far() -> None:
    assert "best" not in validation_lines(1500, VALIDATION, elapsed_s=61, better=False)[0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-3, "0:00"), (59.6, "1:00"), (123, "2:03"), (3723, "1:02:03")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
