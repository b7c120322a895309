"""An exported folder: it translates without torch, like the run that it was exported from."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixture_types import RunCliExpectingError, RunCliHere, TranslateHere
from light_environment import run_light

from seq2seq import load
from seq2seq.errors import UserError
from seq2seq.export import export_onnx_run
from seq2seq.onnx_folder import OnnxFolder, is_onnx_folder
from seq2seq.run import RunFolder

EARLIER_RUNS = Path(__file__).parent.parent / "earlier_runs"
SOURCE = (EARLIER_RUNS / "source.de").read_bytes()

TRANSLATE = "from seq2seq.cli import main; main()"
# What `import torch` and the like would bring in is named after this on standard error.
TRANSLATE_AND_LIST_MODULES = """
import sys
from seq2seq.cli import main
try:
    main()
finally:
    sys.stderr.write(" ".join({name.partition(".")[0] for name in sys.modules}))
"""
HEAVY = {
    *["torch", "datasets", "sacrebleu", "pydantic", "safetensors", "matplotlib", "onnx", "rich"],
    *["yaml", "filelock", "pandas", "pyarrow"],
}


@pytest.fixture(scope="module")
def run() -> RunFolder:
    return RunFolder.open(EARLIER_RUNS / "lstm")


@pytest.fixture(scope="module")
def exported(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "folder"
    export_onnx_run(run, OnnxFolder(folder))
    return folder


def test_it_translates_like_the_run_where_torch_is_not_installed(
    exported: Path, run: RunFolder, translate_here: TranslateHere
) -> None:
    result = run_light(TRANSLATE, "translate", str(exported), stdin=SOURCE)
    assert result.returncode == 0, result.stderr.decode()
    expected = translate_here(str(run.path), "--precision", "float32", stdin=SOURCE)
    assert result.stdout.decode() == expected


def test_the_number_format_is_that_of_the_graphs(
    exported: Path, run: RunFolder, tmp_path: Path
) -> None:
    export_onnx_run(run, OnnxFolder(tmp_path / "int8"), int8=True)
    assert load(exported).precision == "float32"
    assert load(tmp_path / "int8").precision == "int8"


def test_json_has_the_same_alignment(
    exported: Path, run: RunFolder, translate_here: TranslateHere
) -> None:
    options = ("--json", "--nbest", "2")
    lines = translate_here(str(exported), *options, stdin=SOURCE).splitlines()
    expected = translate_here(str(run.path), *options, "--precision", "float32", stdin=SOURCE)
    for line, expected_line in zip(lines, expected.splitlines(), strict=True):
        translations = json.loads(line)["translations"]
        expected_translations = json.loads(expected_line)["translations"]
        for one, other in zip(translations, expected_translations, strict=True):
            assert one.pop("score") == pytest.approx(other.pop("score"), abs=1e-3)
            assert one == other


def test_no_heavy_library_is_imported(exported: Path) -> None:
    result = run_light(TRANSLATE_AND_LIST_MODULES, "translate", str(exported), stdin=SOURCE)
    assert result.returncode == 0, result.stderr.decode()
    assert set(result.stderr.decode().split()) & HEAVY == set()


def test_a_run_folder_says_what_is_not_installed(run: RunFolder) -> None:
    result = run_light(TRANSLATE, "translate", str(run.path), stdin=SOURCE)
    assert result.returncode == 1
    assert b"is not installed" in result.stderr
    assert b"Exporting to ONNX needs more: pip install 'seq2seq[onnx]'" in result.stderr
    assert b"pip install 'seq2seq[train]'" in result.stderr


def test_a_wrong_folder_is_no_reason_to_install_something(tmp_path: Path) -> None:
    result = run_light(TRANSLATE, "translate", str(tmp_path / "nowhere"), stdin=SOURCE)
    assert result.returncode == 1
    assert b"There is no folder" in result.stderr
    result = run_light(TRANSLATE, "translate", str(tmp_path), stdin=SOURCE)
    assert result.returncode == 1
    assert b"neither an exported folder nor a run folder" in result.stderr
    assert b"pip install" not in result.stderr


@pytest.mark.parametrize("command", ["train", "evaluate", "data list"])
def test_other_commands_say_what_is_not_installed(command: str, exported: Path) -> None:
    result = run_light(TRANSLATE, *command.split(), *(["demo"] if command == "train" else []))
    if command == "evaluate":
        result = run_light(TRANSLATE, "evaluate", str(exported))
    assert result.returncode == 1, result.stderr.decode()
    assert b"pip install 'seq2seq[train]'" in result.stderr


def test_evaluate_writes_its_scores_into_the_folder(
    exported: Path, run_cli_here: RunCliHere, tmp_path: Path
) -> None:
    folder = shutil.copytree(exported, tmp_path / "folder")
    source = tmp_path / "source.de"
    source.write_bytes(SOURCE)
    reference = EARLIER_RUNS / "lstm" / "expected.en"
    run_cli_here("evaluate", str(folder), "--source", str(source), "--reference", str(reference))
    (report,) = folder.glob("evaluation*.json")
    assert json.loads(report.read_text(encoding="utf-8"))["bleu"]["score"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ensemble", str(EARLIER_RUNS / "lstm")), "predicts alone"),
        (("--device", "cuda"), "runs on the CPU"),
        (("--precision", "int8"), "its number format is fixed"),
        (("--beam", "2", "--nbest", "3"), "nbest must be at most beam"),
    ],
)
def test_options_that_an_exported_folder_has_not(
    options: tuple[str, ...],
    message: str,
    exported: Path,
    run_cli_expecting_error: RunCliExpectingError,
) -> None:
    assert message in run_cli_expecting_error("translate", str(exported), *options)


def test_an_exported_folder_is_no_run_folder(exported: Path) -> None:
    assert is_onnx_folder(exported)
    with pytest.raises(UserError, match="Give the run folder that it was exported from"):
        RunFolder.open(exported)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx"])
def test_a_missing_or_damaged_graph(name: str, exported: Path, tmp_path: Path) -> None:
    from seq2seq import load

    folder = shutil.copytree(exported, tmp_path / "folder")
    (folder / name).write_bytes(b"")
    with pytest.raises(UserError, match=re.escape(f"{name} is damaged")):
        load(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=re.escape(f"{name} is missing")):
        load(folder)


def test_options_of_export_that_do_not_fit_together(
    run: RunFolder, run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    arguments = ("export", str(run.path), str(tmp_path / "new"))
    error = run_cli_expecting_error(*arguments, "--format", "onnx", "--bfloat16")
    assert "--bfloat16 is for --format safetensors" in error
    error = run_cli_expecting_error(*arguments, "--ensemble", str(run.path))
    assert "--ensemble needs --format onnx" in error
    assert not (tmp_path / "new").exists()


def test_a_reader_that_has_gone_is_no_traceback(exported: Path) -> None:
    command = [sys.executable, "-m", "seq2seq.cli", "translate", str(exported)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.close()
        _, error = process.communicate(SOURCE * 50)
    assert process.returncode == 1
    assert error == b""
