"""`seq2seq average` and `seq2seq export`."""

import re
import shutil
from pathlib import Path

import pytest
from fixture_types import RunCliExpectingError, RunCliHere, TranslateHere
from safetensors.torch import load_file, save_file

from seq2seq.run import RunFolder


@pytest.fixture
def test_source(toy_data: Path) -> bytes:
    return (toy_data / "toy" / "test.de").read_bytes()


def agreement(first: str, second: str) -> float:
    """The share of equal lines."""
    pairs = list(zip(first.splitlines(), second.splitlines(), strict=True))
    return sum(a == b for a, b in pairs) / len(pairs)


# -- average


def test_average_makes_a_run_that_translates(
    toy_run: Path,
    run_cli_here: RunCliHere,
    translate_here: TranslateHere,
    toy_data: Path,
    test_source: bytes,
    tmp_path: Path,
) -> None:
    mean = tmp_path / "mean"
    shown = run_cli_here("average", "runs/toy", "--count", "2", "--into", str(mean))
    assert f"{mean} is the mean of the checkpoints of steps" in shown
    reference = (toy_data / "toy" / "test.en").read_text(encoding="utf-8")
    assert agreement(translate_here(str(mean), stdin=test_source), reference) > 0.5


def test_average_of_the_working_folder(
    toy_run: Path, run_cli_here: RunCliHere, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = shutil.copytree(toy_run, tmp_path / "run")
    monkeypatch.chdir(run)
    run_cli_here("average", ".")
    assert (tmp_path / "run-average" / "model.safetensors").is_file()


def test_average_into_a_folder_that_exists(
    toy_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    error = run_cli_expecting_error("average", "runs/toy", "--into", str(tmp_path))
    assert "already exists" in error


def test_average_below_a_file(
    toy_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    error = run_cli_expecting_error("average", "runs/toy", "--into", str(tmp_path / "file" / "in"))
    assert "Not a directory" in error


def test_average_without_checkpoints(
    toy_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    ignored = shutil.ignore_patterns(RunFolder(toy_run).checkpoints_dir.name)
    run = shutil.copytree(toy_run, tmp_path / "run", ignore=ignored)
    error = run_cli_expecting_error("average", str(run))
    assert "has no checkpoints to average" in error


def test_average_of_a_damaged_checkpoint_leaves_no_folder(
    toy_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    run = shutil.copytree(toy_run, tmp_path / "run")
    for file in RunFolder(run).checkpoints_dir.glob("best-*"):
        file.write_bytes(b"no weights")
    mean = tmp_path / "mean"
    assert "is damaged" in run_cli_expecting_error("average", str(run), "--into", str(mean))
    assert not mean.exists()


# -- export


@pytest.mark.parametrize(
    ("options", "largest_ratio"), [(["--int8"], 0.3), (["--bfloat16"], 0.55), ([], 1.05)]
)
def test_export_makes_a_small_folder_that_translates_as_well(
    options: list[str],
    largest_ratio: float,
    toy_run: Path,
    run_cli_here: RunCliHere,
    translate_here: TranslateHere,
    test_source: bytes,
    tmp_path: Path,
) -> None:
    exported = tmp_path / "exported"
    shown = run_cli_here("export", "runs/toy", str(exported), *options)
    assert "MB with everything that translation needs" in shown
    assert not RunFolder(exported).checkpoints_dir.exists()
    size = (exported / "model.safetensors").stat().st_size
    assert size <= largest_ratio * (toy_run / "model.safetensors").stat().st_size
    before = translate_here("runs/toy", stdin=test_source)
    after = translate_here(str(exported), stdin=test_source)
    assert agreement(before, after) >= 0.95


@pytest.fixture
def run_with_shortlist(toy_run: Path, run_cli_here: RunCliHere, tmp_path: Path) -> Path:
    folder = tmp_path / "shortlist"
    run_cli_here("export", "runs/toy", str(folder), "--shortlist", "--int8")
    return folder


def test_export_reports_the_coverage_of_the_shortlist(
    toy_run: Path,
    run_cli_here: RunCliHere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(
        "seq2seq.cli.console.ConsoleReporter.info", lambda reporter, line: lines.append(line)
    )
    run_cli_here("export", "runs/toy", str(tmp_path / "a"), "--shortlist")
    pattern = (
        r"shortlist: \d+ of [\d,]+ tokens for each sentence; "
        r"it contains \d+\.\d% of the tokens of the valid text"
    )
    assert any(re.fullmatch(pattern, line) for line in lines), lines


def test_a_shortlist_translates_nearly_as_well(
    run_with_shortlist: Path, translate_here: TranslateHere, test_source: bytes
) -> None:
    before = translate_here("runs/toy", stdin=test_source)
    after = translate_here(str(run_with_shortlist), stdin=test_source)
    assert agreement(before, after) >= 0.9


def test_a_shortlist_limits_the_translation(
    run_with_shortlist: Path, translate_here: TranslateHere, test_source: bytes
) -> None:
    """With a shortlist that allows nothing but the end, translations are empty."""
    file = run_with_shortlist / "shortlist.safetensors"
    tensors = load_file(file)
    tensors["begins"][:] = 0
    tensors["always"] = tensors["always"][:0]
    tensors["pieces"] = tensors["pieces"][:0]
    save_file(tensors, file)
    assert not translate_here(str(run_with_shortlist), stdin=test_source).strip()


def test_a_shortlist_keeps_what_must_not_change(
    run_with_shortlist: Path, translate_here: TranslateHere
) -> None:
    lines = ["ein hund sieht {name} 12.345,67.", "%s ruft Otto. https://example.org/a?b=1", "%s %s"]
    output = translate_here(str(run_with_shortlist), stdin="\n".join(lines).encode())
    translations = output.splitlines()
    assert len(translations) == len(lines)
    spans = (["{name}", "12.345,67"], ["%s", "https://example.org/a?b=1"], ["%s"])
    for line, translation, kept in zip(lines, translations, spans, strict=True):
        for span in kept:
            assert translation.count(span) == line.count(span), translation


def test_a_damaged_shortlist(
    run_with_shortlist: Path, run_cli_expecting_error: RunCliExpectingError
) -> None:
    (run_with_shortlist / "shortlist.safetensors").write_bytes(b"no tensors")
    assert "damaged" in run_cli_expecting_error("translate", str(run_with_shortlist))


def test_two_number_formats(
    toy_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    options = ("--int8", "--bfloat16")
    error = run_cli_expecting_error("export", "runs/toy", str(tmp_path / "a"), *options)
    assert "--int8 and --bfloat16 cannot be combined" in error


def test_export_into_a_folder_that_exists(
    toy_run: Path, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    error = run_cli_expecting_error("export", "runs/toy", str(tmp_path))
    assert f"{tmp_path} already exists" in error


def test_export_of_a_missing_run(
    run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    folders = (str(tmp_path / "nothing"), str(tmp_path / "b"))
    assert "There is no run folder" in run_cli_expecting_error("export", *folders)
