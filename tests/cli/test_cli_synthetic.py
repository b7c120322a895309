"""`seq2seq distill` and `seq2seq backtranslate`, and training on what they write."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes import RecordingReporter
from fixture_types import RunCliExpectingError, RunCliHere, TranslateHere

from seq2seq import api
from seq2seq.config import load_config
from seq2seq.text.tokenizer import TAG


def printed_extra_pairs(shown: str) -> list[dict[str, Any]]:
    """The config lines that the command printed."""
    section = yaml.safe_load(shown.split("add to the config:\n")[1])
    extra_pairs: list[dict[str, Any]] = section["data"]["extra_pairs"]
    return extra_pairs


def test_distilled_pairs_can_be_trained_on(
    toy_run: Path,
    run_cli_here: RunCliHere,
    translate_here: TranslateHere,
    toy_data: Path,
    tmp_path: Path,
) -> None:
    shown = run_cli_here("distill", "runs/toy", "--into", "distilled", "--beam", "1")
    extra_pairs = printed_extra_pairs(shown)
    files = {"source": "distilled/synthetic.de", "target": "distilled/synthetic.en"}
    assert extra_pairs == [files]
    train = (toy_data / "toy" / "train.de").read_text(encoding="utf-8").splitlines()
    sources = (toy_data / files["source"]).read_text(encoding="utf-8").splitlines()
    targets = (toy_data / files["target"]).read_text(encoding="utf-8").splitlines()
    assert sources == list(dict.fromkeys(train))
    assert len(targets) == len(sources)
    # Train a student on them.
    student = tmp_path / "student"
    changes = ("training.budget.steps=2", f"data.extra_pairs={json.dumps(extra_pairs)}")
    options = [word for change in changes for word in ("--set", change)]
    shown = run_cli_here("train", "toy.yaml", "--run", str(student), *options)
    assert re.search(rf"distilled/synthetic\.en: .*{len(train):,} pairs", shown)
    # The tokenizer is trained on the corpus alone, so teacher and student can be an ensemble.
    members = ("runs/toy", "--ensemble", str(student))
    assert translate_here(*members, stdin=b"ein hund\n").count("\n") == 1


def test_back_translations_are_tagged(
    reverse_run: Path, run_cli_here: RunCliHere, toy_data: Path
) -> None:
    texts = ["a dog sees a cat.", "", "a red stone finds Anna.", "a red stone finds Anna."]
    (toy_data / "text.en.gz").write_bytes(gzip.compress("\n".join(texts).encode()))
    shown = run_cli_here("backtranslate", "runs/reverse", "text.en.gz", "--into", "back")
    assert "3 pairs (1 skipped because one side was empty)" in shown
    assert printed_extra_pairs(shown)[0]["tagged"] is True
    targets = (toy_data / "back" / "synthetic.en").read_text(encoding="utf-8").splitlines()
    sources = (toy_data / "back" / "synthetic.de").read_text(encoding="utf-8").splitlines()
    assert targets == [text for text in texts if text]
    assert len(sources) == 3


@pytest.fixture
def tagged_pairs(in_toy_folder: Path, tmp_path: Path) -> str:
    """The value of data.extra_pairs: two new pairs, and all pairs of the test split."""
    test = in_toy_folder / "toy"
    (tmp_path / "a.de").write_text("ein hund neu\nein stein\n" + (test / "test.de").read_text())
    (tmp_path / "a.en").write_text("a new dog\na stone\n" + (test / "test.en").read_text())
    files = {"source": str(tmp_path / "a.de"), "target": str(tmp_path / "a.en"), "tagged": True}
    return json.dumps([files])


def test_tagged_pairs_follow_the_corpus(in_toy_folder: Path, tagged_pairs: str) -> None:
    config = load_config(in_toy_folder / "toy.yaml", [f"data.extra_pairs={tagged_pairs}"])
    prepared = api.prepare(config)
    own = prepared.corpus.splits["train"]
    # No sentence of the test split is trained on, wherever it comes from.
    expected = [*own.source, f"{TAG}ein hund neu", f"{TAG}ein stein"]
    assert prepared.training.source == expected
    assert prepared.training.target == [*own.target, "a new dog", "a stone"]


def test_pairs_of_the_test_split_are_reported(in_toy_folder: Path, tagged_pairs: str) -> None:
    config = load_config(in_toy_folder / "toy.yaml", [f"data.extra_pairs={tagged_pairs}"])
    reporter = RecordingReporter()
    api.prepare(config, reporter=reporter)
    assert "overlap with valid/test: 60" in "\n".join(reporter.messages)


def test_the_tag_is_one_token(in_toy_folder: Path) -> None:
    tokenizer = api.prepare(load_config(in_toy_folder / "toy.yaml")).tokenizer
    ids = tokenizer.encode([f"{TAG}ein hund"], "source")[0]
    assert TAG in tokenizer.tokens(ids, "source")


# -- mistakes


def test_distillation_without_a_run(run_cli_expecting_error: RunCliExpectingError) -> None:
    assert "Give a run folder" in run_cli_expecting_error("distill", "--into", "x")


@pytest.mark.parametrize("text", ["", " \n\n"], ids=["empty", "blank lines"])
def test_there_is_nothing_to_translate(
    text: str, reverse_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    file = tmp_path / "empty.en"
    file.write_text(text)
    error = run_cli_expecting_error("backtranslate", "runs/reverse", str(file), "--into", "x")
    assert "nothing to translate" in error


def test_a_folder_that_cannot_be_written(
    toy_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    error = run_cli_expecting_error("distill", "runs/toy", "--into", str(file / "into"))
    assert f"{file / 'into'} cannot be written" in error
