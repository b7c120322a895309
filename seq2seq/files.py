"""Writing files so that a reader sees the old content or the new, never half of it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_paths(*paths: Path, mkdir: bool = False) -> Iterator[list[Path]]:
    """Yields a temporary path beside each of `paths`, and moves all of them when the block ends.

    After an error or a full disk, the old files are still there. All new files are complete and on
    disk before the first of them replaces an old one.

    Args:
        paths: the files to write. Links are followed.
        mkdir: create the parent folders first.

    Raises:
        OSError: a file cannot be written.
    """
    targets = [path.resolve() for path in paths]
    temporaries = [_temporary_beside(path) for path in targets]
    try:
        for path, temporary in zip(targets, temporaries, strict=True):
            if mkdir:
                path.parent.mkdir(parents=True, exist_ok=True)
            # Created here, so that it has the permissions that the umask allows.
            temporary.touch()
        yield temporaries
        for temporary in temporaries:
            _flush_to_disk(temporary)
        for path, temporary in zip(targets, temporaries, strict=True):
            temporary.replace(path)
    except BaseException:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_write(path: Path, *, mkdir: bool = False) -> Iterator[BinaryIO]:
    """Opens a temporary file beside `path` and moves it there when the block ends.

    See `atomic_paths`.
    """
    with atomic_paths(path, mkdir=mkdir) as (temporary,), temporary.open("wb") as file:
        yield file


def atomic_write_text(path: Path, text: str, *, mkdir: bool = False) -> None:
    """Writes UTF-8 text with line feeds as they are, on every platform. See `atomic_write`."""
    with atomic_write(path, mkdir=mkdir) as file:
        file.write(text.encode("utf-8"))


def nearest_existing(path: Path) -> Path:
    """Returns `path` if it exists, or else the nearest of its parents that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def delete_temporaries(folder: Path) -> None:
    """Deletes what writers that were killed left in a folder. Nobody may write there meanwhile."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _temporary_beside(path: Path) -> Path:
    """Returns a path in the same folder that no other process uses.

    `tempfile` would create a file that only its owner can read.
    """
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
