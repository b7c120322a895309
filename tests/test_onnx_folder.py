"""The files of an exported folder."""

from pathlib import Path

import pytest
from fakes import tiny_tokenizer

from seq2seq.errors import UserError
from seq2seq.onnx_folder import OnnxFolder, is_onnx_folder
from seq2seq.settings import TextSettings, TranslatorSettings


def write_folder(path: Path, case: str) -> OnnxFolder:
    folder = OnnxFolder(path)
    folder.path.mkdir()
    tiny_tokenizer().save(folder.tokenizer_dir)
    settings = TranslatorSettings(source="de", target="en", text=TextSettings(case=case))
    folder.settings_file.write_text(settings.to_json(), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("case", "cases"), [("factor", 3), ("cased", 1)])
def test_the_tokenizer_separates_case_as_in_training(case: str, cases: int, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", case)
    assert folder.tokenizer.source_cases == cases
    assert folder.direction == "de-en"


def test_a_folder_is_known_by_its_settings(tmp_path: Path) -> None:
    assert is_onnx_folder(write_folder(tmp_path / "folder", "cased").path)
    assert not is_onnx_folder(tmp_path)
    assert not is_onnx_folder(tmp_path / "missing")


def test_a_folder_without_a_graph(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", "cased")
    with pytest.raises(UserError, match=r"encoder\.onnx is missing"):
        OnnxFolder.open(folder.path)
