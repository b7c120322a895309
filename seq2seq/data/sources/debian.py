"""Packages of the Debian archive as a source of text: fetched with `apt-get download`, read in memory, never installed.

No root and no earlier `apt-get update` is needed: apt gets a private folder for its lists and state, beside the
machine's own list of archives (and its proxy settings). Nothing from a package is executed, or written to a path that
the package names. apt checks what it downloads against the archive's signature; a checksum of our own can be pinned.
"""

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from seq2seq.data.corpus import Say, SourceUnavailable
from seq2seq.data.places import download_dir
from seq2seq.errors import UserError

_APT_TIMEOUT_S = 900
_LARGEST_FILE = 64 * 2**20
"""Bytes; none of the files that are read comes near it, so a larger one is no file of ours."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A downloaded package, held in memory."""

    file_name: str
    """As apt names it: `NAME_VERSION_ARCHITECTURE.deb`."""
    raw: bytes
    """The whole .deb file."""

    @property
    def version(self) -> str:
        """The Debian version, such as `4:7.4.7-1+deb12u14`."""
        return unquote(self.file_name.split("_")[1])

    def texts(self, pattern: str) -> Iterator[tuple[str, bytes]]:
        """Path (without the leading dot) and content of each regular file whose whole path matches the expression."""
        wanted = re.compile(pattern)
        try:
            with tarfile.open(fileobj=io.BytesIO(self._data_tar()), mode="r:") as tar:
                for member in tar:
                    path = member.name.removeprefix(".")
                    if not member.isfile() or not wanted.fullmatch(path) or member.size > _LARGEST_FILE:
                        continue
                    content = tar.extractfile(member)
                    if content is not None:
                        yield path, content.read()
        except (tarfile.TarError, EOFError) as error:
            raise UserError(f"{self.file_name} is no whole Debian package ({error}). Fetch it again.") from error

    def _data_tar(self) -> bytes:
        """The tar archive with the package's files, decompressed."""
        for name, content in _ar_members(self.raw, self.file_name):
            if name.startswith("data.tar"):
                return self._decompressed(name, content)
        raise UserError(f"{self.file_name} is no Debian package: it has no member data.tar. Fetch it again.")

    def _decompressed(self, name: str, content: bytes) -> bytes:
        import gzip
        import lzma
        import zlib

        try:
            match name.removeprefix("data.tar"):
                case "":
                    return content
                case ".xz":
                    return lzma.decompress(content)
                case ".gz":
                    return gzip.decompress(content)
                case ".zst":
                    return self._unzstd()
        except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
            raise UserError(f"{self.file_name} is no whole Debian package ({error}). Fetch it again.") from error
        raise UserError(f"{self.file_name} is compressed in a way that is not known here: {name}.")

    def _unzstd(self) -> bytes:
        """Ubuntu compresses with zstd, which Python has only from 3.14 on: dpkg-deb does it."""
        tool = shutil.which("dpkg-deb")
        if tool is None:
            raise SourceUnavailable(f"{self.file_name} is compressed with zstd, and there is no dpkg-deb to read it.")
        with tempfile.TemporaryDirectory(prefix="seq2seq-deb-") as folder:
            deb = Path(folder) / "package.deb"
            deb.write_bytes(self.raw)
            done = subprocess.run([tool, "--fsys-tarfile", str(deb)], capture_output=True, check=False)
        if done.returncode:
            raise UserError(f"dpkg-deb cannot read {self.file_name}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout


def _ar_members(raw: bytes, file_name: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of the members of an `ar` archive, the outer layer of a .deb (see deb(5))."""
    if not raw.startswith(b"!<arch>\n"):
        raise UserError(f"{file_name} is no Debian package. Fetch it again.")
    at = 8
    while at + 60 <= len(raw):
        header = raw[at : at + 60]  # name 16, time 12, owner 6, group 6, mode 8, size 10, end mark 2
        try:
            size = int(header[48:58])
        except ValueError:
            size = -1
        if header[58:60] != b"`\n" or size < 0 or at + 60 + size > len(raw):
            raise UserError(f"{file_name} is no whole Debian package: it breaks off. Fetch it again.")
        yield header[:16].decode("ascii", "replace").rstrip().rstrip("/"), raw[at + 60 : at + 60 + size]
        at += 60 + size + size % 2  # members begin at even places


def fetch_packages(names: list[str], *, checksums: Mapping[str, str], corpus: str, say: Say) -> dict[str, Package]:
    """Download the newest version of each package that the machine's archives offer.

    `checksums`: file name -> SHA-256, checked for the files that are named there. Raises SourceUnavailable where there
    is no apt, no network, or no such package.
    """
    apt = shutil.which("apt-get")
    by_hand = (
        f"Or run `seq2seq data fetch {corpus}` on a Debian or Ubuntu machine and copy the folder {corpus} to "
        f"{download_dir()}, or to one that SEQ2SEQ_DATA names."
    )
    if apt is None:
        raise SourceUnavailable(
            f"{corpus} is made from Debian packages, and this machine ({platform.system()}) has no apt-get. "
            f"Choose a corpus from the hub or from files (`seq2seq data list`), or name one as `fallback`. {by_hand}"
        )
    with tempfile.TemporaryDirectory(prefix="seq2seq-apt-") as private:
        folder = Path(private)
        config = _private_config(folder)
        say(f"{corpus}: fetching the package lists (about 10 MB; needs no root, changes nothing on this machine)")
        listed = _apt(apt, config, ["update"], folder)
        say(f"{corpus}: downloading {', '.join(names)}")
        downloaded = _apt(apt, config, ["download", *names], folder / "packages")
        if downloaded.returncode:
            raise SourceUnavailable(
                f"{corpus}: apt-get could not download {', '.join(names)}. It said: "
                f"{_complaints(listed.stdout, downloaded.stdout)} Is there a network, and do the machine's apt sources "
                f"name a Debian or Ubuntu archive? {by_hand}"
            )
        packages = {}
        for path in sorted((folder / "packages").glob("*.deb")):
            package = Package(file_name=path.name, raw=path.read_bytes())
            _check(package, checksums)
            packages[path.name.split("_")[0]] = package
    return packages


def _complaints(update: str, download: str) -> str:
    """The first reasons that apt gave. `update` ends well even when it reached nothing, so its own come first."""
    found = [line for line in update.splitlines() if line.startswith(("E:", "W:"))][:2]
    found = found or [line for line in download.splitlines() if line.startswith(("E:", "W:"))][:3]
    return re.sub(r"//[^/@\s]+@", "//", " ".join(found))  # an archive's address can hold a password


def _check(package: Package, checksums: Mapping[str, str]) -> None:
    wanted = checksums.get(unquote(package.file_name))
    found = hashlib.sha256(package.raw).hexdigest()
    if wanted is not None and wanted != found:
        raise UserError(
            f"{package.file_name} has the SHA-256 {found}, but {wanted} is pinned for it: it is not the file that the "
            "corpus was made from. Do not use it; fetch again, or from another mirror."
        )


def _private_config(folder: Path) -> Path:
    """An apt configuration, read after the machine's own, that keeps all of apt's state under `folder`."""
    for part in ("state/lists/partial", "cache/archives/partial", "log", "packages"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()  # no package is installed, as far as this apt knows
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Log": folder / "log",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
        "Acquire::Retries": 1,
        "Acquire::http::Timeout": 15,
        "Acquire::https::Timeout": 15,
        "APT::Sandbox::User": "root",  # for root: else apt hands over to a user who may not enter `folder`
    }
    # The machine's hooks tidy up the machine's own folders, which are none of our business.
    hooks = ["APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success"]
    lines = [f"#clear {hook};" for hook in hooks] + [f'{name} "{value}";' for name, value in settings.items()]
    path = folder / "apt.conf"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _apt(apt: str, config: Path, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run apt-get in `folder`; its two outputs are one."""
    command = [apt, "-q", "-c", str(config), *arguments]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_APT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        said = f"E: no end after {_APT_TIMEOUT_S // 60} minutes"
        return subprocess.CompletedProcess(command, returncode=1, stdout=said)
