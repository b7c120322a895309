"""Writing files so that a reader sees the old content or the new, never half of it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path, *, mkdir: bool = False) -> Iterator[BinaryIO]:
    """Opens a temporary file beside `path` and moves it there when the block ends.

    After an error, a full disk or a kill, the old file is still there. The new file gets the usual
    permissions of the process (its umask), and is on the disk before it takes the old one's place.

    Args:
        path: the file to write. Links are followed.
        mkdir: create the parent folders first.

    Raises:
        OSError: the file cannot be written.
    """
    path = path.resolve()
    if mkdir:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_beside(path)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def atomic_write_text(path: Path, text: str, *, mkdir: bool = False) -> None:
    """Writes UTF-8 text with line feeds as they are, on every platform. See `atomic_write`."""
    with atomic_write(path, mkdir=mkdir) as file:
        file.write(text.encode("utf-8"))


def _temporary_beside(path: Path) -> Path:
    """Returns a path in the same folder that no other process uses.

    It is not made by `tempfile`, whose files are readable by their owner alone.
    """
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
