"""Mistakes of users that once ended in a traceback, or in a silent wrong result."""

import errno
from pathlib import Path

import pytest
from fixture_types import RunCliExpectingError, RunCliHere

from seq2seq import load
from seq2seq.errors import is_interrupt, user_message


def test_an_export_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
    run_cli_expecting_error: RunCliExpectingError,
    toy_run: Path,
    tmp_path: Path,
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr("seq2seq.models.weights.save_file", fail)
    error = run_cli_expecting_error("export", str(toy_run), str(tmp_path / "small"))
    assert "model.safetensors cannot be written" in error
    assert not (tmp_path / "small").exists()


def test_an_export_into_an_empty_folder(
    run_cli_here: RunCliHere, toy_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "small").mkdir()
    run_cli_here("export", str(toy_run), str(tmp_path / "small"))
    assert (tmp_path / "small" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.length_penalty=1e308", "search.length_penalty: must be less than or equal to 10"),
        ("training.threads=100000", "training.threads: must be less than or equal to 256"),
        ("data.corpus=2021-99-99", "data.corpus: there is no corpus"),
        ("training.budget=30", "training.budget: must be a section with keys (got 30)"),
        ("search.beam=many", "search.beam: must be a whole number (got 'many')"),
        ("text.sentences=perhaps", "text.sentences: must be true or false (got 'perhaps')"),
        ("tokenizer.user_symbols=['<s>']", "user_symbols is ['<s>']"),
        ("tokenizer.user_symbols=['']", "user_symbols is ['']"),
        ("tokenizer.user_symbols=[a, a]", "user_symbols is ['a', 'a']"),
    ],
)
def test_a_bad_value_is_one_sentence(
    override: str, message: str, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    run = str(tmp_path / "run")
    assert message in run_cli_expecting_error("train", "toy.yaml", "--run", run, "--set", override)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: {}\ntraining: {}\n", "line 2: the key 'training' occurs twice"),
        ("a: " + "[" * 3000, "is not valid YAML"),
        ("day: 2021-99-99\n", "is not valid YAML: month must be in 1..12"),
    ],
)
def test_a_config_with_bad_yaml(
    text: str, message: str, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text(text, encoding="utf-8")
    assert message in run_cli_expecting_error("train", str(config))


def test_a_config_that_is_not_utf_8(
    run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text("data: {}", encoding="utf-16")
    assert "is not UTF-8 text" in run_cli_expecting_error("train", str(config))


def test_training_into_a_folder_of_other_files_is_refused(
    run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    error = run_cli_expecting_error("train", "toy.yaml", "--run", str(tmp_path))
    assert "has other files and is not a run folder" in error


def test_one_text_instead_of_a_list_is_refused(toy_run: Path) -> None:
    with pytest.raises(TypeError, match="texts must be a list"):
        load(toy_run)("Ein Hund.")


def test_one_path_is_an_ensemble_of_two(toy_run: Path) -> None:
    assert load(toy_run, ensemble=str(toy_run))(["ein hund sieht ein haus."])


def test_a_file_that_gets_too_large_is_reported() -> None:
    assert user_message(OSError(errno.EFBIG, "File too large", "out.txt")) is not None


def test_numpy_that_was_interrupted_while_imported_means_ctrl_c() -> None:
    assert is_interrupt(ImportError("cannot load module more than once per process"))
