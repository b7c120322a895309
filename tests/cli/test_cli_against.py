"""`seq2seq evaluate X --against Y`: run folders, exported folders, and files of translations."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fixture_types import RunCliExpectingError, RunCliHere

from seq2seq.export import export_onnx_run
from seq2seq.onnx_folder import OnnxFolder
from seq2seq.run import RunFolder

EARLIER_RUNS = Path(__file__).parent.parent / "earlier_runs"
SOURCE = EARLIER_RUNS / "source.de"
TRANSLATIONS = EARLIER_RUNS / "lstm" / "expected.en"
TEST_SET = ("--source", str(SOURCE), "--reference", str(TRANSLATIONS))

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from seq2seq.cli import main
main()
"""


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "folder"
    export_onnx_run(RunFolder.open(EARLIER_RUNS / "lstm"), OnnxFolder(folder))
    return folder


@pytest.fixture
def folders(exported_once: Path, tmp_path: Path) -> dict[str, Path]:
    """A run, the folder that it was exported into, and a file of its translations."""
    return {
        "run": shutil.copytree(EARLIER_RUNS / "lstm", tmp_path / "run"),
        "exported": shutil.copytree(exported_once, tmp_path / "exported"),
        "file": shutil.copyfile(TRANSLATIONS, tmp_path / "translations.en"),
    }


@pytest.fixture
def without_corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes it a traceback to load a corpus."""
    monkeypatch.delattr("seq2seq.evaluation.test_set.load_corpus")


def read_comparison(folder: Path) -> dict[str, Any]:
    (report,) = folder.glob("evaluation*.json")
    comparison: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["against"]
    return comparison


def change_direction(folder: Path) -> None:
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    swapped = text.replace("source: de", "source: en").replace("target: en", "target: de")
    assert swapped != text
    config.write_text(swapped, encoding="utf-8")


def cut_off(file: Path) -> None:
    """Leaves what a copy that broke off leaves."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("other", ["run", "exported", "file"])
@pytest.mark.parametrize("first", ["run", "exported"])
def test_everything_that_has_translations_can_be_compared(
    first: str, other: str, folders: dict[str, Path], run_cli_here: RunCliHere
) -> None:
    shown = run_cli_here(
        "evaluate", str(folders[first]), *TEST_SET, "--against", str(folders[other])
    )
    assert "paired bootstrap" in " ".join(shown.split())
    assert read_comparison(folders[first])["name"] == str(folders[other])


def test_two_exported_folders_need_no_torch(folders: dict[str, Path], tmp_path: Path) -> None:
    other = shutil.copytree(folders["exported"], tmp_path / "other")
    command = ["evaluate", str(folders["exported"]), *TEST_SET, "--against", str(other)]
    result = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *command], capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    assert read_comparison(folders["exported"])["bleu"]["delta"] == 0


def test_precision_and_device_are_for_the_run_folder(
    folders: dict[str, Path], run_cli_here: RunCliHere
) -> None:
    options = ("--precision", "float32", "--device", "cpu", "--beam", "1")
    against = ("--against", str(folders["exported"]))
    run_cli_here("evaluate", str(folders["run"]), *TEST_SET, *against, *options)
    assert read_comparison(folders["run"])["bleu"]["delta"] == 0


# -- mistakes, which are reported before a corpus is loaded


@pytest.mark.parametrize("other", ["run", "exported"])
@pytest.mark.parametrize("first", ["run", "exported"])
@pytest.mark.usefixtures("without_corpora")
def test_another_direction(
    first: str,
    other: str,
    folders: dict[str, Path],
    run_cli_expecting_error: RunCliExpectingError,
    tmp_path: Path,
) -> None:
    reverse = shutil.copytree(folders[other], tmp_path / "reverse")
    change_direction(reverse)
    error = run_cli_expecting_error("evaluate", str(folders[first]), "--against", str(reverse))
    assert f"{folders[first]} translates de-en and {reverse} en-de." in error
    assert "Compare translators of one direction." in error


@pytest.mark.usefixtures("without_corpora")
def test_nothing_to_compare_with(
    folders: dict[str, Path], run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    evaluate = ("evaluate", str(folders["exported"]), "--against")
    error = run_cli_expecting_error(*evaluate, str(tmp_path / "nothing"))
    assert f"There is no {tmp_path / 'nothing'}. Give a run folder, an exported folder" in error
    (tmp_path / "empty").mkdir()
    assert "is not a run folder" in run_cli_expecting_error(*evaluate, str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("folder", "name", "message"),
    [
        ("run", "model.safetensors", "model.safetensors is damaged"),
        ("run", "tokenizer/joint.model", "The tokenizer model 'joint' is damaged"),
        ("exported", "decoder.onnx", "decoder.onnx is damaged"),
        ("exported", "tokenizer/joint.model", "joint.model is damaged"),
    ],
)
@pytest.mark.usefixtures("without_corpora")
def test_a_damaged_folder(
    folder: str,
    name: str,
    message: str,
    folders: dict[str, Path],
    run_cli_expecting_error: RunCliExpectingError,
    tmp_path: Path,
) -> None:
    damaged = shutil.copytree(folders[folder], tmp_path / "copy")
    cut_off(damaged / name)
    assert message in run_cli_expecting_error("evaluate", str(damaged))
    evaluate = ("evaluate", str(folders["exported"]), "--against", str(damaged))
    assert message in run_cli_expecting_error(*evaluate)


@pytest.mark.usefixtures("without_corpora")
def test_an_option_that_the_first_folder_has_not(
    folders: dict[str, Path], run_cli_expecting_error: RunCliExpectingError
) -> None:
    error = run_cli_expecting_error("evaluate", str(folders["exported"]), "--precision", "int8")
    assert "its number format is fixed" in error
