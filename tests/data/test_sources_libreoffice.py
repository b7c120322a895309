"""The text of LibreOffice: help pages, interface strings, splits."""

from collections.abc import Callable
from typing import Any

import pytest
from gettext_catalogs import make_catalog

from seq2seq.config.sources import LibreOfficeSource
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources import libreoffice
from seq2seq.data.sources.debian import Package
from seq2seq.data.sources.libreoffice import pair_strings, split_help_and_interface, ui_text
from seq2seq.data.sources.libreoffice_help import (
    Page,
    Paragraph,
    TextPairs,
    pair_pages,
    parse_page,
    plain_text,
)
from seq2seq.errors import UserError
from seq2seq.text.normalization import sentence_key

# -- help pages ------------------------------------------------------------------------------------

PAGE = """<html><p dir="auto">no id</p>
<h1 id="hd_id1" dir="auto"><a name="x"></a>Saving &amp; Loading</h1>
<p id="par_id2" class="paragraph" dir="auto">Choose <span class="emph">File</span> -
 <a href="y">Save</a>.<br>Then wait.</p>
<p id="par_id3" class="code" dir="auto">print 1</p>
<p id="par_id2" class="paragraph">the same id again</p>
<p id="bm_id4">a bookmark</p>
<p class="tablecontent" id="par_idN5">cell</p></html>"""


def test_parses_paragraphs_with_an_id() -> None:
    page = parse_page(PAGE)
    assert list(page) == ["hd_id1", "par_id2", "par_id3", "par_idN5"]
    assert [paragraph.is_code for paragraph in page.values()] == [False, False, True, False]
    assert plain_text(page["hd_id1"].html) == "Saving & Loading"
    assert plain_text(page["par_id2"].html) == "Choose File - Save. Then wait."


def test_the_default_variant_is_taken() -> None:
    html = (
        'Press <span id="s" class="switchinline">'
        '<span hidden="true" id="MACx" class="MAC"><span class="keycode">Command</span></span>'
        '<span hidden="true" id="defaultx"><span class="keycode">Ctrl</span></span>'
        '</span>+A<img alt="no">.'
    )
    assert plain_text(html) == "Press Ctrl+A."


def test_without_a_default_the_first_variant_is_taken() -> None:
    html = (
        '<span class="switchinline"><span hidden="true" id="WRITERx">Writer</span>'
        '<span hidden="true" id="CALCx">Calc</span></span>, <b>bold</b></span>'
    )
    assert plain_text(html) == "Writer, bold"


def make_page(*texts: str, is_code: bool = False) -> Page:
    return {f"par_id{number}": Paragraph(is_code, text) for number, text in enumerate(texts)}


@pytest.mark.parametrize(
    ("german_is_code", "english_is_code"), [(True, True), (True, False), (False, True)]
)
def test_code_on_either_side_is_left_out(german_is_code: bool, english_is_code: bool) -> None:
    german = {"a": make_page("Drucke x jetzt.", is_code=german_is_code)}
    english = {"a": make_page("Print x now.", is_code=english_is_code)}
    assert pair_pages(german, english, "de") == {"a": []}


def test_pairs_the_sentences_of_pages_that_both_languages_have() -> None:
    german = {"a": make_page("Erst. Dann.", "Gut so"), "only-german": make_page("x")}
    english = {"a": make_page("First. Then.", "Good so"), "only-english": make_page("x")}
    assert pair_pages(german, english, "de") == {
        "a": [("Erst.", "First."), ("Dann.", "Then."), ("Gut so", "Good so")]
    }


@pytest.mark.parametrize(
    ("german", "english"),
    [("Eins. Zwei.", "One and two."), ("Same", "Same"), ("Lang " * 9, "Long")],
    ids=["other number of sentences", "untranslated", "other length"],
)
def test_paragraphs_that_do_not_match_are_left_out(german: str, english: str) -> None:
    pages = pair_pages({"a": make_page(german)}, {"a": make_page(english)}, "de")
    assert pages == {"a": []}


def test_the_length_ratio_depends_on_the_script() -> None:
    chinese = {"a": make_page("打开这个文件。")}
    english = {"a": make_page("Open this file now.")}
    assert pair_pages(chinese, english, "zh-cn")["a"]
    assert not pair_pages(chinese, english, "de")["a"]


# -- interface -------------------------------------------------------------------------------------

MESSAGES = {
    "": "Content-Type: text/plain; charset=UTF-8\n",
    "dialog|ok\x04_Save %PRODUCTNAME file": "%PRODUCTNAME-Datei _speichern",
    "menu\x04~Open…": "Ö~ffnen…",
    "same\x04Calc": "Calc",
    "digits\x04100%": "100 %",
    "plural\x04One page\x00%1 pages": "Eine Seite\x00%1 Seiten",
    "blank\x04Fill ____ in": "____ ausfüllen",
    "empty\x04Missing": "",
    "lines\x04First line\nsecond": "Erste Zeile\nzweite",
}


