"""Files to train on that are not there are mistakes of the config."""

from pathlib import Path

import pytest
import yaml

from seq2seq.config import load_config, load_run_config
from seq2seq.errors import UserError

TRAIN = {"de": "here.de", "en": "a.en", "fr": "a.fr"}


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config with missing files and a beam of 0. The current folder has the file here.de."""
    monkeypatch.chdir(tmp_path)
    Path("here.de").touch()
    files = {"kind": "files", "train": TRAIN, "valid": "v.tsv", "test": "."}
    config = {
        "data": {
            "corpora": [{"name": "toy"}, {"name": files}],
            "source": "de",
            "target": "en",
            "extra_pairs": [{"source": "here.de", "target": "e.en"}],
        },
        "model": {"family": "lstm"},
        "training": {"budget": {"steps": 10}},
        "search": {"beam": 0},
    }
    path = Path("x.yaml")
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def test_all_are_reported_at_once_with_the_other_mistakes(config_file: Path) -> None:
    with pytest.raises(UserError) as error:
        load_config(config_file)
    folder = Path.cwd()
    assert str(error.value).splitlines() == [
        "x.yaml has 5 mistakes:",
        "  search.beam: must be greater than or equal to 1 (got 0)",
        f"  data.corpora.1.name.train.en: a.en does not exist (current folder: {folder})",
        f"  data.corpora.1.name.valid: v.tsv does not exist (current folder: {folder})",
        "  data.corpora.1.name.test: . is a folder, not a file",
        f"  data.extra_pairs.0.target: e.en does not exist (current folder: {folder})",
    ]


def test_files_of_one_corpus(config_file: Path) -> None:
    fixed = ["search.beam=1", "data.corpora=[]", "data.extra_pairs=[]"]
    with pytest.raises(UserError, match=r"1 mistake:\n  data\.corpus\.train\.en: a\.en does not"):
        load_config(config_file, [*fixed, f"data.corpus={{kind: files, train: {TRAIN}}}"])
    table = "data.corpus={kind: files, train: here.de}"
    assert load_config(config_file, [*fixed, table]).data.corpora == ()


def test_a_run_folder_is_read_without_them(config_file: Path) -> None:
    config = load_run_config(config_file, ["search.beam=1"])
    assert config.data.extra_pairs[0].target == Path("e.en")


def test_mistakes_elsewhere_in_the_section_do_not_hide_them(config_file: Path) -> None:
    overrides = ["search.beam=1", "data.corpus=toy", "data.target=de", "data.fallbak=x"]
    with pytest.raises(UserError) as error:
        load_config(config_file, overrides)
    message = str(error.value)
    assert "x.yaml has 6 mistakes:" in message
    assert "data.corpora.1.name.valid: v.tsv does not exist" in message
    assert "data.extra_pairs.0.target: e.en does not exist" in message


def test_a_language_without_a_file_is_a_mistake(config_file: Path) -> None:
    fixed = ["search.beam=1", "data.corpora=[]", "data.extra_pairs=[]", "data.target=es"]
    files = "{kind: files, train: {de: here.de, en: here.de}, valid: here.de}"
    with pytest.raises(UserError) as error:
        load_config(config_file, [*fixed, f"data.corpus={files}"])
    assert str(error.value).splitlines()[1:] == [
        "  data.corpus.train: has files for de and en, but none for 'es'; add its path under "
        "`es:`, or correct data.source and data.target"
    ]
