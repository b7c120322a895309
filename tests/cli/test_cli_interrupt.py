"""Ctrl-C: one message, exit status 130."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixture_types import RunCliExpectingError, RunCliHere

from seq2seq.errors import is_interrupt


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
) -> None:
    monkeypatch.setattr("seq2seq.api.train", ctrl_c)
    error = run_cli_expecting_error("train", "toy.yaml", status=130)
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
