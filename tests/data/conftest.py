"""Debian packages made in memory."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

import pytest

MakeDeb = Callable[..., bytes]
"""`make_deb(files, compression=".xz")` returns the bytes of a .deb. `files` maps paths in the
archive to their content."""

_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".xz": lzma.compress,
    ".gz": gzip.compress,
    "": bytes,
    ".odd": bytes,  # a compression that nobody knows
}


@pytest.fixture
def make_deb() -> MakeDeb:
    return _make_deb


def _make_deb(files: dict[str, bytes], compression: str = ".xz") -> bytes:
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": b"odd",
        f"data.tar{compression}": _COMPRESS[compression](_make_tar(files)),
    }
    deb = b"!<arch>\n"
    for name, content in members.items():
        # name, time, owner, group, mode, size
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
        deb += header.encode() + content
        if len(content) % 2:
            deb += b"\n"
    return deb


def _make_tar(files: dict[str, bytes]) -> bytes:
    """Packs files, and a symbolic link that must not be followed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("./usr/share/link.txt")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        tar.addfile(link)
    return buffer.getvalue()
