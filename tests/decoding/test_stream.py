"""Streams of bytes: one line in, one line out, wherever the chunks are cut, as soon as a line is
complete."""

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from fakes import CopySourceModel, tiny_layer, tiny_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.decoding import stream
from seq2seq.decoding.engines.torch_engine import TorchEngine
from seq2seq.decoding.stream import read_line_groups, translate_stream
from seq2seq.decoding.translation import Translation
from seq2seq.decoding.translator import Translator
from seq2seq.settings import SearchSettings
from seq2seq.text.sentences import SentenceSplitter

CASES = Path(__file__).parent / "cases"


@pytest.fixture(scope="module")
def copier() -> Translator:
    """Translates every text as itself."""
    return copier_with(SearchSettings(beam=1, no_repeat_ngram_size=0))


def copier_with(search: SearchSettings) -> Translator:
    tokenizer = tiny_tokenizer()
    model = CopySourceModel(tokenizer.size("target"))
    return Translator(TorchEngine(model), tokenizer, search, layer=tiny_layer())


# -- lines -----------------------------------------------------------------------------------------


class ChunkedStream(io.RawIOBase):
    """A stream that returns one of these chunks for each read."""

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


def read_lines(chunks: list[bytes]) -> list[str]:
    lines = []
    for group in read_line_groups(io.BufferedReader(ChunkedStream(chunks))):
        lines.extend(group)
    return lines


LINES = [
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
]


@pytest.mark.parametrize(("data", "expected"), LINES)
def test_lines_end_at_line_feeds_only(data: bytes, expected: list[str]) -> None:
    assert read_lines([data]) == expected


@pytest.mark.parametrize(("data", "expected"), LINES)
def test_lines_do_not_depend_on_where_the_chunks_are_cut(data: bytes, expected: list[str]) -> None:
    # Inside a character, between \r and \n, and into single bytes.
    for position in range(len(data)):
        assert read_lines([data[:position], data[position:]]) == expected
    assert read_lines([data[i : i + 1] for i in range(len(data))]) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=6))
def test_any_bytes_give_one_line_for_each_line_feed(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    has_last_line = bool(data) and not data.endswith(b"\n")
    assert len(read_lines(chunks)) == data.count(b"\n") + has_last_line
    assert read_lines(chunks) == read_lines([data])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_a_file_is_read_in_chunks(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_BYTES", size)
    lines = []
    for group in read_line_groups(io.BytesIO("hund 😀 katze\nüüüü\n\nlast".encode())):
        lines.extend(group)
    assert lines == ["hund 😀 katze", "üüüü", "", "last"]


# -- translations ----------------------------------------------------------------------------------


def test_every_line_gets_a_translation_in_order(copier: Translator) -> None:
    lines = [
        "hund sieht haus\n\n\ufffe😀\n".encode(),
        b"\xff\xfe\n",
        b"x" * 2_000 + b"\r\n",
        b"\x00\nkatze",
    ]
    translations: list[Translation] = []
    count = translate_stream(copier, io.BytesIO(b"".join(lines)), translations.append)
    assert count == 7
    texts = [translation.text for translation in translations]
    assert texts[:4] == ["hund sieht haus", "", "\ufffe😀", "\ufffd\ufffd"]
    assert texts[4].replace(" ", "") == "x" * 2_000
    assert texts[5:] == ["", "katze"]


@pytest.fixture(scope="module")
def sentence_copier() -> Translator:
    """Divides every line into sentences, and translates them as themselves."""
    tokenizer = tiny_tokenizer()
    search = SearchSettings(beam=1, no_repeat_ngram_size=0)
    model = CopySourceModel(tokenizer.size("target"))
    sentences = SentenceSplitter("de")
    return Translator(
        TorchEngine(model), tokenizer, search, layer=tiny_layer(), sentences=sentences
    )


def translated_lines(translator: Translator, data: bytes) -> list[str]:
    translations: list[Translation] = []
    translate_stream(translator, io.BytesIO(data), translations.append)
    return [translation.text for translation in translations]


@settings(max_examples=100, deadline=None)
@given(
    data=st.lists(
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from([b"\n", b". ", b"Hund. ", b"\r\n", "\u2028".encode(), "。".encode()]),
        )
    ).map(b"".join)
)
def test_sentences_of_any_bytes_stay_on_their_line(
    sentence_copier: Translator, data: bytes
) -> None:
    lines = translated_lines(sentence_copier, data)
    assert len(lines) == len(read_lines([data]))
    assert all(len(line.splitlines()) <= 1 for line in lines)


@pytest.mark.parametrize("name", ["separators.de", "odd-separators.de"])
def test_files_with_odd_separators_keep_their_lines(sentence_copier: Translator, name: str) -> None:
    data = (CASES / name).read_bytes()
    lines = translated_lines(sentence_copier, data)
    assert len(lines) == len(read_lines([data]))
    assert all(len(line.splitlines()) == 1 for line in lines)


def test_a_file_of_one_group_reports_progress_between_batches() -> None:
    search = SearchSettings(beam=1, no_repeat_ngram_size=0, batch_tokens=40)
    done: list[int] = []
    reader = io.BytesIO(b"hund\n" * 30)
    translate_stream(copier_with(search), reader, lambda line: None, progress=done.append)
    assert len(done) > 3
    assert done == sorted(done)
    assert done[-1] == 30


def write_slowly(chunks: list[bytes], wait_for_answer: Callable[[], bool], sink: int) -> None:
    """Writes each chunk only after the one before it has been answered."""
    for chunk in chunks:
        os.write(sink, chunk)
        if not wait_for_answer():
            break
    os.close(sink)


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_slow_writer_gets_each_answer_before_the_end(copier: Translator, buffering: int) -> None:
    source, sink = os.pipe()
    answered = threading.Semaphore(0)
    texts = []

    def write(translation: Translation) -> None:
        texts.append(translation.text)
        answered.release()

    def wait_for_answer() -> bool:
        return answered.acquire(timeout=5)

    chunks = [b"hund\n", b"kat" + b"ze \xc3\xbc\n", b"haus\n"]
    writer = threading.Thread(target=write_slowly, args=(chunks, wait_for_answer, sink))
    writer.start()
    with open(source, "rb", buffering=buffering) as reader:
        translate_stream(copier, cast(io.BufferedReader, reader), write)
    writer.join()
    # If an answer had been held back, the writer would have stopped after its first line.
    assert texts == ["hund", "katze ü", "haus"]
