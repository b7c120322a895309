"""Holding out valid and test so that nothing of them is given away: whole groups, and no sentence in two splits."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ConfigDict

from seq2seq.data.cleaning import sentence_key
from seq2seq.data.pairs import Pairs
from seq2seq.errors import UserError


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """How much of a corpus that comes without a valid or test split is held out for it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    valid: int | float | None = None
    """Pairs (a whole number) or share of all pairs (below 1); null: 1,000 pairs, or a twentieth if that is fewer."""
    test: int | float | None = None
    """The same for the test split."""
    seed: int = 1
    """Another seed holds out other pairs; the same seed always the same."""

    def __post_init__(self) -> None:
        for name in ("valid", "test"):
            size = getattr(self, name)
            if size is not None and (size < 0 or (isinstance(size, float) and not size < 1)):
                raise ValueError(f"{name} is {size}; it must be a whole number of pairs, or a share from 0 to below 1")

    def pairs(self, total: int, split: str) -> int:
        """The number of pairs to hold out of `total` for `split`."""
        size = self.valid if split == "valid" else self.test
        if size is None:
            return min(1000, total // 20)
        return round(size * total) if isinstance(size, float) else size


class _Components:
    """Connected components of things that are joined one pair at a time (union-find with path halving)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, item: int) -> int:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, first: int, second: int) -> None:
        # The smaller number leads, so that the outcome does not depend on the order of joining.
        low, high = sorted((self.find(first), self.find(second)))
        self._parent[high] = low


def stable_hash(text: str, seed: int = 0) -> int:
    """A number from `text` and `seed` that is the same on every machine and in every run (Python's own hash is not)."""
    return int.from_bytes(hashlib.blake2b(f"{seed}\n{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest())


def components(pairs: Pairs) -> list[list[int]]:
    """Indices of the pairs, in lists that share no group and no normalised sentence of either side with one another."""
    joined = _Components(len(pairs))
    first_with: dict[tuple[str, str], int] = {}
    for index, (source, target) in enumerate(pairs):
        marks = [("source", sentence_key(source)), ("target", sentence_key(target))]
        if pairs.groups is not None:
            marks.append(("group", pairs.groups[index]))
        for mark in marks:
            joined.join(first_with.setdefault(mark, index), index)
    members: dict[int, list[int]] = {}
    for index in range(len(pairs)):
        members.setdefault(joined.find(index), []).append(index)
    return list(members.values())


def split_by_group(pairs: Pairs, *, valid: int, test: int, seed: int, name: str = "the corpus") -> dict[str, Pairs]:
    """Divide into "train", "valid" and "test": about `valid` and `test` pairs, and nothing shared between the three.

    The same pairs and seed give the same splits. Raises UserError if so much cannot be held out: because it would leave
    less than half for training, or because too many pairs hang together through sentences that they share.
    """
    if valid + test > len(pairs) // 2:
        raise UserError(
            f"Holding out {valid:,} + {test:,} pairs of the {len(pairs):,} of {name} leaves less than half for "
            "training. Make hold_out.valid and hold_out.test smaller, or bring more pairs."
        )
    parts = components(pairs)
    parts.sort(key=lambda part: stable_hash(f"{pairs.source[part[0]]}\n{pairs.target[part[0]]}", seed))
    chosen: dict[str, list[int]] = {"test": [], "valid": [], "train": []}
    for part in parts:
        room = {"test": test - len(chosen["test"]), "valid": valid - len(chosen["valid"]), "train": len(pairs)}
        chosen[next(split for split, pairs_left in room.items() if len(part) <= pairs_left)] += part
    for split, wanted in (("test", test), ("valid", valid)):
        if len(chosen[split]) < wanted * 0.9:
            raise UserError(
                f"Only {len(chosen[split]):,} of {wanted:,} pairs of {name} could be held out for {split}: "
                f"{max(map(len, parts)):,} pairs hang together through sentences or groups that they share. "
                f"Ask for fewer, or give a {split} file of your own."
            )
    return {split: pairs.select(sorted(chosen[split])) for split in ("train", "valid", "test")}


def keys_of(pairs: Iterable[Pairs]) -> tuple[set[str], set[str]]:
    """The normalised sentences of the source sides and of the target sides."""
    sources: set[str] = set()
    targets: set[str] = set()
    for part in pairs:
        sources.update(map(sentence_key, part.source))
        targets.update(map(sentence_key, part.target))
    return sources, targets


def without_shared(pairs: Pairs, others: Iterable[Pairs]) -> Pairs:
    """The pairs of which neither side, normalised, stands on the same side of `others`."""
    sources, targets = keys_of(others)
    kept = [
        index
        for index, (source, target) in enumerate(pairs)
        if sentence_key(source) not in sources and sentence_key(target) not in targets
    ]
    return pairs.select(kept)
