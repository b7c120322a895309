"""A page that translates in the browser: a folder for any web server, or one HTML file.

The folder is an exported folder, too (onnx_folder.py): `seq2seq translate` and `seq2seq evaluate`
read it, and say what the page does.

    index.html, style.css, *.js   the page; see export/web
    files.json                    the names of all files that the page loads, and their checksums
    text_rules.json               the rules of the text layer
    tokenizer.json                the tokens
    encoder.onnx, decoder.onnx, translator.json, tokenizer/   as in every exported folder
    onnxruntime.*                 ONNX Runtime Web, with its license
"""

import base64
import gzip
import hashlib
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seq2seq.config import dump_config
from seq2seq.decoding.run_loading import load_models
from seq2seq.errors import UserError
from seq2seq.export import web_runtime
from seq2seq.export.onnx import export_onnx, require_onnx
from seq2seq.export.package import new_folder
from seq2seq.export.web_bundle import bundle, page_sources
from seq2seq.export.web_text import text_rules, tokenizer_data
from seq2seq.files import atomic_write_text
from seq2seq.models import Seq2Seq
from seq2seq.onnx_folder import OnnxFolder
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder

_BEAM = 4
"""The largest beam on a page. It translates while one types."""

_PAGE = "index.html"
_STYLE = "style.css"
_CHECK = "startup_check.js"
_PAGE_MODULE = "page.js"
_WORKER_MODULE = "worker.js"
_FILE_LIST = "files.json"
_RULES = "text_rules.json"
_TOKENIZER = "tokenizer.json"


def export_web_run(
    run: RunFolder,
    into: Path,
    *,
    ensemble: Sequence[Path] = (),
    reporter: Reporter = SILENT,
) -> int:
    """Writes a page that translates, with 8-bit weights.

    Args:
        run: a trained run.
        into: the folder to create. If it ends with ".html", one file is created.
        ensemble: more runs, whose models predict together with the first one.
        reporter: receives what is downloaded.

    Returns:
        The size in bytes.

    Raises:
        UserError: `into` exists, the models do not fit together, or a package is missing.
    """
    require_onnx()
    is_file = into.suffix.lower() == ".html"
    if is_file and into.exists():
        raise UserError(f"{into} already exists. Give another name, or delete it.")
    model = load_models(run, [RunFolder.open(member) for member in ensemble])
    runtime = web_runtime.web_runtime(reporter)
    if not is_file:
        with new_folder(into):
            _write_folder(run, model, runtime, into)
        return OnnxFolder(into).size()
    with tempfile.TemporaryDirectory(prefix="seq2seq-web-") as temporary:
        folder = Path(temporary)
        _write_folder(run, model, runtime, folder)
        atomic_write_text(into, _one_file(folder), mkdir=True)
    return into.stat().st_size


def _write_folder(run: RunFolder, model: Seq2Seq, runtime: dict[str, bytes], folder: Path) -> None:
    into = OnnxFolder(folder)
    search = run.settings.search
    search = search.replace(beam=min(_BEAM, search.beam), nbest=1)
    settings = replace(run.settings, search=search)
    # These come first: they find out what a page cannot do.
    words = run.tokenizer.source_words or frozenset()
    atomic_write_text(folder / _RULES, text_rules(settings, words))
    atomic_write_text(folder / _TOKENIZER, tokenizer_data(run.tokenizer))
    export_onnx(model, folder, int8=True)
    run.tokenizer.save(into.tokenizer_dir)
    atomic_write_text(into.config_file, dump_config(run.config))
    into.write_settings(settings)
    for name, content in runtime.items():
        (folder / name).write_bytes(content)
    sources = page_sources()
    for name, text in sources.items():
        atomic_write_text(folder / name, text, mkdir=True)
    atomic_write_text(folder / _FILE_LIST, _file_list(folder, sorted(sources)))


def _file_list(folder: Path, page_names: list[str]) -> str:
    """Returns the content of files.json. "checks" tells a whole file from a damaged one."""
    data_names = _data_names(OnnxFolder(folder))
    # A server may change the page itself: some insert a script into it.
    checked = [name for name in [*page_names, *data_names] if name != _PAGE]
    checks = {name: _check(folder / name) for name in checked}
    return json.dumps({"page": page_names, "data": data_names, "checks": checks}, indent=1) + "\n"


def _check(path: Path) -> dict[str, str | int]:
    """Returns the length and the checksum of a file, after it is unpacked."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        # Some servers unpack it.
        content = gzip.decompress(content)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _data_names(folder: OnnxFolder) -> list[str]:
    """Returns the names of the files that the page hands to its worker."""
    paths = [folder.encoder_file, folder.decoder_file, folder.settings_file]
    names = [path.name for path in paths]
    return [*names, _RULES, _TOKENIZER, web_runtime.SCRIPT, web_runtime.BINARY]


# -- one file --------------------------------------------------------------------------------------


def _one_file(folder: Path) -> str:
    """Returns the page of a folder with everything in it."""
    sources = page_sources()
    names = [_FILE_LIST, *_data_names(OnnxFolder(folder))]
    contents = {name: (folder / name).read_bytes() for name in names}
    contents[_WORKER_MODULE] = bundle(sources, _WORKER_MODULE).encode()
    embedded = [_embedded(name, content) for name, content in contents.items()]
    license_text = (folder / web_runtime.LICENSE).read_text(encoding="utf-8")
    embedded.append(_text_element(web_runtime.LICENSE, license_text))
    check = sources[_CHECK]
    script = bundle(sources, _PAGE_MODULE)
    style = sources[_STYLE]
    page = sources[_PAGE]
    page = _replaced(page, _policy([check, script], style), r'content="default-src[^"]*"')
    page = _replaced(page, f"<style>{style}</style>", rf'<link rel="stylesheet" href="{_STYLE}">')
    page = _replaced(page, f"<script>{_safe(check)}</script>", rf'<script src="{_CHECK}"></script>')
    elements = "\n".join([*embedded, f"<script>{_safe(script)}</script>"])
    return _replaced(page, elements, rf'<script type="module" src="{_PAGE_MODULE}"></script>')


def _policy(scripts: Sequence[str], style: str) -> str:
    """Returns the rule of the page: it runs what is in it, and loads nothing."""
    hashes = " ".join(f"'{_hash(_safe(script))}'" for script in scripts)
    parts = [
        "default-src 'none'",
        f"script-src {hashes} blob: 'wasm-unsafe-eval'",
        "worker-src blob:",
        f"style-src '{_hash(style)}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return f'content="{"; ".join(parts)}"'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _embedded(name: str, content: bytes) -> str:
    """Returns an element with a file, compressed. export/web/files.js reads it."""
    compressed = content if name.endswith(".gz") else gzip.compress(content, mtime=0)
    return _text_element(name, base64.b64encode(compressed).decode())


def _text_element(name: str, text: str) -> str:
    return f'<script type="text/plain" id="{name}">{_safe(text)}</script>'


def _safe(text: str) -> str:
    """Returns a text that does not end the element it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _replaced(page: str, new: str, pattern: str) -> str:
    """Replaces the only place where a pattern matches."""
    replaced, count = re.subn(pattern, lambda _: new, page)
    if count != 1:
        raise ValueError(f"{_PAGE} has {count} places like {pattern}.")
    return replaced
