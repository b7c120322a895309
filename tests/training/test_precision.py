"""The choice between float32 and bfloat16, and the measurement behind it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import (
    ScriptedValidator,
    copy_weights,
    has_bfloat16_lstm,
    journal_events,
    make_trainer,
    resume_trainer,
    same_weights,
)
from torch import Tensor, nn

from seq2seq.config.training import Budget
from seq2seq.data.batching import Batch
from seq2seq.errors import UserError
from seq2seq.run import RunFolder
from seq2seq.training import precision as precision_module
from seq2seq.training.precision import measure_precisions

needs_bfloat16_lstm = pytest.mark.skipif(
    not has_bfloat16_lstm(), reason="this processor has no LSTM in bfloat16"
)


def pretend_measurement(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    monkeypatch.setattr(precision_module, "measure_precisions", lambda *args: seconds)


def test_measuring_tries_both_precisions_and_leaves_no_trace() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    weights = copy_weights(model)
    random_state = torch.get_rng_state()
    batch = Batch(*(torch.ones(1, 1, dtype=torch.int64) for _ in range(4)))
    dtypes = []

    def loss(measured_batch: Batch) -> Tensor:
        assert measured_batch is batch
        value: Tensor = model(torch.randn(2, 4)).sum()
        dtypes.append(value.dtype)
        return value

    seconds = measure_precisions(model, batch, loss, torch.device("cpu"), repeats=2)
    assert list(seconds) == ["float32", "bfloat16"]
    assert min(seconds.values()) > 0
    assert dtypes == [torch.float32] * 3 + [torch.bfloat16] * 3
    assert torch.equal(torch.get_rng_state(), random_state)
    assert same_weights(copy_weights(model), weights)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_precision_that_fails_is_not_a_choice() -> None:
    model = nn.Linear(4, 4)
    batch = Batch(*(torch.ones(1, 1, dtype=torch.int64) for _ in range(4)))

    def loss(batch: Batch) -> Tensor:
        value: Tensor = model(torch.ones(2, 4)).sum()
        if value.dtype == torch.bfloat16:
            raise RuntimeError("no LSTM in bfloat16")
        return value

    seconds = measure_precisions(model, batch, loss, torch.device("cpu"))
    assert list(seconds) == ["float32"]


def test_auto_measures_real_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measurements = []

    def measure(*args: Any) -> dict[str, float]:
        measurements.append(measure_precisions(*args))
        return measurements[-1]

    monkeypatch.setattr(precision_module, "measure_precisions", measure)
    make_trainer(tmp_path, precision="auto", budget=Budget(steps=1)).run()
    expected = {"float32", "bfloat16"} if has_bfloat16_lstm() else {"float32"}
    assert [measurement.keys() for measurement in measurements] == [expected]


@needs_bfloat16_lstm
def test_auto_takes_the_faster_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_measurement(monkeypatch, float32=2.0, bfloat16=1.0)
    trainer = make_trainer(tmp_path, precision="auto", budget=Budget(steps=1))
    assert trainer.run().precision == "bfloat16"
    (event,) = journal_events(tmp_path, "precision")
    assert event["chosen"] == "bfloat16"
    assert event["seconds"] == {"float32": 2.0, "bfloat16": 1.0}


def test_the_measurement_does_not_change_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*args: Any) -> dict[str, float]:
        measure_precisions(*args)
        return {"float32": 1.0, "bfloat16": 2.0}

    monkeypatch.setattr(precision_module, "measure_precisions", measure)
    budget = Budget(steps=4)
    make_trainer(tmp_path / "auto", precision="auto", budget=budget).run()
    make_trainer(tmp_path / "float32", precision="float32", budget=budget).run()
    auto, float32 = (
        load_file(RunFolder(tmp_path / name).last.tensors_file) for name in ("auto", "float32")
    )
    assert same_weights(auto, float32)


@needs_bfloat16_lstm
def test_weights_stay_float32_in_bfloat16(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, precision="bfloat16", budget=Budget(steps=3))
    assert trainer.run().precision == "bfloat16"
    weights = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_bfloat16_is_refused_where_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_measurement(monkeypatch, float32=1.0)
    with pytest.raises(UserError, match="this processor cannot train in bfloat16"):
        make_trainer(tmp_path, precision="bfloat16").run()


# -- resumed runs ----------------------------------------------------------------------------------


def train_two_steps(folder: Path, precision: str = "float32") -> None:
    trainer = make_trainer(
        folder, validator=ScriptedValidator([1.0]), precision=precision, budget=Budget(steps=2)
    )
    trainer.run()


@needs_bfloat16_lstm
def test_a_resumed_run_keeps_its_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_two_steps(tmp_path, "bfloat16")
    pretend_measurement(monkeypatch, float32=1.0, bfloat16=2.0)
    resumed = resume_trainer(tmp_path, precision="auto", budget=Budget(steps=4))
    assert resumed.run().precision == "bfloat16"


def test_a_resumed_run_changes_to_float32_where_bfloat16_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_two_steps(tmp_path)
    monkeypatch.setattr(precision_module, "has_bfloat16_units", lambda device: False)
    pretend_measurement(monkeypatch, float32=1.0)
    resumed = resume_trainer(tmp_path, precision="auto", budget=Budget(steps=4))
    resumed.state.precision = "bfloat16"
    state = resumed.run()
    assert (state.precision, state.step) == ("float32", 4)
    event = journal_events(tmp_path, "precision")[-1]
    assert (event["chosen"], event["step"]) == ("float32", 2)


def test_a_new_setting_changes_the_precision_of_a_resumed_run(tmp_path: Path) -> None:
    train_two_steps(tmp_path)
    resumed = resume_trainer(tmp_path, precision="float32", budget=Budget(steps=4))
    resumed.state.precision = "bfloat16"
    assert resumed.run().precision == "float32"
    event = journal_events(tmp_path, "precision")[-1]
    assert (event["chosen"], event["step"]) == ("float32", 2)


def test_a_resumed_run_cannot_change_to_bfloat16_where_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_two_steps(tmp_path)
    pretend_measurement(monkeypatch, float32=1.0)
    resumed = resume_trainer(tmp_path, precision="bfloat16", budget=Budget(steps=4))
    with pytest.raises(UserError, match="this processor cannot train in bfloat16"):
        resumed.run()
