"""Translating a stream: line in, line out, in order, whatever bytes come."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from seq2seq.decoding.translator import Translation, Translator

CHUNK_BYTES = 1 << 16


def read_line_groups(stream: BinaryIO) -> Iterator[list[str]]:
    """Groups of whole lines, as they arrive: a slow writer is answered line by line, a file in large groups.

    Lines end at line feeds only; a carriage return before one is dropped. Bytes that are no UTF-8 become U+FFFD, so
    that no line is lost. A last line without a line feed counts.
    """
    rest = b""
    while chunk := _read_available(stream):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [_decode(line) for line in lines]
    if rest:
        yield [_decode(rest)]


def _read_available(stream: BinaryIO) -> bytes:
    # read1 returns what is there instead of waiting for a full chunk; only buffered streams have it.
    read = getattr(stream, "read1", stream.read)
    chunk: bytes = read(CHUNK_BYTES)
    return chunk


def _decode(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def translate_stream(
    translator: Translator,
    reader: BinaryIO,
    write: Callable[[Translation], None],
    *,
    attention: bool = False,
    progress: Callable[[int], None] = lambda lines: None,
) -> int:
    """Hands each line's translation to `write`, in order; returns how many. `progress` is told how many lines have been
    translated so far."""
    count = 0

    def report(done: int, total: int) -> None:
        progress(count + done)

    for lines in read_line_groups(reader):
        for translation in translator.translate(lines, attention=attention, progress=report):
            write(translation)
        count += len(lines)
        progress(count)
    return count
