"""Compiled gettext catalogs for tests."""

import struct


def make_catalog(messages: dict[str, str], byte_order: str = "<") -> bytes:
    """Returns a .mo file.

    Args:
        messages: original -> translation.
        byte_order: "<" or ">", as in `struct`.
    """
    strings = [*messages.keys(), *messages.values()]
    header_bytes = 28
    strings_start = header_bytes + 8 * len(strings)
    descriptors = b""
    content = b""
    for string in strings:
        raw = string.encode()
        start = strings_start + len(content)
        descriptors += struct.pack(f"{byte_order}2I", len(raw), start)
        content += raw + b"\x00"
    header = struct.pack(
        f"{byte_order}7I",
        0x950412DE,
        0,
        len(messages),
        header_bytes,
        header_bytes + 8 * len(messages),
        0,
        0,
    )
    return header + descriptors + content
