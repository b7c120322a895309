"""The best checkpoints are kept, and their average if it is as good."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import (
    ScriptedValidator,
    StepReporter,
    best_scores,
    copy_weights,
    interrupt_at,
    journal_events,
    make_trainer,
    resume_trainer,
    same_weights,
)

from seq2seq.config.training import Budget, ValidationConfig, ValidationMetric
from seq2seq.models.weights import load_weights
from seq2seq.run import RunFolder
from seq2seq.training import checkpoint
from seq2seq.training.validation import Validation


def model_weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_weights(RunFolder(folder).model_file)


def test_the_best_checkpoints_are_kept(tmp_path: Path) -> None:
    validator = ScriptedValidator([1.0, 5.0, 3.0, 4.0, 2.0, 5.0, 0.0])
    trainer = make_trainer(tmp_path, validator=validator, validate_every=2, average=3)
    # The earlier of two equals comes first. Step 6 with BLEU 3 is no longer among the best.
    assert best_scores(trainer.run()) == [(5.0, 4), (5.0, 12), (4.0, 8)]
    run = RunFolder(tmp_path)
    files = {path.name for path in run.checkpoints_dir.glob("best-*")}
    assert files == {f"best-{step:07}.safetensors" for step in (4, 8, 12)}
    for step in (4, 8, 12):
        validated = validator.validated_weights[step // 2 - 1]
        assert same_weights(load_file(run.best_checkpoint(step)), validated)


def by_metric(metric: ValidationMetric, every_steps: int = 2) -> ValidationConfig:
    return ValidationConfig(metric=metric, every_steps=every_steps)


def test_chrf_decides_where_bleu_is_zero(tmp_path: Path) -> None:
    # An English to Japanese run had BLEU 0.00 at every validation, and kept the earliest weights.
    scores = [(0.0, 1.0), (0.0, 3.0), (0.0, 2.0), (0.0, 6.0), (0.0, 5.0), (0.0, 4.0)]
    validator = ScriptedValidator([*scores, (0.0, 0.0)])
    reporter = StepReporter()
    trainer = make_trainer(
        tmp_path, validator=validator, reporter=reporter, validate_every=2, average=3
    )
    state = trainer.run()
    assert [entry.step for entry in state.best] == [8, 10, 12]
    assert same_weights(model_weights(tmp_path), validator.validated_weights[3])
    better = [event["best"] for event in journal_events(tmp_path, "validation")]
    assert better == [True, True, False, True, False, False]
    assert "best BLEU 0.0 (chrF 6.0)" in reporter.status_lines[-1]
    assert reporter.messages[-1] == (
        "average of the 3 best checkpoints: BLEU 0.00 (chrF 0.00); best checkpoint: 0.00 "
        "(chrF 6.00). Keeping the best checkpoint."
    )


def test_chrf_decides_between_equal_scores_with_patience(tmp_path: Path) -> None:
    validator = ScriptedValidator([(0.0, 1.0), (0.0, 2.0), (0.0, 3.0), (0.0, 3.0), (0.0, 2.0)])
    trainer = make_trainer(
        tmp_path, validator=validator, validate_every=2, patience=2, budget=Budget(steps=100)
    )
    assert trainer.run().step == 10


@pytest.mark.parametrize(
    ("metric", "best_steps"),
    [("auto", [6, 2, 4]), ("bleu", [2, 6, 4]), ("chrf", [4, 6, 2]), ("loss", [4, 2, 6])],
)
def test_the_metric_decides_which_checkpoints_are_the_best(
    metric: ValidationMetric, best_steps: list[int], tmp_path: Path
) -> None:
    # For `auto`, BLEU 20.003 and 20.001 are equal.
    scores = [(20.003, 30.0), (10.0, 50.0), (20.001, 40.0)]
    validator = ScriptedValidator([*scores, (0.0, 0.0)], losses=[2.0, 1.0, 3.0, 9.0])
    trainer = make_trainer(
        tmp_path,
        validator=validator,
        validation=by_metric(metric),
        average=3,
        budget=Budget(steps=6),
    )
    assert [entry.step for entry in trainer.run().best] == best_steps
    best = validator.validated_weights[best_steps[0] // 2 - 1]
    assert same_weights(model_weights(tmp_path), best)


def test_the_metric_decides_whether_the_average_is_kept(tmp_path: Path) -> None:
    validator = ScriptedValidator([(20.0, 30.0), (10.0, 40.0), (15.0, 45.0)])
    reporter = StepReporter()
    trainer = make_trainer(
        tmp_path,
        validator=validator,
        reporter=reporter,
        validation=by_metric("chrf", every_steps=6),
    )
    state = trainer.run()
    assert same_weights(model_weights(tmp_path), validator.validated_weights[2])
    assert state.mean is not None
    assert (state.mean.bleu, state.mean.chrf) == (15.0, 45.0)
    assert reporter.messages[-1] == (
        "average of the 2 best checkpoints: chrF 45.00; best checkpoint: 40.00. "
        "Keeping the average."
    )


def test_a_resumed_run_may_have_another_metric(tmp_path: Path) -> None:
    first = ScriptedValidator([(20.0, 30.0), (10.0, 50.0)])
    budget = Budget(steps=4)
    make_trainer(tmp_path, validator=first, validate_every=2, average=2, budget=budget).run()
    later = ScriptedValidator([(5.0, 40.0)])
    trainer = resume_trainer(
        tmp_path,
        validator=later,
        validation=by_metric("chrf"),
        average=2,
        budget=Budget(steps=6),
    )
    state = trainer.run()
    assert [(entry.chrf, entry.step) for entry in state.best] == [(50.0, 4), (40.0, 6)]
    assert [event["best"] for event in journal_events(tmp_path, "validation")][-1] is False


@pytest.mark.parametrize(("bleu", "kept"), [(25.0, True), (20.0, True), (19.9, False)])
def test_the_average_is_kept_if_it_is_as_good(bleu: float, kept: bool, tmp_path: Path) -> None:
    validator = ScriptedValidator([10.0, 20.0, 5.0, bleu])
    make_trainer(tmp_path, validator=validator, validate_every=4, average=2).run()
    first, second, _, average = validator.validated_weights
    for name, tensor in average.items():
        assert torch.allclose(tensor, (first[name] + second[name]) / 2)
    assert same_weights(model_weights(tmp_path), average if kept else second)
    (event,) = journal_events(tmp_path, "mean")
    assert (event["of"], event["kept"], event["bleu"]) == ([8, 4], kept, bleu)


def test_averaging_leaves_the_weights_in_training_alone(tmp_path: Path) -> None:
    validator = ScriptedValidator([10.0, 20.0, 5.0, 25.0])
    trainer = make_trainer(tmp_path, validator=validator, validate_every=4, average=2)
    trainer.run()
    last_validated = validator.validated_weights[2]
    assert same_weights(copy_weights(trainer.model), last_validated)
    tensors, _ = checkpoint.load_last(RunFolder(tmp_path))
    for name, tensor in last_validated.items():
        assert torch.equal(tensors[f"model.{name}"], tensor)


@pytest.mark.parametrize(
    ("later_scores", "winner"),
    [
        # Better than every single checkpoint, worse than the average in model.safetensors.
        ([24.0, 23.0], "earlier average"),
        ([24.0, 25.5], "average"),
        ([26.0, 23.0], "best checkpoint"),
    ],
)
def test_a_longer_training_does_not_lose_a_better_average(
    later_scores: list[float], winner: str, tmp_path: Path
) -> None:
    validator = ScriptedValidator([10.0, 20.0, 5.0, 25.0])
    make_trainer(tmp_path, validator=validator, validate_every=4, average=2).run()
    later = ScriptedValidator(later_scores)
    reporter = StepReporter()
    resumed = resume_trainer(
        tmp_path,
        validator=later,
        reporter=reporter,
        validate_every=4,
        average=2,
        budget=Budget(steps=16),
    )
    resumed.run()
    expected = {
        "earlier average": validator.validated_weights[3],
        "average": later.validated_weights[1],
        "best checkpoint": later.validated_weights[0],
    }
    assert same_weights(model_weights(tmp_path), expected[winner])
    assert best_scores(resumed.state)[0] == (later_scores[0], 16)
    assert reporter.messages[-1] == (
        f"average of the 2 best checkpoints: BLEU {later_scores[1]:.2f}; best checkpoint: "
        f"{later_scores[0]:.2f}; earlier average: 25.00. Keeping the {winner}."
    )


def test_deleted_checkpoints_are_not_averaged(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    validator = ScriptedValidator([10.0, 20.0, 15.0, 25.0])
    trainer = make_trainer(tmp_path, validator=validator, validate_every=4, average=3)

    def validate_and_delete(precision: str) -> Validation:
        validation = validator(precision)
        if trainer.state.step == 12:  # the average comes next
            run.best_checkpoint(4).unlink()
            run.best_checkpoint(8).unlink()
        return validation

    trainer.validator = validate_and_delete  # type: ignore[assignment]
    assert trainer.run().finished == "budget"
    # Only one checkpoint was left.
    assert journal_events(tmp_path, "mean") == []
    assert same_weights(model_weights(tmp_path), validator.validated_weights[1])


def test_one_checkpoint_is_not_averaged(tmp_path: Path) -> None:
    validator = ScriptedValidator([10.0, 20.0, 5.0])
    make_trainer(tmp_path, validator=validator, validate_every=4, average=1).run()
    assert len(validator.validated_weights) == 3
    assert journal_events(tmp_path, "mean") == []


def test_an_interrupted_run_is_not_averaged(tmp_path: Path) -> None:
    reporter = StepReporter(interrupt_at(9))
    validator = ScriptedValidator([10.0, 20.0])
    make_trainer(tmp_path, validator=validator, reporter=reporter, validate_every=4).run()
    assert len(validator.validated_weights) == 2
    assert journal_events(tmp_path, "mean") == []


def test_the_moving_average_is_validated_and_kept(tmp_path: Path) -> None:
    validator = ScriptedValidator([1.0, 2.0])
    trainer = make_trainer(
        tmp_path, validator=validator, validate_every=6, average=1, ema_decay=0.9
    )
    trainer.run()
    assert trainer.ema is not None
    averages = trainer.ema.weights
    assert same_weights(validator.validated_weights[1], averages)
    assert same_weights(model_weights(tmp_path), averages)
    assert not same_weights(copy_weights(trainer.model), averages)
