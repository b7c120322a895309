"""`seq2seq train`: run folders, interrupting and resuming, and every mistake with its message."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixture_types import RunCliExpectingError, RunCliHere

from seq2seq.run import RunFolder


def wait_for(file: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)


# -- run folders


def test_what_a_run_folder_contains(toy_run: Path) -> None:
    files = ("config.yaml", "model.safetensors", "journal.jsonl", "environment.json")
    for name in (*files, "tokenizer/joint.model"):
        assert (toy_run / name).is_file(), name


def test_journal_records_the_training(toy_run: Path) -> None:
    lines = (toy_run / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert {event["event"] for event in events} >= {"precision", "step", "validation", "end"}
    assert [event["why"] for event in events if event["event"] == "end"] == ["budget"]


def test_a_run_that_died_before_its_first_checkpoint_starts_again(
    run_cli_here: RunCliHere, toy_data: Path, toy_run: Path
) -> None:
    dead = toy_data / "runs" / "dead"
    (dead / "tokenizer").mkdir(parents=True)
    shutil.copy(toy_run / "config.yaml", dead)
    options = ("--run", "runs/dead", "--set", "training.budget.steps=5")
    assert "Done at step 5" in run_cli_here("train", "toy.yaml", *options)


# -- interrupting and resuming


def test_interrupted_training_saves_and_continues(
    run_cli_here: RunCliHere,
    run_cli_expecting_error: RunCliExpectingError,
    cli_environment: dict[str, str],
    toy_data: Path,
) -> None:
    command = [
        sys.executable,
        "-m",
        "seq2seq.cli",
        "train",
        "toy.yaml",
        "--run",
        "runs/interrupted",
    ]
    command += ["--set", "training.budget.steps=100000"]
    command += ["--set", "training.validation.every_steps=10"]
    process = subprocess.Popen(
        command,
        env=cli_environment,
        cwd=toy_data,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    run = toy_data / "runs" / "interrupted"
    state_file = RunFolder(run).last.state_file
    wait_for(state_file)
    # A second training in the same folder is refused, and changes nothing there.
    second = ("train", "--resume", "--run", "runs/interrupted", "--set", "training.budget.steps=7")
    error = run_cli_expecting_error(*second)
    assert "runs/interrupted is being trained by another process" in error
    assert "steps: 100000" in (run / "config.yaml").read_text(encoding="utf-8")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    assert b"Traceback" not in err
    assert not (run / "training.lock").exists()
    step = json.loads(state_file.read_text(encoding="utf-8"))["step"]
    assert f"Interrupted; saved at step {step:,}." in out.decode()
    assert "Continue with: seq2seq train --resume --run runs/interrupted" in out.decode()
    budget = f"training.budget.steps={step + 20}"
    shown = run_cli_here("train", "--resume", "--run", "runs/interrupted", "--set", budget)
    assert f"resuming from step {step:,}" in shown
    assert json.loads(state_file.read_text(encoding="utf-8"))["step"] == step + 20


def test_resume_uses_the_budget_of_a_given_config(run_cli_here: RunCliHere) -> None:
    training = ("train", "toy.yaml", "--run", "runs/longer")
    run_cli_here(*training, "--set", "training.budget.steps=5")
    shown = run_cli_here(*training, "--resume", "--set", "training.budget.steps=8")
    assert "Done at step 8" in shown


def test_resume_reports_what_a_given_config_changes(run_cli_here: RunCliHere) -> None:
    training = ("train", "toy.yaml", "--run", "runs/changed", "--set", "training.budget.steps=5")
    run_cli_here(*training, "--set", "training.label_smoothing=0.0")
    shown = run_cli_here(*training, "--resume")
    assert "training.label_smoothing: 0.0 -> 0.1" in shown
    assert shown.count(" -> ") == 1


def test_resume_without_a_checkpoint(run_cli_expecting_error: RunCliExpectingError) -> None:
    error = run_cli_expecting_error("train", "--resume", "--run", "runs/none")
    assert "runs/none has no checkpoint to resume from" in error


def test_resume_with_another_model(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path
) -> None:
    change = ("--set", "model.hidden_size=32")
    error = run_cli_expecting_error("train", "--resume", "--run", "runs/toy", *change)
    assert "Only training.* and search.* may change" in error


def test_resume_of_a_run_that_has_lost_its_config(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path, tmp_path: Path
) -> None:
    incomplete = tmp_path / "incomplete"
    shutil.copytree(toy_run, incomplete)
    (incomplete / "config.yaml").unlink()
    error = run_cli_expecting_error("train", "--resume", "--run", str(incomplete))
    assert f"{incomplete} is not a complete run folder: config.yaml is missing." in error


# -- mistakes in a config


def test_all_mistakes_of_a_config_at_once(
    run_cli_expecting_error: RunCliExpectingError,
) -> None:
    changes = (
        "model.hiden_size=64",
        "training.optimizer.learning_rate=fast",
        "tokenizer.vocab_size=3",
        "serch.beam=5",
    )
    options = [word for change in changes for word in ("--set", change)]
    error = run_cli_expecting_error("train", "toy.yaml", *options)
    assert "toy.yaml has 4 mistakes" in error
    assert "model.hiden_size: unknown key; did you mean hidden_size?" in error
    assert "training.optimizer.learning_rate: must be a number" in error
    assert "'fast'" in error
    assert "tokenizer: vocab_size must be at least" in error
    assert "serch: unknown section; did you mean search?" in error


def test_unknown_family_and_missing_section(
    run_cli_expecting_error: RunCliExpectingError, toy_data: Path
) -> None:
    text = "data: {corpus: toy, source: de, target: en}\nmodel: {family: lsmt}\n"
    (toy_data / "bad.yaml").write_text(text)
    error = run_cli_expecting_error("train", "bad.yaml")
    assert "model.family: unknown model family 'lsmt'; did you mean lstm?" in error
    assert "training: this section is missing" in error


def test_an_earlier_key_names_the_new_one(
    run_cli_expecting_error: RunCliExpectingError,
) -> None:
    change = ("--set", "training.optimizer.clip_norm=1")
    error = run_cli_expecting_error("train", "toy.yaml", *change)
    assert "clip_norm: this key is now called training.optimizer.max_grad_norm" in error


def test_no_config_at_all(run_cli_expecting_error: RunCliExpectingError) -> None:
    for arguments in ((), ("--run", "runs/x"), ("--resume",)):
        error = run_cli_expecting_error("train", *arguments)
        assert "Give a config, for example lstm-multi30k." in error


def test_no_config_of_that_name(run_cli_expecting_error: RunCliExpectingError) -> None:
    error = run_cli_expecting_error("train", "nowhere.yaml")
    assert "There is no config nowhere.yaml" in error
    assert "Bundled configs: demo," in error


def test_broken_yaml(run_cli_expecting_error: RunCliExpectingError, toy_data: Path) -> None:
    (toy_data / "broken.yaml").write_text("data: [unclosed\n")
    assert "is not valid YAML" in run_cli_expecting_error("train", "broken.yaml")


def test_yaml_cannot_run_code(
    run_cli_expecting_error: RunCliExpectingError, toy_data: Path
) -> None:
    text = "data: !!python/object/apply:os.system ['touch evil']\n"
    (toy_data / "evil.yaml").write_text(text)
    assert "is not valid YAML" in run_cli_expecting_error("train", "evil.yaml")
    assert not (toy_data / "evil").exists()


# -- mistakes in the data and the folder


def train_on(corpus: str) -> tuple[str, ...]:
    return ("train", "toy.yaml", "--set", f"data.corpus={corpus}", "--run", "runs/x")


@pytest.fixture
def toy_copy(toy_data: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the toy corpus, named after the test."""
    name: str = request.node.name.removeprefix("test_")
    return shutil.copytree(toy_data / "toy", toy_data / name)


