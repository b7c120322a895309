import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from seq2seq.data.corpus import SourceUnavailable
from seq2seq.data.sources import hub
from seq2seq.data.sources.hub import HubSpec
from seq2seq.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        rows = [{"translation": {"de": f"{split} Satz {n}", "en": f"{split} sentence {n}"}} for n in range(60)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def collect(**settings: Any) -> dict[str, list[tuple[str, str]]]:
    spec = TypeAdapter(HubSpec).validate_python({"kind": "hub", **settings})
    corpus = spec.collect(name="some-de-en", source="de", target="en", say=lambda line: None)
    return {split: list(pairs) for split, pairs in corpus.splits.items()}


@pytest.mark.parametrize("streaming", [False, True])
def test_a_folder_is_read_like_a_dataset_of_the_hub(dataset: Path, streaming: bool) -> None:
    splits = collect(id=str(dataset), streaming=streaming, max_pairs=7)
    assert {split: len(pairs) for split, pairs in splits.items()} == {"train": 7, "valid": 7, "test": 7}
    assert splits["valid"][6] == ("validation Satz 6", "validation sentence 6")


def test_parquet_with_columns_of_other_names(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = 100
    table = pyarrow.table(
        {"non_english": [f"Satz {n}" for n in range(rows)], "english": [f"s {n}" for n in range(rows)]}
    )
    (tmp_path / "ds").mkdir()
    pyarrow.parquet.write_table(table, tmp_path / "ds" / "train.parquet")
    splits = collect(id=str(tmp_path / "ds"), columns={"de": "non_english", "en": "english"}, splits={"train": "train"})
    assert {split: len(pairs) for split, pairs in splits.items()} == {"train": 90, "valid": 5, "test": 5}
    assert not set(splits["train"]) & set(splits["test"])


def test_unknown_split_and_column(dataset: Path) -> None:
    with pytest.raises(UserError, match=r"split 'dev' cannot be read: Unknown split \"dev\". Should be one of"):
        collect(id=str(dataset), splits={"train": "train", "valid": "dev"})
    with pytest.raises(UserError, match="has no column 'german' for 'de'; it has translation"):
        collect(id=str(dataset), columns={"de": "german"})


def test_without_network_it_says_what_was_tried_and_what_to_bring(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*args: Any, **kwargs: Any) -> None:
        assert kwargs["timeout"] <= 10  # a person waits for this
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    with pytest.raises(SourceUnavailable) as caught:
        collect(id="someone/something")
    message = str(caught.value)
    assert "tried https://huggingface.co for the dataset someone/something: ConnectionError Name or service" in message
    assert "put train.de, train.en, valid.de, valid.en, test.de, test.en" in message
    assert str(hub.download_dir() / "some-de-en") in message
    assert "SEQ2SEQ_DATA" in message


def test_failures_of_the_hubs_http_library_count_as_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    broken = type("ConnectTimeout", (Exception,), {"__module__": "httpx"})
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *a, **k: (_ for _ in ()).throw(broken("late")))
    with pytest.raises(SourceUnavailable, match="ConnectTimeout late"):
        collect(id="someone/something")
    bug = type("Bug", (Exception,), {})
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *a, **k: (_ for _ in ()).throw(bug("mine")))
    with pytest.raises(bug):
        collect(id="someone/something")


def test_an_id_that_cannot_be_one() -> None:
    with pytest.raises(UserError, match="no dataset 'no such/id/at all' that can be read without an account"):
        collect(id="no such/id/at all")


def test_settings() -> None:
    with pytest.raises(ValueError, match="splits names test; it must name the one for `train`"):
        collect(id="x/y", splits={"test": "test"})
    with pytest.raises(ValueError, match="max_pairs is 0"):
        collect(id="x/y", max_pairs=0)
