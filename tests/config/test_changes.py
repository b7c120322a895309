"""What differs between two configs."""

import pytest

from seq2seq.config import Config, parse_config
from seq2seq.config.changes import describe_changes


def config(**training: object) -> Config:
    raw = {
        "data": {"corpus": "toy", "source": "de", "target": "en"},
        "model": {"family": "lstm"},
        "training": {"budget": {"steps": 10}, **training},
    }
    return parse_config(raw, "the test's config")


def test_equal_configs_have_no_changes() -> None:
    assert describe_changes(config(), config()) == []


@pytest.mark.parametrize(
    ("training", "lines"),
    [
        ({"label_smoothing": 0.0}, ["training.label_smoothing: 0.1 -> 0.0"]),
        ({"precision": "float32"}, ["training.precision: auto -> float32"]),
        (
            {"budget": {"minutes": 5}},
            ["training.budget.steps: 10 -> null", "training.budget.minutes: null -> 5.0"],
        ),
        (
            {"seed": 2, "optimizer": {"betas": [0.9, 0.99], "warmup_steps": 0}},
            [
                "training.seed: 1 -> 2",
                "training.optimizer.warmup_steps: 400 -> 0",
                "training.optimizer.betas: [0.9, 0.98] -> [0.9, 0.99]",
            ],
        ),
    ],
)
def test_each_key_that_differs_has_a_line(training: dict[str, object], lines: list[str]) -> None:
    assert describe_changes(config(), config(**training)) == lines
