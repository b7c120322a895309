"""More runs on the made-up language, and translation in this process."""

import io
import shutil
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from fixture_types import RunCli, RunCliHere, TranslateHere


def train_once(run_cli: RunCli, shared_dir: Path, name: str, *overrides: str) -> Path:
    """Trains a run with the toy config, once for all processes of this pytest run."""
    run = shared_dir / name
    done = shared_dir / f"{name}.done"
    with FileLock(shared_dir / f"{name}.lock"):
        if not done.exists():
            options = [word for override in overrides for word in ("--set", override)]
            result = run_cli("train", "toy.yaml", "--run", str(run), *options)
            assert result.returncode == 0, result.stderr.decode()
            done.touch()
    return run


@pytest.fixture(scope="session")
def weak_run(run_cli: RunCli, shared_dir: Path, toy_data: Path) -> Path:
    """A run with the tokenizer of the toy run, trained too briefly to be good: runs/weak."""
    overrides = ("training.seed=2", "training.budget.steps=60")
    run = train_once(run_cli, shared_dir, "weak", *overrides)
    return shutil.copytree(run, toy_data / "runs" / "weak")


@pytest.fixture(scope="session")
def reverse_run(run_cli: RunCli, shared_dir: Path, toy_data: Path) -> Path:
    """A run of the opposite direction: runs/reverse."""
    overrides = ("data.source=en", "data.target=de", "training.budget.steps=150")
    run = train_once(run_cli, shared_dir, "reverse", *overrides)
    return shutil.copytree(run, toy_data / "runs" / "reverse")


@pytest.fixture
def translate_here(run_cli_here: RunCliHere, monkeypatch: pytest.MonkeyPatch) -> TranslateHere:
    """Runs `seq2seq translate ARGUMENTS` in this process, with `stdin` as its piped input."""

    def translate(*arguments: str, stdin: bytes) -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        output: str = run_cli_here("translate", *arguments)
        return output

    return translate
