"""Sentence pairs: what every kind of corpus source yields and everything after it reads."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """N sentence pairs; `groups` names, for each pair, what must not be divided among splits (a help page, say)."""

    source: list[str]
    target: list[str]
    groups: list[str] | None = None

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target) or (self.groups is not None and len(self.groups) != len(self.source)):
            raise ValueError("source, target and groups must have the same length")

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(zip(self.source, self.target, strict=True))

    @property
    def fingerprint(self) -> str:
        """Changes when any text changes; what is cached for these pairs is kept under it."""
        digest = hashlib.sha256(str(len(self)).encode())
        for text in (*self.source, *self.target):
            raw = text.encode("utf-8", "surrogatepass")
            # With its length: a line feed may stand inside a text.
            digest.update(len(raw).to_bytes(8, "little") + raw)
        return digest.hexdigest()

    def select(self, indices: list[int]) -> "Pairs":
        """The pairs at `indices`, in that order."""
        groups = None if self.groups is None else [self.groups[i] for i in indices]
        return Pairs(source=[self.source[i] for i in indices], target=[self.target[i] for i in indices], groups=groups)
