"""Debian packages made in memory."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

import pytest

MakeDeb = Callable[..., bytes]


@pytest.fixture
def make_deb() -> MakeDeb:
    """`make_deb(files, compression=".xz")` -> the bytes of a .deb; `files`: path as in the archive -> content."""
    return deb_of


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("./usr/share/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return out.getvalue()


def deb_of(files: dict[str, bytes], compression: str = ".xz") -> bytes:
    data = {".xz": lzma.compress, ".gz": gzip.compress, "": bytes, ".odd": bytes}[compression](tar_of(files))
    out = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (f"data.tar{compression}", data)):
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        out += b"\n" if len(content) % 2 else b""
    return out
