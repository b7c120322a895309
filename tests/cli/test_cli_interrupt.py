"""Ctrl-C: one message, exit status 130."""

import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixture_types import RunCliExpectingError, RunCliHere

from seq2seq.errors import is_interrupt
from seq2seq.run import RunFolder


def interrupt(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


def interrupt_during_an_import(*arguments: Any, **options: Any) -> None:
    """What is left of Ctrl-C while a compiled module is initialized."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise ImportError("initialization failed") from error


@pytest.fixture
def echoed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What commands print with `typer.echo`."""
    lines: list[str] = []
    monkeypatch.setattr("typer.echo", lines.append)
    return lines


either_interrupt = pytest.mark.parametrize("ctrl_c", [interrupt, interrupt_during_an_import])


@either_interrupt
def test_a_command_that_keeps_nothing_starts_again(
    ctrl_c: Callable[..., None],
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("seq2seq.api.train", ctrl_c)
    error = run_cli_expecting_error("train", "toy.yaml", "--run", str(tmp_path / "run"), status=130)
    assert error.endswith("Interrupted. Run the same command to start again.")


@either_interrupt
def test_a_comparison_continues(
    ctrl_c: Callable[..., None],
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    echoed: list[str],
) -> None:
    monkeypatch.setattr("seq2seq.studies.runner.run_comparison", ctrl_c)
    arguments = ("toy.yaml", "--into", "here", "--quick", "--only", "gates")
    assert run_cli_expecting_error("compare", *arguments, status=130) == ""
    assert echoed == [
        "\nInterrupted. Run the same command to continue.",
        "  seq2seq compare toy.yaml --into here --quick --only gates",
    ]


@either_interrupt
def test_the_demo_continues(
    ctrl_c: Callable[..., None],
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    echoed: list[str],
) -> None:
    monkeypatch.setattr("seq2seq.demo.run_demo", ctrl_c)
    assert run_cli_expecting_error("demo", status=130) == ""
    assert echoed == ["Interrupted. Run the same command to continue."]


def test_a_demo_whose_training_was_saved_continues(
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    echoed: list[str],
) -> None:
    monkeypatch.setattr("seq2seq.demo.run_demo", lambda *arguments, **options: None)
    run_cli_expecting_error("demo", status=130)
    assert echoed == ["Interrupted. Run the same command to continue."]


def test_training_prints_the_command_to_continue(
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    echoed: list[str],
    toy_data: Path,
) -> None:
    saved = SimpleNamespace(finished="", step=1234)
    monkeypatch.setattr("seq2seq.api.train", lambda *arguments, **options: saved)
    options = ("--run", "runs/mine", "--data-dir", str(toy_data))
    run_cli_expecting_error("train", "toy.yaml", *options, status=130)
    assert echoed == [
        "Interrupted; saved at step 1,234. Continue with: "
        f"seq2seq train --resume --run runs/mine --data-dir {toy_data}"
    ]


def test_a_test_shows_what_an_interrupted_command_printed(
    run_cli_here: RunCliHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = SimpleNamespace(finished="", step=7)
    monkeypatch.setattr("seq2seq.api.train", lambda *arguments, **options: saved)
    message = r"seq2seq train toy\.yaml exited with 130:\s+Interrupted; saved at step 7"
    with pytest.raises(AssertionError, match=message):
        run_cli_here("train", "toy.yaml")


def test_training_that_was_not_saved_says_what_remains(
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    echoed: list[str],
    tmp_path: Path,
) -> None:
    checkpoint = RunFolder(tmp_path).last
    checkpoint.path.mkdir(parents=True)
    checkpoint.state_file.touch()
    checkpoint.tensors_file.touch()

    def end_at_once(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt(
            "Interrupted at step 7, not saved. The checkpoint of step 5 remains."
        )

    monkeypatch.setattr("seq2seq.api.resume", end_at_once)
    command = ("train", "--resume", "--run", str(tmp_path))
    assert run_cli_expecting_error(*command, status=130) == ""
    assert echoed == [
        "Interrupted at step 7, not saved. The checkpoint of step 5 remains. "
        f"Continue with: seq2seq train --resume --run {tmp_path}"
    ]


def test_training_without_a_checkpoint_starts_again(
    run_cli_expecting_error: RunCliExpectingError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_at_once(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt("Interrupted at step 7, not saved. There is no checkpoint yet.")

    monkeypatch.setattr("seq2seq.api.train", end_at_once)
    error = run_cli_expecting_error("train", "toy.yaml", "--run", "runs/none", status=130)
    assert error == (
        "Interrupted at step 7, not saved. There is no checkpoint yet. "
        "Run the same command to start again."
    )


# -- exports ---------------------------------------------------------------------------------------

EXPORT = ("export", str(Path(__file__).parent.parent / "earlier_runs" / "lstm"))


@pytest.mark.usefixtures("command_interrupts")
def test_an_export_leaves_nothing_if_a_destructor_loses_ctrl_c(
    run_cli_expecting_error: RunCliExpectingError, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class PressedWhenFreed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def write_half(file: Path, *arguments: Any) -> None:
        file.touch()
        PressedWhenFreed()
        time.sleep(10)

    monkeypatch.setattr("seq2seq.export.package.save_weights", write_half)
    error = run_cli_expecting_error(*EXPORT, str(tmp_path / "into"), status=130)
    assert error == "Interrupted. Run the same command to start again."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("command_interrupts")
def test_an_export_leaves_nothing_if_ctrl_c_is_lost_to_the_end(
    run_cli_expecting_error: RunCliExpectingError, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def swallow(*arguments: Any) -> None:
        with contextlib.suppress(BaseException):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("seq2seq.export.package.save_weights", swallow)
    error = run_cli_expecting_error(*EXPORT, str(tmp_path / "into"), status=130)
    assert error == "Interrupted. Run the same command to start again."
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_is_complete_says_so(
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    echoed: list[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("seq2seq.cli.export._next_step", interrupt)
    into = tmp_path / "into"
    assert run_cli_expecting_error(*EXPORT, str(into), status=130) == ""
    assert echoed[-1] == f"Interrupted; {into} is complete."
    assert (into / "model.safetensors").is_file()


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("command_interrupts")
def test_an_error_that_hides_ctrl_c_is_no_traceback(
    run_cli_expecting_error: RunCliExpectingError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        with contextlib.suppress(BaseException):
            signal.raise_signal(signal.SIGINT)
        raise RuntimeError("a library that says nothing about Ctrl-C")

    monkeypatch.setattr("seq2seq.api.train", fail)
    error = run_cli_expecting_error("train", "toy.yaml", "--run", "runs/none", status=130)
    assert error == "Interrupted. Run the same command to start again."


def test_the_context_of_an_error_counts_unless_it_is_suppressed() -> None:
    error = ValueError("another")
    error.__context__ = KeyboardInterrupt()
    assert is_interrupt(error)
    error.__suppress_context__ = True  # as `from None` does
    assert not is_interrupt(error)


def test_an_error_that_is_its_own_cause_is_no_interrupt() -> None:
    error = ValueError("another")
    error.__cause__ = error
    assert not is_interrupt(error)
