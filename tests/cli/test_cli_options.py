"""Options that several commands share, and earlier names of options."""

from pathlib import Path
from typing import Any

import pytest
from fixture_types import RunCliExpectingError
from typer.testing import CliRunner

from seq2seq.cli.app import app
from seq2seq.cli.options import RENAMED_OPTIONS, first_and_ensemble, given_options
from seq2seq.errors import UserError


class ModelLoaded(Exception):
    """Ends a command when it loads its model."""


@pytest.fixture
def load_arguments(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `seq2seq translate` hands to `load`."""
    arguments: dict[str, Any] = {}

    def load(folder: Path, **options: Any) -> None:
        arguments.update(options, folder=folder)
        raise ModelLoaded

    monkeypatch.setattr("seq2seq.decoding.loading.load", load)
    return arguments


def translate(*arguments: str) -> None:
    with pytest.raises(ModelLoaded):
        CliRunner().invoke(app, ["translate", *arguments], catch_exceptions=False)


def test_a_run_and_an_ensemble_are_combined(load_arguments: dict[str, Any]) -> None:
    translate("a", "--ensemble", "b", "--ensemble", "c")
    assert load_arguments["folder"] == Path("a")
    assert load_arguments["ensemble"] == [Path("b"), Path("c")]


def test_the_first_of_an_ensemble_is_the_run(load_arguments: dict[str, Any]) -> None:
    translate("--ensemble", "a", "--ensemble", "b")
    assert load_arguments["folder"] == Path("a")
    assert load_arguments["ensemble"] == [Path("b")]


def test_options_that_are_not_given_are_left_to_the_config(
    load_arguments: dict[str, Any],
) -> None:
    translate("a", "--beam", "3")
    assert load_arguments["beam"] == 3
    assert "prune" not in load_arguments


def test_model_is_an_earlier_name_of_ensemble(load_arguments: dict[str, Any]) -> None:
    translate("a", "--model", "b", "--ensemble", "c", "--model=d")
    assert load_arguments["ensemble"] == [Path("b"), Path("c"), Path("d")]


def test_earlier_names_of_search_options(load_arguments: dict[str, Any]) -> None:
    translate("a", "--max-length", "3", "--no-repeat-ngram", "4")
    assert load_arguments["max_length_ratio"] == 3
    assert load_arguments["no_repeat_ngram_size"] == 4


def test_help_does_not_show_earlier_names() -> None:
    for command in ("translate", "evaluate", "distill", "backtranslate"):
        words = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output.split()
        assert not {f"--{name}" for name in RENAMED_OPTIONS} & set(words)


def test_no_run_at_all() -> None:
    with pytest.raises(UserError, match="Give a run folder, for example runs/demo"):
        first_and_ensemble(None, None)


def test_zero_is_a_given_option() -> None:
    assert given_options(prune=0, beam=None) == {"prune": 0}


def test_an_unknown_option(run_cli_expecting_error: RunCliExpectingError) -> None:
    assert "No such option" in run_cli_expecting_error("translate", "a", "--beem", "3", status=2)
