"""A corpus as a value: what a source gives, what is kept in a folder, what cleaning takes and gives back."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from seq2seq.data.pairs import Pairs
from seq2seq.errors import UserError

Say = Callable[[str], None]
"""Takes one line that tells a person what is being done."""


class SourceUnavailable(UserError):
    """The corpus cannot be had on this machine (no apt, no network), so that a fallback may be taken instead."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A parallel corpus in one direction, with what must be known of its origin."""

    name: str
    source_language: str
    target_language: str
    splits: dict[str, Pairs]
    """"train", "valid", "test", and further test parts whose names begin with "test"."""
    licence: str = "not stated"
    attribution: str = "not stated"
    notes: list[str] = field(default_factory=list)
    """Sentences for a person: what was held out, what took the place of what."""
    origin: dict[str, str] = field(default_factory=dict)
    """What it was made from, with versions: package or dataset -> version or checksum."""

    def reversed(self) -> "Corpus":
        """The same corpus in the other direction."""
        swapped = {
            name: Pairs(source=pairs.target, target=pairs.source, groups=pairs.groups)
            for name, pairs in self.splits.items()
        }
        return replace(self, source_language=self.target_language, target_language=self.source_language, splits=swapped)


def to_stderr(line: str) -> None:
    """The plainest `Say`: the line goes to standard error, so that standard output stays for results."""
    sys.stderr.write(line + "\n")
