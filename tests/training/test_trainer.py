"""The training loop: where it ends, what an update does, what it reports."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import (
    ScriptedValidator,
    StepReporter,
    best_scores,
    copy_weights,
    journal_events,
    make_trainer,
    resume_trainer,
    same_weights,
)
from torch import Tensor

from seq2seq.config.training import Budget, OptimizerConfig
from seq2seq.data.batching import Batch
from seq2seq.errors import UserError
from seq2seq.text.tokenizer import PAD
from seq2seq.training import trainer as trainer_module
from seq2seq.training.loss import alignment_cross_entropy
from seq2seq.training.trainer import Trainer


def never_validate(validator: ScriptedValidator | None = None) -> dict[str, Any]:
    """Arguments of `make_trainer` for a run that validates only at its end."""
    return {"validator": validator or ScriptedValidator([1.0]), "validate_every": 1000}


# -- where training ends ---------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [0, 0.5, 1, 2])
def test_budgets_end_where_they_should(epochs: float, tmp_path: Path) -> None:
    batches = make_trainer(tmp_path / "other").batches
    sizes = [batches.num_batches(0), batches.num_batches(1)]
    expected_steps = {0: 2, 0.5: math.ceil(sizes[0] / 2), 1: sizes[0], 2: sum(sizes)}[epochs]
    budget = Budget(epochs=epochs) if epochs else Budget(steps=2)
    reporter = StepReporter()
    trainer = make_trainer(tmp_path / "run", reporter=reporter, budget=budget, **never_validate())
    state = trainer.run()
    assert (state.step, state.finished) == (expected_steps, "budget")
    assert reporter.steps == list(range(1, expected_steps + 1))


def test_the_last_weights_are_validated(tmp_path: Path) -> None:
    state = make_trainer(tmp_path, budget=Budget(steps=3), **never_validate()).run()
    assert best_scores(state) == [(1.0, 3)]


def use_ticking_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the trainer's clock by one that advances one second at each reading."""
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr(trainer_module, "time", SimpleNamespace(monotonic=monotonic))


