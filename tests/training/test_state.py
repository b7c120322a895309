"""The state of a run, read from JSON."""

from dataclasses import asdict

import pytest

from seq2seq.training.state import TrainingState


def test_a_state_survives_json() -> None:
    state = TrainingState(
        step=7,
        epoch=1,
        batch=3,
        elapsed_s=2.5,
        tokens=900,
        recent=[(2.0, 90, 0.1), (float("inf"), 80, 0.2)],
        precision="bfloat16",
        best=[(21.5, 5)],
        mean_bleu=22.0,
        without_gain=1,
        finished="patience",
    )
    values = asdict(state)
    values["best"] = [list(entry) for entry in values["best"]]  # JSON has no tuples
    values["recent"] = [list(entry) for entry in values["recent"]]
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
        ({"step": "many", "epoch": 0, "batch": 1, "best": []}, "step"),
        ({"step": 1, "epoch": 0, "batch": 1, "best": [], "finished": "maybe"}, "finished"),
    ],
)
def test_damaged_values_are_refused(values: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingState.from_json(values)


def test_best_bleu() -> None:
    assert TrainingState().best_bleu is None
    assert TrainingState(best=[(20.0, 4), (10.0, 8)]).best_bleu == 20.0