def test_unknown_corpus(run_cli_expecting_error: RunCliExpectingError) -> None:
    assert "nonesuch" in run_cli_expecting_error(*train_on("nonesuch"))


def test_unequal_line_counts(
    run_cli_expecting_error: RunCliExpectingError, toy_copy: Path, toy_data: Path
) -> None:
    num_lines = (toy_copy / "train.en").read_text(encoding="utf-8").count("\n")
    with (toy_copy / "train.en").open("a", encoding="utf-8") as file:
        file.write("one line more\n")
    error = run_cli_expecting_error(*train_on(toy_copy.name)).replace(",", "")
    assert str(num_lines) in error
    assert str(num_lines + 1) in error
    assert not (toy_data / "runs" / "x").exists()


def test_empty_corpus(run_cli_expecting_error: RunCliExpectingError, toy_copy: Path) -> None:
    for language in ("de", "en"):
        (toy_copy / f"train.{language}").write_text("")
    assert "empty" in run_cli_expecting_error(*train_on(toy_copy.name))


def test_binary_corpus(run_cli_expecting_error: RunCliExpectingError, toy_copy: Path) -> None:
    (toy_copy / "train.de").write_bytes(os.urandom(4000))
    assert "train.de" in run_cli_expecting_error(*train_on(toy_copy.name))


@pytest.mark.parametrize("size", [10**12, 9 * 10**18])
def test_a_model_larger_than_memory(
    size: int, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    options = ("--run", str(tmp_path / "run"), "--set", f"model.embedding_size={size}")
    error = run_cli_expecting_error("train", "toy.yaml", *options)
    assert "Out of memory. For training, lower the sizes of the model" in error


@pytest.mark.parametrize("below", [".", "a/b"])
def test_a_run_folder_cannot_be_at_or_below_a_file(
    below: str, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    folder = file / below
    error = run_cli_expecting_error("train", "toy.yaml", "--run", str(folder))
    assert f"{file} is a file, so {folder} cannot be a run folder" in error


def test_a_run_is_not_overwritten(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path
) -> None:
    error = run_cli_expecting_error("train", "toy.yaml")
    assert "runs/toy already contains a training" in error