def test_a_budget_in_minutes_shapes_the_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_ticking_clock(monkeypatch)
    optimizer = OptimizerConfig(
        learning_rate=0.01, warmup_steps=0, schedule="linear", min_lr_ratio=0.0
    )
    reporter = StepReporter()
    trainer = make_trainer(
        tmp_path,
        reporter=reporter,
        budget=Budget(minutes=1),
        optimizer=optimizer,
        **never_validate(),
    )
    rates = []
    reporter.on_step = lambda step: rates.append(trainer.optimizer.param_groups[0]["lr"])
    state = trainer.run()
    assert state.finished == "budget"
    assert 60 <= state.elapsed_s < 70
    assert rates[0] == 0.01
    assert rates == sorted(rates, reverse=True)
    assert rates[len(rates) // 2] == pytest.approx(0.005, abs=0.0006)
    assert rates[-1] < 0.001


def test_a_resumed_budget_in_minutes_counts_the_time_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_ticking_clock(monkeypatch)
    first = make_trainer(tmp_path, budget=Budget(minutes=1), **never_validate()).run()
    resumed = resume_trainer(tmp_path, budget=Budget(minutes=2), **never_validate())
    state = resumed.run()
    assert 120 <= state.elapsed_s < 130
    assert state.step - first.step < 75


def test_patience(tmp_path: Path) -> None:
    validator = ScriptedValidator([10.0, 20.0, 15.0, 20.0, 99.0])
    trainer = make_trainer(
        tmp_path,
        validator=validator,
        validate_every=2,
        patience=2,
        average=1,
        budget=Budget(steps=100),
    )
    state = trainer.run()
    # The same score again is not better. So step 8 is the second validation without a better score.
    assert (state.step, state.finished, state.without_gain) == (8, "patience", 2)
    assert best_scores(state) == [(20.0, 4)]
    model = load_file(tmp_path / "model.safetensors")
    assert same_weights(model, validator.validated_weights[1])
    better = [event["best"] for event in journal_events(tmp_path, "validation")]
    assert better == [True, True, False, False]
    assert journal_events(tmp_path, "end")[0]["why"] == "patience"


# -- updates ---------------------------------------------------------------------------------------


def largest_change(folder: Path, max_grad_norm: float) -> float:
    """Returns the largest change of a weight in one update."""
    optimizer = OptimizerConfig(
        learning_rate=0.01,
        warmup_steps=0,
        weight_decay=0.0,
        schedule="constant",
        max_grad_norm=max_grad_norm,
    )
    trainer = make_trainer(folder, budget=Budget(steps=1), optimizer=optimizer, **never_validate())
    before = copy_weights(trainer.model)
    trainer.run()
    after = copy_weights(trainer.model)
    return max(float((after[name] - before[name]).abs().max()) for name in after)


def test_the_first_update_has_the_size_of_the_learning_rate(tmp_path: Path) -> None:
    assert largest_change(tmp_path, max_grad_norm=0.0) == pytest.approx(0.01, rel=1e-2)


def test_gradients_are_clipped(tmp_path: Path) -> None:
    # With gradients far below Adam's epsilon, weights hardly change.
    assert largest_change(tmp_path, max_grad_norm=1e-12) < 0.001


def break_loss(trainer: Trainer, at_steps: range | tuple[int, ...]) -> list[dict[str, Tensor]]:
    """Makes the loss NaN in some updates. Returns a list that collects the weights before each."""
    original_loss = trainer._loss
    weights = []

    def loss(batch: Batch) -> tuple[Tensor, Tensor]:
        weights.append(copy_weights(trainer.model))
        value, likelihood = original_loss(batch)
        if trainer.state.step + 1 in at_steps:
            value = value * math.nan
        return value, likelihood

    trainer._loss = loss  # type: ignore[method-assign]
    return weights


def test_updates_with_a_broken_gradient_are_skipped(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, budget=Budget(steps=6), **never_validate())
    weights = break_loss(trainer, at_steps=(1, 3, 5))
    trainer.run()
    weights.append(copy_weights(trainer.model))
    skipped = [event["step"] for event in journal_events(tmp_path, "skipped")]
    assert skipped == [1, 3, 5]
    unchanged = [same_weights(weights[i], weights[i + 1]) for i in range(6)]
    assert unchanged == [True, False, True, False, True, False]


def test_training_stops_after_twenty_broken_gradients_in_a_row(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, budget=Budget(steps=100), **never_validate())
    break_loss(trainer, at_steps=range(5, 100))
    with pytest.raises(UserError, match=r"NaN or inf in 20 updates in a row\. Lower training"):
        trainer.run()
    assert trainer.state.step == 23


def test_a_sound_gradient_restarts_the_count(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, budget=Budget(steps=39), **never_validate())
    break_loss(trainer, at_steps=(*range(1, 20), *range(21, 39)))
    assert trainer.run().finished == "budget"


# -- reports ---------------------------------------------------------------------------------------


def test_status_lines_and_messages(tmp_path: Path) -> None:
    reporter = StepReporter()
    validator = ScriptedValidator([28.44])
    make_trainer(tmp_path, reporter=reporter, validator=validator, budget=Budget(steps=6)).run()
    assert "best BLEU" not in reporter.status_lines[4]
    assert "step 6  epoch 1  loss" in reporter.status_lines[5]
    assert "best BLEU 28.4" in reporter.status_lines[5]
    assert reporter.messages[0].startswith("validation at step 5 (0:0")
    assert reporter.messages[0].endswith("BLEU 28.44  chrF 0.00  best so far")


# -- guided alignment ------------------------------------------------------------------------------


def alignment_loss(trainer: Trainer) -> float:
    """Returns how far the attention is from the alignment, in nats per target token."""
    trainer.model.eval()
    trainer.batches.align(guide_attention=True)
    batch = next(trainer.batches.batches(0))
    assert batch.alignment is not None
    decoded = trainer.model(batch.source, batch.source_mask, batch.target_in)
    loss = alignment_cross_entropy(decoded.attention, batch.alignment, batch.target_out, ignore=PAD)
    return float(loss.detach())


def test_guidance_moves_the_attention_toward_the_alignment(tmp_path: Path) -> None:
    losses = {}
    for weight in (0.0, 5.0):
        trainer = make_trainer(
            tmp_path / str(weight),
            budget=Budget(steps=80),
            guided_alignment=weight,
            optimizer=OptimizerConfig(learning_rate=0.02, warmup_steps=3),
            **never_validate(),
        )
        untrained = alignment_loss(trainer)
        trainer.run()
        losses[weight] = alignment_loss(trainer)
    assert losses[5.0] < untrained
    assert losses[5.0] < losses[0.0] - 0.15


def test_guidance_falls_to_zero_over_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path, guided_alignment=0.8)
    full = 0.8 * alignment_loss(trainer)
    trainer.state.precision = "float32"
    batch = next(trainer.batches.batches(0))

    def loss_at(budget_used: float) -> float:
        monkeypatch.setattr(trainer, "_budget_used", lambda: budget_used)
        return float(trainer._loss(batch)[0].detach())

    unguided = loss_at(1.0)
    assert loss_at(0.0) - unguided == pytest.approx(full, rel=1e-4)
    assert loss_at(0.75) - unguided == pytest.approx(full / 4, rel=1e-4)
    assert loss_at(1.5) == unguided


def test_training_uses_no_random_numbers_of_the_validation(tmp_path: Path) -> None:
    validated = make_trainer(tmp_path / "validated", validate_every=2)
    validated.run()
    random_state = torch.get_rng_state()
    unvalidated = make_trainer(tmp_path / "unvalidated", **never_validate())
    unvalidated.run()
    assert same_weights(copy_weights(validated.model), copy_weights(unvalidated.model))
    assert torch.equal(torch.get_rng_state(), random_state)
