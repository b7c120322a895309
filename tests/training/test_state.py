"""The state of a run, read from JSON."""

import json
from dataclasses import asdict

import pytest

from seq2seq.config.training import ValidationMetric
from seq2seq.training.ranking import ValidationScores
from seq2seq.training.state import BestCheckpoint, TrainingState


def test_a_state_survives_json() -> None:
    state = TrainingState(
        step=7,
        epoch=1,
        batch=3,
        elapsed_s=2.5,
        tokens=900,
        recent=[(2.0, 90, 0.1), (float("inf"), 80, 0.2)],
        precision="bfloat16",
        tokenization="char",
        best=[BestCheckpoint(loss=2.0, bleu=21.5, chrf=40.0, step=5)],
        mean=ValidationScores(loss=1.9, bleu=22.0, chrf=41.0),
        without_gain=1,
        finished="patience",
    )
    values = json.loads(json.dumps(asdict(state)))
    assert TrainingState.from_json(values) == state


def test_unknown_keys_are_ignored() -> None:
    values = {"step": 3, "epoch": 0, "batch": 3, "best": [], "key_of_a_later_version": 1}
    assert TrainingState.from_json(values) == TrainingState(step=3, batch=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "not a mapping"),
        ({}, "the key step is missing"),
        ({"step": 1, "epoch": 0, "batch": 1}, "the key best is missing"),
        ({"step": 1, "epoch": 0, "batch": 1, "best": 3}, "best"),
        ({"step": 1, "epoch": 0, "batch": 1, "best": [3]}, "best"),
        ({"step": 1, "epoch": 0, "batch": 1, "best": [["high", 3]]}, "best"),
        ({"step": 1, "epoch": 0, "batch": 1, "best": [], "mean_bleu": "high"}, "mean"),
        ({"step": "many", "epoch": 0, "batch": 1, "best": []}, "step"),
        ({"step": 1, "epoch": 0, "batch": 1, "best": [], "finished": "maybe"}, "finished"),
    ],
)
def test_damaged_values_are_refused(values: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingState.from_json(values)


def test_best_by_a_metric() -> None:
    assert TrainingState().best_by("auto") is None
    first = BestCheckpoint(loss=2.0, bleu=20.0, chrf=30.0, step=4)
    second = BestCheckpoint(loss=1.0, bleu=10.0, chrf=40.0, step=8)
    state = TrainingState(best=[first, second])
    assert state.best_by("auto") == first
    assert state.best_by("chrf") == second


OLD_STATE = {
    "step": 300,
    "epoch": 12,
    "batch": 12,
    "elapsed_s": 1.74,
    "tokens": 85337,
    "recent": [],
    "precision": "float32",
    "best": [[59.8, 300], [53.0, 200]],
    "mean_bleu": -1.0,
    "without_gain": 0,
    "finished": "budget",
}


def test_a_state_of_an_earlier_version_keeps_its_bleu() -> None:
    state = TrainingState.from_json(OLD_STATE)
    assert [(entry.bleu, entry.step) for entry in state.best] == [(59.8, 300), (53.0, 200)]
    assert state.mean is None
    assert state.tokenization == ""
    average = TrainingState.from_json({**OLD_STATE, "mean_bleu": 61.5}).mean
    assert average is not None
    assert average.bleu == 61.5


@pytest.mark.parametrize("metric", ["auto", "chrf", "loss"])
def test_scores_that_an_earlier_version_did_not_keep_are_the_worst(
    metric: ValidationMetric,
) -> None:
    old = TrainingState.from_json(OLD_STATE).best[0]
    new = ValidationScores(loss=9.0, bleu=old.bleu, chrf=1.0)
    assert new.rank(metric) > old.rank(metric)
