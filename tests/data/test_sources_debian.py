"""Reading Debian packages."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.data.sources.debian import Package
from seq2seq.errors import UserError

MakeDeb = Callable[..., bytes]

FILES = {
    "./usr/share/a/one.txt": b"first",
    "./usr/share/a/two.bin": b"second",
    "./../../escape.txt": b"outside",
}


@pytest.mark.parametrize("compression", [".xz", ".gz", ""])
def test_reads_files_whose_whole_path_matches(make_deb: MakeDeb, compression: str) -> None:
    package = Package(file_name="a_1.0_all.deb", raw=make_deb(FILES, compression))
    files = list(package.read_files(r"/usr/share/.*\.txt"))
    assert files == [("/usr/share/a/one.txt", b"first")]


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_reads_a_package_compressed_with_zstd(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: N <n@example.org>\nDescription: d\n"
    )
    (tree / "one.txt").write_text("first")
    deb = tmp_path / "a.deb"
    command = ["dpkg-deb", "-Zzstd", "--root-owner-group", "--build", str(tree), str(deb)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this dpkg-deb cannot write zstd")
    package = Package(file_name="a_1_all.deb", raw=deb.read_bytes())
    assert list(package.read_files(r"/one\.txt")) == [("/one.txt", b"first")]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda make: b"nonsense", "is not a Debian package"),
        (lambda make: make(FILES)[:-40], r"is not a complete Debian package \(it is truncated\)"),
        (lambda make: b"!<arch>\n", "it has no member data.tar"),
        (lambda make: make(FILES, ".odd"), "has an unsupported compression: data.tar.odd"),
        (
            lambda make: make(FILES).replace(b"\xfd7zXZ", b"\xfd7zXX"),
            "is not a complete Debian package",
        ),
        (
            lambda make: (
                make(FILES, "").replace(b"ustar", b"xxxxx").replace(b"one.txt", b"two.txt")
            ),
            "is not a complete Debian package",
        ),
    ],
    ids=["no archive", "truncated", "no data.tar", "compression", "bad xz", "bad tar"],
)
def test_damaged_packages_are_errors(
    make_deb: MakeDeb, damage: Callable[[MakeDeb], bytes], message: str
) -> None:
    package = Package(file_name="a_1.0_all.deb", raw=damage(make_deb))
    with pytest.raises(UserError, match=rf"a_1\.0_all\.deb.*{message}"):
        list(package.read_files(".*"))


def test_version_comes_from_the_file_name() -> None:
    package = Package(file_name="libreoffice-help-de_4%3a7.4.7-1+deb12u14_all.deb", raw=b"")
    assert package.version == "4:7.4.7-1+deb12u14"
