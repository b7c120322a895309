"""What a page consists of. ONNX Runtime Web is a stand-in here."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from fixture_types import RunCliExpectingError, RunCliHere

from seq2seq import load
from seq2seq.errors import UserError
from seq2seq.export import export_web_run, web_runtime
from seq2seq.run import RunFolder

RUN = Path(__file__).parent.parent.parent / "earlier_runs" / "lstm"
RUNTIME = {
    web_runtime.SCRIPT: b"export const env = {};",
    web_runtime.BINARY: gzip.compress(b"\0asm", mtime=0),
    web_runtime.LICENSE: b"MIT License </script>",
}


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_runtime, "web_runtime", lambda *_: RUNTIME)


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web")


@pytest.fixture
def folder(shared_folder: Path) -> Path:
    folder = shared_folder / "page"
    if not folder.exists():
        export_web_run(RunFolder.open(RUN), folder)
    return folder


@pytest.fixture
def page(shared_folder: Path) -> str:
    """The page as one file."""
    file = shared_folder / "page.html"
    if not file.exists():
        size = export_web_run(RunFolder.open(RUN), file)
        assert size == file.stat().st_size
    return file.read_text(encoding="utf-8")


def test_the_listed_files_are_there(folder: Path) -> None:
    listed = json.loads((folder / "files.json").read_text(encoding="utf-8"))
    assert "index.html" in listed["page"]
    assert "text/layer.js" in listed["page"]
    for name in listed["page"] + listed["data"]:
        assert (folder / name).is_file(), name
    assert (folder / web_runtime.LICENSE).is_file()


def test_the_list_has_a_checksum_of_each_file(folder: Path) -> None:
    listed = json.loads((folder / "files.json").read_text(encoding="utf-8"))
    assert {*listed["page"], *listed["data"]} == {*listed["checks"], "index.html"}
    style = (folder / "style.css").read_bytes()
    expected = {"bytes": len(style), "sha256": hashlib.sha256(style).hexdigest()}
    assert listed["checks"]["style.css"] == expected
    unpacked = hashlib.sha256(b"\0asm").hexdigest()
    assert listed["checks"][web_runtime.BINARY] == {"bytes": 4, "sha256": unpacked}


def test_the_folder_translates_in_python_too(folder: Path) -> None:
    translator = load(folder)
    assert translator.search.beam <= 4
    assert translator(["Ein Hund sieht Anna."]) != [""]


def test_nothing_names_another_address(folder: Path) -> None:
    names = json.loads((folder / "files.json").read_text(encoding="utf-8"))["page"]
    for name in names:
        text = (folder / name).read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\s'\"]+", text)) - {"http://www.w3.org/2000/svg"}
        assert addresses == set(), name


def elements_of(page: str) -> dict[str, str]:
    """The contents of the embedded files, by name."""
    found = re.findall(r'<script type="text/plain" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return dict(found)


def test_one_file_has_the_same_files(page: str, folder: Path) -> None:
    elements = elements_of(page)
    listed = json.loads((folder / "files.json").read_text(encoding="utf-8"))
    for name in listed["data"]:
        content = base64.b64decode(elements[name])
        expected = (folder / name).read_bytes()
        assert content == expected or gzip.decompress(content) == expected, name
    assert "worker.js" in elements
    assert elements[web_runtime.LICENSE] == "MIT License <\\/script>"
    assert "src=" not in re.sub(r"<script type.*", "", page)


def test_the_policy_of_one_file_allows_what_is_in_it(page: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (policy,) = re.findall(r'content="(default-src[^"]*)"', page)
    assert len(scripts) == 2
    for text in (*scripts, style):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="already exists"):
        export_web_run(RunFolder.open(RUN), file)
    assert file.read_text(encoding="utf-8") == "mine"


def test_the_command_line_says_how_to_open_it(run_cli_here: RunCliHere, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    output = run_cli_here("export", str(RUN), str(file), "--format", "web")
    assert "MB with everything that translation needs" in output
    assert f"open {file} in a browser" in " ".join(output.split())


def test_a_page_has_no_shortlist(
    run_cli_expecting_error: RunCliExpectingError, tmp_path: Path
) -> None:
    arguments = ("export", str(RUN), str(tmp_path / "page"), "--format", "web")
    assert "A page has no shortlist" in run_cli_expecting_error(*arguments, "--shortlist")
    assert "--bfloat16 is for" in run_cli_expecting_error(*arguments, "--bfloat16")
