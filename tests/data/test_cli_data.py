import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seq2seq.cli_data import app
from seq2seq.errors import UserError


@pytest.fixture(autouse=True)
def corpus_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("seq2seq.data.places.download_dir", lambda: tmp_path / "fetched")
    monkeypatch.setattr("seq2seq.data.corpora.download_dir", lambda: tmp_path / "fetched")
    monkeypatch.delenv("SEQ2SEQ_DATA", raising=False)
    folder = tmp_path / "data" / "my-de-en"
    folder.mkdir(parents=True)
    texts = {
        "train": [
            ("Guten Tag", "Good day"),
            ("Привет", "Hi there"),
            ("Gute Nacht", "Good night"),
            ("Das ist gut so.", "Fine."),
        ],
        "valid": [("Ja", "Yes")],
        "test": [("gute nacht!", "Sleep well")],
    }
    for split, pairs in texts.items():
        for side, language in enumerate(("de", "en")):
            raw = "".join(pair[side] + "\n" for pair in pairs).encode()
            (folder / f"{split}.{language}.gz").write_bytes(gzip.compress(raw))
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_list_shows_the_catalogue_and_what_is_here(corpus_folder: Path) -> None:
    shown = run("list", "--data-dir", str(corpus_folder.parent)).output
    for text in (
        "libreoffice-LL-en",
        "MPL-2.0",
        "LL: ca, cs, da, de",
        "ding-de-en",
        "multi30k-de-en",
        "here: my-de-en",
    ):
        assert text in shown
    assert "None is here yet" in run("list").output


def test_a_data_dir_that_is_not_there(tmp_path: Path) -> None:
    for command in (["list"], ["stats", "my-de-en"]):
        with pytest.raises(UserError, match=r"There is no folder .*nothing \(--data-dir\)"):
            run(*command, "--data-dir", str(tmp_path / "nothing"))


def test_stats_of_a_corpus_by_name(corpus_folder: Path) -> None:
    shown = run("stats", "my-de-en", "--data-dir", str(corpus_folder.parent)).output
    assert "my-de-en, de to en" in shown
    assert "test: 1 de and 0 en sentences are in train too, in 1 of 1 pairs (100.0%)" in shown
    assert "train: 4 pairs, 2 kept" in shown
    assert "dropped, wrong script: 1" in shown
    assert "dropped, overlap with valid/test: 1" in shown
    assert "test: 0 de and 0 en sentences are in train too" in shown
    assert "words in a de sentence of train" in shown
    assert "█" in shown
    assert "en: Sleep well" in shown


def test_stats_of_a_config(corpus_folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "some.yaml"
    config.write_text(
        "data:\n  corpus: my-de-en\n  source: en\n  target: de\n  cleaning: {drop_overlap: false}\n"
        "model: {family: lstm}\ntraining: {budget: {steps: 1}}\n"
    )
    shown = run("stats", str(config), "--data-dir", str(corpus_folder.parent), "--samples", "0").output
    assert "my-de-en, en to de" in shown
    assert "train: 4 pairs, 3 kept" in shown
    assert "for example" not in shown


def test_stats_of_a_config_that_comes_along(corpus_folder: Path) -> None:
    corpus_folder.rename(corpus_folder.parent / "multi30k-de-en")
    shown = run("stats", "lstm-multi30k", "--data-dir", str(corpus_folder.parent), "--samples", "0").output
    assert "multi30k-de-en, de to en" in shown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"There is no config .*some\.yaml"),
        ("data: [", "is not valid YAML"),
        ("model: {}", "data: this section is missing"),
        ("data: {corpus: x, source: de, targt: en}", r"data\.targt: unknown key; did you mean target\?"),
    ],
)
def test_configs_that_cannot_be_used(tmp_path: Path, content: str | None, message: str) -> None:
    config = tmp_path / "some.yaml"
    if content is not None:
        config.write_text(content)
    with pytest.raises(UserError, match=message):
        run("stats", str(config))


def test_fetch_prints_licence_and_where(tmp_path: Path, corpus_folder: Path) -> None:
    (tmp_path / "fetched").mkdir()
    corpus_folder.rename(tmp_path / "fetched" / "ding-de-en")
    shown = run("fetch", "ding-de-en").output
    assert "ding-de-en is already in" in shown
    assert "licence: GPL-2.0-or-later" in shown
    assert "attribution: Frank Richter" in shown
    with pytest.raises(UserError, match=r"There is no corpus 'dong-de-en'.* Did you mean ding-de-en"):
        run("fetch", "dong-de-en")


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = "import sys, seq2seq.cli_data; print([m for m in ('datasets', 'torch', 'pandas', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    shown = run("--help").output
    assert "fetch" in shown
    assert "stats" in shown
