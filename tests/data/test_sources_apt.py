"""Downloading Debian packages with a fake apt-get."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import RecordingReporter

from seq2seq.data.corpus import SourceUnavailable
from seq2seq.data.sources.apt import fetch_packages
from seq2seq.errors import UserError

MakeDeb = Callable[..., bytes]


# It records its calls. The file `network` beside it decides whether the network works.
FAKE_APT_GET = """#!{python}
import pathlib, shutil, sys
here = pathlib.Path(__file__).parent
config = pathlib.Path(sys.argv[sys.argv.index("-c") + 1])
with open(here / "calls", "a") as calls:
    print(*sys.argv[4:], file=calls)
(here / "config").write_text(config.read_text())
if (here / "network").read_text() == "down":
    if sys.argv[4] == "update":
        print("W: Failed to fetch http://me:secret@deb.example.org/InRelease  Temporary failure")
        sys.exit(0)
    print("E: Unable to locate package a")
    sys.exit(100)
if sys.argv[4] == "download":
    for name in sys.argv[5:]:
        shutil.copy(here / (name + ".deb"), name + "_4%3a1.0_all.deb")
"""


@pytest.fixture
def fake_apt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_deb: MakeDeb) -> Path:
    """The folder of a fake apt-get that offers the package `a`."""
    if sys.platform == "win32":
        pytest.skip("the fake apt-get is a script with a #! line")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "apt-get").write_text(FAKE_APT_GET.format(python=sys.executable))
    (folder / "apt-get").chmod(0o755)
    (folder / "network").write_text("up")
    (folder / "a.deb").write_bytes(make_deb({"./usr/share/a.txt": b"text"}))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_without_apt_the_source_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(SourceUnavailable) as caught:
        fetch_packages(["a"], checksums={}, corpus="some-de-en")
    assert "this machine (Darwin) has no apt-get" in str(caught.value)
    assert "set `fallback`" in str(caught.value)
    assert "copy the folder some-de-en to" in str(caught.value)


def test_fetches_the_packages(fake_apt_folder: Path) -> None:
    reporter = RecordingReporter()
    packages = fetch_packages(["a"], checksums={}, corpus="some-de-en", reporter=reporter)
    assert packages["a"].version == "4:1.0"
    assert (fake_apt_folder / "calls").read_text().splitlines() == ["update", "download a"]
    assert reporter.messages[0].startswith("some-de-en: fetching the package lists")
    assert reporter.messages[1] == "some-de-en: downloading a"


def test_apt_uses_a_private_folder_that_is_deleted(fake_apt_folder: Path) -> None:
    fetch_packages(["a"], checksums={}, corpus="some-de-en")
    config = (fake_apt_folder / "config").read_text()
    private_folder = Path(config.split('Dir::State "')[1].split('"')[0]).parent
    for setting in ("Dir::State::status", "Dir::Cache", "Dir::Log"):
        assert config.split(f'{setting} "')[1].startswith(str(private_folder))
    assert "#clear APT::Update::Post-Invoke;" in config
    assert not private_folder.exists()


def test_accepts_a_package_with_the_pinned_checksum(fake_apt_folder: Path) -> None:
    checksum = hashlib.sha256((fake_apt_folder / "a.deb").read_bytes()).hexdigest()
    packages = fetch_packages(["a"], checksums={"a_4:1.0_all.deb": checksum}, corpus="x")
    assert "a" in packages


def test_a_checksum_pinned_for_another_version_does_not_count(fake_apt_folder: Path) -> None:
    packages = fetch_packages(["a"], checksums={"a_4:0.9_all.deb": "0" * 64}, corpus="x")
    assert "a" in packages


def test_a_wrong_checksum_is_an_error_that_no_fallback_hides(fake_apt_folder: Path) -> None:
    checksum = hashlib.sha256((fake_apt_folder / "a.deb").read_bytes()).hexdigest()
    message = rf"has the SHA-256 {checksum}, but the pinned one is 0000"
    with pytest.raises(UserError, match=message) as caught:
        fetch_packages(["a"], checksums={"a_4:1.0_all.deb": "0" * 64}, corpus="x")
    assert not isinstance(caught.value, SourceUnavailable)


def test_without_network_the_error_quotes_apt_without_passwords(fake_apt_folder: Path) -> None:
    (fake_apt_folder / "network").write_text("down")
    with pytest.raises(SourceUnavailable) as caught:
        fetch_packages(["a"], checksums={}, corpus="some-de-en")
    message = str(caught.value)
    assert "could not download a. Its messages: W: Failed to fetch" in message
    assert "http://deb.example.org/InRelease" in message
    assert "secret" not in message
    assert "Check the network" in message
