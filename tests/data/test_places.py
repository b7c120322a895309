import os
from pathlib import Path

import pytest

from seq2seq.data import places


def test_cache_dir_is_what_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "mine"))
    assert places.cache_dir() == tmp_path / "mine"


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "base/seq2seq"),
        ("win32", "LOCALAPPDATA", "base/seq2seq"),
        ("linux", None, "home/.cache/seq2seq"),
        ("darwin", None, "home/Library/Caches/seq2seq"),
        ("win32", None, "home/AppData/Local/seq2seq"),
    ],
)
def test_cache_dir_by_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str | None, expected: str
) -> None:
    for name in ("SEQ2SEQ_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path / "base"))
    monkeypatch.setattr(places.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert places.cache_dir() == tmp_path / expected


def test_downloads_go_to_data_of_a_checkout_and_else_to_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path))
    monkeypatch.setattr(places, "checkout_dir", lambda: Path("/clone"))
    assert places.download_dir() == Path("/clone/data")
    assert places.catalogue_file() == Path("/clone/data/corpora.yaml")
    monkeypatch.setattr(places, "checkout_dir", lambda: None)
    assert places.download_dir() == tmp_path / "corpora"
    assert places.catalogue_file() == Path(places.__file__).parent / "corpora.yaml"


def test_data_dirs_in_order_of_search(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(places, "download_dir", lambda: tmp_path / "fetched")
    monkeypatch.setenv("SEQ2SEQ_DATA", os.pathsep.join(["", "/shared/a", "/shared/b"]))
    expected = [tmp_path, Path("/shared/a"), Path("/shared/b"), tmp_path / "fetched"]
    assert places.data_dirs(tmp_path) == expected
    monkeypatch.delenv("SEQ2SEQ_DATA")
    assert places.data_dirs(None) == [tmp_path / "fetched"]
