"""Datasets of the hub, read from local folders, and the errors without a network."""

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pyarrow
import pyarrow.parquet
import pytest

from seq2seq.config.sources import HubSource
from seq2seq.data.corpus import SourceUnavailable
from seq2seq.data.sources import hub
from seq2seq.errors import UserError
from seq2seq.paths import download_dir


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        lines = []
        for n in range(60):
            translation = {"de": f"{split} Satz {n}", "en": f"{split} sentence {n}"}
            lines.append(json.dumps({"translation": translation}) + "\n")
        (folder / f"{split}.jsonl").write_text("".join(lines))
    return folder


def collect(**settings: Any) -> dict[str, list[tuple[str, str]]]:
    source = HubSource(kind="hub", **settings)
    corpus = hub.collect(source, name="some-de-en", source="de", target="en")
    return {split: list(pairs) for split, pairs in corpus.splits.items()}


@pytest.mark.parametrize("streaming", [False, True])
def test_a_folder_is_read_like_a_dataset_of_the_hub(dataset_folder: Path, streaming: bool) -> None:
    splits = collect(id=str(dataset_folder), streaming=streaming, max_pairs=7)
    assert {split: len(pairs) for split, pairs in splits.items()} == {
        "train": 7,
        "valid": 7,
        "test": 7,
    }
    assert splits["valid"][6] == ("validation Satz 6", "validation sentence 6")


def test_parquet_with_named_columns(tmp_path: Path) -> None:
    german = [f"Satz {n}" for n in range(100)]
    english = [f"s {n}" for n in range(100)]
    folder = tmp_path / "dataset"
    folder.mkdir()
    table = pyarrow.table({"non_english": german, "english": english})
    pyarrow.parquet.write_table(table, folder / "train.parquet")
    splits = collect(
        id=str(folder),
        columns={"de": "non_english", "en": "english"},
        splits={"train": "train"},
    )
    assert {split: len(pairs) for split, pairs in splits.items()} == {
        "train": 90,
        "valid": 5,
        "test": 5,
    }
    assert not set(splits["train"]) & set(splits["test"])


def test_an_unknown_split_is_an_error(dataset_folder: Path) -> None:
    message = r"split 'dev' cannot be read: Unknown split \"dev\". Should be one of"
    with pytest.raises(UserError, match=message):
        collect(id=str(dataset_folder), splits={"train": "train", "valid": "dev"})


def test_an_unknown_column_is_an_error(dataset_folder: Path) -> None:
    message = "has no column 'german' for 'de'. Its columns: translation"
    with pytest.raises(UserError, match=message):
        collect(id=str(dataset_folder), columns={"de": "german"})


def raise_in_dataset_info(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Makes every question to the hub raise `error`."""

    def dataset_info(*args: Any, timeout: float, **kwargs: Any) -> None:
        assert timeout <= 10, "a user waits for the answer"
        raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)


def test_without_network_the_error_names_the_files_to_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raise_in_dataset_info(monkeypatch, ConnectionError("Name or service not known"))
    with pytest.raises(SourceUnavailable) as caught:
        collect(id="someone/something")
    message = str(caught.value)
    assert "cannot reach the Hugging Face hub (tried https://huggingface.co for" in message
    assert "the dataset someone/something: ConnectionError Name or service not known" in message
    assert "put train.de, train.en, valid.de, valid.en, test.de, test.en" in message
    assert str(download_dir() / "some-de-en") in message
    assert "SEQ2SEQ_DATA" in message


def test_errors_of_the_hubs_http_library_count_as_no_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeout_error = type("ConnectTimeout", (Exception,), {"__module__": "httpx"})
    raise_in_dataset_info(monkeypatch, timeout_error("late"))
    with pytest.raises(SourceUnavailable, match="ConnectTimeout late"):
        collect(id="someone/something")


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = type("Bug", (Exception,), {})
    raise_in_dataset_info(monkeypatch, bug("mine"))
    with pytest.raises(bug):
        collect(id="someone/something")


def test_an_impossible_id_is_an_error() -> None:
    with pytest.raises(UserError, match="has no public dataset 'no such/id/at all'"):
        collect(id="no such/id/at all")


def test_splits_without_train_are_an_error() -> None:
    with pytest.raises(ValueError, match="splits has test; it must name a split for `train`"):
        collect(id="x/y", splits={"test": "test"})


def test_max_pairs_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_pairs"):
        collect(id="x/y", max_pairs=0)
