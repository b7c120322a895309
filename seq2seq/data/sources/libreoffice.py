"""The text of LibreOffice, in English and one of the languages it is translated into: help pages and interface.

The help of every language has the same pages with the same paragraph ids, and the catalogues of the interface name
their English original: the translations are aligned by those who made them, only sentences have to be found.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from struct import unpack
from typing import ClassVar, Literal

from pydantic import ConfigDict

from seq2seq.data.cleaning import sentence_key
from seq2seq.data.corpus import Corpus, Say
from seq2seq.data.pairs import Pairs
from seq2seq.data.sources.debian import Package, fetch_packages
from seq2seq.data.sources.sentences import split_sentences
from seq2seq.data.splitting import split_by_group, stable_hash, without_shared
from seq2seq.errors import UserError

NUM_TEST, NUM_VALID, NUM_TEST_INTERFACE = 1200, 1000, 1000
"""About how many pairs are held out; a corpus too small for that gives a tenth."""

_SHORTEST, _LONGEST = 0.5, 2.2
"""Bounds for the characters of a sentence per character of the English one."""
_CHARS_PER_ENGLISH = {"zh": 0.34, "ja": 0.47, "ko": 0.5}
"""What the ratio is seen from, in scripts that need fewer characters."""

Part = Literal["help", "interface"]
Found = list[tuple[str, str]]
"""Pairs of (text, English text)."""


@dataclass(frozen=True, kw_only=True)
class LibreOfficeSpec:
    """Text of LibreOffice from packages of the Debian archive (MPL-2.0)."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kept: ClassVar[bool] = True
    """Whether a copy is kept in the data folder."""

    kind: Literal["libreoffice"]
    """What tells this kind of source from the others."""
    parts: tuple[Part, ...] = ("help", "interface")
    """`help`: sentences of the help pages. `interface`: menus, buttons, messages. With both, valid and test are the
    same help pages as with `help` alone, and "test-interface" is held out of the interface."""
    held_out_min_words: int = 4
    """Of the held-out help pages, pairs with a shorter side are left out: the test is on sentences, not on headings."""
    checksums: dict[str, str] = field(default_factory=dict)
    """File name of a package -> its SHA-256. For versions not named here apt's signature must do."""

    def __post_init__(self) -> None:
        if not self.parts or len(set(self.parts)) < len(self.parts):
            raise ValueError(f"parts is {list(self.parts)}; it must name help, interface or both, each once")

    def collect(self, *, name: str, source: str, target: str, say: Say) -> Corpus:
        """Download the packages and pair their texts. Raises SourceUnavailable without apt or network."""
        if "en" not in (source, target):
            raise UserError(f"LibreOffice's text is paired with English: {source} to {target} cannot be had from it.")
        language = target if source == "en" else source
        names = [f"libreoffice-l10n-{language}"] if "interface" in self.parts else []
        if "help" in self.parts:
            names += ["libreoffice-help-en-us", f"libreoffice-help-{language}"]
        packages = fetch_packages(names, checksums=self.checksums, corpus=name, say=say)
        say(f"{name}: pairing the texts")
        pages = {}
        if "help" in self.parts:
            english = _pages(packages["libreoffice-help-en-us"], "en-us")
            pages = pair_pages(_pages(packages[f"libreoffice-help-{language}"], language), english, language)
        strings: Found = []
        if "interface" in self.parts:
            catalogues = _catalogues(packages[f"libreoffice-l10n-{language}"], language)
            strings = [pair for raw in catalogues for pair in pair_strings(raw)]
        splits, notes = divide(pages, strings, self.held_out_min_words, name)
        corpus = Corpus(
            name=name,
            source_language=language,
            target_language="en",
            splits=splits,
            licence="MPL-2.0",
            attribution="The Document Foundation and the translators of LibreOffice; packaged by Debian",
            notes=notes,
            origin={package: packages[package].version for package in sorted(packages)},
        )
        return corpus.reversed() if source == "en" else corpus


# Help pages ---------------------------------------------------------------------------------------------------------

_BLOCK = re.compile(
    r"""<(?P<tag>p|h[1-6])\b (?P<before>[^>]*?) \bid="(?P<id>(?:par|hd)_id[^"]*)" (?P<after>[^>]*)>
        (?P<inner>.*?) </(?P=tag)>""",
    re.VERBOSE | re.DOTALL,
)
_CODE = re.compile(r'class="(?:[a-z]*code|code[a-z]*)"')
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?P<attributes>[^>]*)>")

Blocks = dict[str, tuple[bool, str]]
"""Paragraph id -> whether it is code, and its HTML."""


