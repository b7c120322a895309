"""The files of an exported folder."""

from pathlib import Path

import pytest
from fakes import tiny_tokenizer

from seq2seq.errors import UserError
from seq2seq.onnx_folder import OnnxFolder, is_onnx_folder
from seq2seq.settings import TextSettings, TranslatorSettings

SETTINGS = {
    case: TranslatorSettings(source="de", target="en", text=TextSettings(case=case))
    for case in ("factor", "cased")
}


def write_folder(path: Path, case: str) -> OnnxFolder:
    folder = OnnxFolder(path)
    folder.path.mkdir()
    tiny_tokenizer().save(folder.tokenizer_dir)
    folder.encoder_file.write_bytes(b"encoder")
    folder.decoder_file.write_bytes(b"decoder")
    folder.write_settings(SETTINGS[case])
    return folder


@pytest.mark.parametrize(("case", "cases"), [("factor", 3), ("cased", 1)])
def test_the_tokenizer_separates_case_as_in_training(case: str, cases: int, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", case)
    assert folder.tokenizer.source_cases == cases
    assert folder.direction == "de-en"


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", "cased")
    assert is_onnx_folder(folder.path)
    assert not is_onnx_folder(tmp_path)
    assert not is_onnx_folder(tmp_path / "missing")
    folder.settings_file.unlink()
    assert is_onnx_folder(folder.path)
    with pytest.raises(UserError, match=r"translator\.json is missing"):
        OnnxFolder.open(folder.path)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx", "tokenizer/joint.model"])
def test_each_file_must_be_there_and_of_the_same_export(name: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", "cased")
    OnnxFolder.open(folder.path)
    file = folder.path / name
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(UserError, match="is damaged, or is not of the same export"):
        OnnxFolder.open(folder.path)
    file.unlink()
    with pytest.raises(UserError, match="is missing"):
        OnnxFolder.open(folder.path)


def test_a_folder_without_checksums_can_be_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", "cased")
    folder.settings_file.write_text(SETTINGS["cased"].to_json(), encoding="utf-8")
    assert OnnxFolder.open(folder.path).settings == SETTINGS["cased"]
    folder.settings_file.write_text(SETTINGS["cased"].to_json(files=[]), encoding="utf-8")
    with pytest.raises(UserError, match=r"translator\.json is damaged"):
        OnnxFolder.open(folder.path)


def test_no_file_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", "cased")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    settings = SETTINGS["cased"].to_json(files={"../secret": "0" * 64})
    folder.settings_file.write_text(settings, encoding="utf-8")
    with pytest.raises(UserError, match=r"names a file outside of its folder: \.\./secret"):
        OnnxFolder.open(folder.path)


def test_nothing_is_trained_into_an_exported_folder(tmp_path: Path) -> None:
    from seq2seq import api
    from seq2seq.config import parse_config
    from seq2seq.run import RunFolder

    folder = write_folder(tmp_path / "folder", "cased")
    raw = {
        "data": {"corpus": "demo", "source": "de", "target": "en"},
        "model": {"family": "lstm"},
        "training": {"budget": {"steps": 1}},
    }
    config = parse_config(raw, "the test's config")
    with pytest.raises(UserError, match="is an exported folder"):
        api.train(config, RunFolder(folder.path))
    with pytest.raises(UserError, match=r"has no config\.yaml"):
        RunFolder.open(folder.path, exported=True)
    folder.config_file.touch()
    RunFolder.open(folder.path, exported=True)
    folder.settings_file.unlink()
    with pytest.raises(UserError, match=r"translator\.json is missing"):
        RunFolder.open(folder.path, exported=True)
