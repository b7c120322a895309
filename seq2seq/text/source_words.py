"""The words of the source text that a model was trained on, in lower case."""

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

import regex

from seq2seq.errors import UserError
from seq2seq.files import atomic_write

WORDS_FILE = "words.txt.gz"
WORD = regex.compile(r"[\p{L}\p{M}]+")
"""A word, for what is known about words."""


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Returns the words of texts."""
    return frozenset(word for text in texts for word in WORD.findall(text.lower()))


def save_words(words: frozenset[str], path: Path) -> None:
    """Writes the words, one a line, compressed.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_write(path, mkdir=True) as file:
        file.write(gzip.compress("\n".join(sorted(words)).encode(), mtime=0))


def load_words(path: Path) -> frozenset[str] | None:
    """Reads the words of the training text. Runs of earlier versions have none."""
    try:
        content = path.read_bytes()
        if not content:  # gzip would read it as no words, and every word would be unknown
            raise EOFError("it is empty")
        return frozenset(gzip.decompress(content).decode().split("\n"))
    except FileNotFoundError:
        return None
    except (EOFError, ValueError, OSError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}). Copy the run folder again.") from None
