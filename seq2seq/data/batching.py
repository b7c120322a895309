"""Batches of piece numbers: encoded once into memory-mapped arrays, then cut into batches by a token budget.

Legend: B sentences, S source pieces, T target pieces (with the start or end piece), all padded with PAD.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ConfigDict
from torch import Tensor

from seq2seq.data.alignment import Aligner, learn_lexicon
from seq2seq.data.pairs import Pairs
from seq2seq.data.tokenizer import BOS, EOS, PAD, Tokenizer, TokenizerConfig

Ints = npt.NDArray[np.int64]

# Enough for the words that come often, which guide; no more memory (0.7 GB) and time (4 s) than training takes anyway.
_MOST_PAIRS_TO_ALIGN = 10_000_000


@dataclass(frozen=True, kw_only=True)
class BatchingConfig:
    """How sentence pairs are put together for one update."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    tokens: int = 1000
    """Padded pieces of one batch at most, of the longer side. On small corpora the number of updates decides: keep it small."""
    sentences: int = 512
    """Sentences of one batch at most."""
    max_length: int = 128
    """Training pairs with so many pieces or more on either side (the start or end piece is one) are passed over, counted."""
    multiple: int = 4
    """Lengths are padded to a multiple of this: the CPU library builds (and caches) one program per shape."""

    def __post_init__(self) -> None:
        if min(self.tokens, self.sentences, self.max_length, self.multiple) < 1:
            raise ValueError("tokens, sentences, max_length and multiple must be at least 1")
        if self.tokens < self.max_length:
            raise ValueError("tokens must be at least max_length, or the longest pairs fit into no batch")


@dataclass(frozen=True)
class Batch:
    """source (B,S), source_mask (B,S) true at pieces, target_in (B,T) from <s>, target_out (B,T) up to </s>; alignment (B,T,S)
    of target_out with the source, where there is one: the probability that a target piece comes from a source piece."""

    source: Tensor
    source_mask: Tensor
    target_in: Tensor
    target_out: Tensor
    alignment: Tensor | None = None

    @property
    def target_tokens(self) -> int:
        """Target pieces that are not padding, </s> included."""
        return int((self.target_out != PAD).sum())

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        source, mask, target_in, target_out = (
            tensor.to(device, non_blocking=True)
            for tensor in (self.source, self.source_mask, self.target_in, self.target_out)
        )
        alignment = None if self.alignment is None else self.alignment.to(device, non_blocking=True)
        return Batch(source, mask, target_in, target_out, alignment)


@dataclass(frozen=True)
class Ragged:
    """N rows of different lengths in one flat array: row i is flat[offsets[i]:offsets[i + 1]]."""

    flat: npt.NDArray[np.int32]
    offsets: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        flat = np.fromiter((piece for row in rows for piece in row), dtype=np.int32, count=int(offsets[-1]))
        return cls(flat, offsets)

    @property
    def lengths(self) -> Ints:
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> npt.NDArray[np.int32]:
        return self.flat[self.offsets[row] : self.offsets[row + 1]]


@dataclass(frozen=True)
class EncodedPairs:
    """Both sides of N pairs as piece numbers, without start and end pieces."""

    source: Ragged
    target: Ragged

    def __len__(self) -> int:
        return len(self.source)


def encode_pairs(pairs: Pairs, tokenizer: Tokenizer, cache: Path) -> EncodedPairs:
    """Encodes once; the arrays are kept in `cache` under a hash of text and tokenizer and mapped into memory."""
    digest = hashlib.sha256((tokenizer.fingerprint + pairs.fingerprint).encode())
    sides = []
    for side, texts in (("source", pairs.source), ("target", pairs.target)):
        base = cache / "encoded" / f"{digest.hexdigest()[:32]}-{side}"
        if not base.with_suffix(".offsets.npy").exists():
            rows = Ragged.of(tokenizer.encode(texts, "source" if side == "source" else "target"))
            _save_array(base.with_suffix(".flat.npy"), rows.flat)
            _save_array(base.with_suffix(".offsets.npy"), rows.offsets)  # last: its presence says that both are whole
        flat = np.load(base.with_suffix(".flat.npy"), mmap_mode="r", allow_pickle=False)
        offsets = np.load(base.with_suffix(".offsets.npy"), mmap_mode="r", allow_pickle=False)
        sides.append(Ragged(flat, offsets))
    return EncodedPairs(*sides)


