"""`seq2seq translate`: every mistake with its message."""

import gzip
import io
import shutil
import sys
from pathlib import Path

import pytest
from fixture_types import RunCliExpectingError, RunCliHere
from safetensors.torch import load_file, save_file

from seq2seq.run import RunFolder


def test_no_run_folder(run_cli_expecting_error: RunCliExpectingError, tmp_path: Path) -> None:
    assert "Give a run folder, for example runs/demo" in run_cli_expecting_error("translate")
    error = run_cli_expecting_error("translate", "runs/nothing")
    assert "There is no run folder runs/nothing" in error
    assert "is not a run folder" in run_cli_expecting_error("translate", str(tmp_path))


def test_unknown_precision(run_cli_expecting_error: RunCliExpectingError, toy_run: Path) -> None:
    error = run_cli_expecting_error("translate", "runs/toy", "--precision", "int3")
    assert "'int3'" in error
    assert "auto, float32, bfloat16, float16, int8" in error


def test_files_that_cannot_be_used(
    run_cli_expecting_error: RunCliExpectingError, toy_data: Path, tmp_path: Path
) -> None:
    def error_with(*options: str) -> str:
        return run_cli_expecting_error("translate", "runs/toy", *options)

    source = ("--input", str(toy_data / "toy" / "test.de"))
    assert "missing.txt does not exist" in error_with("--input", "missing.txt")
    assert "--output needs --input" in error_with("--output", "out.txt")
    assert "is a folder. Give a file." in error_with(*source, "--output", str(tmp_path))
    message = "give a file in a folder that exists"
    assert message in error_with(*source, "--output", str(tmp_path / "no" / "out.txt"))


def test_the_input_is_not_overwritten(
    run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    source = tmp_path / "in.txt"
    source.write_text("ein hund\n", encoding="utf-8")
    symbolic = tmp_path / "symbolic.txt"
    symbolic.symlink_to(source)
    hard = tmp_path / "hard.txt"
    hard.hardlink_to(source)
    for target in (source, tmp_path / "." / "in.txt", symbolic, hard):
        files = ("--input", str(source), "--output", str(target))
        # The folder does not exist: nothing else was done before.
        error = run_cli_expecting_error("translate", "runs/nothing", *files)
        assert "are the same file. Give another file" in error
    assert source.read_text(encoding="utf-8") == "ein hund\n"


def test_a_file_that_is_no_text(
    run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    source = tmp_path / "in.txt"
    for content, message in (
        (gzip.compress(b"ein hund\n"), f"{source} is compressed with gzip, not UTF-8 text."),
        ("ein hund\n".encode("utf-16"), f"{source} is UTF-16 text, not UTF-8 text. Save it"),
    ):
        source.write_bytes(content)
        error = run_cli_expecting_error("translate", "runs/nothing", "--input", str(source))
        assert message in error


def test_a_pipe_that_is_no_text(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"ein hund\n"))))
    error = run_cli_expecting_error("translate", "runs/toy")
    assert "The input is compressed with gzip, not UTF-8 text. Unpack it first." in error


def test_more_alternatives_than_the_beam(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path
) -> None:
    options = ("--beam", "2", "--nbest", "3")
    error = run_cli_expecting_error("translate", "runs/toy", *options)
    assert "nbest must be at most beam (2)" in error


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("option", ["--prune", "--length-penalty", "--max-length-ratio"])
def test_search_options_must_be_finite(
    option: str, value: str, run_cli_expecting_error: RunCliExpectingError, toy_run: Path
) -> None:
    error = run_cli_expecting_error("translate", "runs/toy", option, value)
    assert "must be a finite number" in error


def test_an_ensemble_needs_one_direction(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path, reverse_run: Path
) -> None:
    error = run_cli_expecting_error("translate", "runs/toy", "--ensemble", "runs/reverse")
    assert "de-en" in error
    assert "en-de" in error


def test_an_ensemble_needs_one_tokenizer(
    run_cli_expecting_error: RunCliExpectingError, run_cli_here: RunCliHere, toy_run: Path
) -> None:
    changes = ("--set", "tokenizer.vocab_size=50", "--set", "training.budget.steps=2")
    run_cli_here("train", "toy.yaml", "--run", "runs/other-tokenizer", *changes)
    error = run_cli_expecting_error("translate", "runs/toy", "--ensemble", "runs/other-tokenizer")
    assert "have different tokenizers" in error


@pytest.fixture
def run_copy(toy_run: Path, tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns(RunFolder(toy_run).checkpoints_dir.name)
    return shutil.copytree(toy_run, tmp_path / "copy", ignore=ignored)


def test_damaged_weights(run_cli_expecting_error: RunCliExpectingError, run_copy: Path) -> None:
    weights = run_copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "is damaged" in run_cli_expecting_error("translate", str(run_copy))


def test_missing_weights(run_cli_expecting_error: RunCliExpectingError, run_copy: Path) -> None:
    (run_copy / "model.safetensors").unlink()
    assert "has no weights" in run_cli_expecting_error("translate", str(run_copy))


def test_weights_with_nan(run_cli_expecting_error: RunCliExpectingError, run_copy: Path) -> None:
    weights = load_file(run_copy / "model.safetensors")
    weights["readout.weight"][0, 0] = float("nan")
    save_file(weights, run_copy / "model.safetensors")
    error = run_cli_expecting_error("translate", str(run_copy))
    assert "readout.weight contains NaN or inf" in error


def test_weights_of_another_size(
    run_cli_expecting_error: RunCliExpectingError, run_copy: Path
) -> None:
    config = run_copy / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("hidden_size: 64", "hidden_size: 32"), encoding="utf-8")
    error = run_cli_expecting_error("translate", str(run_copy))
    assert "config.yaml" in error
