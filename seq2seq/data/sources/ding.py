"""Example sentences, phrases and words of Ding, a German-English dictionary.

Its author is Frank Richter, TU Chemnitz. The Debian package is trans-de-en. `ding_entries.py`
describes its lines. The first alternative of a sentence or phrase is used.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from seq2seq.config.sources import DingSource
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources.apt import fetch_packages
from seq2seq.data.sources.ding_entries import has_placeholder, plain_entry, segments
from seq2seq.data.sources.ding_words import WordEntry, choose_words, read_words
from seq2seq.data.splitting import split_by_group, without_shared
from seq2seq.errors import UserError
from seq2seq.reporter import SILENT, Reporter

NUM_HELD_OUT = 1000
"""Pairs in valid, and the same number in test. A smaller dictionary gives a tenth for each."""

Part = Literal["sentences", "phrases"]
"""The parts with running text."""

_PACKAGE = "trans-de-en"
_DICTIONARY = "/usr/share/trans/de-en"


def collect(
    settings: DingSource,
    *,
    name: str,
    source: str,
    target: str,
    reporter: Reporter = SILENT,
) -> Corpus:
    """Downloads the package and reads the dictionary.

    Raises:
        SourceUnavailable: there is no apt or no network.
        UserError: the languages are not German and English, or the package has no dictionary.
    """
    if {source, target} != {"de", "en"}:
        raise UserError(
            f"Ding is a dictionary of German and English (de, en). It cannot give {source} to "
            f"{target}. Correct `source` and `target`, or choose another corpus."
        )
    packages = fetch_packages(
        [_PACKAGE], checksums=settings.checksums, corpus=name, reporter=reporter
    )
    package = packages[_PACKAGE]
    reporter.info(f"{name}: reading the dictionary")
    contents = [raw for _, raw in package.read_files(_DICTIONARY)]
    if not contents:
        raise UserError(
            f"{package.file_name} has no file {_DICTIONARY}. This version of the package has an "
            "unknown layout."
        )
    lines = contents[0].decode("utf-8", "replace").split("\n")
    words = read_words(lines) if "words" in settings.parts else []
    splits, notes = split_entries(read_entries(lines), settings.parts, name, words)
    corpus = Corpus(
        name=name,
        source_language="de",
        target_language="en",
        splits=splits,
        license="GPL-2.0-or-later",
        attribution="Frank Richter, TU Chemnitz, and contributors; packaged by Debian",
        notes=notes,
        origin={_PACKAGE: package.version},
    )
    return corpus.reversed() if source == "en" else corpus


# -- entries ---------------------------------------------------------------------------------------

_ELLIPSIS = re.compile(r"…|\.\.\.")


def read_entries(lines: Iterable[str]) -> dict[Part, Pairs]:
    """Reads the distinct sentences and phrases. The group of a pair is its first line number."""
    line_numbers: dict[Part, dict[tuple[str, str], str]] = {"sentences": {}, "phrases": {}}
    for number, line in enumerate(lines, start=1):
        for german_segment, english_segment in segments(line):
            german = plain_entry(german_segment)
            english = plain_entry(english_segment)
            part = _part(german, english)
            if part is not None:
                line_numbers[part].setdefault((german, english), str(number))
    entries = {}
    for part, pairs in line_numbers.items():
        entries[part] = Pairs(
            source=[german for german, _ in pairs],
            target=[english for _, english in pairs],
            groups=list(pairs.values()),
        )
    return entries


def _part(german: str, english: str) -> Part | None:
    """Returns the part that a pair belongs to, or None if a side is not running text."""
    if german == english:
        return None
    sides = (german, english)
    for text in sides:
        if " " not in text or " / " in text or has_placeholder(text):
            return None
    num_ended = sum(text[-1] in ".!?" for text in sides)
    if num_ended == 2:
        return "sentences"
    if num_ended == 1:
        return None
    if any("/" in text or _ELLIPSIS.search(text) for text in sides):
        return None
    return "phrases"


# -- splits ----------------------------------------------------------------------------------------


def split_entries(
    entries: dict[Part, Pairs],
    parts: Sequence[Part | Literal["words"]],
    name: str,
    words: Sequence[WordEntry] = (),
) -> tuple[dict[str, Pairs], list[str]]:
    """Makes train, valid and test.

    No normalized sentence is in two splits, and no dictionary line has running text in two. Words
    may be from any line: the lines of everyday words have many examples, some of them held out.

    Args:
        entries: the result of `read_entries`.
        parts: the parts to use. With sentences, phrases go to train only. Words always do.
        name: the name of the corpus, for messages.
        words: the result of `read_words`, if parts has words.

    Returns:
        The splits, and notes on what was held out.
    """
    tested: Part = "sentences" if "sentences" in parts else "phrases"
    size = min(NUM_HELD_OUT, len(entries[tested]) // 10)
    splits = split_by_group(entries[tested], valid=size, test=size, seed=0, name=name)
    held_out = [splits["valid"], splits["test"]]
    notes = [f"valid and test are {tested}, held out by dictionary entry and by sentence."]
    train: dict[str, Pairs] = {tested: splits["train"]}
    phrases = _phrases_for_training(entries["phrases"], held_out)
    if tested == "sentences" and "phrases" in parts:
        train["phrases"] = phrases
    if "words" in parts:
        # The examples are the same whether or not phrases are used.
        examples = _joined([splits["train"], phrases])
        train["words"] = without_shared(choose_words(words, examples), held_out)
    if len(train) > 1:
        counts = [f"{len(pairs):,} {part}" for part, pairs in train.items()]
        notes.append(f"train: {', '.join(counts[:-1])} and {counts[-1]}.")
        splits["train"] = _joined(list(train.values()))
    return splits, notes


def _joined(parts: Sequence[Pairs]) -> Pairs:
    """Returns all pairs, in order and without groups."""
    source: list[str] = []
    target: list[str] = []
    for pairs in parts:
        source += pairs.source
        target += pairs.target
    return Pairs(source=source, target=target)


def _phrases_for_training(phrases: Pairs, held_out: list[Pairs]) -> Pairs:
    """Removes the phrases that share a dictionary line or a sentence with a held-out split."""
    held_out_lines: set[str] = set()
    for pairs in held_out:
        held_out_lines.update(pairs.groups or [])
    indices = []
    for index, line in enumerate(phrases.groups or []):
        if line not in held_out_lines:
            indices.append(index)
    return without_shared(phrases.select(indices), held_out)
