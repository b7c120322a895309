"""Sentence pairs and corpora, as every source returns them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from seq2seq.errors import UserError
from seq2seq.text.fingerprint import fingerprint_texts


class SourceUnavailable(UserError):
    """The corpus is not available on this machine (no apt, no network), so a fallback may be used
    instead."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """N sentence pairs.

    `groups` names, for each pair, a unit that must not be divided among splits, such as a help
    page.
    """

    source: list[str]
    target: list[str]
    groups: list[str] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.source), len(self.target)}
        if self.groups is not None:
            lengths.add(len(self.groups))
        if len(lengths) > 1:
            raise ValueError("source, target and groups must have the same length")

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(zip(self.source, self.target, strict=True))

    @property
    def fingerprint(self) -> str:
        """A hash that changes if any text changes. What is cached for these pairs is stored under
        it."""
        return fingerprint_texts(self.source, self.target)

    def select(self, indices: list[int]) -> "Pairs":
        """Returns the pairs at `indices`, in that order."""
        return Pairs(
            source=[self.source[i] for i in indices],
            target=[self.target[i] for i in indices],
            groups=None if self.groups is None else [self.groups[i] for i in indices],
        )


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A parallel corpus in one direction, with its origin."""

    name: str
    source_language: str
    target_language: str
    splits: dict[str, Pairs]
    """"train", "valid", "test", and more test splits whose names begin with "test"."""
    license: str = "not stated"
    attribution: str = "not stated"
    notes: list[str] = field(default_factory=list)
    """Sentences for the user: what was held out, which fallback was used."""
    origin: dict[str, str] = field(default_factory=dict)
    """What it was made from: package or dataset -> version or checksum."""

    def reversed(self) -> "Corpus":
        """Returns the same corpus in the other direction."""
        splits = {
            name: Pairs(source=pairs.target, target=pairs.source, groups=pairs.groups)
            for name, pairs in self.splits.items()
        }
        return replace(
            self,
            source_language=self.target_language,
            target_language=self.source_language,
            splits=splits,
        )
