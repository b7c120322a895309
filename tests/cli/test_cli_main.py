"""What the command line sets for the whole process, because no library function does."""

import os
import sys

import pytest
from fixture_types import RunCliHere

from seq2seq.cli import main


def test_main_sets_the_environment_before_a_command_runs(
    monkeypatch: pytest.MonkeyPatch, run_cli_here: RunCliHere
) -> None:
    for name in ("GOMP_SPINCOUNT", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    run_cli_here("--version")
    assert os.environ["GOMP_SPINCOUNT"] == "10000"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_main_keeps_freed_memory(monkeypatch: pytest.MonkeyPatch, run_cli_here: RunCliHere) -> None:
    calls = []
    monkeypatch.setattr("seq2seq.cli.entry.keep_freed_memory", lambda: calls.append("kept"))
    run_cli_here("--version")
    assert calls == ["kept"]


def test_ctrl_c_while_modules_are_imported_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(name: str, *arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os._exit", sys.exit)
    monkeypatch.setattr("builtins.__import__", interrupt)
    with pytest.raises(SystemExit) as exit_:
        main()
    monkeypatch.undo()
    assert exit_.value.code == 130
    assert "Interrupted." in capsys.readouterr().err
