import struct
from collections.abc import Callable
from typing import Any

import pytest

from seq2seq.data.cleaning import sentence_key
from seq2seq.data.sources import libreoffice
from seq2seq.data.sources.debian import Package
from seq2seq.data.sources.libreoffice import (
    LibreOfficeSpec,
    divide,
    mo_messages,
    page_blocks,
    pair_pages,
    pair_strings,
    plain_text,
    ui_text,
)
from seq2seq.data.sources.sentences import split_sentences
from seq2seq.errors import UserError


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("en", "Click OK. Then wait! Done?", ["Click OK.", "Then wait!", "Done?"]),
        ("en", "See e.g. Calc or J. Smith, etc. This ends.", ["See e.g. Calc or J. Smith, etc. This ends."]),
        ("de", "Das gilt z.B. Montag. Und bzw. Dienstag.", ["Das gilt z.B. Montag.", "Und bzw. Dienstag."]),
        ("en", "1. Open the file. 2.5 is a number.", ["1. Open the file.", "2.5 is a number."]),
        ("en", "It returns 2. The next one too.", ["It returns 2.", "The next one too."]),
        ("de", "Wählen Sie Extras – Makros… – Neu. Gut.", ["Wählen Sie Extras – Makros… – Neu.", "Gut."]),
        ("en", 'He said "Stop." (Then he left.) "Why?"', ['He said "Stop."', "(Then he left.)", '"Why?"']),
        ("en", "see www.example.org for more", ["see www.example.org for more"]),
        ("en", "It ends. and goes on.", ["It ends. and goes on."]),
        ("zh-cn", "打开文件。然后关闭！好", ["打开文件。", "然后关闭！", "好"]),
        ("hi", "यह एक है। वह दो है।", ["यह एक है।", "वह दो है।"]),
        ("en", "", []),
    ],
)
def test_split_sentences(language: str, text: str, sentences: list[str]) -> None:
    assert split_sentences(text, language) == sentences


PAGE = """<html><p dir="auto">no id</p>
<h1 id="hd_id1" dir="auto"><a name="x"></a>Saving &amp; Loading</h1>
<p id="par_id2" class="paragraph" dir="auto">Choose <span class="emph">File</span> -
 <a href="y">Save</a>.<br>Then wait.</p>
<p id="par_id3" class="code" dir="auto">print 1</p>
<p id="par_id2" class="paragraph">the same id again</p>
<p id="bm_id4">a bookmark</p>
<p class="tablecontent" id="par_idN5">cell</p></html>"""


def test_page_blocks() -> None:
    blocks = page_blocks(PAGE)
    assert list(blocks) == ["hd_id1", "par_id2", "par_id3", "par_idN5"]
    assert [is_code for is_code, _ in blocks.values()] == [False, False, True, False]
    assert plain_text(blocks["hd_id1"][1]) == "Saving & Loading"
    assert plain_text(blocks["par_id2"][1]) == "Choose File - Save. Then wait."


def test_of_the_variants_for_several_systems_one_is_taken() -> None:
    switch = (
        'Press <span id="s" class="switchinline"><span hidden="true" id="MACx" class="MAC"><span class="keycode">Command'
        '</span></span><span hidden="true" id="defaultx"><span class="keycode">Ctrl</span></span></span>+A<img alt="no">.'
    )
    assert plain_text(switch) == "Press Ctrl+A."
    writer = '<span class="switchinline"><span hidden="true" id="WRITERx">Writer</span></span>, <b>bold</b></span>'
    assert plain_text(writer) == "Writer, bold"


def test_code_is_left_out_whichever_side_calls_it_so() -> None:
    for code in ((True, True), (True, False), (False, True)):
        german = {"a": blocks("Drucke x jetzt.", code=code[0])}
        english = {"a": blocks("Print x now.", code=code[1])}
        assert pair_pages(german, english, "de") == {"a": []}


def blocks(*paragraphs: str, code: bool = False) -> libreoffice.Blocks:
    return {f"par_id{number}": (code, text) for number, text in enumerate(paragraphs)}


