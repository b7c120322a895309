"""Reads compiled gettext catalogs (.mo files) without running anything that they contain.

Python's own reader compiles the plural rule in the file to Python code.
Format: GNU gettext manual, section "The Format of GNU MO Files".
"""

from struct import unpack

_HEADER_BYTES = 28
_BYTE_ORDERS = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}
"""Magic number as stored -> byte order for `struct`."""


def read_messages(raw: bytes) -> list[tuple[str, str]]:
    """Returns the (translation, original) pairs of a catalog, as they are stored.

    An original can have a context before it (ended by "\\x04") and a plural form after it
    (separated by "\\x00"). The first original is usually empty; its translation is the header.

    Raises:
        ValueError: `raw` is not a catalog.
        struct.error: the catalog is truncated.
    """
    byte_order = _BYTE_ORDERS.get(raw[:4])
    if byte_order is None or len(raw) < _HEADER_BYTES:
        raise ValueError("not a compiled gettext catalog")
    _, count, originals_start, translations_start = unpack(f"{byte_order}4I", raw[4:20])
    messages = []
    for index in range(count):
        translation = _read_string(raw, byte_order, translations_start + 8 * index)
        original = _read_string(raw, byte_order, originals_start + 8 * index)
        messages.append((translation, original))
    return messages


def _read_string(raw: bytes, byte_order: str, descriptor: int) -> str:
    """Reads a string. Its descriptor, at the given offset, is its length and its offset."""
    length, start = unpack(f"{byte_order}2I", raw[descriptor : descriptor + 8])
    return raw[start : start + length].decode("utf-8", "replace")
