"""Reading Debian packages (.deb files) in memory.

Nothing from a package is executed, installed, or written to a path that the package names.
"""

import gzip
import io
import lzma
import re
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from seq2seq.data.corpus import SourceUnavailable
from seq2seq.errors import UserError

_MAX_FILE_BYTES = 64 * 2**20
"""Larger files in a package are skipped. The files that we read are far smaller."""

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60


@dataclass(frozen=True, kw_only=True)
class Package:
    """A downloaded package in memory."""

    file_name: str
    """As apt names it: `NAME_VERSION_ARCHITECTURE.deb`."""
    raw: bytes
    """The whole .deb file."""

    @property
    def version(self) -> str:
        """The Debian version, such as `4:7.4.7-1+deb12u14`."""
        return unquote(self.file_name.split("_")[1])

    def read_files(self, pattern: str) -> Iterator[tuple[str, bytes]]:
        """Yields path and content of each regular file whose whole path matches a regex.

        Paths start with "/". The dot that the archive puts before it is removed.

        Raises:
            UserError: the package is damaged or of an unknown format.
        """
        regex = re.compile(pattern)
        try:
            with tarfile.open(fileobj=io.BytesIO(self._data_tar()), mode="r:") as tar:
                for member in tar:
                    path = member.name.removeprefix(".")
                    if not member.isfile() or member.size > _MAX_FILE_BYTES:
                        continue
                    if not regex.fullmatch(path):
                        continue
                    content = tar.extractfile(member)
                    if content is not None:
                        yield path, content.read()
        except (tarfile.TarError, EOFError) as error:
            raise _damaged(self.file_name, str(error)) from error

    def _data_tar(self) -> bytes:
        """Returns the decompressed tar archive with the files of the package."""
        for name, content in _ar_members(self.raw, self.file_name):
            if name.startswith("data.tar"):
                return self._decompress(name, content)
        raise _damaged(self.file_name, "it has no member data.tar")

    def _decompress(self, name: str, content: bytes) -> bytes:
        try:
            match name.removeprefix("data.tar"):
                case "":
                    return content
                case ".xz":
                    return lzma.decompress(content)
                case ".gz":
                    return gzip.decompress(content)
                case ".zst":
                    return self._decompress_zstd()
        except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
            raise _damaged(self.file_name, str(error)) from error
        raise UserError(
            f"{self.file_name} has an unsupported compression: {name}. Supported: .xz, .gz, .zst."
        )

    def _decompress_zstd(self) -> bytes:
        """Runs dpkg-deb. Ubuntu compresses with zstd, which Python supports from 3.14 on."""
        dpkg_deb = shutil.which("dpkg-deb")
        if dpkg_deb is None:
            raise SourceUnavailable(
                f"{self.file_name} is compressed with zstd, and this machine has no dpkg-deb to "
                "decompress it."
            )
        with tempfile.TemporaryDirectory(prefix="seq2seq-deb-") as folder:
            deb = Path(folder) / "package.deb"
            deb.write_bytes(self.raw)
            command = [dpkg_deb, "--fsys-tarfile", str(deb)]
            process = subprocess.run(command, capture_output=True, check=False)
        if process.returncode:
            message = process.stderr.decode(errors="replace").strip()
            raise UserError(f"dpkg-deb cannot read {self.file_name}: {message}")
        return process.stdout


def _damaged(file_name: str, reason: str) -> UserError:
    return UserError(f"{file_name} is not a complete Debian package ({reason}). Fetch it again.")


def _ar_members(raw: bytes, file_name: str) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of the members of an `ar` archive, the outer layer of a .deb.

    See the manual page deb(5). A header has name (16 bytes), time (12), owner (6), group (6),
    mode (8), size (10) and an end mark (2).
    """
    if not raw.startswith(_AR_MAGIC):
        raise UserError(f"{file_name} is not a Debian package. Fetch it again.")
    start = len(_AR_MAGIC)
    while start + _AR_HEADER_BYTES <= len(raw):
        header = raw[start : start + _AR_HEADER_BYTES]
        content_start = start + _AR_HEADER_BYTES
        try:
            size = int(header[48:58])
        except ValueError:
            size = -1
        content_end = content_start + size
        if header[58:60] != b"`\n" or size < 0 or content_end > len(raw):
            raise _damaged(file_name, "it is truncated")
        name = header[:16].decode("ascii", "replace").rstrip().rstrip("/")
        yield name, raw[content_start:content_end]
        # Members start at even offsets.
        start = content_end + size % 2
