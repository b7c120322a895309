"""A resumed run continues exactly as if it had never been interrupted. Ctrl-C saves the run."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
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
    saved_state,
)

from seq2seq.config.training import Budget
from seq2seq.run import RunFolder
from seq2seq.training import checkpoint
from seq2seq.training import trainer as trainer_module


def train_in_parts(folder: Path, stops: tuple[int, ...], last: int, **arguments: Any) -> list[str]:
    """Trains to update `last`, interrupted after each of `stops`. Returns the status lines.

    Each part begins with other random numbers, as a new process would.
    """
    lines = []
    for number, stop in enumerate((*stops, last)):
        reporter = StepReporter() if stop == last else StepReporter(interrupt_at(stop))
        if number == 0:
            trainer = make_trainer(folder, reporter=reporter, **arguments)
        else:
            trainer = resume_trainer(folder, reporter=reporter, seed=100 + number, **arguments)
        state = trainer.run()
        assert state.step == stop
        assert state.finished == ("budget" if stop == last else "")
        lines += reporter.lines_without_clock
    return lines


def assert_same_tensors(first: Path, second: Path) -> None:
    """Compares the model and the last checkpoint of two run folders."""
    first_run = RunFolder(first)
    second_run = RunFolder(second)
    model = load_file(first_run.model_file)
    assert same_weights(model, load_file(second_run.model_file))
    tensors = load_file(first_run.last.tensors_file)
    assert same_weights(tensors, load_file(second_run.last.tensors_file))


@pytest.mark.parametrize("stops", [(7,), (5,), (1, 6, 11)], ids=str)
def test_a_resumed_run_equals_an_uninterrupted_run(stops: tuple[int, ...], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    parts = tmp_path / "parts"
    whole_lines = train_in_parts(whole, (), 12, ema_decay=0.9)
    assert train_in_parts(parts, stops, 12, ema_decay=0.9) == whole_lines
    assert_same_tensors(whole, parts)
    assert saved_state(whole) == saved_state(parts)
    for kind in ("validation", "mean", "end"):
        assert journal_events(whole, kind) == journal_events(parts, kind)
    assert [event["step"] for event in journal_events(parts, "validation")] == [5, 10, 12]


RESUME = """
import sys
from pathlib import Path
from tiny_runs import resume_trainer
resume_trainer(Path(sys.argv[1]), seed=100).run()
"""


def test_a_run_resumed_in_another_process_equals_a_run_that_never_stopped(tmp_path: Path) -> None:
    # The tiny runs sample their segmentations anew in each epoch.
    whole = tmp_path / "whole"
    parts = tmp_path / "parts"
    train_in_parts(whole, (), 12)
    make_trainer(parts, reporter=StepReporter(interrupt_at(1))).run()
    # pytest has put the folders of the helpers on the path.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", RESUME, str(parts)]
    subprocess.run(command, env=environment, check=True, timeout=120)
    assert_same_tensors(whole, parts)
    assert saved_state(whole) == saved_state(parts)
    assert journal_events(whole, "validation") == journal_events(parts, "validation")


def test_step_events_do_not_show_where_a_run_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "_JOURNAL_STEPS", 10)
    arguments = {"validate_every": 1000, "budget": Budget(steps=24)}
    for name, stops in (("whole", ()), ("parts", (7, 12))):
        validator = ScriptedValidator([1.0])
        train_in_parts(tmp_path / name, stops, 24, validator=validator, **arguments)
    whole = journal_events(tmp_path / "whole", "step")
    assert [event["step"] for event in whole] == [10, 20]
    assert whole == journal_events(tmp_path / "parts", "step")
    assert whole[1]["loss"] < whole[0]["loss"]
    assert {"epoch", "learning_rate", "gradient_norm"} <= whole[0].keys()


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    def weights_files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*.safetensors")}

    make_trainer(tmp_path, budget=Budget(steps=7)).run()
    files = weights_files()
    events = journal_events(tmp_path, "validation", "mean", "end")
    state = resume_trainer(tmp_path, budget=Budget(steps=7), seed=9).run()
    assert (state.step, state.finished) == (7, "budget")
    assert weights_files() == files
    assert journal_events(tmp_path, "validation", "mean", "end") == events


def test_a_finished_run_continues_with_a_larger_budget(tmp_path: Path) -> None:
    make_trainer(tmp_path, budget=Budget(steps=7)).run()
    state = resume_trainer(tmp_path, budget=Budget(steps=9), seed=9).run()
    assert state.step == 9
    assert [event["step"] for event in journal_events(tmp_path, "validation")] == [5, 7, 9]
    assert sorted(entry.step for entry in state.best) == [5, 7, 9]


def test_a_run_killed_during_its_end_repeats_the_end(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == 3:  # the average of the two checkpoints
            raise KeyboardInterrupt

    validator = ScriptedValidator([10.0, 20.0, 30.0], fail)
    with pytest.raises(KeyboardInterrupt):
        make_trainer(tmp_path, validator=validator, validate_every=6).run()
    assert checkpoint.load_training_state(RunFolder(tmp_path)).finished == ""
    validator = ScriptedValidator([30.0])
    state = resume_trainer(tmp_path, validator=validator, validate_every=6).run()
    assert (state.step, state.finished) == (12, "budget")
    assert state.mean is not None
    assert state.mean.bleu == 30.0
    assert len(validator.validated_weights) == 1


# -- interrupts ------------------------------------------------------------------------------------


def interrupts_at(step: int, count: int) -> StepReporter:
    """Returns a reporter that acts like several Ctrl-C after an update."""

    def interrupt(current: int) -> None:
        if current == step:
            for _ in range(count):
                signal.raise_signal(signal.SIGINT)

    return StepReporter(interrupt)


def test_an_interrupt_saves_a_checkpoint(tmp_path: Path) -> None:
    state = make_trainer(tmp_path, reporter=StepReporter(interrupt_at(3))).run()
    assert (state.step, state.finished) == (3, "")
    assert checkpoint.has_checkpoint(RunFolder(tmp_path))
    assert [event["why"] for event in journal_events(tmp_path, "end")] == ["interrupted"]


def test_an_interrupt_before_the_first_validation_leaves_a_model(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, reporter=StepReporter(interrupt_at(3)))
    trainer.run()
    weights = load_file(tmp_path / "model.safetensors")
    assert same_weights(weights, copy_weights(trainer.model))


def test_an_interrupt_during_a_validation_lets_it_finish(tmp_path: Path) -> None:
    state = make_trainer(tmp_path, validator=ScriptedValidator([7.0], interrupt_at(1))).run()
    assert (state.step, state.finished) == (5, "")
    assert best_scores(state) == [(7.0, 5)]
    assert [event["bleu"] for event in journal_events(tmp_path, "validation")] == [7.0]


def test_a_second_interrupt_waits_for_the_checkpoint_and_says_so(tmp_path: Path) -> None:
    reporter = interrupts_at(7, count=2)
    state = make_trainer(tmp_path, reporter=reporter).run()
    assert (state.step, state.finished) == (7, "")
    assert checkpoint.load_training_state(RunFolder(tmp_path)).step == 7
    assert [message for message in reporter.messages if "Ctrl-C" in message] == [
        "The current update or validation is finished first, and then the training is saved. "
        "Press Ctrl-C again to end at once, without the updates since the last checkpoint."
    ]


def test_a_third_interrupt_stops_at_once_and_says_what_remains(tmp_path: Path) -> None:
    message = r"^Interrupted at step 7, not saved\. The checkpoint of step 5 remains\.$"
    with pytest.raises(KeyboardInterrupt, match=message):
        make_trainer(tmp_path, reporter=interrupts_at(7, count=3)).run()
    assert checkpoint.load_training_state(RunFolder(tmp_path)).step == 5


def test_a_third_interrupt_before_the_first_checkpoint_says_so(tmp_path: Path) -> None:
    message = r"^Interrupted at step 3, not saved\. There is no checkpoint yet\.$"
    with pytest.raises(KeyboardInterrupt, match=message):
        make_trainer(tmp_path, reporter=interrupts_at(3, count=3)).run()


def test_an_interrupt_at_the_end_is_not_lost(tmp_path: Path) -> None:
    """A comparison must not go on with its next training."""
    validator = ScriptedValidator([7.0], interrupt_at(3))
    with pytest.raises(KeyboardInterrupt, match=r"^Interrupted; saved at step 12\.$"):
        make_trainer(tmp_path, validator=validator).run()
    assert checkpoint.load_training_state(RunFolder(tmp_path)).finished == "budget"


@pytest.mark.parametrize("interrupts", [1, 3])
def test_training_restores_the_signal_handler(interrupts: int, tmp_path: Path) -> None:
    def interrupt(step: int) -> None:
        for _ in range(interrupts):
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    try:
        make_trainer(tmp_path, reporter=StepReporter(interrupt)).run()
    except KeyboardInterrupt:
        assert interrupts == 3
    assert signal.getsignal(signal.SIGINT) is before
