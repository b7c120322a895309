"""`seq2seq data`: list, fetch, stats, prepare."""

import gzip
from pathlib import Path

import pytest
from fixture_types import RunCliHere
from typer.testing import CliRunner

from seq2seq.cli.data import app
from seq2seq.errors import UserError

SPLITS = {
    "train": [
        ("Guten Tag", "Good day"),
        ("Привет", "Hi there"),
        ("Gute Nacht", "Good night"),
        ("Das ist gut so.", "Fine."),
    ],
    "valid": [("Ja", "Yes")],
    "test": [("gute nacht!", "Sleep well")],
}


@pytest.fixture(autouse=True)
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of downloaded corpora, empty at first."""
    folder = tmp_path / "fetched"
    folder.mkdir()
    monkeypatch.setattr("seq2seq.paths.download_dir", lambda: folder)
    monkeypatch.setattr("seq2seq.data.store.download_dir", lambda: folder)
    monkeypatch.delenv("SEQ2SEQ_DATA", raising=False)
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The corpus my-de-en in a data folder."""
    folder = tmp_path / "data" / "my-de-en"
    folder.mkdir(parents=True)
    for split, pairs in SPLITS.items():
        for side, language in enumerate(("de", "en")):
            text = "".join(pair[side] + "\n" for pair in pairs)
            (folder / f"{split}.{language}.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def run_data(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def stats(name: str, corpus: Path, *options: str) -> str:
    return run_data("stats", name, "--data-dir", str(corpus.parent), *options)


def test_list_shows_the_catalog() -> None:
    shown = run_data("list")
    assert "libreoffice-LL-en" in shown
    assert "MPL-2.0" in shown
    assert "LL: ca, cs, da, de" in shown
    assert "ding-de-en" in shown
    assert "multi30k-de-en" in shown


def test_list_shows_local_corpora(corpus: Path) -> None:
    shown = run_data("list", "--data-dir", str(corpus.parent))
    assert f"on this machine: my-de-en  ({corpus})" in shown


def test_list_without_local_corpora_explains_how_to_get_one() -> None:
    assert "No corpus is on this machine yet. `seq2seq data fetch NAME`" in run_data("list")


@pytest.mark.parametrize("command", [["list"], ["stats", "my-de-en"]])
def test_a_data_folder_that_does_not_exist(command: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing.*--data-dir|--data-dir.*nothing"):
        run_data(*command, "--data-dir", str(tmp_path / "nothing"))


def test_stats_of_a_corpus_name(corpus: Path) -> None:
    shown = stats("my-de-en", corpus)
    assert "my-de-en, de to en, before cleaning" in shown
    assert "license: " in shown
    assert "attribution: " in shown
    assert "train: 4 pairs, 2 kept" in shown
    assert "wrong script: 1" in shown
    assert "overlap with valid/test: 1" in shown
    assert "words in each de sentence of train" in shown
    assert "█" in shown
    assert "samples of test" in shown
    assert "en: Sleep well" in shown


def test_stats_count_overlap_before_and_after_cleaning(corpus: Path) -> None:
    before, after = stats("my-de-en", corpus).split("\ncleaned\n")
    lines = before.splitlines()
    assert "test: 1 de and 0 en sentences also occur in train, in 1 of 1 pairs (100.0%)" in lines
    assert "test: 0 de and 0 en sentences also occur in train" in after


def test_stats_of_a_config_use_its_cleaning(corpus: Path, tmp_path: Path) -> None:
    config = tmp_path / "some.yaml"
    config.write_text(
        "data:\n"
        "  corpus: my-de-en\n"
        "  source: en\n"
        "  target: de\n"
        "  cleaning: {drop_overlap: false}\n"
        "model: {family: lstm}\n"
        "training: {budget: {steps: 1}}\n"
    )
    shown = stats(str(config), corpus, "--samples", "0")
    assert "my-de-en, en to de" in shown
    assert "train: 4 pairs, 3 kept" in shown
    assert "samples of" not in shown


def test_stats_of_a_bundled_config(corpus: Path) -> None:
    corpus = corpus.rename(corpus.parent / "multi30k-de-en")
    assert "multi30k-de-en, de to en" in stats("lstm-multi30k", corpus, "--samples", "0")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"There is no config .*some\.yaml"),
        ("data: [", "is not valid YAML"),
        ("model: {}", "data: this section is missing"),
        (
            "data: {corpus: x, source: de, targt: en}",
            r"data\.targt: unknown key; did you mean target\?",
        ),
    ],
    ids=["missing", "broken", "incomplete", "misspelled"],
)
def test_stats_of_a_config_that_cannot_be_used(
    tmp_path: Path, content: str | None, message: str
) -> None:
    config = tmp_path / "some.yaml"
    if content is not None:
        config.write_text(content)
    with pytest.raises(UserError, match=message):
        run_data("stats", str(config))


def test_fetch_of_a_local_corpus_prints_its_license(corpus: Path, fetched: Path) -> None:
    corpus.rename(fetched / "ding-de-en")
    shown = run_data("fetch", "ding-de-en")
    assert "ding-de-en is already in" in shown
    assert "license: GPL-2.0-or-later" in shown
    assert "attribution: Frank Richter" in shown


def test_fetch_of_a_misspelled_corpus() -> None:
    with pytest.raises(UserError, match=r"There is no corpus 'dong-de-en'.* Did you mean ding-de"):
        run_data("fetch", "dong-de-en")


def test_prepare_shows_tokens(run_cli_here: RunCliHere, cli_environment: dict[str, str]) -> None:
    data_dir = ("--data-dir", cli_environment["SEQ2SEQ_DATA"])
    shown = run_cli_here("data", "prepare", "toy.yaml", *data_dir)
    assert "source: vocabulary of " in shown
    assert "tokens per word" in shown
