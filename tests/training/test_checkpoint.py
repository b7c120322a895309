"""Checkpoints: complete after a kill at any moment, exact when restored."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import copy_weights, same_weights
from torch import nn

from seq2seq.errors import UserError
from seq2seq.files import atomic_write_text
from seq2seq.models.weights import save_weights
from seq2seq.run import RunFolder
from seq2seq.training import checkpoint
from seq2seq.training.journal import Journal
from seq2seq.training.optimizer import ExponentialMovingAverage
from seq2seq.training.state import BestCheckpoint, TrainingState

CPU = torch.device("cpu")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def save(run: RunFolder, step: int) -> None:
    """Saves a checkpoint whose tensor and state both hold `step`."""
    checkpoint.save_last(run, {"a": torch.tensor([float(step)])}, TrainingState(step=step))


def load_step(run: RunFolder) -> int:
    """Loads the checkpoint that `save` saved, and checks that its two files belong together."""
    tensors, state = checkpoint.load_last(run)
    assert float(tensors["a"]) == state.step
    return state.step


# -- files -----------------------------------------------------------------------------------------


def best_checkpoint(bleu: float, step: int) -> BestCheckpoint:
    return BestCheckpoint(loss=2.0, bleu=bleu, chrf=40.0, step=step)


def test_a_checkpoint_is_read_as_it_was_saved(run: RunFolder) -> None:
    tensors = {
        "model.a": torch.full((2,), 3.0),
        "random.cpu": torch.get_rng_state(),
        "optimizer.0.step": torch.tensor(2.0),
    }
    state = TrainingState(
        step=7, recent=[(2.0, 3, 0.1)], best=[best_checkpoint(1.5, 2)], precision="float32"
    )
    checkpoint.save_last(run, tensors, state)
    loaded_tensors, loaded_state = checkpoint.load_last(run)
    assert same_weights(loaded_tensors, tensors)
    assert loaded_state == checkpoint.load_training_state(run) == state


def test_a_new_checkpoint_replaces_the_old_one(run: RunFolder) -> None:
    for step in (1, 2, 3):
        save(run, step)
        assert load_step(run) == step
    assert list(run.checkpoints_dir.iterdir()) == [run.last.path]


def test_a_checkpoint_is_plain_tensors_and_json(run: RunFolder) -> None:
    save(run, 1)
    files = sorted(run.last.path.iterdir())
    assert files == [run.last.state_file, run.last.tensors_file]
    assert [file.suffix for file in files] == [".json", ".safetensors"]


def test_a_run_without_a_checkpoint_cannot_be_resumed(run: RunFolder) -> None:
    assert not checkpoint.has_checkpoint(run)
    assert checkpoint.existing_best(run) == []
    for load in (checkpoint.load_last, checkpoint.load_training_state):
        with pytest.raises(UserError, match=r"has no checkpoint to resume from\. Train without"):
            load(run)


@pytest.mark.parametrize("text", ['{"step": 1', "[]", "{}", '{"best": 3}'])
def test_a_damaged_state_is_reported(text: str, run: RunFolder) -> None:
    save(run, 1)
    assert checkpoint.has_checkpoint(run)
    run.last.state_file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=rf"{run.last.state_file.name} is damaged"):
        checkpoint.load_last(run)


def test_existing_best_checkpoints_are_those_that_still_exist(run: RunFolder) -> None:
    best = [best_checkpoint(3.0, 4), best_checkpoint(2.0, 8), best_checkpoint(1.0, 6)]
    state = TrainingState(step=9, best=best)
    checkpoint.save_last(run, {"a": torch.ones(1)}, state)
    for step in (4, 6):
        run.best_checkpoint(step).touch()
    assert checkpoint.existing_best(run) == [
        (4, run.best_checkpoint(4)),
        (6, run.best_checkpoint(6)),
    ]


# -- what can go wrong while saving ----------------------------------------------------------------


def test_a_full_disk_leaves_the_old_checkpoint(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(run, 1)

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("seq2seq.files.os.fsync", fail)
        with pytest.raises(UserError, match=r"cannot be written .*No space left.*with --resume"):
            save(run, 2)
    assert load_step(run) == 1


def test_an_interrupt_leaves_the_old_checkpoint(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(run, 1)

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seq2seq.files.os.fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save(run, 2)
    assert load_step(run) == 1


class Killed(BaseException):
    """Stands for a power cut: nothing after it runs."""


def kill_before(disk_operation: int, patch: pytest.MonkeyPatch) -> None:
    """Makes the process die before this change to the disk, counted from 1. 0 means never."""
    done = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done == disk_operation:
                raise Killed
            return function(*args, **kwargs)

        return call

    module = "seq2seq.training.checkpoint"
    patch.setattr(f"{module}.shutil.rmtree", counted(shutil.rmtree))
    patch.setattr(f"{module}.save_weights", counted(save_weights))
    patch.setattr(f"{module}.atomic_write_text", counted(atomic_write_text))
    patch.setattr(Path, "rename", counted(Path.rename))


def save_and_die(run: RunFolder, step: int, disk_operation: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_before(disk_operation, patch)
        try:
            save(run, step)
        except Killed:
            pass


@pytest.mark.parametrize("first_kill", range(1, 8))
@pytest.mark.parametrize("second_kill", range(8))
def test_two_kills_at_any_moment_leave_a_complete_checkpoint(
    first_kill: int, second_kill: int, run: RunFolder
) -> None:
    save(run, 1)
    save_and_die(run, 2, first_kill)
    assert load_step(run) in (1, 2)
    save_and_die(run, 3, second_kill)
    assert load_step(run) in (1, 2, 3)
    save(run, 4)
    assert load_step(run) == 4
    assert list(run.checkpoints_dir.iterdir()) == [run.last.path]


# -- what a new training would destroy -------------------------------------------------------------


@pytest.mark.parametrize(
    ("has_model", "has_checkpoint", "events", "holds"),
    [
        (False, False, [], False),
        (False, False, ["start", "validation"], False),
        # Killed while the first checkpoint was written.
        (True, False, ["start", "validation"], False),
        (True, False, ["start", "validation", "validation"], True),
        # Copied without its checkpoints.
        (True, False, ["start", "validation", "end"], True),
        # Exported.
        (True, False, [], True),
        (False, True, ["start"], True),
    ],
)
def test_holds_training(
    has_model: bool, has_checkpoint: bool, events: list[str], holds: bool, run: RunFolder
) -> None:
    if has_model:
        run.model_file.touch()
    if has_checkpoint:
        save(run, 1)
    for event in events:
        Journal(run.journal_file).write(event, step=1)
    assert checkpoint.holds_training(run) is holds


# -- tensors ---------------------------------------------------------------------------------------


def make_model(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))


def make_optimizer(model: nn.Module) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    """Updates the model; dropout makes the updates depend on torch's random state."""
    for _ in range(steps):
        model(torch.ones(5, 3)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_restored_training_continues_exactly() -> None:
    model = make_model(1)
    optimizer = make_optimizer(model)
    train(model, optimizer, steps=3)
    tensors = checkpoint.training_tensors(model, optimizer, None, CPU)
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    train(model, optimizer, steps=2)

    restored = make_model(2)
    restored_optimizer = make_optimizer(restored)
    checkpoint.restore_training(tensors, restored, restored_optimizer, None, Path("x"))
    train(restored, restored_optimizer, steps=2)
    assert same_weights(copy_weights(restored), copy_weights(model))


def test_a_new_optimizer_has_no_tensors() -> None:
    assert checkpoint.optimizer_tensors(make_optimizer(make_model(1))) == {}


def test_the_moving_average_is_restored() -> None:
    model = make_model(1)
    ema = ExponentialMovingAverage(make_model(2), 0.9)
    tensors = checkpoint.training_tensors(model, make_optimizer(model), ema, CPU)

    restored = make_model(3)
    restored_ema = ExponentialMovingAverage(restored, 0.9)
    checkpoint.restore_training(
        tensors, restored, make_optimizer(restored), restored_ema, Path("x")
    )
    assert same_weights(restored_ema.weights, ema.weights)


def test_a_moving_average_that_is_new_starts_at_the_restored_weights() -> None:
    model = make_model(1)
    tensors = checkpoint.training_tensors(model, make_optimizer(model), None, CPU)

    restored = make_model(2)
    ema = ExponentialMovingAverage(restored, 0.9)
    checkpoint.restore_training(tensors, restored, make_optimizer(restored), ema, Path("x"))
    assert same_weights(ema.weights, copy_weights(model))
