"""Text of LibreOffice in English and another language: help pages, and strings of the interface.

The catalogs of the interface hold the English original of every string.
"""

import re

from seq2seq.config.sources import LibreOfficeSource
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources.apt import fetch_packages
from seq2seq.data.sources.debian import Package
from seq2seq.data.sources.gettext import read_messages
from seq2seq.data.sources.libreoffice_help import Page, TextPairs, pair_pages, parse_page
from seq2seq.data.splitting import split_by_group, stable_hash, without_shared
from seq2seq.errors import UserError
from seq2seq.reporter import SILENT, Reporter
from seq2seq.text.normalization import sentence_key

# About this many pairs are held out. A corpus too small for that gives a tenth.
NUM_TEST = 1200
NUM_VALID = 1000
NUM_TEST_INTERFACE = 1000

_ATTRIBUTION = "The Document Foundation and the translators of LibreOffice; packaged by Debian"
_HELP_FOLDER = "/usr/share/libreoffice/help/"
_HELP_PAGES = _HELP_FOLDER + r"[^/]+/text/.*\.html"
_CATALOGS = r"/usr/lib/libreoffice/program/resource/(?P<locale>[^/]+)/LC_MESSAGES/[^/]+\.mo"


def collect(
    settings: LibreOfficeSource,
    *,
    name: str,
    source: str,
    target: str,
    reporter: Reporter = SILENT,
) -> Corpus:
    """Downloads the packages and pairs their texts.

    Raises:
        SourceUnavailable: there is no apt, no network, or no package for the language.
        UserError: neither language is English, or a package has an unknown layout.
    """
    if "en" not in (source, target):
        raise UserError(
            f"The text of LibreOffice is paired with English (en). It cannot give {source} to "
            f"{target}. Correct `source` and `target`, or choose another corpus."
        )
    language = target if source == "en" else source
    package_names = []
    if "interface" in settings.parts:
        package_names.append(f"libreoffice-l10n-{language}")
    if "help" in settings.parts:
        package_names.append("libreoffice-help-en-us")
        package_names.append(f"libreoffice-help-{language}")
    packages = fetch_packages(
        package_names, checksums=settings.checksums, corpus=name, reporter=reporter
    )
    reporter.info(f"{name}: pairing the texts")
    pages: dict[str, TextPairs] = {}
    if "help" in settings.parts:
        english_pages = _read_pages(packages["libreoffice-help-en-us"], "en-us")
        translated_pages = _read_pages(packages[f"libreoffice-help-{language}"], language)
        pages = pair_pages(translated_pages, english_pages, language)
    strings: TextPairs = []
    if "interface" in settings.parts:
        for catalog in _read_catalogs(packages[f"libreoffice-l10n-{language}"], language):
            strings += pair_strings(catalog)
    splits, notes = split_help_and_interface(pages, strings, settings.held_out_min_words, name)
    corpus = Corpus(
        name=name,
        source_language=language,
        target_language="en",
        splits=splits,
        license="MPL-2.0",
        attribution=_ATTRIBUTION,
        notes=notes,
        origin={package: packages[package].version for package in sorted(packages)},
    )
    return corpus.reversed() if source == "en" else corpus


def _read_pages(package: Package, language: str) -> dict[str, Page]:
    """Returns the help pages. A page's key is its path below the folder of the language."""
    pages = {}
    for path, raw in package.read_files(_HELP_PAGES):
        folder, _, page_path = path.removeprefix(_HELP_FOLDER).partition("/")
        if folder.lower() == language:
            pages[page_path] = parse_page(raw.decode("utf-8", "replace"))
    if not pages:
        raise UserError(
            f"{package.file_name} has no help pages in {language}. This version of the package has "
            "an unknown layout."
        )
    return pages


# -- interface -------------------------------------------------------------------------------------


def _read_catalogs(package: Package, language: str) -> list[bytes]:
    catalogs = []
    for path, raw in sorted(package.read_files(_CATALOGS)):
        match = re.fullmatch(_CATALOGS, path)
        if match is not None and match["locale"].lower().replace("_", "-") == language:
            catalogs.append(raw)
    if not catalogs:
        raise UserError(
            f"{package.file_name} has no strings in {language}. This version of the package has an "
            "unknown layout."
        )
    return catalogs


def pair_strings(catalog: bytes) -> TextPairs:
    """Pairs the strings of one catalog, without contexts, plural forms and accelerator marks."""
    pairs = []
    for translation, message in read_messages(catalog):
        message_without_context = message.rpartition("\x04")[2]
        text = ui_text(translation.partition("\x00")[0])
        original = ui_text(message_without_context.partition("\x00")[0])
        if text and text != original and any(char.isalpha() for char in original):
            pairs.append((text, original))
    return pairs


def ui_text(text: str) -> str:
    """Returns a string as the user sees it: one line, without the mark of the accelerator key."""
    # Languages in other scripts append the key: 文件(_F)
    text = re.sub(r"\s?\([_~]\w\)", "", text)
    for mark in "_~":
        # Two or more are part of the text, such as a blank to fill in.
        if text.count(mark) == 1:
            text = text.replace(mark, "")
    return " ".join(text.replace("%PRODUCTNAME", "LibreOffice").split())


# -- splits ----------------------------------------------------------------------------------------


