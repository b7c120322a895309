"""The documents: links, commands, keys and line lengths are right."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).parent.parent
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md"), TOP / "data" / "README.md"])
LONGEST_LINE = 120
LONGEST_README = 130


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_configuration_md_is_up_to_date() -> None:
    script = load_script(TOP / "docs" / "make_configuration.py")
    written = (TOP / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == script.render(), "run `make docs`"


def test_every_config_key_has_a_meaning() -> None:
    script = load_script(TOP / "docs" / "make_configuration.py")
    for _, section in script.SECTIONS:
        assert set(script.field_docstrings(section)) >= set(section.model_fields)


def test_the_readme_is_short() -> None:
    assert len((TOP / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_lines_are_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    # A table row cannot be wrapped.
    long = [n for n, line in enumerate(lines, 1) if len(line) > LONGEST_LINE and line[:1] != "|"]
    assert long == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    files = [target for target in targets if "://" not in target]
    missing = [target for target in files if not (path.parent / target).exists()]
    assert missing == []


def anchors(path: Path) -> set[str]:
    """Returns the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_headings_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text)
    missing = []
    for target, anchor in targets:
        if "://" in target:
            continue
        document = path.parent / target if target else path
        if anchor not in anchors(document):
            missing.append(f"{target}#{anchor}")
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_paths_in_documents_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:seq2seq|tests|benchmarks|configs|docs|data)/[\w./-]+\.\w+)`", text)
    named = [name for name in named if "FAMILY" not in name]
    # `data/store.py` may be short for `seq2seq/data/store.py`.
    roots = (TOP, TOP / "seq2seq")
    missing = [name for name in named if not any((root / name).exists() for root in roots)]
    assert missing == []