def _pages(package: Package, language: str) -> dict[str, Blocks]:
    """Path below the language's folder -> its paragraphs and headings."""
    pages = {}
    for path, raw in package.texts(r"/usr/share/libreoffice/help/[^/]+/text/.*\.html"):
        folder, _, page = path.removeprefix("/usr/share/libreoffice/help/").partition("/")
        if folder.lower() == language:
            pages[page] = page_blocks(raw.decode("utf-8", "replace"))
    if not pages:
        raise UserError(f"{package.file_name} has no help pages in {language}: its layout is not the one known here.")
    return pages


def page_blocks(html: str) -> Blocks:
    """The paragraphs and headings of a page that have an id of the translators; the first of each id counts."""
    blocks: Blocks = {}
    for match in _BLOCK.finditer(html):
        is_code = _CODE.search(match["before"] + match["after"]) is not None
        blocks.setdefault(match["id"], (is_code, match["inner"]))
    return blocks


def plain_text(html: str) -> str:
    """The text of a paragraph, white space folded. Of variants for several systems or programs one is taken.

    A page holds `<span class="switchinline">` with a hidden span for each variant, of which a script shows one; without
    this "Command" and "Ctrl" would stand side by side. The default is taken, or else the first.
    """
    if "<" not in html:
        return " ".join(unescape(html).split())
    # One entry for each open span: what it is, its text so far, its variants (is the default, text).
    open_spans: list[tuple[str, list[str], list[tuple[bool, str]]]] = [("", [], [])]
    at = 0
    for match in _TAG.finditer(html):
        open_spans[-1][1].append(html[at : match.start()])
        at = match.end()
        if match["name"] == "br":
            open_spans[-1][1].append(" ")
        if match["name"] != "span":
            continue
        if not match["end"]:
            attributes = match["attributes"]
            kind = "switch" if 'class="switch' in attributes else "variant" if 'hidden="true"' in attributes else ""
            open_spans.append(("default" if kind and 'id="default' in attributes else kind, [], []))
        elif len(open_spans) > 1:
            kind, texts, variants = open_spans.pop()
            if kind in ("variant", "default"):
                open_spans[-1][2].append((kind == "default", "".join(texts)))
            else:
                variants.sort(key=lambda variant: not variant[0])
                open_spans[-1][1].append("".join(texts) + (variants[0][1] if variants else ""))
    open_spans[-1][1].append(html[at:])
    return " ".join(unescape("".join("".join(texts) for _, texts, _ in open_spans)).split())


def pair_pages(pages: dict[str, Blocks], english: dict[str, Blocks], language: str) -> dict[str, Found]:
    """Page -> its sentence pairs (text, English), where both sides of a paragraph have equally many sentences."""
    usual = _CHARS_PER_ENGLISH.get(language.split("-")[0], 1.0)
    found = {}
    for page in sorted(pages.keys() & english.keys()):
        pairs: Found = []
        for block, (is_code, html) in english[page].items():
            if is_code or block not in pages[page] or pages[page][block][0]:
                continue
            text, original = plain_text(pages[page][block][1]), plain_text(html)
            if text == original:
                continue
            sentences, originals = split_sentences(text, language), split_sentences(original, "en")
            if len(sentences) != len(originals):
                continue
            for pair in zip(sentences, originals, strict=True):
                if pair[0] != pair[1] and _SHORTEST <= len(pair[0]) / len(pair[1]) / usual <= _LONGEST:
                    pairs.append(pair)
        found[page] = pairs
    return found


# Interface ----------------------------------------------------------------------------------------------------------


def _catalogues(package: Package, language: str) -> list[bytes]:
    found = []
    for path, raw in sorted(package.texts(r"/usr/lib/libreoffice/program/resource/[^/]+/LC_MESSAGES/[^/]+\.mo")):
        if path.split("/")[6].lower().replace("_", "-") == language:
            found.append(raw)
    if not found:
        raise UserError(f"{package.file_name} has no texts in {language}: its layout is not the one known here.")
    return found


def mo_messages(raw: bytes) -> Found:
    """The (translation, original) pairs of a compiled gettext catalogue. Raises ValueError if it is none.

    Layout: GNU gettext manual, "The Format of GNU MO Files". Python's own reader compiles the plural rule that stands
    in the file; this one only reads texts.
    """
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(raw[:4])
    if order is None or len(raw) < 28:
        raise ValueError("this is no compiled gettext catalogue")
    _, count, originals_at, translations_at = unpack(f"{order}4I", raw[4:20])
    messages = []
    for index in range(count):
        texts = []
        for table in (translations_at, originals_at):
            length, at = unpack(f"{order}2I", raw[table + 8 * index : table + 8 * index + 8])
            texts.append(raw[at : at + length].decode("utf-8", "replace"))
        messages.append((texts[0], texts[1]))
    return messages


