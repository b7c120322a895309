"""A small made-up language, and a run trained on it, for the tests that need a real one."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

# Small models gain nothing from more threads, and spinning ones would disturb each other. OpenMP reads it when torch is
# imported, which `fakes` does.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from fakes import Cli, Fails

NOUNS = {"hund": "dog", "katze": "cat", "vogel": "bird", "fisch": "fish", "baum": "tree", "stein": "stone"}
COLOURS = {"rot": "red", "blau": "blue", "alt": "old", "neu": "new"}
VERBS = {"sieht": "sees", "sucht": "seeks", "findet": "finds", "ruft": "calls"}
NAMES = {"Anna": "Anna", "Otto": "Otto", "Ida": "Ida"}


def sentence(rng: random.Random) -> tuple[str, str]:
    """Subject, verb, object; the source puts the colour behind its noun, the target before it."""

    def phrase() -> tuple[str, str]:
        if rng.random() < 0.2:
            name = rng.choice(list(NAMES))
            return name, NAMES[name]
        noun = rng.choice(list(NOUNS))
        if rng.random() < 0.5:
            return f"ein {noun}", f"a {NOUNS[noun]}"
        colour = rng.choice(list(COLOURS))
        return f"ein {noun} {colour}", f"a {COLOURS[colour]} {NOUNS[noun]}"

    (a, b), (c, d), verb = phrase(), phrase(), rng.choice(list(VERBS))
    return f"{a} {verb} {c}.", f"{b} {VERBS[verb]} {d}."


def write_corpus(folder: Path, *, train: int = 3000, held_out: int = 60, seed: int = 5) -> None:
    """NAME/{train,valid,test}.{xx,yy}; no pair of test or valid stands in train."""
    rng = random.Random(seed)
    pairs = sorted({sentence(rng) for _ in range(3 * train)})
    rng.shuffle(pairs)
    splits = {
        "test": pairs[:held_out],
        "valid": pairs[held_out : 2 * held_out],
        "train": pairs[2 * held_out : 2 * held_out + train],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, chosen in splits.items():
        (folder / f"{name}.de").write_text("".join(source + "\n" for source, _ in chosen), encoding="utf-8")
        (folder / f"{name}.en").write_text("".join(target + "\n" for _, target in chosen), encoding="utf-8")


CONFIG = """
data:
  corpus: toy
  source: de
  target: en
tokenizer: {vocab_size: 60, byte_fallback: false}
batching: {tokens: 800, max_length: 32}
model: {family: lstm, embedding_size: 48, hidden_size: 64, encoder_layers: 1, dropout: 0.1, word_dropout: 0.0}
training:
  budget: {steps: 500}
  optimizer: {learning_rate: 0.005, warmup_steps: 50}
  validation: {every_steps: 125}
  average: 2
"""


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the corpus `toy`, and toy.yaml beside it."""
    folder = tmp_path_factory.mktemp("data")
    write_corpus(folder / "toy")
    (folder / "toy.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def environment(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of the command line in tests: its own cache, the toy corpus, no colours."""
    return {
        **os.environ,
        "SEQ2SEQ_DATA": str(toy_data),
        "SEQ2SEQ_CACHE": str(tmp_path_factory.mktemp("cache")),
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONUTF8": "1",
    }


@pytest.fixture(scope="session")
def cli(environment: dict[str, str], toy_data: Path) -> Cli:
    """Runs `seq2seq …` as a process of its own, in the folder of the toy corpus."""

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "seq2seq.cli", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, env=environment, cwd=toy_data, timeout=120)

    return run


@pytest.fixture(scope="session")
def trained(cli: Cli, toy_data: Path) -> Path:
    """A run on the made-up language."""
    result = cli("train", "toy.yaml")
    assert result.returncode == 0, result.stderr.decode()
    return toy_data / "runs" / "toy"


@pytest.fixture
def fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str], toy_data: Path
) -> Fails:
    """Runs `main()` in this process, expects it to fail in order, and gives what it wrote to standard error."""
    for name in ("SEQ2SEQ_DATA", "SEQ2SEQ_CACHE"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.chdir(toy_data)

    from seq2seq.cli import main

    def run(*arguments: str, status: int | None = None) -> str:
        monkeypatch.setattr(sys, "argv", ["seq2seq", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code not in (0, None) if status is None else stopped.value.code == status
        shown = capsys.readouterr().err
        assert "Traceback" not in shown
        return " ".join(shown.split())

    return run
