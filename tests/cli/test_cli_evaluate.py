"""`seq2seq evaluate`: scores, files, ensembles, and every mistake with its message."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixture_types import RunCli, RunCliExpectingError, RunCliHere
from mecab import uninstall_mecab

from seq2seq.cli.evaluate import spread_evenly
from seq2seq.evaluation.test_set import TestSet

INTERVAL_KEYS = {"score", "signature", "low", "high"}


def test_the_toy_run_translates_every_sentence(toy_run: Path, run_cli: RunCli) -> None:
    result = run_cli("evaluate", "runs/toy", "--samples", "2")
    assert result.returncode == 0, result.stderr.decode()
    report = json.loads((toy_run / "evaluation.json").read_text(encoding="utf-8"))
    assert report["bleu"]["score"] == pytest.approx(100.0)
    assert report["num_sentences"] == 60
    assert report["sentences_per_second"] > 0
    for metric in ("bleu", "chrf", "ter"):
        assert report[metric].keys() >= INTERVAL_KEYS
    shown = result.stdout.decode()
    assert "BLEU" in shown
    assert shown.count("translation ") == 2


def test_the_sacrebleu_command_gives_the_same_score(
    toy_run: Path, run_cli_here: RunCliHere, toy_data: Path, tmp_path: Path
) -> None:
    # Cut the sources short, so that the score is not a trivial 100.
    lines = (toy_data / "toy" / "test.de").read_text(encoding="utf-8").splitlines()
    source = tmp_path / "cut.de"
    source.write_text("".join(line[: len(line) // 2] + "\n" for line in lines), encoding="utf-8")
    reference = toy_data / "toy" / "test.en"
    files = ("--source", str(source), "--reference", str(reference))
    run_cli_here("evaluate", "runs/toy", *files, "--lowercase")
    report = json.loads((toy_run / "evaluation.file-cut.json").read_text(encoding="utf-8"))
    assert 0 < report["bleu"]["score"] < 90
    assert "bleu_lowercase" in report
    hypotheses = toy_run / "hypotheses.file-cut.txt"
    command = [sys.executable, "-m", "sacrebleu", str(reference), "-i", str(hypotheses)]
    command += ["-b", "-w", "6"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    result = subprocess.run(command, capture_output=True, check=True, env=environment)
    assert float(result.stdout) == pytest.approx(report["bleu"]["score"], abs=1e-5)


def test_evaluation_against_a_file(toy_run: Path, run_cli_here: RunCliHere, toy_data: Path) -> None:
    shown = run_cli_here("evaluate", "runs/toy", "--against", str(toy_data / "toy" / "test.de"))
    assert "paired bootstrap" in " ".join(shown.split())
    report = json.loads((toy_run / "evaluation.json").read_text(encoding="utf-8"))
    assert report["against"]["bleu"]["delta"] > 50
    assert report["against"]["bleu"]["p_value"] < 0.01


def test_files_named_test_do_not_replace_the_scores_of_the_test_split(
    toy_run: Path, run_cli_here: RunCliHere, tmp_path: Path
) -> None:
    evaluation = toy_run / "evaluation.json"
    evaluation.write_text("{}")
    (tmp_path / "test.de").write_text("ein hund sieht Anna.\n", encoding="utf-8")
    (tmp_path / "test.en").write_text("a dog sees Anna.\n", encoding="utf-8")
    files = ("--source", str(tmp_path / "test.de"), "--reference", str(tmp_path / "test.en"))
    run_cli_here("evaluate", "runs/toy", *files)
    assert evaluation.read_text() == "{}"
    assert (toy_run / "evaluation.file-test.json").exists()


def test_an_ensemble_is_better_than_its_weak_member(
    toy_run: Path, weak_run: Path, run_cli_here: RunCliHere
) -> None:
    run_cli_here("evaluate", "--ensemble", "runs/weak", "--ensemble", "runs/toy")
    report = json.loads((weak_run / "evaluation.test-ensemble-of-2.json").read_text())
    assert report["models"] == ["runs/weak", "runs/toy"]
    # Its scores must not be mistaken for those of the first run.
    assert not (weak_run / "evaluation.json").exists()
    run_cli_here("evaluate", "runs/weak")
    alone = json.loads((weak_run / "evaluation.json").read_text())
    assert report["bleu"]["score"] > alone["bleu"]["score"]


def test_the_report_names_the_tokenization(toy_run: Path, run_cli_here: RunCliHere) -> None:
    assert "Tokenization of BLEU: 13a." in run_cli_here("evaluate", "runs/toy")
    shown = run_cli_here("evaluate", "runs/toy", "--tokenize", "char")
    assert "Tokenization of BLEU: char." in shown
    report = json.loads((toy_run / "evaluation.json").read_text(encoding="utf-8"))
    assert "tok:char" in report["bleu"]["signature"]


def test_robustness(toy_run: Path, run_cli_here: RunCliHere) -> None:
    shown = run_cli_here("evaluate", "runs/toy", "--robustness", "--limit", "10")
    report = json.loads((toy_run / "robustness.test-10.json").read_text(encoding="utf-8"))
    assert report["num_sentences"] == 10
    assert report["rows"][0]["bleu"] == pytest.approx(100.0)
    assert {"search", "precision"} <= report.keys()
    lines = shown.splitlines()
    assert sum(line.startswith("CAPITALS ") for line in lines) == 1
    assert lines[-1].startswith("Robustness on test-10 (10 sentences, BLEU 100.0 ignoring case)")
    assert not (toy_run / "robustness.json").exists()


def test_a_part_of_the_test_set(toy_run: Path, run_cli_here: RunCliHere) -> None:
    run_cli_here("evaluate", "runs/toy", "--limit", "7")
    report = json.loads((toy_run / "evaluation.test-7.json").read_text(encoding="utf-8"))
    assert report["num_sentences"] == 7


def test_a_part_is_spread_evenly() -> None:
    lines = [str(number) for number in range(10)]
    test_set = TestSet("test", lines, [lines, lines[::-1]])
    part = spread_evenly(test_set, 4)
    assert part == TestSet("test-4", ["0", "2", "5", "7"], [["0", "2", "5", "7"], [*"9742"]])
    assert spread_evenly(test_set, 10) is test_set
    assert spread_evenly(test_set, None) is test_set


# -- mistakes


@pytest.mark.parametrize("option", [["--lowercase"], ["--samples", "2"], ["--against", "x.en"]])
def test_options_that_do_not_go_with_robustness(
    option: list[str], run_cli_expecting_error: RunCliExpectingError
) -> None:
    error = run_cli_expecting_error("evaluate", "runs/toy", "--robustness", *option)
    assert "cannot be combined with --robustness" in error


def test_a_folder_that_is_no_run(
    run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    assert "is not a run folder" in run_cli_expecting_error("evaluate", str(tmp_path))


def test_options_that_do_not_fit_together(run_cli_expecting_error: RunCliExpectingError) -> None:
    both = ("--split", "valid", "--source", "toy/test.de")
    error = run_cli_expecting_error("evaluate", "runs/toy", *both)
    assert "--split and --source cannot be combined" in error
    error = run_cli_expecting_error("evaluate", "runs/toy", "--source", "toy/test.de")
    assert "Give --source and --reference together" in error


def test_an_unknown_tokenization(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path
) -> None:
    error = run_cli_expecting_error("evaluate", "runs/toy", "--tokenize", "chars")
    assert "sacreBLEU has no tokenization 'chars'. Did you mean char?" in error


def test_a_tokenization_without_its_packages(
    run_cli_expecting_error: RunCliExpectingError,
    toy_run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uninstall_mecab(monkeypatch)
    error = run_cli_expecting_error("evaluate", "runs/toy", "--tokenize", "ja-mecab")
    assert 'pip install "sacrebleu[ja]"' in error


def test_an_unknown_split(run_cli_expecting_error: RunCliExpectingError, toy_run: Path) -> None:
    error = run_cli_expecting_error("evaluate", "runs/toy", "--split", "test-2")
    assert "toy has no split 'test-2'. Its splits are:" in error


def test_a_split_that_no_corpus_has_is_reported_before_a_corpus_is_fetched(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("seq2seq.evaluation.test_set.load_corpus")
    error = run_cli_expecting_error("evaluate", "runs/toy", "--split", "nope")
    assert "There is no split 'nope'. A corpus has the splits train, valid and test" in error


def test_a_missing_ensemble_member(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path
) -> None:
    error = run_cli_expecting_error("evaluate", "runs/toy", "--ensemble", "runs/nothing")
    assert "There is no run folder runs/nothing" in error


def test_files_of_different_lengths(
    run_cli_expecting_error: RunCliExpectingError, toy_run: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.en"
    short.write_text("one line\n", encoding="utf-8")
    files = ("--source", "toy/test.de", "--reference", str(short))
    error = run_cli_expecting_error("evaluate", "runs/toy", *files)
    assert "The numbers of lines differ: reference 1 has 1, the source has 60." in error
    error = run_cli_expecting_error("evaluate", "runs/toy", "--against", str(short))
    assert "has 1, the test set has 60." in error


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (gzip.compress(b"x" * 100), "is a binary file")],
    ids=["empty", "binary"],
)
def test_files_without_text(
    content: bytes,
    message: str,
    run_cli_expecting_error: RunCliExpectingError,
    toy_run: Path,
    tmp_path: Path,
) -> None:
    file = tmp_path / "text.de"
    file.write_bytes(content)
    files = ("--source", str(file), "--reference", str(file))
    assert message in run_cli_expecting_error("evaluate", "runs/toy", *files)
