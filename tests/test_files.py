"""Atomic writing: the old file or the new one, never half of it."""

import errno
import os
import stat
from pathlib import Path

import pytest

from seq2seq.files import atomic_paths, atomic_write, atomic_write_text, delete_temporaries


def test_a_new_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with atomic_write(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")

    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_the_permissions_that_the_umask_allows(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        atomic_write_text(tmp_path / "file.txt", "text")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    atomic_write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text(encoding="utf-8") == "new"


def test_folders_are_created_on_request(tmp_path: Path) -> None:
    atomic_write_text(tmp_path / "a" / "b" / "file.txt", "line\n", mkdir=True)
    assert (tmp_path / "a" / "b" / "file.txt").read_bytes() == b"line\n"


def test_several_files_change_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "text.de"
    target = tmp_path / "text.en"
    source.write_text("alt", encoding="utf-8")
    target.write_text("old", encoding="utf-8")
    flushed: list[int] = []

    def fail_at_the_second(descriptor: int) -> None:
        flushed.append(descriptor)
        if len(flushed) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("seq2seq.files.os.fsync", fail_at_the_second)

    def write_both() -> None:
        with atomic_paths(source, target) as (source_part, target_part):
            source_part.write_text("neu", encoding="utf-8")
            target_part.write_text("new", encoding="utf-8")

    with pytest.raises(OSError, match="No space left"):
        write_both()
    assert source.read_text(encoding="utf-8") == "alt"
    assert target.read_text(encoding="utf-8") == "old"
    assert sorted(tmp_path.iterdir()) == [source, target]


def test_leftovers_of_killed_writers_are_deleted(tmp_path: Path) -> None:
    (tmp_path / ".model.safetensors.0123456789ab.tmp").touch()
    (tmp_path / "notes.tmp").touch()
    delete_temporaries(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.tmp"]
