"""Example sentences and phrases of the German-English dictionary of Frank Richter, TU Chemnitz (package trans-de-en).

An entry is a line: `German :: English`, each side divided by ` | ` into as many segments, a segment by `; ` into
alternatives, of which the first is taken.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

from seq2seq.data.corpus import Corpus, Say
from seq2seq.data.pairs import Pairs
from seq2seq.data.sources.debian import fetch_packages
from seq2seq.data.splitting import split_by_group, without_shared
from seq2seq.errors import UserError

NUM_HELD_OUT = 1000
"""Pairs in valid, and as many in test; from a smaller dictionary a tenth."""

Part = Literal["sentences", "phrases"]


@dataclass(frozen=True, kw_only=True)
class DingSpec:
    """Sentences and phrases from the dictionary Ding, German and English (GPL-2+)."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kept: ClassVar[bool] = True
    """Whether a copy is kept in the data folder."""

    kind: Literal["ding"]
    """What tells this kind of source from the others."""
    parts: tuple[Part, ...] = ("sentences", "phrases")
    """`sentences`: examples that end in a full stop or the like. `phrases`: other entries of at least two words; they
    are for training only, when sentences are there to be tested on."""
    checksums: dict[str, str] = field(default_factory=dict)
    """File name of a package -> its SHA-256. For versions not named here apt's signature must do."""

    def __post_init__(self) -> None:
        if not self.parts or len(set(self.parts)) < len(self.parts):
            raise ValueError(f"parts is {list(self.parts)}; it must name sentences, phrases or both, each once")

    def collect(self, *, name: str, source: str, target: str, say: Say) -> Corpus:
        """Download the package and read it. Raises SourceUnavailable without apt or network."""
        if {source, target} != {"de", "en"}:
            raise UserError(f"Ding is a dictionary of German and English: {source} to {target} cannot be had from it.")
        package = fetch_packages(["trans-de-en"], checksums=self.checksums, corpus=name, say=say)["trans-de-en"]
        say(f"{name}: reading the dictionary")
        files = [raw for _, raw in package.texts(r"/usr/share/trans/de-en")]
        if not files:
            raise UserError(f"{package.file_name} has no file /usr/share/trans/de-en: its layout is not the one known.")
        found = read_entries(files[0].decode("utf-8", "replace").split("\n"))
        splits, notes = divide(found, self.parts, name)
        corpus = Corpus(
            name=name,
            source_language="de",
            target_language="en",
            splits=splits,
            licence="GPL-2.0-or-later",
            attribution="Frank Richter, TU Chemnitz, and contributors; packaged by Debian",
            notes=notes,
            origin={"trans-de-en": package.version},
        )
        return corpus.reversed() if source == "en" else corpus


# What the dictionary adds to its words: [subject], {grammar}, <see also>, (explanation); and /ABBR./ between spaces.
_BRACKETED = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>|\([^()]*\)")
_ABBREVIATION = re.compile(r"(?<!\S)/[^/]+/(?!\S)")
# "gedeckt/abgedeckt": words of which one is to be chosen; "und/oder" and short units such as km/h are no choice.
_CHOICE = re.compile(r"\b(?!und/oder|and/or)([^\W\d_]{3,})(?:/[^\W\d_]{3,})+")
_PLACEHOLDER = re.compile(r"(?<!\w)(?:jd|jdn|jdm|jds|jmd|jmdn|jmdm|jmds|etw|sb|sth|smb|smth|sb['’]s|sth['’]s)\.?(?!\w)")
_OPEN_PLACE = re.compile(r"…|\.\.\.")


def plain_entry(segment: str) -> str:
    """The first alternative of a segment, without labels, grammar, variants, explanations, abbreviations."""
    # Brackets go first: what stands in them may hold a "; " of its own. They can be nested.
    while (shorter := _BRACKETED.sub(" ", segment)) != segment:
        segment = shorter
    text = _ABBREVIATION.sub(" ", segment.split("; ")[0].rstrip(";"))
    text = _CHOICE.sub(r"\1", " ".join(text.split()))
    return re.sub(r"\s+([,.;:!?])", r"\1", text)


def read_entries(lines: Iterable[str]) -> dict[Part, Pairs]:
    """The sentences and the phrases, each pair with its line number as group, without repetition."""
    found: dict[Part, dict[tuple[str, str], str]] = {"sentences": {}, "phrases": {}}
    for number, line in enumerate(lines, start=1):
        for pair in _segments(line):
            part = _part(*pair)
            if part is not None:
                found[part].setdefault(pair, str(number))
    return {
        part: Pairs(source=[de for de, _ in pairs], target=[en for _, en in pairs], groups=list(pairs.values()))
        for part, pairs in found.items()
    }


def _segments(line: str) -> Iterator[tuple[str, str]]:
    """The pairs of a line; none for a comment or a line whose sides do not have equally many segments."""
    sides = line.split(" :: ")
    if line.startswith("#") or len(sides) != 2:
        return
    german, english = (side.split(" | ") for side in sides)
    if len(german) == len(english):
        yield from zip(map(plain_entry, german), map(plain_entry, english), strict=True)


def _part(german: str, english: str) -> Part | None:
    """Which part the pair belongs to, or None if it is no running text on both sides."""
    both = (german, english)
    if any(" " not in text or " / " in text or _PLACEHOLDER.search(text) for text in both) or german == english:
        return None
    ends = sum(text[-1] in ".!?" for text in both)
    if ends == 2:
        return "sentences"
    return "phrases" if ends == 0 and not any("/" in text or _OPEN_PLACE.search(text) for text in both) else None


def divide(found: dict[Part, Pairs], parts: tuple[Part, ...], name: str) -> tuple[dict[str, Pairs], list[str]]:
    """Train, valid and test, so that no entry (line) and no normalised sentence stands in two of them."""
    tested: Part = "sentences" if "sentences" in parts else "phrases"
    size = min(NUM_HELD_OUT, len(found[tested]) // 10)
    splits = split_by_group(found[tested], valid=size, test=size, seed=0, name=name)
    notes = [f"valid and test are {tested}, held out by entry of the dictionary and by sentence."]
    if len(parts) == 2:
        held_out = [splits["valid"], splits["test"]]
        lines = {line for pairs in held_out for line in pairs.groups or []}
        phrases = found["phrases"]
        elsewhere = [i for i, line in enumerate(phrases.groups or []) if line not in lines]
        phrases = without_shared(phrases.select(elsewhere), held_out)
        train = splits["train"]
        notes.append(f"train: {len(train):,} sentences and {len(phrases):,} phrases.")
        splits["train"] = Pairs(source=train.source + phrases.source, target=train.target + phrases.target)
    return splits, notes
