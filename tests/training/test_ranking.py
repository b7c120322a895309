"""Which of two validations is better."""

import math

import pytest

from seq2seq.config.training import ValidationMetric
from seq2seq.training.ranking import ValidationScores


def scores(*, bleu: float = 0.0, chrf: float = 0.0, loss: float = 1.0) -> ValidationScores:
    return ValidationScores(loss=loss, bleu=bleu, chrf=chrf)


@pytest.mark.parametrize(
    ("metric", "better", "worse"),
    [
        # A higher BLEU wins, whatever chrF says.
        ("auto", scores(bleu=20.01, chrf=1.0), scores(bleu=20.0, chrf=90.0)),
        # chrF decides where BLEU is the same to two decimals.
        ("auto", scores(bleu=0.0, chrf=2.0), scores(bleu=0.0, chrf=1.0)),
        ("auto", scores(bleu=0.001, chrf=2.0), scores(bleu=0.004, chrf=1.0)),
        ("auto", scores(bleu=20.0, chrf=2.0), scores(bleu=20.0, chrf=1.0)),
        ("bleu", scores(bleu=0.004, chrf=1.0), scores(bleu=0.001, chrf=2.0)),
        ("chrf", scores(bleu=1.0, chrf=31.0), scores(bleu=20.0, chrf=30.0)),
        ("loss", scores(bleu=1.0, loss=2.0), scores(bleu=20.0, loss=2.1)),
        ("loss", scores(loss=9.0), scores(loss=math.nan)),
    ],
)
def test_better_scores_have_a_higher_rank(
    metric: ValidationMetric, better: ValidationScores, worse: ValidationScores
) -> None:
    assert better.rank(metric) > worse.rank(metric)


@pytest.mark.parametrize(
    ("metric", "one", "other"),
    [
        ("auto", scores(loss=1.0), scores(loss=2.0)),
        ("bleu", scores(chrf=1.0), scores(chrf=2.0)),
        ("chrf", scores(bleu=1.0), scores(bleu=2.0)),
        ("loss", scores(bleu=1.0), scores(bleu=2.0)),
    ],
)
def test_other_scores_do_not_matter(
    metric: ValidationMetric, one: ValidationScores, other: ValidationScores
) -> None:
    assert one.rank(metric) == other.rank(metric)


@pytest.mark.parametrize(
    ("metric", "text"),
    [("auto", "28.44"), ("bleu", "28.44"), ("chrf", "55.10"), ("loss", "2.500")],
)
def test_the_value_of_the_metric_as_text(metric: ValidationMetric, text: str) -> None:
    assert scores(bleu=28.444, chrf=55.1, loss=2.5).describe(metric) == text


def test_the_text_shows_chrf_where_it_decides() -> None:
    assert scores(bleu=0.001, chrf=12.349).describe("auto") == "0.00 (chrF 12.35)"
    assert scores(bleu=0.001, chrf=12.349).describe("bleu") == "0.00"