def test_pair_pages() -> None:
    german = {"a": blocks("Erst. Dann.", "Eins. Zwei.", "Same", "Gut so", "Lang " * 9), "only-german": blocks("x")}
    english = {"a": blocks("First. Then.", "One and two.", "Same", "Good so", "Long"), "only-english": blocks("x")}
    # Left out: what differs in the number of sentences, in length, or not at all; and what one side alone has.
    assert pair_pages(german, english, "de") == {"a": [("Erst.", "First."), ("Dann.", "Then."), ("Gut so", "Good so")]}


def test_the_length_ratio_is_that_of_the_script() -> None:
    chinese, english = {"a": blocks("打开这个文件。")}, {"a": blocks("Open this file now.")}
    assert pair_pages(chinese, english, "zh-cn")["a"]
    assert not pair_pages(chinese, english, "de")["a"]


def mo_of(messages: dict[str, str], order: str = "<") -> bytes:
    originals, translations = list(messages), list(messages.values())
    table, texts = b"", b""
    start = 28 + 16 * len(messages)
    for text in [*originals, *translations]:
        raw = text.encode()
        table += struct.pack(f"{order}2I", len(raw), start + len(texts))
        texts += raw + b"\x00"
    head = struct.pack(f"{order}7I", 0x950412DE, 0, len(messages), 28, 28 + 8 * len(messages), 0, 0)
    return head + table + texts


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


@pytest.mark.parametrize("order", ["<", ">"])
def test_pair_strings(order: str) -> None:
    assert pair_strings(mo_of(MESSAGES, order)) == [
        ("LibreOffice-Datei speichern", "Save LibreOffice file"),
        ("Öffnen…", "Open…"),
        ("Eine Seite", "One page"),
        ("____ ausfüllen", "Fill ____ in"),
        ("Erste Zeile zweite", "First line second"),
    ]
    assert ui_text("文件(_F)") == "文件"
    with pytest.raises(ValueError, match="no compiled gettext catalogue"):
        mo_messages(b"nonsense" * 10)


def made_up_pages(count: int = 300) -> dict[str, libreoffice.Found]:
    """Pages of 12 pairs, of which one stands on every page, one on every fifth, and one is a heading of one word."""
    return {
        f"text/page{page}.html": [
            ("Wählen Sie bitte die Datei.", "Please choose the file now."),
            (f"Geteilter Satz der Gruppe {page % 60}.", f"Shared sentence of group {page % 60}."),
            (f"Kopf{page}", f"Head{page}"),
            *((f"Satz {n} auf Seite {page}.", f"Sentence {n} on page {page}.") for n in range(9)),
        ]
        for page in range(count)
    }


# Texts of the interface, of which 300 stand on a help page too, each on another.
STRINGS = [(f"Knopf {n}", f"Button {n}") for n in range(2000)] + [
    (f"satz 3 auf seite {n}", f"Tip {n}") for n in range(300)
]


def held_out_keys(splits: dict[str, Any]) -> tuple[set[str], set[str]]:
    held_out = [pairs for name, pairs in splits.items() if name != "train"]
    return (
        {sentence_key(text) for pairs in held_out for text in pairs.source},
        {sentence_key(text) for pairs in held_out for text in pairs.target},
    )


def test_division(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice, "NUM_TEST", 120)
    monkeypatch.setattr(libreoffice, "NUM_VALID", 100)
    monkeypatch.setattr(libreoffice, "NUM_TEST_INTERFACE", 50)
    alone, _ = divide(made_up_pages(), [], 4, "x")
    both, notes = divide(made_up_pages(), STRINGS, 4, "x")
    assert alone["test"] == both["test"]
    assert alone["valid"] == both["valid"]
    assert 110 <= len(alone["test"]) <= 125
    assert 85 <= len(alone["valid"]) <= 105
    assert len(both["test-interface"]) == 50
    for splits in (alone, both):
        sources, targets = held_out_keys(splits)
        assert not any(sentence_key(text) in sources for text in splits["train"].source)
        assert not any(sentence_key(text) in targets for text in splits["train"].target)
    assert not set(both["test-interface"]) & set(both["train"])
    assert not set(both["valid"]) & set(both["test"])
    # Whole pages: no sentence of a held-out page is in train, its heading neither.
    for split in ("valid", "test"):
        pages = {text.split()[-1].rstrip(".") for text in alone[split].source if text.startswith("Satz")}
        train = alone["train"].source
        assert pages
        assert not any(text.split()[-1].rstrip(".") in pages for text in train if text.startswith("Satz"))
        assert not any(f"Kopf{page}" in train for page in pages)
    assert all(text.count(" ") >= 3 for text in alone["test"].source)
    assert len(set(both["train"])) == len(both["train"])
    assert "test-interface: 50" in notes[1]


