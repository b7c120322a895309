"""A stream of bytes: line in, line out, wherever the chunks are cut, and as soon as a line is whole."""

import io
import os
import threading
from collections.abc import Callable

import pytest
from fakes import CopyModel, tiny_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.decoding import lines as lines_module
from seq2seq.decoding.lines import read_line_groups, translate_stream
from seq2seq.decoding.search import SearchConfig
from seq2seq.decoding.translator import Translation, Translator


@pytest.fixture(scope="module")
def copier() -> Translator:
    tokenizer = tiny_tokenizer()
    return Translator(CopyModel(tokenizer.size("target")), tokenizer, SearchConfig(beam=1, no_repeat_ngram=0))


class Pieces(io.RawIOBase):
    """A stream that gives the given chunks, one for each read."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = [chunk for chunk in chunks if chunk]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self.chunks:
            return 0
        chunk = self.chunks.pop(0)
        buffer[: len(chunk)] = chunk
        return len(chunk)


def read(chunks: list[bytes]) -> list[str]:
    return [line for group in read_line_groups(io.BufferedReader(Pieces(chunks))) for line in group]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\n\nb\n\n", ["a", "", "", "b", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\r\r\n", ["a\rb\r"]),
        (b"\r\n\r", ["", ""]),
        ("ü\u2028😀\x85\x0b\x1c\n".encode(), ["ü\u2028😀\x85\x0b\x1c"]),
        (b"\xff\xfe\n\xc3", ["\ufffd\ufffd", "\ufffd"]),
        (b"\x00\n", ["\x00"]),
    ],
)
def test_lines(data: bytes, wanted: list[str]) -> None:
    assert read([data]) == wanted
    # Cut at every place, and into single bytes: inside characters, between \r and \n.
    for place in range(len(data)):
        assert read([data[:place], data[place:]]) == wanted
    assert read([data[i : i + 1] for i in range(len(data))]) == wanted


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=6))
def test_as_many_lines_as_in_for_any_bytes(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    count = data.count(b"\n") + bool(data and not data.endswith(b"\n"))
    assert len(read(chunks)) == count
    assert read(chunks) == read([data])


def test_small_chunks_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    data = "hund 😀 katze\nüüüü\n\nlast".encode()
    for size in (1, 2, 3, 5, 7):
        monkeypatch.setattr(lines_module, "CHUNK_BYTES", size)
        assert [line for group in read_line_groups(io.BytesIO(data)) for line in group] == [
            "hund 😀 katze",
            "üüüü",
            "",
            "last",
        ]


def test_stream_line_in_line_out(copier: Translator) -> None:
    data = "hund sieht haus\n\n\ufffe😀\n".encode() + b"\xff\xfe\n" + b"x" * 20_000 + b"\r\n" + b"\x00\nkatze"
    found: list[Translation] = []
    done: list[int] = []
    assert translate_stream(copier, io.BytesIO(data), found.append, progress=done.append) == 7
    assert done == sorted(done)
    assert done[-1] == 7
    texts = [translation.text for translation in found]
    assert texts[:4] == ["hund sieht haus", "", "\ufffe😀", "\ufffd\ufffd"]
    assert texts[4].replace(" ", "") == "x" * 20_000
    assert texts[5:] == ["", "katze"]
    assert not any("\n" in text for text in texts)


def test_a_small_file_shows_progress_too(copier: Translator) -> None:
    config = SearchConfig(beam=1, no_repeat_ngram=0, batch_tokens=40)
    few_at_once = Translator(copier.model, copier.tokenizer, config)
    done: list[int] = []
    assert translate_stream(few_at_once, io.BytesIO(b"hund\n" * 30), lambda found: None, progress=done.append) == 30
    assert len(done) > 3
    assert done == sorted(done)
    assert done[-1] == 30


def feed(chunks: list[bytes], answered: Callable[[], bool], sink: int) -> None:
    """Writes a chunk only when what came before it has been answered."""
    for chunk in chunks:
        os.write(sink, chunk)
        if not answered():
            break
    os.close(sink)


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_slow_writer_is_answered_before_the_end(copier: Translator, buffering: int) -> None:
    source, sink = os.pipe()
    answer, found = threading.Semaphore(0), []

    def write(translation: Translation) -> None:
        found.append(translation.text)
        answer.release()

    chunks = [b"hund\n", b"kat" + b"ze \xc3\xbc\n", b"haus\n"]
    writer = threading.Thread(target=feed, args=(chunks, lambda: answer.acquire(timeout=5), sink))
    writer.start()
    with open(source, "rb", buffering=buffering) as reader:
        translate_stream(copier, reader, write)  # type: ignore[arg-type]
    writer.join()
    # Had an answer been kept back, the writer would have stopped after its first line.
    assert found == ["hund", "katze ü", "haus"]
