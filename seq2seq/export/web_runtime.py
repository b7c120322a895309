"""ONNX Runtime for browsers: the npm package onnxruntime-web.

It is too large for this package. The first export downloads it and keeps the parts that a page
needs in the cache folder, so later exports need no network.
"""

import gzip
import hashlib
import io
import tarfile
import urllib.request
from importlib.util import find_spec
from pathlib import Path

from seq2seq.errors import UserError
from seq2seq.files import atomic_paths
from seq2seq.paths import cache_dir
from seq2seq.reporter import SILENT, Reporter

VERSION = "1.30.0"
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
_MEGABYTES = 33
_TIMEOUT_S = 60

SCRIPT = "onnxruntime.js"
BINARY = "onnxruntime.wasm.gz"
LICENSE = "onnxruntime-license.txt"
# Names in the npm package. One thread of WebAssembly needs no more.
_SCRIPT_MEMBER = "package/dist/ort.wasm.bundle.min.mjs"
_BINARY_MEMBER = "package/dist/ort-wasm-simd-threaded.wasm"


def runtime_folder() -> Path:
    """Returns where the parts of the package are kept."""
    return cache_dir() / f"onnxruntime-web-{VERSION}"


def web_runtime(reporter: Reporter = SILENT) -> dict[str, bytes]:
    """Returns the files that a page needs, by name: SCRIPT, BINARY (compressed) and LICENSE.

    Raises:
        UserError: the package cannot be downloaded, or is not the expected one.
    """
    folder = runtime_folder()
    names = (SCRIPT, BINARY)
    if not all((folder / name).is_file() for name in names):
        _keep_parts(_package(reporter), folder)
    files = {name: (folder / name).read_bytes() for name in names}
    files[LICENSE] = _license()
    return files


def package_file() -> Path:
    """Returns where a package is found that was downloaded by hand."""
    return cache_dir() / f"onnxruntime-web-{VERSION}.tgz"


def _package(reporter: Reporter) -> bytes:
    path = package_file()
    if path.is_file():
        content = path.read_bytes()
        origin = str(path)
    else:
        reporter.info(f"downloading ONNX Runtime Web {VERSION} ({_MEGABYTES} MB) from {URL}")
        content = _download(path)
        origin = URL
    actual = hashlib.sha256(content).hexdigest()
    if actual != SHA256:
        raise UserError(
            f"{origin} has the SHA-256 {actual}, but the expected one is {SHA256}. It is damaged, "
            "or it is another package. Download it again."
        )
    return content


def _download(path: Path) -> bytes:
    try:
        with urllib.request.urlopen(URL, timeout=_TIMEOUT_S) as response:
            content: bytes = response.read()
    except OSError as error:
        raise UserError(
            f"The web page needs ONNX Runtime Web, which could not be downloaded ({error}). Try "
            f"again with a network. Or download {URL} elsewhere and copy it to {path}"
        ) from None
    return content


def _keep_parts(package: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        script = _member(archive, _SCRIPT_MEMBER)
        binary = _member(archive, _BINARY_MEMBER)
    # A simple server does not compress what it sends, and this becomes a quarter of its size.
    compressed = gzip.compress(binary, mtime=0)
    paths = (folder / SCRIPT, folder / BINARY)
    with atomic_paths(*paths, mkdir=True) as temporaries:
        for temporary, content in zip(temporaries, (script, compressed), strict=True):
            temporary.write_bytes(content)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is no file in the package.")
    return file.read()


def _license() -> bytes:
    """Returns the license of ONNX Runtime and of what it contains.

    The npm package has no such file. The Python package of the same project has it.
    """
    spec = find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    parts = [folder / "LICENSE", folder / "ThirdPartyNotices.txt"]
    return b"\n\n".join(path.read_bytes() for path in parts if path.is_file())
