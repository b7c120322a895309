"""More out of trained models, by the command line: ensembles, average, distill, backtranslate."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fakes import Cli, Fails
from safetensors.torch import load_file, save_file

from seq2seq.data.tokenizer import TAG


@pytest.fixture(scope="session")
def second(cli: Cli, toy_data: Path, trained: Path) -> Path:
    """Another run with the same tokenizer, trained too short to be good."""
    result = cli(
        "train", "toy.yaml", "--run", "runs/second", "--set", "training.seed=2", "--set", "training.budget.steps=60"
    )
    assert result.returncode == 0, result.stderr.decode()
    return toy_data / "runs" / "second"


@pytest.fixture(scope="session")
def backwards(cli: Cli, toy_data: Path) -> Path:
    """A run of the other direction."""
    flip = ("--set", "data.source=en", "--set", "data.target=de", "--set", "training.budget.steps=300")
    result = cli("train", "toy.yaml", "--run", "runs/backwards", *flip)
    assert result.returncode == 0, result.stderr.decode()
    return toy_data / "runs" / "backwards"


def test_an_ensemble_translates_and_is_measured_apart(trained: Path, second: Path, cli: Cli, toy_data: Path) -> None:
    (trained / "evaluation.json").write_text("{}")
    result = cli("evaluate", "--model", "runs/second", "--model", "runs/toy")
    assert result.returncode == 0, result.stderr.decode()
    report = json.loads((second / "evaluation.test-ensemble-of-2.json").read_text(encoding="utf-8"))
    assert report["models"] == ["runs/second", "runs/toy"]
    assert not (second / "evaluation.json").exists()
    assert (trained / "evaluation.json").read_text() == "{}"
    alone = cli("evaluate", "runs/second")
    assert alone.returncode == 0
    assert report["bleu"]["score"] > json.loads((second / "evaluation.json").read_text())["bleu"]["score"]
    text = (toy_data / "toy" / "test.de").read_bytes()
    found = cli("translate", "runs/toy", "--model", "runs/second", stdin=text)
    assert found.stdout.count(b"\n") == text.count(b"\n")


def test_average_makes_a_run_that_translates(trained: Path, cli: Cli, toy_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "mean"
    result = cli("average", "runs/toy", "--count", "2", "--into", str(target))
    assert result.returncode == 0, result.stderr.decode()
    assert b"the mean of the checkpoints of steps" in result.stdout
    measured = cli("evaluate", str(target))
    assert measured.returncode == 0, measured.stderr.decode()
    assert json.loads((target / "evaluation.json").read_text())["bleu"]["score"] > 50


@pytest.mark.parametrize(("option", "share"), [("--int8", 0.3), ("--bfloat16", 0.55), (None, 1.05)])
def test_export_makes_a_small_folder_that_translates_as_well(
    option: str | None, share: float, trained: Path, cli: Cli, toy_data: Path, tmp_path: Path
) -> None:
    target = tmp_path / "shipped"
    result = cli("export", "runs/toy", str(target), *([option] if option else []))
    assert result.returncode == 0, result.stderr.decode()
    assert not (target / "checkpoints").exists()
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (target, trained)]
    assert sizes[0] <= share * sizes[1]
    lines = (toy_data / "toy" / "test.de").read_bytes()
    before, after = (cli("translate", run, stdin=lines).stdout.splitlines() for run in ("runs/toy", str(target)))
    assert len(after) == len(before)
    assert sum(a == b for a, b in zip(after, before, strict=True)) >= 0.95 * len(before)


def test_a_shortlist_is_learnt_and_used(trained: Path, cli: Cli, fails: Fails, toy_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "shipped"
    result = cli("export", "runs/toy", str(target), "--shortlist", "--int8")
    assert result.returncode == 0, result.stderr.decode()
    assert re.search(rb"shortlist: \d+ of [\d,]+ pieces for a sentence; \d+\.\d% of the valid text", result.stderr)
    lines = (toy_data / "toy" / "test.de").read_bytes()
    before, after = (cli("translate", run, stdin=lines).stdout.splitlines() for run in ("runs/toy", str(target)))
    assert sum(a == b for a, b in zip(after, before, strict=True)) >= 0.9 * len(before)
    # It decides what may be said: with one that allows nothing but the end, nothing is.
    found = load_file(target / "shortlist.safetensors")
    found["begins"][:] = 0
    save_file({**found, "pieces": found["pieces"][:0], "always": found["always"][:0]}, target / "shortlist.safetensors")
    assert not cli("translate", str(target), stdin=lines).stdout.strip()
    (target / "shortlist.safetensors").write_bytes(b"no tensors")
    assert "damaged" in fails("translate", str(target))


def test_export_says_what_is_in_the_way(trained: Path, fails: Fails, tmp_path: Path) -> None:
    assert "exclude each other" in fails("export", "runs/toy", str(tmp_path / "a"), "--int8", "--bfloat16")
    assert "is there already" in fails("export", "runs/toy", str(tmp_path))
    assert "no run folder" in fails("export", str(tmp_path / "nothing"), str(tmp_path / "b"))


def test_distilled_pairs_can_be_trained_on(trained: Path, cli: Cli, toy_data: Path, tmp_path: Path) -> None:
    result = cli("distill", "runs/toy", "--into", "made", "--beam", "1")
    assert result.returncode == 0, result.stderr.decode()
    source, target = toy_data / "made" / "made.de", toy_data / "made" / "made.en"
    train = (toy_data / "toy" / "train.de").read_text(encoding="utf-8").splitlines()
    assert source.read_text(encoding="utf-8").splitlines() == list(dict.fromkeys(train))
    assert len(target.read_text(encoding="utf-8").splitlines()) == len(train)
    # The lines printed are a piece of a config.
    added = yaml.safe_load(result.stdout.decode().split("config:\n")[1])["data"]["added"]
    assert added == [{"source": "made/made.de", "target": "made/made.en"}]
    short = ("--set", "training.budget.steps=2", "--set", f"data.added={json.dumps(added)}")
    trained_on = cli("train", "toy.yaml", "--run", str(tmp_path / "student"), *short)
    assert trained_on.returncode == 0, trained_on.stderr.decode()
    shown = trained_on.stdout.decode()
    assert f"made/made.en: added: {len(train):,} pairs" in shown
    # The tokenizer is that of the corpus alone, so that teacher and student can stand in one ensemble.
    ensemble = cli("translate", "runs/toy", "--model", str(tmp_path / "student"), stdin=b"ein hund\n")
    assert ensemble.returncode == 0, ensemble.stderr.decode()


def test_back_translations_are_marked(backwards: Path, cli: Cli, toy_data: Path, tmp_path: Path) -> None:
    mono = toy_data / "mono.en.gz"
    texts = ["a dog sees a cat.", "", "a red stone finds Anna.", "a red stone finds Anna."]
    mono.write_bytes(gzip.compress("\n".join(texts).encode()))
    result = cli("backtranslate", "runs/backwards", "mono.en.gz", "--into", "back")
    assert result.returncode == 0, result.stderr.decode()
    assert b"3 pairs; 1 left out because a side was empty" in result.stdout
    assert (toy_data / "back" / "made.en").read_text(encoding="utf-8").splitlines() == [t for t in texts if t]
    assert len((toy_data / "back" / "made.de").read_text(encoding="utf-8").splitlines()) == 3
    assert "tagged: true" in result.stdout.decode()


def test_tagged_texts_reach_the_model_with_their_mark(
    toy_data: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from seq2seq import pipeline
    from seq2seq.config import load_config

    for name in ("SEQ2SEQ_DATA", "SEQ2SEQ_CACHE"):
        monkeypatch.setenv(name, environment[name])
    (tmp_path / "a.de").write_text("ein hund neu\nein stein\n" + (toy_data / "toy" / "test.de").read_text())
    (tmp_path / "a.en").write_text("a new dog\na stone\n" + (toy_data / "toy" / "test.en").read_text())
    added = json.dumps([{"source": str(tmp_path / "a.de"), "target": str(tmp_path / "a.en"), "tagged": True}])
    said: list[str] = []
    prepared = pipeline.prepare(load_config(toy_data / "toy.yaml", [f"data.added={added}"]), say=said.append)
    own = prepared.corpus.splits["train"]
    # What stands in the test is not trained on, wherever it comes from.
    assert prepared.training.source == [*own.source, f"{TAG}ein hund neu", f"{TAG}ein stein"]
    assert prepared.training.target == [*own.target, "a new dog", "a stone"]
    assert any("overlap with valid/test: 60" in line for line in said)
    pieces = prepared.tokenizer.pieces(prepared.tokenizer.encode([f"{TAG}ein hund"], "source")[0], "source")
    assert TAG in pieces


def test_mistakes(fails: Fails, cli: Cli, trained: Path, backwards: Path, tmp_path: Path) -> None:
    assert "Give a run folder, such as runs/demo" in fails("translate")
    assert "translates de-en and runs/backwards en-de" in fails("translate", "runs/toy", "--model", "runs/backwards")
    other = ("--set", "tokenizer.vocab_size=50", "--set", "training.budget.steps=2")
    assert cli("train", "toy.yaml", "--run", "runs/other", *other).returncode == 0
    assert "have different tokenizers" in fails("translate", "runs/toy", "--model", "runs/other")
    assert "There is no run folder" in fails("evaluate", "runs/toy", "--model", "runs/nothing")
    assert "is there already" in fails("average", "runs/toy", "--into", "runs/backwards")
    bare = tmp_path / "bare"
    shutil.copytree(trained, bare, ignore=shutil.ignore_patterns("checkpoints"))
    assert "keeps no checkpoints to average" in fails("average", str(bare))
    damaged = tmp_path / "damaged"
    shutil.copytree(trained, damaged)
    for file in (damaged / "checkpoints").glob("best-*"):
        file.write_bytes(b"no weights")
    assert "is damaged" in fails("average", str(damaged), "--into", str(tmp_path / "mean"))
    assert not (tmp_path / "mean").exists()
    for nothing in ("", " \n\n"):
        (tmp_path / "empty.en").write_text(nothing)
        told = fails("backtranslate", "runs/backwards", str(tmp_path / "empty.en"), "--into", "x")
        assert "there is nothing to translate" in told.lower()
    # Places that are none: said at once, by the system's own words where only it can tell.
    beside = str(tmp_path / "empty.en" / "into")
    assert "cannot be written" in fails("distill", "runs/toy", "--into", beside)
    assert "Not a directory" in fails("average", "runs/toy", "--into", beside)
    assert "cannot be a run folder" in fails("train", "toy.yaml", "--run", beside)


def test_average_of_the_folder_one_stands_in(trained: Path, environment: dict[str, str], tmp_path: Path) -> None:
    here = tmp_path / "here"
    shutil.copytree(trained, here)
    command = [sys.executable, "-m", "seq2seq.cli", "average", "."]
    result = subprocess.run(command, capture_output=True, env=environment, cwd=here)
    assert result.returncode == 0, result.stderr.decode()
    assert (tmp_path / "here-average" / "model.safetensors").is_file()