def pair_strings(raw: bytes) -> Found:
    """The pairs (text, English) of one catalogue, without context, plural forms and accelerator marks."""
    pairs = []
    for translation, message in mo_messages(raw):
        original = message.rpartition("\x04")[2].partition("\x00")[0]
        text, original = ui_text(translation.partition("\x00")[0]), ui_text(original)
        if text and text != original and any(char.isalpha() for char in original):
            pairs.append((text, original))
    return pairs


def ui_text(text: str) -> str:
    """A text of the interface as a person reads it: without the mark of the key that chooses it, in one line."""
    text = re.sub(r"\s?\([_~]\w\)", "", text)  # languages in other scripts append the key: 文件(_F)
    for mark in "_~":
        if text.count(mark) == 1:  # more than one are part of the text: a blank to fill in, a name
            text = text.replace(mark, "")
    return " ".join(text.replace("%PRODUCTNAME", "LibreOffice").split())


# Division into train, valid and test --------------------------------------------------------------------------------


def divide(
    pages: dict[str, Found], strings: Found, held_out_min_words: int, name: str
) -> tuple[dict[str, Pairs], list[str]]:
    """The splits, source side first as in `Found`, and notes on what was held out.

    What is held out of the help depends on the help alone, so that corpora with and without the interface have the same
    valid and test. No training pair shares a normalised side with any held-out part.
    """
    interface = _pairs(strings)
    if not pages:
        size = len(interface) // 10
        parts = split_by_group(interface, valid=min(NUM_VALID, size), test=min(NUM_TEST, size), seed=0, name=name)
        return parts, ["valid and test are texts of the interface."]
    total = len(_pairs([pair for pairs in pages.values() for pair in pairs]))
    # Hashing the path keeps a page where it is when other pages come or go with a new version.
    order = sorted(pages, key=stable_hash)
    test_pages = _choose(pages, order, min(NUM_TEST, total // 10), held_out_min_words)
    order = [page for page in order if page not in test_pages]
    valid_pages = _choose(pages, order, min(NUM_VALID, total // 10), held_out_min_words)
    test = _sentences(pages, test_pages, held_out_min_words)
    valid = without_shared(_sentences(pages, valid_pages, held_out_min_words), [test])
    train_pages = [page for page in sorted(pages) if page not in test_pages and page not in valid_pages]
    candidates = _pairs([pair for page in train_pages for pair in pages[page]])
    help_train = without_shared(candidates, [valid, test])
    splits = {"train": help_train, "valid": valid, "test": test}
    notes = [
        f"test and valid are {len(test_pages)} and {len(valid_pages)} whole help pages of {len(pages):,}, sentences of "
        f"at least {held_out_min_words} words; {len(candidates) - len(help_train):,} training pairs that share a "
        "sentence with them were left out."
    ]
    if strings:
        interface = without_shared(interface, [valid, test])
        size = min(NUM_TEST_INTERFACE, len(interface) // 10)
        parts = split_by_group(interface, valid=0, test=size, seed=0, name=f"{name} (interface)")
        help_train = without_shared(help_train, [parts["test"]])
        splits["train"] = _pairs([*help_train, *parts["train"]])
        splits["test-interface"] = parts["test"]
        notes.append(
            f"train: {len(help_train):,} pairs of help pages and {len(parts['train']):,} of the interface, together "
            f"{len(splits['train']):,} different ones; test-interface: {len(parts['test']):,} texts of the interface."
        )
    return splits, notes


def _pairs(found: Found) -> Pairs:
    """The distinct pairs, in the order of their first appearance."""
    distinct = list(dict.fromkeys(found))
    return Pairs(source=[text for text, _ in distinct], target=[english for _, english in distinct])


def _sentences(pages: dict[str, Found], chosen: set[str], min_words: int) -> Pairs:
    """The distinct pairs of the chosen pages that are long enough."""
    pairs = [pair for page in sorted(chosen) for pair in pages[page] if _is_long(pair, min_words)]
    return _pairs(pairs)


def _is_long(pair: tuple[str, str], min_words: int) -> bool:
    # In a script without spaces a text is one word: then the English side alone tells.
    words = [text.count(" ") + 1 for text in pair]
    return words[1] >= min_words and (words[0] >= min_words or len(pair[0]) >= 10 * words[0])


def _choose(pages: dict[str, Found], order: list[str], wanted: int, min_words: int) -> set[str]:
    """The first pages of `order` that have about `wanted` distinct pairs, none of them more than a tenth (or 25)."""
    largest = max(25, wanted // 10)  # one long page of functions must not make up the test
    chosen: set[str] = set()
    seen: set[str] = set()
    for page in order:
        new = {sentence_key(english) for text, english in pages[page] if _is_long((text, english), min_words)} - seen
        if new and len(new) <= largest and len(seen) + len(new) <= wanted + 5:
            chosen.add(page)
            seen |= new
        if len(seen) >= wanted:
            break
    return chosen
