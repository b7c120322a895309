"""The page in a browser: it translates as the program does, and loads nothing from elsewhere.

These tests need Chromium, and ONNX Runtime Web in the cache folder, where the first
`seq2seq export --format web` puts it.
"""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chromium import EXECUTABLE, Page, open_page

from seq2seq import load
from seq2seq.export import export_web_run, web_runtime
from seq2seq.run import RunFolder

pytestmark = [
    pytest.mark.skipif(EXECUTABLE is None, reason="Chromium is not installed"),
    pytest.mark.skipif(
        not (web_runtime.runtime_folder() / web_runtime.BINARY).is_file(),
        reason="ONNX Runtime Web is not in the cache folder",
    ),
]

EARLIER_RUNS = Path(__file__).parent.parent.parent / "earlier_runs"
HOSTILE = """
Ein <b>Hund</b> sieht <a href="x">eine Katze</a>.
„Anna ruft Otto“, sagte Ida.
ANNA SIEHT EINEN HUND.
Das kostet 1.234,50 €: siehe https://example.org/a?b=c!
Anna ruft. Otto sucht!  Ida findet?
日本語。 🐕 Xqz
...
 Ein\tBaum\u00a0findet `x = 1`
"""
LINES = [
    *(EARLIER_RUNS / "source.de").read_text(encoding="utf-8").splitlines()[:60],
    *HOSTILE.split("\n"),
]


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def serve(folder: Path, kind: type[Server] = Server) -> Iterator[str]:
    """Serves a folder and yields its address."""
    handler = functools.partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def run() -> RunFolder:
    return RunFolder.open(EARLIER_RUNS / "lstm")


@pytest.fixture(scope="module")
def folder(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "folder"
    export_web_run(run, folder)
    return folder


def translate(page: Page, lines: list[str]) -> list[str]:
    """Types lines into the page and returns what it shows."""
    text = json.dumps("\n".join(lines))
    page.wait_until("document.readyState === 'complete' && document.getElementById('source')")
    page.evaluate(f"document.getElementById('source').value = {text}")
    page.evaluate("document.getElementById('source').dispatchEvent(new Event('input'))")
    page.wait_until("document.getElementById('target').ariaBusy === 'false'", 60)
    shown = "[...document.querySelectorAll('#target p')].map((line) => line.textContent)"
    return page.evaluate(shown)  # type: ignore[no-any-return]


def translate_in_python(folder: Path) -> list[str]:
    return load(folder)(LINES)


def is_inside(request: str, address: str) -> bool:
    return request.startswith((address, f"blob:{address}", "blob:null/", "data:"))


def test_a_folder_translates_as_the_program_does(folder: Path) -> None:
    with serve(folder) as address, open_page() as page:
        page.open(address)
        assert translate(page, LINES) == translate_in_python(folder)
        assert [request for request in page.requests if not is_inside(request, address)] == []
        assert page.messages == []
        assert page.evaluate("document.title") == "German → English translator"
        assert "works offline" in page.evaluate("document.getElementById('status').textContent")


def test_one_file_translates_without_a_server(run: RunFolder, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "translator.html"
    export_web_run(run, file)
    with open_page() as page:
        page.open(file.as_uri())
        assert translate(page, LINES) == translate_in_python(folder)
        assert [r for r in page.requests if not is_inside(r, file.as_uri())] == []
        assert page.messages == []


def test_it_works_offline_after_the_first_time(folder: Path) -> None:
    with open_page() as page:
        with serve(folder) as address:
            page.open(address)
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.open("about:blank")
        page.open(address)
        assert translate(page, ["Ein Hund sieht Anna."]) != [""]


def test_nothing_can_be_sent_elsewhere(folder: Path) -> None:
    fetch = "fetch('http://localhost:1/').then(() => 'sent', () => 'not sent')"
    with serve(folder) as address, open_page() as page:
        page.open(address)
        translate(page, ["Anna"])
        assert page.evaluate(fetch) == "not sent"
        assert any("Content Security Policy" in message for message in page.messages)


def test_a_word_shows_what_it_attended_to(folder: Path) -> None:
    press = "new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true})"
    with serve(folder) as address, open_page() as page:
        page.open(address)
        translate(page, ["Ein Hund sieht Anna."])
        page.evaluate(f"document.getElementById('target').dispatchEvent({press})")
        shaded = page.evaluate("document.querySelectorAll('#shades mark').length")
        assert shaded > 0
        current = page.evaluate("document.querySelector('.word.current').textContent")
        assert page.evaluate("document.getElementById('spoken').textContent").startswith(current)
