"""What the command line sets for the whole process, because no library function does."""

import os

import pytest
from fixture_types import RunCliHere


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
    monkeypatch.setitem(app_globals(), "keep_freed_memory", lambda: calls.append("kept"))
    run_cli_here("--version")
    assert calls == ["kept"]


def app_globals() -> dict[str, object]:
    """The global names of the module that has `main`."""
    from seq2seq.cli import main

    return main.__globals__
