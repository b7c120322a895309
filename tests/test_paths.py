"""Where corpora are found, and where downloads go."""

import os
from pathlib import Path

import pytest

from seq2seq import paths
from seq2seq.errors import UserError


def test_a_variable_moves_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "mine"))
    assert paths.cache_dir() == tmp_path / "mine"


def test_the_cache_is_in_the_users_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SEQ2SEQ_CACHE", raising=False)
    monkeypatch.setattr(paths, "user_cache_path", lambda name, **options: tmp_path / name)
    assert paths.cache_dir() == tmp_path / "seq2seq"


def test_the_cache_folder_is_asked_for_without_an_author_and_a_cache_subfolder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On Windows these would change the path, and earlier downloads would not be found.
    monkeypatch.delenv("SEQ2SEQ_CACHE", raising=False)
    received: dict[str, object] = {}

    def user_cache_path(name: str, **options: object) -> Path:
        received.update(options)
        return Path(name)

    monkeypatch.setattr(paths, "user_cache_path", user_cache_path)
    paths.cache_dir()
    assert received == {"appauthor": False, "opinion": False}


def test_a_checkout_keeps_downloads_in_its_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "checkout_dir", lambda: Path("/clone"))
    assert paths.download_dir() == Path("/clone/data")
    assert paths.catalog_file() == Path("/clone/data/corpora.yaml")
    assert paths.config_dir() == Path("/clone/configs")


def test_an_installed_package_keeps_downloads_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path))
    monkeypatch.setattr(paths, "checkout_dir", lambda: None)
    package = Path(paths.__file__).parent
    assert paths.download_dir() == tmp_path / "corpora"
    assert paths.catalog_file() == package / "data" / "corpora.yaml"
    assert paths.config_dir() == package / "configs"


def test_data_folders_are_searched_in_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(paths, "download_dir", lambda: tmp_path / "fetched")
    monkeypatch.setenv("SEQ2SEQ_DATA", os.pathsep.join(["", "/shared/a", "/shared/b"]))
    expected = [tmp_path, Path("/shared/a"), Path("/shared/b"), tmp_path / "fetched"]
    assert paths.data_dirs(tmp_path) == expected


def test_without_the_variable_downloads_are_searched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(paths, "download_dir", lambda: tmp_path / "fetched")
    monkeypatch.delenv("SEQ2SEQ_DATA", raising=False)
    assert paths.data_dirs(None) == [tmp_path / "fetched"]


def test_a_data_folder_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--data-dir .*nowhere does not exist"):
        paths.data_dirs(tmp_path / "nowhere")