def test_pairs_the_strings_of_a_catalog() -> None:
    assert pair_strings(make_catalog(MESSAGES)) == [
        ("LibreOffice-Datei speichern", "Save LibreOffice file"),
        ("Öffnen…", "Open…"),
        ("Eine Seite", "One page"),
        ("____ ausfüllen", "Fill ____ in"),
        ("Erste Zeile zweite", "First line second"),
    ]


def test_an_appended_accelerator_key_is_removed() -> None:
    assert ui_text("文件(_F)") == "文件"


# -- splits ----------------------------------------------------------------------------------------


def made_up_pages(count: int = 300) -> dict[str, TextPairs]:
    """Pages of 12 pairs.

    One pair is on every page, one on five pages, and one is a heading of one word.
    """
    pages = {}
    for page in range(count):
        group = page % 60
        pairs = [
            ("Wählen Sie bitte die Datei.", "Please choose the file now."),
            (f"Geteilter Satz der Gruppe {group}.", f"Shared sentence of group {group}."),
            (f"Kopf{page}", f"Head{page}"),
        ]
        for n in range(9):
            pairs.append((f"Satz {n} auf Seite {page}.", f"Sentence {n} on page {page}."))
        pages[f"text/page{page}.html"] = pairs
    return pages


def made_up_strings() -> TextPairs:
    """Strings of the interface. Each of the last 300 is also a sentence on one help page."""
    buttons = [(f"Knopf {n}", f"Button {n}") for n in range(2000)]
    tips = [(f"satz 3 auf seite {n}", f"Tip {n}") for n in range(300)]
    return buttons + tips


Splits = dict[str, Pairs]