def test_other_pages_do_not_move_a_held_out_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice, "NUM_TEST", 100)
    monkeypatch.setattr(libreoffice, "NUM_VALID", 100)
    pages = made_up_pages()
    before, _ = divide(pages, [], 4, "x")
    later = {**pages, "text/new.html": [("Ganz neuer Satz hier.", "A wholly new sentence.")]}
    after, _ = divide(dict(reversed(later.items())), [], 4, "x")
    assert len(set(before["test"]) & set(after["test"])) >= 0.9 * len(before["test"])


def test_the_interface_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    splits, _ = divide({}, STRINGS[:500], 4, "x")
    assert {name: len(pairs) for name, pairs in splits.items()} == {"train": 400, "valid": 50, "test": 50}


def test_from_packages_to_corpus(monkeypatch: pytest.MonkeyPatch, make_deb: Callable[..., bytes]) -> None:
    def html(texts: list[str]) -> bytes:
        return "".join(f'<p id="par_id{n}" dir="auto">{text}</p>' for n, text in enumerate(texts)).encode()

    german, english = {}, {}
    for page in range(40):
        german[f"./usr/share/libreoffice/help/pt-BR/text/p{page}.html"] = html(
            [f"Frase {n} da página {page}." for n in range(8)]
        )
        english[f"./usr/share/libreoffice/help/en-US/text/p{page}.html"] = html(
            [f"Sentence {n} on page {page}." for n in range(8)]
        )
    strings = mo_of({f"c\x04Button _{n}x": f"Botão _{n}x" for n in range(100)})
    interface = {
        "./usr/lib/libreoffice/program/resource/pt_BR/LC_MESSAGES/sw.mo": strings,
        "./usr/lib/libreoffice/program/resource/pt/LC_MESSAGES/sw.mo": mo_of({"c\x04Other": "Outro"}),
    }
    packages = {
        name: Package(file_name=f"{name}_4%3a7.4_all.deb", raw=make_deb(files))
        for name, files in (
            ("libreoffice-help-pt-br", german),
            ("libreoffice-help-en-us", english),
            ("libreoffice-l10n-pt-br", interface),
        )
    }
    asked: list[list[str]] = []

    def fetched(names: list[str], **_: Any) -> dict[str, Package]:
        asked.append(names)
        return {name: packages[name] for name in names}

    monkeypatch.setattr(libreoffice, "fetch_packages", fetched)
    spec = LibreOfficeSpec(kind="libreoffice")
    corpus = spec.collect(name="x", source="en", target="pt-br", say=lambda line: None)
    assert asked == [["libreoffice-l10n-pt-br", "libreoffice-help-en-us", "libreoffice-help-pt-br"]]
    assert (corpus.source_language, corpus.target_language) == ("en", "pt-br")
    assert {name: len(pairs) for name, pairs in corpus.splits.items()} == {
        "train": 320 - 32 - 32 + 90,
        "valid": 32,
        "test": 32,
        "test-interface": 10,
    }
    assert all("página" in text for text in corpus.splits["test"].target)
    assert corpus.origin["libreoffice-help-pt-br"] == "4:7.4"
    assert corpus.licence == "MPL-2.0"


def test_errors(monkeypatch: pytest.MonkeyPatch, make_deb: Callable[..., bytes]) -> None:
    with pytest.raises(ValueError, match="must name help, interface or both"):
        LibreOfficeSpec(kind="libreoffice", parts=("help", "help"))
    with pytest.raises(UserError, match="paired with English: de to fr cannot be had"):
        LibreOfficeSpec(kind="libreoffice").collect(name="x", source="de", target="fr", say=lambda line: None)
    bare = Package(file_name="libreoffice-help-en-us_1_all.deb", raw=make_deb({"./x": b""}))
    monkeypatch.setattr(libreoffice, "fetch_packages", lambda names, **_: dict.fromkeys(names, bare))
    with pytest.raises(UserError, match="has no help pages in en-us: its layout is not the one known here"):
        LibreOfficeSpec(kind="libreoffice").collect(name="x", source="de", target="en", say=lambda line: None)