def _save_array(path: Path, array: npt.NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, array, allow_pickle=False)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class TrainingBatches:
    """The batches of any epoch. Which and in what order depends on seed and epoch only, so a resumed run sees the same."""

    def __init__(
        self,
        pairs: Pairs,
        tokenizer: Tokenizer,
        config: BatchingConfig,
        sampling: TokenizerConfig,
        *,
        seed: int,
        cache: Path,
    ) -> None:
        self.config = config
        self.seed = seed
        self._tokenizer = tokenizer
        self._sampling = sampling
        encoded = encode_pairs(pairs, tokenizer, cache)
        fits = self._fits(encoded)
        self.too_long = len(pairs) - int(fits.sum())
        kept = np.flatnonzero(fits).tolist()
        self._pairs = pairs if not self.too_long else pairs.select(kept)
        self._encoded = encoded if not self.too_long else encode_pairs(self._pairs, tokenizer, cache)
        self._aligner: Aligner | None = None

    def align(self) -> None:
        """Learns which pieces translate which (seconds); from here on each batch comes with its alignment."""
        source, target = self._encoded.source, self._encoded.target
        size = self._tokenizer.size("target")
        lexicon = learn_lexicon(
            source,
            target,
            source_size=self._tokenizer.size("source"),
            target_size=size,
            most_pairs=_MOST_PAIRS_TO_ALIGN,
        )
        self._aligner = Aligner(lexicon, size)

    def _fits(self, encoded: EncodedPairs) -> npt.NDArray[np.bool_]:
        # One place is kept for the start or end piece.
        limit = self.config.max_length - 1
        return np.asarray((encoded.source.lengths <= limit) & (encoded.target.lengths <= limit))

    def __len__(self) -> int:
        """Pairs in an epoch."""
        return len(self._pairs)

    def epoch(self, epoch: int) -> list[Ints]:
        """The batches of `epoch` as arrays of pair numbers."""
        return self._group(self._epoch_pairs(epoch), epoch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch`, from the one numbered `start`."""
        encoded = self._epoch_pairs(epoch)
        for rows in self._group(encoded, epoch)[start:]:
            batch = collate(encoded, rows, self.config.multiple)
            if self._aligner is not None:
                alignment = self._aligner(batch.source.numpy(), batch.target_out.numpy())
                batch = replace(batch, alignment=torch.from_numpy(alignment))
            yield batch

    def _epoch_pairs(self, epoch: int) -> EncodedPairs:
        """Sampled anew for every epoch when subword regularisation is on."""
        if not self._sampling.sampling:
            return self._encoded
        limit = self.config.max_length - 1
        sides = []
        for number, texts in enumerate((self._pairs.source, self._pairs.target)):
            side = self._encoded.target if number else self._encoded.source
            if number and self._sampling.sampling_sides == "source":
                sides.append(side)
                continue
            # SentencePiece takes a 32 bit seed; both sides of all epochs get one of their own.
            seed = int(np.random.SeedSequence([self.seed, epoch, number]).generate_state(1)[0]) & 0x7FFFFFFF
            rows = self._tokenizer.sample(
                texts,
                "target" if number else "source",
                alpha=self._sampling.sampling,
                seed=seed,
                whole=self._sampling.user_symbols,
            )
            # A sampled division may be longer than the limit: those pairs keep their best division.
            sides.append(Ragged.of([row if len(row) <= limit else side[i].tolist() for i, row in enumerate(rows)]))
        return EncodedPairs(*sides)

    def _group(self, encoded: EncodedPairs, epoch: int) -> list[Ints]:
        """Pairs of like length side by side, so that little is padding; ties and batches in random order."""
        rng = np.random.default_rng([self.seed, epoch])
        # 1. Random order, then a stable sort by length: the neighbours of a pair differ from epoch to epoch.
        order = rng.permutation(len(encoded))
        source, target = encoded.source.lengths[order] + 1, encoded.target.lengths[order] + 1
        order = order[np.lexsort((source, target))]
        # 2. Cut where the padded target, or the padded source, would exceed the budget.
        padded = _round_up(np.maximum(encoded.source.lengths, encoded.target.lengths)[order] + 1, self.config.multiple)
        batches, first, widest = [], 0, 0
        for i, width in enumerate(padded.tolist()):
            widest_now = max(widest, width)
            size = i - first + 1
            if size > 1 and (size * widest_now > self.config.tokens or size > self.config.sentences):
                batches.append(order[first:i])
                first, widest_now = i, width
            widest = widest_now
        if len(order):
            batches.append(order[first:])
        # 3. Random order of the batches.
        return [batches[i] for i in rng.permutation(len(batches))]


def collate(encoded: EncodedPairs, rows: Ints, multiple: int) -> Batch:
    """The pairs numbered `rows` as one padded batch; the source ends with </s> too."""
    source = pad([[*encoded.source[i].tolist(), EOS] for i in rows], multiple)
    target_in = pad([[BOS, *encoded.target[i].tolist()] for i in rows], multiple)
    target_out = pad([[*encoded.target[i].tolist(), EOS] for i in rows], multiple)
    return Batch(source, source != PAD, target_in, target_out)


def pad(rows: Sequence[Sequence[int]], multiple: int = 1) -> Tensor:
    """(B, longest row rounded up to `multiple`) int64, filled up with PAD."""
    width = int(_round_up(np.asarray(max((len(row) for row in rows), default=0)), multiple))
    padded = torch.full((len(rows), max(width, 1)), PAD, dtype=torch.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.as_tensor(row, dtype=torch.int64)
    return padded


def _round_up(lengths: Ints, multiple: int) -> Ints:
    return -(-lengths // multiple) * multiple
