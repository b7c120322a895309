"""The training loop: ends where it should, keeps what validated best, leaves nothing disturbed."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_runs import Scripted, Watch, copied, equal, events, has_bfloat16_lstm, make
from torch import Tensor

from seq2seq.data.tokenizer import PAD
from seq2seq.errors import UserError
from seq2seq.training import checkpoint
from seq2seq.training import trainer as trainer_module
from seq2seq.training.loss import alignment_cross_entropy
from seq2seq.training.optim import OptimizerConfig
from seq2seq.training.settings import Budget
from seq2seq.training.trainer import Trainer

# -- where it ends -----------------------------------------------------------------------------------------------------


def test_budgets_end_where_they_should(tmp_path: Path) -> None:
    size = len(make(tmp_path / "x").batches.epoch(0))
    second = len(make(tmp_path / "x").batches.epoch(1))
    assert size > 3
    for number, (budget, steps) in enumerate(
        [
            (Budget(steps=2), 2),
            (Budget(epochs=1), size),
            (Budget(epochs=0.5), math.ceil(size / 2)),
            (Budget(epochs=2), size + second),
        ]
    ):
        watch = Watch()
        progress = make(
            tmp_path / str(number), script=Scripted([1.0] * 9), watch=watch, budget=budget, every=1000
        ).run()
        assert (progress.step, progress.finished) == (steps, "budget")
        assert [int(facts["step"]) for facts in watch.facts] == list(range(1, steps + 1))
        # The last validation is at the end, though no 1,000 updates have been made.
        assert progress.best == [(1.0, steps)]


def test_a_budget_in_minutes_shapes_the_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr(trainer_module, "time", SimpleNamespace(monotonic=monotonic))
    optimizer = OptimizerConfig(learning_rate=0.01, warmup_steps=0, schedule="linear", final_share=0.0)
    watch = Watch()
    run = make(
        tmp_path / "run", script=Scripted([1.0]), watch=watch, every=1000, budget=Budget(minutes=1), optimizer=optimizer
    )
    assert run.run().finished == "budget"
    assert 60 <= run.progress.elapsed_s < 70
    rates = [facts["learning_rate"] for facts in watch.facts]
    assert rates[0] == 0.01
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.001
    assert rates[len(rates) // 2] == pytest.approx(0.005, abs=0.0006)
    # Time that has been used before counts.
    again = make(tmp_path / "run", script=Scripted([1.0]), every=1000, budget=Budget(minutes=2), optimizer=optimizer)
    again.resume()
    resumed_at = now
    assert 120 <= again.run().elapsed_s < 130
    assert now - resumed_at < 75


def test_patience(tmp_path: Path) -> None:
    script = Scripted([10.0, 20.0, 15.0, 20.0, 99.0])
    run = make(tmp_path / "run", script=script, every=2, patience=2, average=1, budget=Budget(steps=100))
    progress = run.run()
    # The same score again is no gain: the second in a row without one is at step 8.
    assert (progress.step, progress.finished, progress.without_gain) == (8, "patience", 2)
    assert progress.best == [(20.0, 4)]
    assert equal(load_file(tmp_path / "run" / "model.safetensors"), script.shown[1])
    assert [event["best"] for event in events(tmp_path / "run", "validation")] == [True, True, False, False]
    assert events(tmp_path / "run", "end")[0]["why"] == "patience"


def test_gradients_that_are_not_finite_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path / "run", script=Scripted([1.0] * 9), budget=Budget(steps=6), every=100)
    loss, weights = run._loss, [copied(run.model)]

    def sometimes(batch: Any) -> tuple[Tensor, Tensor]:
        weights.append(copied(run.model))
        value, likelihood = loss(batch)
        return (value * math.nan if run.progress.step in (2, 4) else value), likelihood

    monkeypatch.setattr(run, "_loss", sometimes)
    run.run()
    assert [event["step"] for event in events(tmp_path / "run", "skipped")] == [3, 5]
    changed = [not equal(one, other) for one, other in zip(weights[1:], [*weights[2:], copied(run.model)], strict=True)]
    assert changed == [True, True, False, True, False, True]

    broken = make(tmp_path / "broken", script=Scripted([]), budget=Budget(steps=100), every=1000)
    never = torch.tensor(math.nan)
    monkeypatch.setattr(broken, "_loss", lambda batch: (sum(p.sum() for p in broken.model.parameters()) * never, never))
    with pytest.raises(UserError, match="The loss is not a number any more"):
        broken.run()
    assert broken.progress.step == 19


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_the_best_checkpoints_are_kept(tmp_path: Path) -> None:
    script = Scripted([1.0, 5.0, 3.0, 4.0, 2.0, 5.0, 0.0])
    run = make(tmp_path / "run", script=script, every=2, average=3)
    run.run()
    # The earlier one of two equals comes first; the one with BLEU 3 has fallen out.
    assert run.progress.best == [(5.0, 4), (5.0, 12), (4.0, 8)]
    files = {path.name for path in (tmp_path / "run" / "checkpoints").glob("best-*")}
    assert files == {f"best-{step:07}.safetensors" for step in (4, 8, 12)}
    for step in (4, 8, 12):
        found = load_file(tmp_path / "run" / "checkpoints" / f"best-{step:07}.safetensors")
        assert equal(found, script.shown[step // 2 - 1])


@pytest.mark.parametrize(("score", "kept"), [(25.0, True), (20.0, True), (19.9, False)])
def test_the_mean_of_the_best_is_kept_if_it_is_as_good(score: float, kept: bool, tmp_path: Path) -> None:
    script = Scripted([10.0, 20.0, 5.0, score])
    run = make(tmp_path / "run", script=script, every=4, average=2)
    run.run()
    first, second, _, mean = script.shown
    assert all(torch.allclose(mean[name], (first[name] + second[name]) / 2) for name in mean)
    assert equal(load_file(tmp_path / "run" / "model.safetensors"), mean if kept else second)
    (event,) = events(tmp_path / "run", "mean")
    assert (event["of"], event["kept"], event["bleu"]) == ([8, 4], kept, score)
    # The model itself, and what a resumed run would take up, are still where training ended.
    last, _ = checkpoint.load_last(tmp_path / "run")
    assert all(torch.equal(last[f"model.{name}"], tensor) for name, tensor in copied(run.model).items())


@pytest.mark.parametrize(
    ("then", "kept"),
    [
        ([24.0, 23.0], "the mean of before"),  # better than any single one, and worse than the mean that translates
        ([24.0, 25.5], "the mean"),
        ([26.0, 23.0], "the best one"),
    ],
)
def test_going_on_after_the_end_does_not_lose_a_better_mean(then: list[float], kept: str, tmp_path: Path) -> None:
    script = Scripted([10.0, 20.0, 5.0, 25.0])
    make(tmp_path / "run", script=script, every=4, average=2).run()
    more = Scripted(then)
    again = make(tmp_path / "run", script=more, every=4, average=2, budget=Budget(steps=16))
    again.resume()
    again.run()
    expected = {"the mean of before": script.shown[3], "the mean": more.shown[1], "the best one": more.shown[0]}
    assert equal(load_file(tmp_path / "run" / "model.safetensors"), expected[kept])
    assert again.progress.best[0] == (then[0], 16)


def test_the_mean_is_of_the_best_that_are_still_there(tmp_path: Path) -> None:
    script = Scripted([10.0, 20.0, 15.0, 25.0])
    run = make(tmp_path / "run", script=script, every=4, average=3)
    validate, deleted = run.validator, [4, 8, 12]

    def deleting(precision: Any) -> Any:
        found = validate(precision)
        if len(script.shown) == 3:  # the next thing is the mean
            for step in deleted:
                checkpoint.best_file(tmp_path / "run", step).unlink(missing_ok=True)
        return found

    run.validator = deleting
    run.run()
    # The last of the three was written after the deletion: one alone has no mean.
    assert events(tmp_path / "run", "mean") == []
    assert run.progress.finished == "budget"
    assert equal(load_file(tmp_path / "run" / "model.safetensors"), script.shown[1])


def test_one_checkpoint_has_no_mean(tmp_path: Path) -> None:
    script = Scripted([10.0, 20.0, 5.0])
    make(tmp_path / "run", script=script, every=4, average=1).run()
    assert len(script.shown) == 3
    assert events(tmp_path / "run", "mean") == []


def test_the_running_mean_is_validated_and_kept(tmp_path: Path) -> None:
    script = Scripted([1.0, 2.0])
    run = make(tmp_path / "run", script=script, every=6, average=1, ema=0.9)
    run.run()
    last, _ = checkpoint.load_last(tmp_path / "run")
    mean = {name.removeprefix("ema."): tensor for name, tensor in last.items() if name.startswith("ema.")}
    assert equal(load_file(tmp_path / "run" / "model.safetensors"), mean)
    assert equal(script.shown[1], mean)
    assert equal({name: last[f"model.{name}"] for name in mean}, copied(run.model))
    assert not equal(mean, copied(run.model))


@pytest.mark.skipif(not has_bfloat16_lstm(), reason="this processor has no LSTM in bfloat16")
def test_weights_are_float32_whatever_the_precision(tmp_path: Path) -> None:
    run = make(tmp_path / "run", precision="bfloat16", budget=Budget(steps=3))
    assert run.run().precision == "bfloat16"
    assert all(tensor.dtype == torch.float32 for tensor in load_file(tmp_path / "run" / "model.safetensors").values())
    # A resumed run keeps the format that was chosen.
    again = make(tmp_path / "run", precision="auto", budget=Budget(steps=4))
    again.resume()
    assert again.run().precision == "bfloat16"


def test_choosing_the_precision_leaves_training_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "given").run()
    measure, seen = trainer_module.measure_precisions, []

    def measured(*given: Any) -> dict[str, float]:
        seen.append(measure(*given))
        return {"float32": 1.0, "bfloat16": 2.0}

    monkeypatch.setattr(trainer_module, "measure_precisions", measured)
    run = make(tmp_path / "auto", precision="auto")
    before, state = copied(run.model), torch.get_rng_state()
    assert run._choose_precision() == "float32"
    assert equal(copied(run.model), before)
    assert torch.equal(torch.get_rng_state(), state)
    run.run()
    assert len(seen) == 2
    assert seen[0].keys() == ({"float32", "bfloat16"} if has_bfloat16_lstm() else {"float32"})
    given, auto = (load_file(tmp_path / name / "checkpoints/last/state.safetensors") for name in ("given", "auto"))
    assert equal(given, auto)
    assert events(tmp_path / "auto", "precision")[0]["chosen"] == "float32"


def test_bfloat16_where_it_cannot_be_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "measure_precisions", lambda *given: {"float32": 1.0})
    with pytest.raises(UserError, match="this processor cannot train in"):
        make(tmp_path / "run", precision="bfloat16").run()


def test_a_run_begun_in_bfloat16_goes_on_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path / "run", precision="float32", budget=Budget(steps=2))
    assert run.run().precision == "float32"
    monkeypatch.setattr(trainer_module, "has_bfloat16_units", lambda device: False)
    monkeypatch.setattr(trainer_module, "measure_precisions", lambda *given: {"float32": 1.0})
    again = make(tmp_path / "run", precision="auto", budget=Budget(steps=4))
    again.resume()
    again.progress.precision = "bfloat16"
    assert again.run().precision == "float32"
    assert again.progress.step == 4
    noted = events(tmp_path / "run", "precision")[-1]
    assert (noted["chosen"], noted["step"]) == ("float32", 2)


def test_a_precision_that_is_given_on_resuming_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "run", precision="float32", budget=Budget(steps=2)).run()
    again = make(tmp_path / "run", precision="float32", budget=Budget(steps=4))
    again.resume()
    again.progress.precision = "bfloat16"
    assert again.run().precision == "float32"
    noted = events(tmp_path / "run", "precision")[-1]
    assert (noted["chosen"], noted["step"]) == ("float32", 2)
    # The other way round, where it cannot be.
    monkeypatch.setattr(trainer_module, "measure_precisions", lambda *given: {"float32": 1.0})
    impossible = make(tmp_path / "run", precision="bfloat16", budget=Budget(steps=6))
    impossible.resume()
    with pytest.raises(UserError, match="this processor cannot train in"):
        impossible.run()


def test_a_step_moves_against_the_gradient_and_is_clipped(tmp_path: Path) -> None:
    plain = {"learning_rate": 0.01, "warmup_steps": 0, "weight_decay": 0.0, "schedule": "constant"}
    norms = {}
    for clip in (0.0, 1e-12):
        optimizer = OptimizerConfig(**plain, clip_norm=clip)
        run = make(tmp_path / str(clip), script=Scripted([1.0]), budget=Budget(steps=1), optimizer=optimizer)
        before = copied(run.model)
        run.run()
        norms[clip] = max(float((p.detach() - before[name]).abs().max()) for name, p in run.model.named_parameters())
    assert norms[0.0] == pytest.approx(0.01, rel=1e-2)  # Adam's first step
    assert norms[1e-12] < 0.001  # far below eps: hardly a step


@pytest.mark.parametrize("given", [{}, {"steps": 1, "minutes": 1.0}, {"steps": 0}, {"epochs": -1.0}])
def test_a_budget_is_one_of_three(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give exactly one|above 0"):
        Budget(**given)


def test_the_checkpoint_is_plain_json_and_tensors(tmp_path: Path) -> None:
    make(tmp_path / "run", script=Scripted([1.0] * 9)).run()
    last = tmp_path / "run" / "checkpoints" / "last"
    assert sorted(path.name for path in last.iterdir()) == ["state.json", "state.safetensors"]
    facts = json.loads((last / "state.json").read_text())
    assert facts["step"] == 12
    assert facts["precision"] == "float32"


# -- guided alignment --------------------------------------------------------------------------------------------------


def _disagreement(trainer: Trainer) -> float:
    """Of the attention with the alignment, in nats a piece."""
    trainer.model.eval()
    trainer.batches.align()
    batch = next(trainer.batches.batches(0))
    assert batch.alignment is not None
    attention = trainer.model(batch.source, batch.source_mask, batch.target_in).attention
    return float(alignment_cross_entropy(attention, batch.alignment, batch.target_out, ignore=PAD).detach())


def test_the_attention_goes_where_it_is_guided(tmp_path: Path) -> None:
    found = {}
    for strength in (0.0, 5.0):
        budget = Budget(steps=150)
        trainer = make(
            tmp_path / str(strength), script=Scripted([1.0]), every=999, budget=budget, guided_alignment=strength
        )
        before = _disagreement(trainer)
        trainer.run()
        found[strength] = _disagreement(trainer)
        assert strength == 0 or found[strength] < before
    assert found[5.0] < found[0.0] - 0.15


def test_the_guidance_falls_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make(tmp_path / "run", guided_alignment=0.8)
    disagreement = _disagreement(trainer)
    trainer.progress.precision = "float32"
    batch = next(trainer.batches.batches(0))
    losses = {}
    for share in (0.0, 0.75, 1.0, 1.5):
        monkeypatch.setattr(trainer, "_share_used", lambda share=share: share)
        losses[share] = float(trainer._loss(batch)[0].detach())
    assert losses[0.0] - losses[1.0] == pytest.approx(0.8 * disagreement, rel=1e-4)
    assert losses[0.75] - losses[1.0] == pytest.approx(0.2 * disagreement, rel=1e-4)
    assert losses[1.5] == losses[1.0]
