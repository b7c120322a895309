"""Recognizes input that is no UTF-8 text, by its first bytes."""

import io
from typing import Any, BinaryIO, cast

from seq2seq.errors import UserError

SAMPLE_BYTES = 1 << 16
"""How many bytes are looked at."""

# How files start that are no text -> what they are, and what to do.
_UNPACK = "Unpack it first"
_CONVERT = "Save it as UTF-8 first"
_EXPORT = "Save its text as UTF-8 first"
_STARTS = {
    b"\x1f\x8b": ("compressed with gzip", _UNPACK),
    b"BZh": ("compressed with bzip2", _UNPACK),
    b"\xfd7zXZ\x00": ("compressed with xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"PK\x03\x04": ("a ZIP archive or an office document", "Unpack it, or save its text as UTF-8"),
    b"%PDF-": ("a PDF document", _EXPORT),
    b"\xff\xfe": ("UTF-16 text", _CONVERT),
    b"\xfe\xff": ("UTF-16 text", _CONVERT),
}
_TEXT_CONTROLS = b"\t\n\v\f\r\x1b"
_CONTROLS = bytes(byte for byte in (*range(32), 127) if byte not in _TEXT_CONTROLS)
# Text has none or a few of them. A tenth of random bytes are control characters.
_MOST_CONTROLS = 0.05
_FEW_CONTROLS = 8


def check_text(start: bytes, name: str) -> None:
    """Checks the start of a file. A few control characters are no mistake.

    Args:
        start: the first bytes, at most SAMPLE_BYTES.
        name: the file, as the message calls it.

    Raises:
        UserError: it is compressed, UTF-16, or not text at all.
    """
    for mark, (kind, advice) in _STARTS.items():
        # A short line of text may start with letters such as BZh.
        if start.startswith(mark) and not (mark.isascii() and start.isascii()):
            raise UserError(f"{name} is {kind}, not UTF-8 text. {advice}.")
    controls = len(start) - len(start.translate(None, _CONTROLS))
    if controls > max(_FEW_CONTROLS, _MOST_CONTROLS * len(start)):
        raise UserError(f"{name} is not text: it has many control characters. {_CONVERT}.")


def checked_pipe(reader: BinaryIO) -> BinaryIO:
    """Returns a reader of the same bytes, after a look at the first ones that have arrived.

    Raises:
        UserError: they are no text.
    """
    if isinstance(reader, io.BufferedReader):
        buffered: io.BufferedReader[Any] = reader
    else:
        buffered = io.BufferedReader(cast(io.RawIOBase, reader))
    check_text(buffered.peek(1)[:SAMPLE_BYTES], "The input")
    return buffered