@pytest.fixture(scope="module")
def small_splits() -> tuple[Splits, Splits, list[str]]:
    """Splits of the help alone, splits of help and interface, and the notes on the latter."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(libreoffice, "NUM_TEST", 120)
        monkeypatch.setattr(libreoffice, "NUM_VALID", 100)
        monkeypatch.setattr(libreoffice, "NUM_TEST_INTERFACE", 50)
        help_alone, _ = split_help_and_interface(made_up_pages(), [], 4, "x")
        both, notes = split_help_and_interface(made_up_pages(), made_up_strings(), 4, "x")
    return help_alone, both, notes


def test_sizes_of_the_held_out_splits(small_splits: tuple[Splits, Splits, list[str]]) -> None:
    help_alone, both, notes = small_splits
    assert 110 <= len(help_alone["test"]) <= 125
    assert 85 <= len(help_alone["valid"]) <= 105
    assert len(both["test-interface"]) == 50
    assert "test-interface: 50" in notes[1]


def test_the_interface_does_not_change_what_is_held_out_of_the_help(
    small_splits: tuple[Splits, Splits, list[str]],
) -> None:
    help_alone, both, _ = small_splits
    assert help_alone["test"] == both["test"]
    assert help_alone["valid"] == both["valid"]


def test_train_shares_no_sentence_with_a_held_out_split(
    small_splits: tuple[Splits, Splits, list[str]],
) -> None:
    help_alone, both, _ = small_splits
    for splits in (help_alone, both):
        sources: set[str] = set()
        targets: set[str] = set()
        for name, pairs in splits.items():
            if name != "train":
                sources.update(map(sentence_key, pairs.source))
                targets.update(map(sentence_key, pairs.target))
        assert not any(sentence_key(text) in sources for text in splits["train"].source)
        assert not any(sentence_key(text) in targets for text in splits["train"].target)
    assert not set(both["valid"]) & set(both["test"])


def test_train_has_no_repeated_pairs(small_splits: tuple[Splits, Splits, list[str]]) -> None:
    _, both, _ = small_splits
    assert len(set(both["train"])) == len(both["train"])


@pytest.mark.parametrize("split", ["valid", "test"])
def test_whole_pages_are_held_out(
    small_splits: tuple[Splits, Splits, list[str]], split: str
) -> None:
    help_alone, _, _ = small_splits

    def pages_of(pairs: Pairs) -> set[str]:
        sentences = [text for text in pairs.source if text.startswith("Satz")]
        return {text.split()[-1].rstrip(".") for text in sentences}

    held_out_pages = pages_of(help_alone[split])
    assert held_out_pages
    assert not held_out_pages & pages_of(help_alone["train"])
    headings = {f"Kopf{page}" for page in held_out_pages}
    assert not headings & set(help_alone["train"].source)


def test_short_texts_are_not_held_out(small_splits: tuple[Splits, Splits, list[str]]) -> None:
    help_alone, _, _ = small_splits
    assert all(text.count(" ") >= 3 for text in help_alone["test"].source)


def test_new_pages_do_not_move_the_held_out_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice, "NUM_TEST", 100)
    monkeypatch.setattr(libreoffice, "NUM_VALID", 100)
    pages = made_up_pages()
    before, _ = split_help_and_interface(pages, [], 4, "x")
    pages["text/new.html"] = [("Ganz neuer Satz hier.", "A wholly new sentence.")]
    reordered = dict(reversed(pages.items()))
    after, _ = split_help_and_interface(reordered, [], 4, "x")
    assert len(set(before["test"]) & set(after["test"])) >= 0.9 * len(before["test"])


def test_the_interface_alone() -> None:
    splits, _ = split_help_and_interface({}, made_up_strings()[:500], 4, "x")
    sizes = {name: len(pairs) for name, pairs in splits.items()}
    assert sizes == {"train": 400, "valid": 50, "test": 50}


# -- from packages to a corpus ---------------------------------------------------------------------


def make_html(texts: list[str]) -> bytes:
    paragraphs = [f'<p id="par_id{n}" dir="auto">{text}</p>' for n, text in enumerate(texts)]
    return "".join(paragraphs).encode()


@pytest.fixture
def packages(make_deb: Callable[..., bytes]) -> dict[str, Package]:
    """The packages for Brazilian Portuguese, whose folders differ from its language code."""
    help_folder = "./usr/share/libreoffice/help"
    portuguese_help = {}
    english_help = {}
    for page in range(40):
        portuguese = [f"Frase {n} da página {page}." for n in range(8)]
        english = [f"Sentence {n} on page {page}." for n in range(8)]
        portuguese_help[f"{help_folder}/pt-BR/text/p{page}.html"] = make_html(portuguese)
        english_help[f"{help_folder}/en-US/text/p{page}.html"] = make_html(english)
    buttons = {f"c\x04Button _{n}x": f"Botão _{n}x" for n in range(100)}
    resources = "./usr/lib/libreoffice/program/resource"
    interface = {
        f"{resources}/pt_BR/LC_MESSAGES/sw.mo": make_catalog(buttons),
        f"{resources}/pt/LC_MESSAGES/sw.mo": make_catalog({"c\x04Other": "Outro"}),
    }
    files = {
        "libreoffice-help-pt-br": portuguese_help,
        "libreoffice-help-en-us": english_help,
        "libreoffice-l10n-pt-br": interface,
    }
    return {
        name: Package(file_name=f"{name}_4%3a7.4_all.deb", raw=make_deb(content))
        for name, content in files.items()
    }


def test_collects_a_corpus_from_packages(
    monkeypatch: pytest.MonkeyPatch, packages: dict[str, Package]
) -> None:
    requested: list[list[str]] = []

    def fetch_packages(names: list[str], **_: Any) -> dict[str, Package]:
        requested.append(names)
        return {name: packages[name] for name in names}

    monkeypatch.setattr(libreoffice, "fetch_packages", fetch_packages)
    corpus = collect(source="en", target="pt-br")
    assert requested == [
        ["libreoffice-l10n-pt-br", "libreoffice-help-en-us", "libreoffice-help-pt-br"]
    ]
    assert (corpus.source_language, corpus.target_language) == ("en", "pt-br")
    assert {name: len(pairs) for name, pairs in corpus.splits.items()} == {
        "train": 320 - 32 - 32 + 90,
        "valid": 32,
        "test": 32,
        "test-interface": 10,
    }
    assert all("página" in text for text in corpus.splits["test"].target)
    assert corpus.origin["libreoffice-help-pt-br"] == "4:7.4"
    assert corpus.license == "MPL-2.0"


def collect(source: str, target: str) -> Corpus:
    settings = LibreOfficeSource(kind="libreoffice")
    return libreoffice.collect(settings, name="x", source=source, target=target)


def test_languages_without_english_are_an_error() -> None:
    with pytest.raises(UserError, match=r"paired with English.*cannot give de to fr"):
        collect(source="de", target="fr")


def test_a_package_without_help_pages_is_an_error(
    monkeypatch: pytest.MonkeyPatch, make_deb: Callable[..., bytes]
) -> None:
    raw = make_deb({"./x": b""})
    package = Package(file_name="libreoffice-help-en-us_1_all.deb", raw=raw)
    monkeypatch.setattr(
        libreoffice, "fetch_packages", lambda names, **_: dict.fromkeys(names, package)
    )
    message = "has no help pages in en-us. This version of the package has an unknown layout"
    with pytest.raises(UserError, match=message):
        collect(source="de", target="en")


def test_a_part_listed_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="must list help, interface or both"):
        LibreOfficeSource(kind="libreoffice", parts=("help", "help"))
