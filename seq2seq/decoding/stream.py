"""Translates a stream: one line in, one line out, in order, for any bytes."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from seq2seq.decoding.translation import Translation
from seq2seq.decoding.translator import Translator

CHUNK_BYTES = 1 << 16


def read_line_groups(stream: BinaryIO) -> Iterator[list[str]]:
    """Yields groups of whole lines as they arrive.

    A slow writer gets an answer to each line; a file is read in large groups. Lines end at line
    feeds only, and a carriage return before one is dropped. A last line without a line feed
    counts. Bytes that are not UTF-8 become U+FFFD, so that no line is lost.
    """
    rest = b""
    while chunk := _read_available(stream):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [_decode(line) for line in lines]
    if rest:
        yield [_decode(rest)]


def _read_available(stream: BinaryIO) -> bytes:
    # `read1` returns what has arrived instead of waiting for a full chunk. Only buffered streams
    # have it.
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
    """Translates a stream line by line.

    Args:
        translator: translates the lines.
        reader: the stream of bytes.
        write: called with the translation of each line, in order.
        attention: whether translations contain attention weights.
        progress: called with the number of lines translated so far.

    Returns:
        The number of lines.
    """
    count = 0

    def report(done: int, total: int) -> None:
        progress(count + done)

    for lines in read_line_groups(reader):
        for translation in translator.translate(lines, attention=attention, progress=report):
            write(translation)
        count += len(lines)
        progress(count)
    return count
