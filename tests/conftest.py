"""A small made-up language, a run trained on it, and ways to call the command line."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings

# Tiny models gain nothing from more threads, and spinning threads disturb each other. OpenMP reads
# this when torch is imported, so it comes before any import of seq2seq.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from fixture_types import RunCli, RunCliExpectingError, RunCliHere

if TYPE_CHECKING:
    from seq2seq.interrupt import CommandInterrupts

# The same examples in every run, so that a change that is tested here passes elsewhere too.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """The name of a test never spells out bytes, which may differ between two processes.

    `gzip.compress` writes the time into its output. Two workers that collect in different seconds
    would then find tests of different names, and pytest-xdist refuses to run any.
    """
    return argname if isinstance(val, bytes) else None


NOUNS = {
    "hund": "dog",
    "katze": "cat",
    "vogel": "bird",
    "fisch": "fish",
    "baum": "tree",
    "stein": "stone",
}
COLORS = {"rot": "red", "blau": "blue", "alt": "old", "neu": "new"}
VERBS = {"sieht": "sees", "sucht": "seeks", "findet": "finds", "ruft": "calls"}
NAMES = {"Anna": "Anna", "Otto": "Otto", "Ida": "Ida"}


def toy_phrase(rng: random.Random) -> tuple[str, str]:
    """A name, or a noun with or without a color. The source puts the color behind its noun."""
    if rng.random() < 0.2:
        name = rng.choice(list(NAMES))
        return name, NAMES[name]
    noun = rng.choice(list(NOUNS))
    if rng.random() < 0.5:
        return f"ein {noun}", f"a {NOUNS[noun]}"
    color = rng.choice(list(COLORS))
    return f"ein {noun} {color}", f"a {COLORS[color]} {NOUNS[noun]}"


def toy_pair(rng: random.Random) -> tuple[str, str]:
    """Subject, verb, object."""
    subject = toy_phrase(rng)
    object_ = toy_phrase(rng)
    verb = rng.choice(list(VERBS))
    source = f"{subject[0]} {verb} {object_[0]}."
    target = f"{subject[1]} {VERBS[verb]} {object_[1]}."
    return source, target


def write_toy_corpus(folder: Path, *, train: int = 3000, held_out: int = 60, seed: int = 5) -> None:
    """Writes SPLIT.de and SPLIT.en. No pair of valid or test is in train."""
    rng = random.Random(seed)
    pairs = sorted({toy_pair(rng) for _ in range(3 * train)})
    rng.shuffle(pairs)
    splits = {
        "test": pairs[:held_out],
        "valid": pairs[held_out : 2 * held_out],
        "train": pairs[2 * held_out : 2 * held_out + train],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in splits.items():
        source = "".join(f"{pair[0]}\n" for pair in split)
        target = "".join(f"{pair[1]}\n" for pair in split)
        (folder / f"{name}.de").write_text(source, encoding="utf-8")
        (folder / f"{name}.en").write_text(target, encoding="utf-8")


TOY_CONFIG = """
data:
  corpus: toy
  source: de
  target: en
tokenizer: {vocab_size: 76, byte_fallback: false}
batching: {max_tokens: 800, max_length: 32}
model:
  family: lstm
  embedding_size: 48
  hidden_size: 64
  encoder_layers: 1
  dropout: 0.1
  word_dropout: 0.0
training:
  budget: {steps: 500}
  optimizer: {learning_rate: 0.005, warmup_steps: 50}
  validation: {every_steps: 125}
  average: 2
"""


@pytest.fixture(scope="session")
def benchmarks() -> Iterator[None]:
    """The files in benchmarks/ import each other by name."""
    folder = str(Path(__file__).resolve().parents[1] / "benchmarks")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the corpus `toy`, and toy.yaml beside it."""
    folder = tmp_path_factory.mktemp("data")
    write_toy_corpus(folder / "toy")
    (folder / "toy.yaml").write_text(TOY_CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one pytest run share. Slow fixtures are built there once."""
    base = tmp_path_factory.getbasetemp()
    in_worker = "PYTEST_XDIST_WORKER" in os.environ
    folder = (base.parent if in_worker else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def cli_environment(toy_data: Path, shared_dir: Path) -> dict[str, str]:
    """Environment variables of the command line in tests: own cache, toy corpus, no colors."""
    return {
        **os.environ,
        "SEQ2SEQ_DATA": str(toy_data),
        "SEQ2SEQ_CACHE": str(shared_dir / "cache"),
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONUTF8": "1",
    }


@pytest.fixture(scope="session")
def run_cli(cli_environment: dict[str, str], toy_data: Path) -> RunCli:
    """Runs `seq2seq ARGUMENTS` in a process of its own, in the folder of the toy corpus."""

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "seq2seq.cli", *arguments],
            input=stdin,
            capture_output=True,
            env=cli_environment,
            cwd=toy_data,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def trained_toy(run_cli: RunCli, toy_data: Path, shared_dir: Path) -> Path:
    """The toy run, trained once for all processes. Copy it before changing it."""
    run = shared_dir / "toy-run"
    with FileLock(shared_dir / "toy-run.lock"):
        if not (shared_dir / "toy-run.done").exists():
            result = run_cli("train", "toy.yaml", "--run", str(run))
            assert result.returncode == 0, result.stderr.decode()
            (shared_dir / "toy-run.done").touch()
    return run


@pytest.fixture(scope="session")
def toy_run(trained_toy: Path, toy_data: Path) -> Path:
    """This process's copy of the toy run, at runs/toy of the data folder."""
    run = toy_data / "runs" / "toy"
    shutil.copytree(trained_toy, run)
    return run


@pytest.fixture
def command_interrupts() -> Iterator["CommandInterrupts"]:
    """Ctrl-C in this process does what it does in the process of a command."""
    from seq2seq.interrupt import CommandInterrupts

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    hook = sys.unraisablehook
    interrupts = CommandInterrupts()
    interrupts.install()
    yield interrupts
    interrupts.finish()
    sys.unraisablehook = hook
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def in_toy_folder(
    monkeypatch: pytest.MonkeyPatch, cli_environment: dict[str, str], toy_data: Path
) -> Path:
    """Makes the toy corpus's folder the working folder of this process, with its environment."""
    for name in ("SEQ2SEQ_DATA", "SEQ2SEQ_CACHE", "NO_COLOR", "TERM"):
        monkeypatch.setenv(name, cli_environment[name])
    monkeypatch.chdir(toy_data)
    return toy_data


@pytest.fixture
def run_cli_here(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], in_toy_folder: Path
) -> RunCliHere:
    """Runs `main()` in this process and returns standard output."""
    from seq2seq.cli.entry import main

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["seq2seq", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        output = capfd.readouterr()
        code = exit_.value.code
        command = " ".join(["seq2seq", *arguments])
        assert code in (0, None), f"{command} exited with {code}:\n{output.out}\n{output.err}"
        return output.out

    return run


@pytest.fixture
def run_cli_expecting_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], in_toy_folder: Path
) -> RunCliExpectingError:
    """Runs `main()` in this process, expects a message without a traceback, and returns it."""
    from seq2seq.cli.entry import main

    def run(*arguments: str, status: int | None = None) -> str:
        monkeypatch.setattr(sys, "argv", ["seq2seq", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        error = capfd.readouterr().err
        if status is None:
            assert exit_.value.code not in (0, None)
        else:
            assert exit_.value.code == status
        assert "Traceback" not in error
        return " ".join(error.split())

    return run
