import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.data.corpus import SourceUnavailable
from seq2seq.data.sources import debian
from seq2seq.data.sources.debian import Package, fetch_packages
from seq2seq.errors import UserError

FILES = {"./usr/share/a/one.txt": b"first", "./usr/share/a/two.bin": b"second", "./../../escape.txt": b"outside"}


MakeDeb = Callable[..., bytes]


@pytest.mark.parametrize("compression", [".xz", ".gz", ""])
def test_files_are_read_from_a_package(make_deb: MakeDeb, compression: str) -> None:
    package = Package(file_name="a_1.0_all.deb", raw=make_deb(FILES, compression))
    assert list(package.texts(r"/usr/share/.*\.txt")) == [("/usr/share/a/one.txt", b"first")]


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not on this machine")
def test_zstd_is_left_to_dpkg_deb(tmp_path: Path) -> None:
    import subprocess

    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: N <n@example.org>\nDescription: d\n"
    )
    (tree / "one.txt").write_text("first")
    command = ["dpkg-deb", "-Zzstd", "--root-owner-group", "--build", str(tree), str(tmp_path / "a.deb")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this dpkg-deb does not write zstd")
    package = Package(file_name="a_1_all.deb", raw=(tmp_path / "a.deb").read_bytes())
    assert list(package.texts(r"/one\.txt")) == [("/one.txt", b"first")]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda make: b"nonsense", "is no Debian package"),
        (lambda make: make(FILES)[:-40], "is no whole Debian package: it breaks off"),
        (lambda make: b"!<arch>\n", "it has no member data.tar"),
        (lambda make: make(FILES, ".odd"), "compressed in a way that is not known here: data.tar.odd"),
        (lambda make: make(FILES).replace(b"\xfd7zXZ", b"\xfd7zXX"), "is no whole Debian package"),
        (lambda make: make(FILES, "").replace(b"ustar", b"xxxxx").replace(b"one.txt", b"two.txt"), "is no whole"),
    ],
)
def test_broken_packages(make_deb: MakeDeb, spoil: Callable[[MakeDeb], bytes], message: str) -> None:
    with pytest.raises(UserError, match=rf"a_1\.0_all\.deb.*{message}"):
        list(Package(file_name="a_1.0_all.deb", raw=spoil(make_deb)).texts(".*"))


def test_version_from_the_file_name() -> None:
    package = Package(file_name="libreoffice-help-de_4%3a7.4.7-1+deb12u14_all.deb", raw=b"")
    assert package.version == "4:7.4.7-1+deb12u14"


def test_without_apt_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    monkeypatch.setattr(debian.platform, "system", lambda: "Darwin")
    with pytest.raises(SourceUnavailable) as caught:
        fetch_packages(["a"], checksums={}, corpus="some-de-en", say=lambda line: None)
    assert "this machine (Darwin) has no apt-get" in str(caught.value)
    assert "`fallback`" in str(caught.value)
    assert "copy the folder some-de-en to" in str(caught.value)


# A stand-in for apt-get. It notes how it was called, and behaves as the file `behaviour` beside it says.
FAKE_APT = """#!{python}
import pathlib, shutil, sys
here = pathlib.Path(__file__).parent
config = pathlib.Path(sys.argv[sys.argv.index("-c") + 1])
with open(here / "calls", "a") as calls:
    print(*sys.argv[4:], file=calls)
(here / "config").write_text(config.read_text())
behaviour = (here / "behaviour").read_text()
if behaviour == "no network":
    if sys.argv[4] == "update":
        print("W: Failed to fetch http://me:secret@deb.example.org/InRelease  Temporary failure resolving")
        sys.exit(0)
    print("E: Unable to locate package a")
    sys.exit(100)
if sys.argv[4] == "download":
    for name in sys.argv[5:]:
        shutil.copy(here / (name + ".deb"), name + "_4%3a1.0_all.deb")
"""


@pytest.fixture
def fake_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_deb: MakeDeb) -> Path:
    if sys.platform == "win32":
        pytest.skip("the stand-in for apt-get is a script with a #! line")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "apt-get").write_text(FAKE_APT.format(python=sys.executable))
    (folder / "apt-get").chmod(0o755)
    (folder / "behaviour").write_text("good")
    (folder / "a.deb").write_bytes(make_deb(FILES))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_apt_works_in_a_private_folder_that_is_gone_afterwards(fake_apt: Path) -> None:
    said: list[str] = []
    packages = fetch_packages(["a"], checksums={}, corpus="some-de-en", say=said.append)
    assert packages["a"].version == "4:1.0"
    assert (fake_apt / "calls").read_text().splitlines() == ["update", "download a"]
    config = (fake_apt / "config").read_text()
    private = Path(config.split('Dir::State "')[1].split('"')[0]).parent
    for setting in ("Dir::State::status", "Dir::Cache", "Dir::Log"):
        assert config.split(f'{setting} "')[1].startswith(str(private))
    assert "#clear APT::Update::Post-Invoke;" in config
    assert not private.exists()
    assert said[0].startswith("some-de-en: fetching the package lists")


def test_checksums_are_held_where_they_are_pinned(fake_apt: Path) -> None:
    right = hashlib.sha256((fake_apt / "a.deb").read_bytes()).hexdigest()
    for pins in ({"a_4:1.0_all.deb": right}, {"a_4:0.9_all.deb": "0" * 64}):
        assert "a" in fetch_packages(["a"], checksums=pins, corpus="x", say=lambda line: None)
    with pytest.raises(UserError, match=rf"has the SHA-256 {right}, but 0000.* is pinned") as caught:
        fetch_packages(["a"], checksums={"a_4:1.0_all.deb": "0" * 64}, corpus="x", say=lambda line: None)
    assert not isinstance(caught.value, SourceUnavailable)  # no fallback may hide this


def test_without_network_it_says_what_apt_said(fake_apt: Path) -> None:
    (fake_apt / "behaviour").write_text("no network")
    with pytest.raises(SourceUnavailable) as caught:
        fetch_packages(["a"], checksums={}, corpus="some-de-en", say=lambda line: None)
    message = str(caught.value)
    assert "could not download a. It said: W: Failed to fetch http://deb.example.org/InRelease" in message
    assert "secret" not in message
    assert "Is there a network" in message
