"""A copy of the page that is incomplete or damaged, and a browser that cannot run it.

Each time the page says in one sentence what is wrong and what to do. These tests need Chromium, as
those of test_web_browser.py do.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_servers import (
    ERROR_PAGE,
    BreakingServer,
    ForbiddingServer,
    HelpfulServer,
    SilentServer,
)
from chromium import Page, open_page
from test_web_browser import EARLIER_RUNS, Server, pytestmark, serve, translate

from seq2seq.export import export_web_run
from seq2seq.export.web_bundle import page_sources
from seq2seq.run import RunFolder

__all__ = ["pytestmark"]

SECONDS = 20
"""A sentence must be there by then, also on a busy machine."""
AGAIN = "Copy the whole folder again."
MODULES = ["page.js", "files.js", "worker.js", "text/layer.js"]
DATA = [
    "encoder.onnx",
    "decoder.onnx",
    "translator.json",
    "text_rules.json",
    "tokenizer.json",
    "onnxruntime.js",
    "onnxruntime.wasm.gz",
]
SOME = ["page.js", "worker.js", "files.json", "decoder.onnx"]
"""A file of each kind."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "folder"
    export_web_run(RunFolder.open(EARLIER_RUNS / "lstm"), folder)
    return folder


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("web") / "page.html"
    export_web_run(RunFolder.open(EARLIER_RUNS / "lstm"), file)
    return file.read_text(encoding="utf-8")


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(exported, tmp_path / "page"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with open_page() as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    yield browser
    browser.open("about:blank")


def sentence_of(page: Page, *, seconds: float = SECONDS) -> str:
    """Waits until the page has failed. Returns what it says."""
    page.wait_until("document.querySelector('#status.failed')", seconds)
    text: str = page.evaluate("document.getElementById('status').innerText")
    return text


def sentence_at(page: Page, folder: Path, server: type[Server] = Server) -> str:
    with serve(folder, server) as address:
        page.open(address)
        return sentence_of(page)


def missing(name: str) -> str:
    return f"This page is incomplete: {name} did not load. {AGAIN}"


def damaged(name: str) -> str:
    return f"This page is damaged: {name} is cut short or altered. {AGAIN}"


# -- a folder --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MODULES, "startup_check.js", "style.css", "files.json", *DATA])
def test_a_missing_file_is_named(page: Page, folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert sentence_at(page, folder) == missing(name)


@pytest.mark.parametrize("name", ["style.css", *SOME])
def test_a_page_in_place_of_a_file_is_no_file(page: Page, folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert sentence_at(page, folder, HelpfulServer) == missing(name)


@pytest.mark.parametrize("name", ["style.css", *SOME])
def test_a_file_that_is_cut_short_is_named(page: Page, folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    assert sentence_at(page, folder) == damaged(name)


@pytest.mark.parametrize("name", SOME)
def test_an_empty_file_is_named(page: Page, folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    assert sentence_at(page, folder) == damaged(name)


@pytest.mark.parametrize("name", ["decoder.onnx", "translator.json"])
def test_a_saved_error_page_is_damage(page: Page, folder: Path, name: str) -> None:
    (folder / name).write_bytes(ERROR_PAGE)
    assert sentence_at(page, folder) == damaged(name)


@pytest.mark.parametrize("name", ["page.js", "worker.js"])
def test_a_script_that_ends_before_its_last_statement_is_named(
    page: Page, folder: Path, name: str
) -> None:
    # It has no mistake in syntax, so the browser reports nothing.
    code = (folder / name).read_text(encoding="utf-8")
    whole = code[: code.index("/** ")]
    (folder / name).write_text(whole, encoding="utf-8")
    assert sentence_at(page, folder) == damaged(name)


@pytest.mark.parametrize("name", ["encoder.onnx", "text_rules.json"])
def test_a_file_of_the_same_length_is_damage(page: Page, folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert sentence_at(page, folder) == damaged(name)


def test_settings_of_another_kind_are_damage(page: Page, folder: Path) -> None:
    (folder / "translator.json").write_text("{}", encoding="utf-8")
    assert sentence_at(page, folder) == damaged("translator.json")


def test_settings_may_be_edited(page: Page, folder: Path) -> None:
    settings = (folder / "translator.json").read_text(encoding="utf-8")
    (folder / "translator.json").write_text(settings + "\n\n", encoding="utf-8")
    with serve(folder) as address:
        page.open(address)
        assert translate(page, ["Anna"]) != [""]


def test_a_page_without_any_script_says_so(page: Page, folder: Path) -> None:
    for path in folder.rglob("*.js"):
        path.unlink()
    expected = (
        "This page did not start. Copy all of it to a web server again, or use a newer browser."
    )
    shown = "getComputedStyle(document.querySelector('#status .unstarted')).visibility"
    with serve(folder) as address:
        page.open(address)
        page.wait_until(f"document.querySelector('.note') && {shown} === 'hidden'", SECONDS)
        page.wait_until(f"{shown} === 'visible'", SECONDS)
        assert page.evaluate("document.getElementById('status').innerText") == expected


def test_index_html_alone_says_so(page: Page, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    shutil.copy(folder / "index.html", tmp_path / "alone")
    with serve(tmp_path / "alone") as address:
        page.open(address)
        page.wait_until("document.getElementById('status')", SECONDS)
        status = page.evaluate("document.getElementById('status').innerText")
        assert status.startswith("This page did not start.")


def test_a_folder_that_is_opened_as_a_file_says_so(page: Page, folder: Path) -> None:
    page.open((folder / "index.html").as_uri())
    assert sentence_of(page) == (
        "A browser does not run this folder as a file. Open it from a web server, or use a page in "
        "one file (seq2seq export RUN page.html --format web)."
    )


# -- the server and the connection -----------------------------------------------------------------


def test_a_server_that_refuses_is_no_damage(page: Page, folder: Path) -> None:
    assert sentence_at(page, folder, ForbiddingServer) == (
        "The server does not send decoder.onnx (status 403). Load this page again later."
    )


def test_a_connection_that_breaks_is_no_damage(page: Page, folder: Path) -> None:
    assert sentence_at(page, folder, BreakingServer) == (
        "decoder.onnx did not arrive. Check the connection, and load this page again."
    )


def test_a_server_that_falls_silent_is_slow(page: Page, folder: Path) -> None:
    with serve(folder, SilentServer) as address:
        page.open(address)
        page.wait_until("document.getElementById('status')?.innerText.includes('longer')", SECONDS)
        assert page.evaluate("document.getElementById('status').innerText") == (
            "This takes longer than usual. If nothing changes, load this page again."
        )
        page.open("about:blank")


def test_an_older_copy_in_the_browser_is_replaced(page: Page, folder: Path) -> None:
    class RememberedServer(Server):
        def end_headers(self) -> None:
            if self.path.endswith("encoder.onnx"):
                self.send_header("Cache-Control", "max-age=600")
            super().end_headers()

    encoder = folder / "encoder.onnx"
    content = encoder.read_bytes()
    with serve(folder, RememberedServer) as address:
        encoder.write_bytes(content[:100])
        page.open(address)
        assert sentence_of(page) == damaged("encoder.onnx")
        encoder.write_bytes(content)
        page.open("about:blank")
        page.open(address)
        assert translate(page, ["Anna"]) != [""]


# -- the browser -----------------------------------------------------------------------------------

TOO_OLD = (
    "This browser is too old for this page, or a part of it is turned off. Use Chrome 112, "
    "Firefox 116, Safari 17, or a later version."
)
LACKS = {
    "modules": "delete HTMLScriptElement.prototype.noModule",
    "WebAssembly": "delete window.WebAssembly",
    "SIMD": "WebAssembly.validate = () => false",
    "workers": "delete window.Worker",
    "gzip": "delete window.DecompressionStream",
    "regular expressions": (
        "const New = RegExp; window.RegExp = function (pattern, flags) {"
        " if (flags?.includes('v')) throw new SyntaxError(flags); return new New(pattern, flags);}"
    ),
}


@pytest.mark.parametrize("part", LACKS)
def test_an_old_browser_is_named(page: Page, exported: Path, part: str) -> None:
    script = page.call("Page.addScriptToEvaluateOnNewDocument", source=LACKS[part])
    before = len(page.requests)
    try:
        assert sentence_at(page, exported) == TOO_OLD
        assert not any("encoder.onnx" in request for request in page.requests[before:])
    finally:
        page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


def test_the_check_is_written_for_old_browsers() -> None:
    code = page_sources()["startup_check.js"]
    code = re.sub(r"//.*", "", code)
    assert (
        re.findall(r"=>|\b(?:const|let|class|async|await)\b|`|\?\.|\?\?|\.\.\.|,\s*\)", code) == []
    )


def test_without_javascript_it_says_so(page: Page, exported: Path) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        with serve(exported) as address:
            page.open(address)
            page.wait_until("document.querySelector('noscript p')", SECONDS)
            text = page.evaluate("document.querySelector('main').innerText")
            assert "JavaScript is off in this browser. Turn it on" in text
            assert "Loading" not in text
            hidden = "getComputedStyle(document.querySelector('.unstarted')).display"
            assert page.evaluate(hidden) == "none"
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


# -- one file --------------------------------------------------------------------------------------


def opened(page: Page, content: str, tmp_path: Path) -> str:
    file = tmp_path / "page.html"
    file.write_text(content, encoding="utf-8")
    page.open(file.as_uri())
    return sentence_of(page)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_one_file_that_is_cut_short_says_so(
    page: Page, one_file: str, tmp_path: Path, share: float
) -> None:
    content = one_file[: int(len(one_file) * share)]
    assert opened(page, content, tmp_path) == (
        "This page is damaged: it is cut short or altered. Copy the file again."
    )


def test_one_file_with_altered_data_says_so(page: Page, one_file: str, tmp_path: Path) -> None:
    start = one_file.index('id="decoder.onnx">') + 1000
    content = one_file[:start] + "AAAA" + one_file[start + 4 :]
    assert opened(page, content, tmp_path) == (
        "This page is damaged: decoder.onnx is cut short or altered. Copy the file again."
    )


def test_one_file_with_an_altered_script_says_so(page: Page, one_file: str, tmp_path: Path) -> None:
    assert one_file.count("async function start()") == 1
    content = one_file.replace("async function start()", "async function begin()")
    # The policy does not let it run.
    assert opened(page, content, tmp_path) == (
        "This page is damaged: it is cut short or altered. Copy the file again."
    )


def test_one_file_in_an_old_browser_says_so(page: Page, one_file: str, tmp_path: Path) -> None:
    script = page.call("Page.addScriptToEvaluateOnNewDocument", source=LACKS["SIMD"])
    try:
        assert opened(page, one_file, tmp_path) == TOO_OLD
    finally:
        page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
