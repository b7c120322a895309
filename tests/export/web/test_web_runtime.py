"""ONNX Runtime Web is downloaded once, and only the expected package is taken."""

import gzip
import hashlib
import io
import re
import tarfile
import urllib.error
from pathlib import Path

import pytest
from fakes import RecordingReporter

from seq2seq.errors import UserError
from seq2seq.export import web_runtime
from seq2seq.export.web_runtime import BINARY, LICENSE, SCRIPT, package_file


def make_package() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in (
            ("package/dist/ort.wasm.bundle.min.mjs", b"script"),
            ("package/dist/ort-wasm-simd-threaded.wasm", b"binary"),
            ("package/dist/other.js", b"other"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bytes:
    """A small package, which is the expected one. The cache folder is empty."""
    package = make_package()
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(web_runtime, "SHA256", hashlib.sha256(package).hexdigest())
    return package


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(web_runtime.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(content))


def cut_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(web_runtime.urllib.request, "urlopen", fail)


def test_it_is_downloaded_once(monkeypatch: pytest.MonkeyPatch, package: bytes) -> None:
    reporter = RecordingReporter()
    serve(monkeypatch, package)
    files = web_runtime.web_runtime(reporter)
    assert files[SCRIPT] == b"script"
    assert gzip.decompress(files[BINARY]) == b"binary"
    assert b"MIT License" in files[LICENSE]
    (message,) = reporter.messages
    assert message.startswith("downloading ONNX Runtime Web")
    cut_network(monkeypatch)
    assert web_runtime.web_runtime(reporter) == files
    assert reporter.messages == [message]


def test_without_a_network_it_says_where_to_put_the_package(
    monkeypatch: pytest.MonkeyPatch, package: bytes
) -> None:
    cut_network(monkeypatch)
    with pytest.raises(UserError, match=re.escape(f"copy it to {package_file()}")):
        web_runtime.web_runtime()
    package_file().parent.mkdir(parents=True)
    package_file().write_bytes(package)
    assert web_runtime.web_runtime()[SCRIPT] == b"script"


def test_another_package_is_refused(monkeypatch: pytest.MonkeyPatch, package: bytes) -> None:
    serve(monkeypatch, package + b"x")
    with pytest.raises(UserError, match="the expected one is"):
        web_runtime.web_runtime()
    assert not web_runtime.runtime_folder().exists()
