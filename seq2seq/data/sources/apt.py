"""Downloading packages from the Debian archive.

`apt-get download` fetches them and does not install them. This needs neither root nor an earlier
`apt-get update`: apt gets a private folder for its lists and its state, and uses the machine's own
list of archives and proxy settings. apt checks every download against the archive's signature. A
config can pin a checksum as well.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from seq2seq.data.corpus import SourceUnavailable
from seq2seq.data.sources.debian import Package
from seq2seq.errors import UserError
from seq2seq.paths import download_dir
from seq2seq.reporter import SILENT, Reporter

_TIMEOUT_S = 900


def fetch_packages(
    names: list[str],
    *,
    checksums: Mapping[str, str],
    corpus: str,
    reporter: Reporter = SILENT,
) -> dict[str, Package]:
    """Downloads the newest version of each package that the machine's archives offer.

    Args:
        names: the packages.
        checksums: file name of a package -> SHA-256. Other files are not checked.
        corpus: the name of the corpus, for messages.
        reporter: receives a line before each download.

    Returns:
        Package name -> package.

    Raises:
        SourceUnavailable: there is no apt, no network, or no such package.
        UserError: a package does not have its pinned checksum.
    """
    apt = shutil.which("apt-get")
    if apt is None:
        raise SourceUnavailable(
            f"{corpus} is made from Debian packages, but this machine ({platform.system()}) has no "
            "apt-get. Choose a corpus from the hub or from files (`seq2seq data list`), or set "
            f"`fallback` to one. {_copy_advice(corpus)}"
        )
    with tempfile.TemporaryDirectory(prefix="seq2seq-apt-") as private:
        folder = Path(private)
        config = _private_config(folder)
        reporter.info(
            f"{corpus}: fetching the package lists (about 10 MB; needs no root, changes nothing on "
            "this machine)"
        )
        update = _run_apt(apt, config, ["update"], folder)
        reporter.info(f"{corpus}: downloading {', '.join(names)}")
        download = _run_apt(apt, config, ["download", *names], folder / "packages")
        if download.returncode:
            raise SourceUnavailable(
                f"{corpus}: apt-get could not download {', '.join(names)}. Its messages: "
                f"{_apt_errors(update.stdout, download.stdout)} Check the network, and that the "
                f"machine's apt sources name a Debian or Ubuntu archive. {_copy_advice(corpus)}"
            )
        packages = {}
        for path in sorted((folder / "packages").glob("*.deb")):
            package = Package(file_name=path.name, raw=path.read_bytes())
            _check_checksum(package, checksums)
            packages[path.name.split("_")[0]] = package
    return packages


def _copy_advice(corpus: str) -> str:
    return (
        f"Or run `seq2seq data fetch {corpus}` on a Debian or Ubuntu machine and copy the folder "
        f"{corpus} to {download_dir()}, or to a folder in SEQ2SEQ_DATA."
    )


def _apt_errors(update: str, download: str) -> str:
    """Returns the first errors and warnings in the output of apt.

    `apt-get update` exits with 0 even if it reached no archive, so its messages come first.
    """
    messages = _error_lines(update)[:2] or _error_lines(download)[:3]
    # The address of an archive can contain a password.
    return re.sub(r"//[^/@\s]+@", "//", " ".join(messages))


def _error_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(("E:", "W:"))]


def _check_checksum(package: Package, checksums: Mapping[str, str]) -> None:
    expected = checksums.get(unquote(package.file_name))
    actual = hashlib.sha256(package.raw).hexdigest()
    if expected is not None and expected != actual:
        raise UserError(
            f"{package.file_name} has the SHA-256 {actual}, but the pinned one is {expected}. It "
            "is not the file that the corpus was made from. Do not use it. Fetch it again, or "
            "from another mirror."
        )


def _private_config(folder: Path) -> Path:
    """Writes an apt configuration that keeps all state of apt below `folder`.

    apt reads it after the machine's own configuration.
    """
    for name in ("state/lists/partial", "cache/archives/partial", "log", "packages"):
        (folder / name).mkdir(parents=True)
    # An empty status file: for this apt no package is installed.
    (folder / "status").touch()
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
        # As root, apt would switch to a user who may not enter `folder`.
        "APT::Sandbox::User": "root",
    }
    # The machine's hooks clean up the machine's own folders. They must not run here.
    hooks = (
        "APT::Update::Pre-Invoke",
        "APT::Update::Post-Invoke",
        "APT::Update::Post-Invoke-Success",
    )
    lines = [f"#clear {hook};" for hook in hooks]
    for name, value in settings.items():
        lines.append(f'{name} "{value}";')
    path = folder / "apt.conf"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _run_apt(
    apt: str, config: Path, arguments: list[str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Runs apt-get in `folder`. `stdout` of the result also has what went to standard error."""
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
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"E: timed out after {_TIMEOUT_S // 60} minutes"
        return subprocess.CompletedProcess(command, returncode=1, stdout=message)
