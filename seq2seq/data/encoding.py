"""Sentence pairs as token IDs, encoded once and kept in memory-mapped arrays."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seq2seq.data.corpus import Pairs
from seq2seq.files import atomic_write
from seq2seq.text.tokenizer import Side, Tokenizer

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class RaggedArray:
    """N rows of different lengths in one flat array.

    Row i is flat[starts[i] : starts[i] + lengths[i]].
    """

    flat: NDArray[np.int32]
    starts: IntArray
    lengths: IntArray

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "RaggedArray":
        """Joins lists of numbers."""
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        numbers = (number for row in rows for number in row)
        flat = np.fromiter(numbers, dtype=np.int32, count=int(offsets[-1]))
        return cls.from_offsets(flat, offsets)

    @classmethod
    def from_offsets(cls, flat: NDArray[np.int32], offsets: IntArray) -> "RaggedArray":
        """Makes row i from flat[offsets[i] : offsets[i + 1]]."""
        return cls(flat, offsets[:-1], np.diff(offsets))

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        start = self.starts[row]
        return self.flat[start : start + self.lengths[row]]

    def select(self, rows: IntArray) -> "RaggedArray":
        """Returns the given rows, in that order. The numbers themselves are not copied."""
        return RaggedArray(self.flat, self.starts[rows], self.lengths[rows])

    def replace(self, rows: Sequence[int], others: Sequence[Sequence[int]]) -> "RaggedArray":
        """Returns the same rows, but others at the given positions."""
        new = RaggedArray.of(others)
        starts = self.starts.copy()
        lengths = self.lengths.copy()
        starts[list(rows)] = new.starts + len(self.flat)
        lengths[list(rows)] = new.lengths
        return RaggedArray(np.concatenate([self.flat, new.flat]), starts, lengths)


@dataclass(frozen=True)
class EncodedPairs:
    """Both sides of N pairs as token IDs, without start and end tokens."""

    source: RaggedArray
    target: RaggedArray

    def __len__(self) -> int:
        return len(self.source)

    def select(self, indices: IntArray) -> "EncodedPairs":
        """Returns the pairs at `indices`, in that order, without a copy of their tokens."""
        return EncodedPairs(self.source.select(indices), self.target.select(indices))


def encode_pairs(pairs: Pairs, tokenizer: Tokenizer, cache: Path) -> EncodedPairs:
    """Encodes both sides, or maps the arrays of an earlier call into memory.

    Args:
        pairs: the text.
        tokenizer: encodes it.
        cache: the cache folder. The arrays are stored there under a hash of the text and the
            tokenizer.

    Raises:
        OSError: the arrays cannot be written.
    """
    digest = hashlib.sha256((tokenizer.fingerprint + pairs.fingerprint).encode())
    folder = cache / "encoded" / digest.hexdigest()[:32]
    return EncodedPairs(
        _encode_side(pairs.source, "source", tokenizer, folder),
        _encode_side(pairs.target, "target", tokenizer, folder),
    )


def _encode_side(
    texts: Sequence[str], side: Side, tokenizer: Tokenizer, folder: Path
) -> RaggedArray:
    tokens_file = folder / f"{side}-tokens.npy"
    offsets_file = folder / f"{side}-offsets.npy"
    if not offsets_file.exists():
        rows = RaggedArray.of(tokenizer.encode(texts, side))
        _save_array(tokens_file, rows.flat)
        # Last, because this file marks both as complete.
        _save_array(offsets_file, np.append(rows.starts, len(rows.flat)))
    return RaggedArray.from_offsets(_map_array(tokens_file), _map_array(offsets_file))


def _save_array(path: Path, array: NDArray[np.generic]) -> None:
    with atomic_write(path, mkdir=True) as file:
        np.save(file, array, allow_pickle=False)


def _map_array(path: Path) -> NDArray[Any]:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    # Slices of a plain array are cheaper than slices of a np.memmap. The memory stays mapped.
    return np.asarray(mapped)
