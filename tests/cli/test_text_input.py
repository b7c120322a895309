"""Input that is no UTF-8 text is recognized, and odd text is not refused."""

import io
import random
import zipfile

import pytest

from seq2seq.cli.text_input import check_text, checked_pipe
from seq2seq.errors import UserError


def zipped(text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"\x1f\x8b\x08", "x is compressed with gzip, not UTF-8 text. Unpack it first."),
        (zipped("ein hund"), "x is a ZIP archive or an office document, not UTF-8 text."),
        (b"BZh91AY&SY\xfe", "x is compressed with bzip2"),
        (b"%PDF-1.7\n%\xe2\xe3", "x is a PDF document, not UTF-8 text. Save its text as UTF-8"),
        ("ein hund".encode("utf-16"), "x is UTF-16 text, not UTF-8 text. Save it as UTF-8"),
        ("ein hund".encode("utf-16-be").join([b"\xfe\xff", b""]), "x is UTF-16 text"),
        ("Ein Hund sieht Anna.\n".encode("utf-16-le"), "x is not text: it has many control"),
        (random.Random(1).randbytes(5000), "x is not text: it has many control characters"),
    ],
)
def test_what_is_no_text(start: bytes, message: str) -> None:
    with pytest.raises(UserError) as error:
        check_text(start, "x")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\x00\n",
        b"ein \x00 hund\n" * 50 + b"ein hund sieht Anna.\n" * 500,
        "\ufeffein hund\n".encode(),
        "Grüße, 日本語 😀\r\n\t\x1b[1mfett\x1b[0m\n".encode() * 100,
        "Grüße".encode("latin-1"),
        b"BZh is a word\n",
        b"%PDF- is a word\n",
    ],
)
def test_odd_text_is_text(start: bytes) -> None:
    check_text(start, "x")


@pytest.mark.parametrize("stream", [io.BytesIO, lambda data: io.BufferedReader(io.BytesIO(data))])
def test_a_checked_pipe_has_all_bytes(stream: type[io.BytesIO]) -> None:
    data = b"ein hund\n" * 30_000
    assert checked_pipe(stream(data)).read() == data
    assert checked_pipe(stream(b"")).read() == b""