def split_help_and_interface(
    pages: dict[str, TextPairs], strings: TextPairs, held_out_min_words: int, name: str
) -> tuple[dict[str, Pairs], list[str]]:
    """Makes the splits.

    Only the help decides what is held out of the help. So corpora with and without the interface
    have the same valid and test. No training pair shares a normalized side with a held-out pair.

    Args:
        pages: path of a help page -> its sentence pairs.
        strings: the pairs of the interface.
        held_out_min_words: held-out help pairs with a shorter side are dropped.
        name: the name of the corpus, for messages.

    Returns:
        The splits, with English as the target, and notes on what was held out.
    """
    if not pages:
        return _split_interface(_distinct_pairs(strings), name)
    splits, notes = _split_help(pages, held_out_min_words)
    if not strings:
        return splits, notes
    interface = without_shared(_distinct_pairs(strings), [splits["valid"], splits["test"]])
    size = min(NUM_TEST_INTERFACE, len(interface) // 10)
    parts = split_by_group(interface, valid=0, test=size, seed=0, name=f"{name} (interface)")
    help_train = without_shared(splits["train"], [parts["test"]])
    splits["train"] = _distinct_pairs([*help_train, *parts["train"]])
    splits["test-interface"] = parts["test"]
    notes.append(
        f"train: {len(help_train):,} pairs of help pages and {len(parts['train']):,} of the "
        f"interface, together {len(splits['train']):,} distinct pairs; test-interface: "
        f"{len(parts['test']):,} strings of the interface."
    )
    return splits, notes


def _split_interface(interface: Pairs, name: str) -> tuple[dict[str, Pairs], list[str]]:
    tenth = len(interface) // 10
    splits = split_by_group(
        interface, valid=min(NUM_VALID, tenth), test=min(NUM_TEST, tenth), seed=0, name=name
    )
    return splits, ["valid and test are strings of the interface."]


def _split_help(
    pages: dict[str, TextPairs], held_out_min_words: int
) -> tuple[dict[str, Pairs], list[str]]:
    all_pairs: TextPairs = []
    for pairs in pages.values():
        all_pairs += pairs
    tenth = len(_distinct_pairs(all_pairs)) // 10
    # The order by hash of the path keeps a page in its split when a new version of the package adds
    # or removes other pages.
    order = sorted(pages, key=stable_hash)
    test_pages = _choose_pages(pages, order, min(NUM_TEST, tenth), held_out_min_words)
    order = [page for page in order if page not in test_pages]
    valid_pages = _choose_pages(pages, order, min(NUM_VALID, tenth), held_out_min_words)
    test = _long_pairs(pages, test_pages, held_out_min_words)
    valid = without_shared(_long_pairs(pages, valid_pages, held_out_min_words), [test])
    train_pairs: TextPairs = []
    for page in sorted(pages):
        if page not in test_pages and page not in valid_pages:
            train_pairs += pages[page]
    candidates = _distinct_pairs(train_pairs)
    train = without_shared(candidates, [valid, test])
    note = (
        f"test and valid are {len(test_pages)} and {len(valid_pages)} whole help pages of "
        f"{len(pages):,}, sentences of at least {held_out_min_words} words; "
        f"{len(candidates) - len(train):,} training pairs that share a sentence with them were "
        "left out."
    )
    return {"train": train, "valid": valid, "test": test}, [note]


def _choose_pages(
    pages: dict[str, TextPairs], order: list[str], num_pairs: int, min_words: int
) -> set[str]:
    """Returns the first pages of `order` that together have about `num_pairs` distinct pairs."""
    # One long page, such as a list of functions, must not dominate the test set.
    max_pairs_of_a_page = max(25, num_pairs // 10)
    chosen: set[str] = set()
    sentences: set[str] = set()
    for page in order:
        page_sentences = set()
        for text, english in pages[page]:
            if _is_long(text, english, min_words):
                page_sentences.add(sentence_key(english))
        new_sentences = page_sentences - sentences
        fits = len(sentences) + len(new_sentences) <= num_pairs + 5
        if new_sentences and len(new_sentences) <= max_pairs_of_a_page and fits:
            chosen.add(page)
            sentences |= new_sentences
        if len(sentences) >= num_pairs:
            break
    return chosen


def _long_pairs(pages: dict[str, TextPairs], chosen: set[str], min_words: int) -> Pairs:
    """Returns the distinct pairs of the chosen pages that are long enough."""
    pairs: TextPairs = []
    for page in sorted(chosen):
        for text, english in pages[page]:
            if _is_long(text, english, min_words):
                pairs.append((text, english))
    return _distinct_pairs(pairs)


def _is_long(text: str, english: str, min_words: int) -> bool:
    words = text.count(" ") + 1
    english_words = english.count(" ") + 1
    # In a script without spaces a text looks like one word. Then the English side decides.
    has_no_spaces = len(text) >= 10 * words
    return english_words >= min_words and (words >= min_words or has_no_spaces)


def _distinct_pairs(text_pairs: TextPairs) -> Pairs:
    """Removes repeated pairs. The rest stays in order."""
    distinct = list(dict.fromkeys(text_pairs))
    return Pairs(
        source=[text for text, _ in distinct],
        target=[english for _, english in distinct],
    )
