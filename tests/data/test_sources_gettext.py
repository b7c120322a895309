"""Reading compiled gettext catalogs."""

import pytest
from gettext_catalogs import make_catalog

from seq2seq.data.sources.gettext import read_messages


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_reads_the_messages_in_both_byte_orders(byte_order: str) -> None:
    messages = {"": "Content-Type: text/plain\n", "menu\x04Open…": "Öffnen…"}
    catalog = make_catalog(messages, byte_order)
    assert read_messages(catalog) == [
        ("Content-Type: text/plain\n", ""),
        ("Öffnen…", "menu\x04Open…"),
    ]


@pytest.mark.parametrize("raw", [b"nonsense" * 10, make_catalog({"a": "b"})[:20]])
def test_other_files_are_errors(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a compiled gettext catalog"):
        read_messages(raw)
