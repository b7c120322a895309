"""Example sentences and phrases of Ding, a German-English dictionary.

Its author is Frank Richter, TU Chemnitz. The Debian package is trans-de-en.

An entry is one line, `German :: English`. Each side has the same number of segments, separated by
` | `. A segment has alternatives, separated by `; `. The first alternative is used.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from seq2seq.config.sources import DingSource
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources.apt import fetch_packages
from seq2seq.data.splitting import split_by_group, without_shared
from seq2seq.errors import UserError
from seq2seq.reporter import SILENT, Reporter

NUM_HELD_OUT = 1000
"""Pairs in valid, and the same number in test. A smaller dictionary gives a tenth for each."""

Part = Literal["sentences", "phrases"]

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
    entries = read_entries(contents[0].decode("utf-8", "replace").split("\n"))
    splits, notes = split_entries(entries, settings.parts, name)
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

# The dictionary adds [subject], {grammar}, <see also> and (explanation) to its words.
_BRACKETED = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>|\([^()]*\)")
# It also adds /ABBR./ between spaces.
_ABBREVIATION = re.compile(r"(?<!\S)/[^/]+/(?!\S)")
# "gedeckt/abgedeckt" is a choice of words. "und/oder" and short units such as km/h are not.
_CHOICE = re.compile(r"\b(?!und/oder|and/or)([^\W\d_]{3,})(?:/[^\W\d_]{3,})+")
_PLACEHOLDER = re.compile(
    r"(?<!\w)(?:jd|jdn|jdm|jds|jmd|jmdn|jmdm|jmds|etw|sb|sth|smb|smth|sb['’]s|sth['’]s)\.?(?!\w)"
)
_ELLIPSIS = re.compile(r"…|\.\.\.")


def plain_entry(segment: str) -> str:
    """Returns the first alternative of a segment, without anything that the dictionary adds."""
    # Brackets go first, because they may contain a "; " of their own. They can be nested.
    while (shorter := _BRACKETED.sub(" ", segment)) != segment:
        segment = shorter
    first_alternative = segment.split("; ")[0].rstrip(";")
    text = _ABBREVIATION.sub(" ", first_alternative)
    text = _CHOICE.sub(r"\1", " ".join(text.split()))
    return re.sub(r"\s+([,.;:!?])", r"\1", text)


def read_entries(lines: Iterable[str]) -> dict[Part, Pairs]:
    """Reads the distinct sentences and phrases. The group of a pair is its first line number."""
    line_numbers: dict[Part, dict[tuple[str, str], str]] = {"sentences": {}, "phrases": {}}
    for number, line in enumerate(lines, start=1):
        for german, english in _segment_pairs(line):
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


def _segment_pairs(line: str) -> Iterator[tuple[str, str]]:
    """Yields the pairs of a line.

    Comments, and lines with different numbers of segments on the two sides, have none.
    """
    sides = line.split(" :: ")
    if line.startswith("#") or len(sides) != 2:
        return
    german_segments = sides[0].split(" | ")
    english_segments = sides[1].split(" | ")
    if len(german_segments) != len(english_segments):
        return
    for german, english in zip(german_segments, english_segments, strict=True):
        yield plain_entry(german), plain_entry(english)


def _part(german: str, english: str) -> Part | None:
    """Returns the part that a pair belongs to, or None if a side is not running text."""
    if german == english:
        return None
    sides = (german, english)
    for text in sides:
        if " " not in text or " / " in text or _PLACEHOLDER.search(text):
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
    entries: dict[Part, Pairs], parts: tuple[Part, ...], name: str
) -> tuple[dict[str, Pairs], list[str]]:
    """Makes train, valid and test. No dictionary line and no normalized sentence is in two splits.

    Args:
        entries: the result of `read_entries`.
        parts: the parts to use. With both, phrases go to train only.
        name: the name of the corpus, for messages.

    Returns:
        The splits, and notes on what was held out.
    """
    tested: Part = "sentences" if "sentences" in parts else "phrases"
    size = min(NUM_HELD_OUT, len(entries[tested]) // 10)
    splits = split_by_group(entries[tested], valid=size, test=size, seed=0, name=name)
    notes = [f"valid and test are {tested}, held out by dictionary entry and by sentence."]
    if len(parts) == 2:
        phrases = _phrases_for_training(entries["phrases"], [splits["valid"], splits["test"]])
        sentences = splits["train"]
        notes.append(f"train: {len(sentences):,} sentences and {len(phrases):,} phrases.")
        splits["train"] = Pairs(
            source=sentences.source + phrases.source,
            target=sentences.target + phrases.target,
        )
    return splits, notes


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
