"""Holds out valid and test so that train reveals nothing of them.

Groups stay whole, and no sentence occurs in two splits.
"""

import hashlib
from collections.abc import Iterable

from seq2seq.data.corpus import Pairs
from seq2seq.errors import UserError
from seq2seq.text.normalization import sentence_key

# A split may end up this much smaller than requested.
_SMALLEST_SHARE = 0.9


class _UnionFind:
    """Disjoint sets of numbers that can be joined (with path halving)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, item: int) -> int:
        """Returns the number that represents the set of `item`."""
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, first: int, second: int) -> None:
        """Joins two sets. The smaller number represents them, whatever the order of joining."""
        low, high = sorted((self.find(first), self.find(second)))
        self._parent[high] = low


def stable_hash(text: str, seed: int = 0) -> int:
    """Hashes a text to a number from 0 to 2^64 - 1.

    Unlike Python's own hash, it is the same on every machine and in every run.
    """
    raw = f"{seed}\n{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest())


def connected_pairs(pairs: Pairs) -> list[list[int]]:
    """Divides the pairs into the smallest parts that share nothing.

    Two pairs are in the same part if they share a group, or a sentence of the same side, directly
    or through other pairs.

    Returns:
        The indices of the pairs of each part.
    """
    sets = _UnionFind(len(pairs))
    first_with: dict[tuple[str, str], int] = {}
    for index, (source, target) in enumerate(pairs):
        features = [("source", sentence_key(source)), ("target", sentence_key(target))]
        if pairs.groups is not None:
            features.append(("group", pairs.groups[index]))
        for feature in features:
            sets.join(first_with.setdefault(feature, index), index)
    parts: dict[int, list[int]] = {}
    for index in range(len(pairs)):
        parts.setdefault(sets.find(index), []).append(index)
    return list(parts.values())


def split_by_group(
    pairs: Pairs, *, valid: int, test: int, seed: int, name: str = "the corpus"
) -> dict[str, Pairs]:
    """Divides pairs into "train", "valid" and "test", which share no group and no sentence.

    The same pairs and the same seed give the same splits.

    Args:
        pairs: all pairs.
        valid: about how many pairs to hold out for valid; at most this many.
        test: the same for test.
        seed: decides which pairs are held out.
        name: the name of the corpus in error messages.

    Raises:
        UserError: this many pairs cannot be held out. It would leave less than half for training,
            or too many pairs are connected through sentences or groups that they share.
    """
    if valid + test > len(pairs) // 2:
        raise UserError(
            f"Holding out {valid:,} + {test:,} of the {len(pairs):,} pairs of {name} leaves less "
            "than half for training. Lower hold_out.valid and hold_out.test, or add more pairs."
        )
    parts = connected_pairs(pairs)
    parts.sort(key=lambda part: _hash_of_first_pair(pairs, part, seed))
    chosen: dict[str, list[int]] = {"test": [], "valid": [], "train": []}
    limits = {"test": test, "valid": valid, "train": len(pairs)}
    for part in parts:
        # The first split that still has room for the whole part.
        for split, limit in limits.items():
            if len(chosen[split]) + len(part) <= limit:
                chosen[split] += part
                break
    for split in ("test", "valid"):
        if len(chosen[split]) < limits[split] * _SMALLEST_SHARE:
            largest = max(len(part) for part in parts)
            raise UserError(
                f"Only {len(chosen[split]):,} of {limits[split]:,} pairs of {name} can be held out "
                f"for {split}: {largest:,} pairs are connected through sentences or groups that "
                f"they share. Ask for fewer pairs, or provide a {split} file."
            )
    return {split: pairs.select(sorted(chosen[split])) for split in ("train", "valid", "test")}


def sentence_keys(parts: Iterable[Pairs]) -> tuple[set[str], set[str]]:
    """Returns the keys of all source sentences and of all target sentences."""
    sources: set[str] = set()
    targets: set[str] = set()
    for pairs in parts:
        sources.update(map(sentence_key, pairs.source))
        targets.update(map(sentence_key, pairs.target))
    return sources, targets


def without_shared(pairs: Pairs, others: Iterable[Pairs]) -> Pairs:
    """Returns the pairs that share no sentence with the same side of `others`."""
    sources, targets = sentence_keys(others)
    unshared = []
    for index, (source, target) in enumerate(pairs):
        if sentence_key(source) not in sources and sentence_key(target) not in targets:
            unshared.append(index)
    return pairs.select(unshared)


def _hash_of_first_pair(pairs: Pairs, part: list[int], seed: int) -> int:
    first = part[0]
    return stable_hash(f"{pairs.source[first]}\n{pairs.target[first]}", seed)
