"""Batches of encoded sentence pairs, grouped by length within a budget of tokens.

Legend: B sentences, S source tokens, T target tokens (with the start or end token), all padded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.config.training import BatchingConfig
from seq2seq.data.alignment import Aligner, train_lexicon
from seq2seq.data.corpus import Pairs
from seq2seq.data.encoding import EncodedPairs, RaggedArray, encode_pairs
from seq2seq.text.tokenizer import BOS, EOS, PAD, Side, Tokenizer

IntArray = NDArray[np.int64]

# Enough for the frequent words, which are what guides the attention. It takes 0.7 GB and 4 s, no
# more than training takes anyway.
_MAX_TOKEN_PAIRS = 10_000_000


@dataclass(frozen=True)
class Batch:
    """Padded token IDs of B sentence pairs."""

    source: Tensor
    """(B,S), ends with </s>."""
    source_mask: Tensor
    """(B,S), true at tokens and false at padding."""
    target_in: Tensor
    """(B,T), what the decoder reads: starts with <s>."""
    target_out: Tensor
    """(B,T), what the decoder predicts: ends with </s>."""
    alignment: Tensor | None = None
    """(B,T,S) or None: the probability that a token of target_out comes from a source token."""

    @property
    def num_target_tokens(self) -> int:
        """Target tokens that are not padding, with </s>."""
        return int((self.target_out != PAD).sum())

    def to(self, device: torch.device) -> "Batch":
        """Returns the same batch on another device."""
        alignment = self.alignment
        if alignment is not None:
            alignment = alignment.to(device, non_blocking=True)
        return Batch(
            self.source.to(device, non_blocking=True),
            self.source_mask.to(device, non_blocking=True),
            self.target_in.to(device, non_blocking=True),
            self.target_out.to(device, non_blocking=True),
            alignment,
        )


@dataclass(frozen=True)
class _Epoch:
    """One epoch: the encoded pairs, and the pair numbers of each batch."""

    number: int
    encoded: EncodedPairs
    batches: list[IntArray]


class TrainingBatches:
    """The batches of any epoch.

    They depend only on the pairs, the settings, the seed and the epoch: a resumed run sees the
    same pairs in the same order, with the same sampled segmentations.
    """

    def __init__(
        self,
        pairs: Pairs,
        tokenizer: Tokenizer,
        batching: BatchingConfig,
        sampling: TokenizerConfig,
        *,
        seed: int,
        cache: Path,
    ) -> None:
        """Encodes the pairs and skips those that are too long.

        Args:
            pairs: the training pairs.
            tokenizer: encodes them.
            batching: the sizes of the batches.
            sampling: whether and how the text is segmented again in each epoch.
            seed: determines the order of the pairs and the sampled segmentations.
            cache: the folder for the encoded text; see `encode_pairs`.
        """
        self._tokenizer = tokenizer
        self._batching = batching
        self._sampling = sampling
        self._seed = seed
        # One position is reserved for the start or end token.
        self._max_tokens = batching.max_length - 1
        encoded = encode_pairs(pairs, tokenizer, cache)
        longest = np.maximum(encoded.source.lengths, encoded.target.lengths)
        fitting = np.flatnonzero(longest <= self._max_tokens)
        self.skipped = len(pairs) - len(fitting)
        """Pairs that have `max_length` tokens or more on either side."""
        if self.skipped:
            pairs = pairs.select(fitting.tolist())
            encoded = encoded.select(fitting)
        self._pairs = pairs
        self._encoded = encoded
        self._aligner: Aligner | None = None
        self._last_epoch: _Epoch | None = None

    def __len__(self) -> int:
        """Pairs in an epoch."""
        return len(self._pairs)

    def align(self) -> None:
        """Learns a word alignment (takes seconds). From then on, batches have an `alignment`."""
        target_size = self._tokenizer.size("target")
        lexicon = train_lexicon(
            self._encoded.source,
            self._encoded.target,
            source_size=self._tokenizer.size("source"),
            target_size=target_size,
            max_token_pairs=_MAX_TOKEN_PAIRS,
        )
        self._aligner = Aligner(lexicon, target_size)

    def num_batches(self, epoch: int) -> int:
        """Returns the number of batches in `epoch`."""
        return len(self._epoch(epoch).batches)

    def pair_numbers(self, epoch: int) -> list[IntArray]:
        """Returns, for each batch of `epoch`, the numbers of its pairs."""
        return self._epoch(epoch).batches

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yields the batches of `epoch`, from batch number `start` on."""
        content = self._epoch(epoch)
        for rows in content.batches[start:]:
            yield collate(content.encoded, rows, self._batching.pad_to_multiple_of, self._aligner)

    def _epoch(self, epoch: int) -> _Epoch:
        """Samples and groups an epoch. The last one is remembered, so that it is grouped once."""
        if self._last_epoch is None or self._last_epoch.number != epoch:
            self._last_epoch = None  # frees its memory before the next one is built
            encoded = self._sample(epoch) if self._sampling.sampling else self._encoded
            self._last_epoch = _Epoch(epoch, encoded, self._group(encoded, epoch))
        return self._last_epoch

    def _sample(self, epoch: int) -> EncodedPairs:
        """Segments the text again for one epoch (subword regularization)."""
        source = self._sample_side("source", 0, epoch)
        if self._sampling.sampling_sides == "source":
            return EncodedPairs(source, self._encoded.target)
        return EncodedPairs(source, self._sample_side("target", 1, epoch))

    def _sample_side(self, side: Side, side_number: int, epoch: int) -> RaggedArray:
        texts = self._pairs.source if side == "source" else self._pairs.target
        best = self._encoded.source if side == "source" else self._encoded.target
        # Each side of each epoch gets a seed of its own.
        sequence = np.random.SeedSequence([self._seed, epoch, side_number])
        seed = int(sequence.generate_state(1, np.uint64)[0])
        rows = self._tokenizer.sample(texts, side, alpha=self._sampling.sampling, seed=seed)
        # A sampled segmentation may exceed the limit. Those texts keep their best segmentation.
        for i, row in enumerate(rows):
            if len(row) > self._max_tokens:
                rows[i] = best[i].tolist()
        return RaggedArray.of(rows)

    def _group(self, encoded: EncodedPairs, epoch: int) -> list[IntArray]:
        """Groups pairs of similar length, so that there is little padding."""
        rng = np.random.default_rng([self._seed, epoch])
        # 1. A random order and a stable sort by length: a pair gets other neighbors in each epoch.
        order = rng.permutation(len(encoded))
        source_lengths = encoded.source.lengths[order] + 1
        target_lengths = encoded.target.lengths[order] + 1
        by_length = np.lexsort((source_lengths, target_lengths))
        # 2. Cut where a batch would exceed the budget.
        longer_side = np.maximum(source_lengths, target_lengths)[by_length]
        widths = _round_up(longer_side, self._batching.pad_to_multiple_of)
        batches = self._cut(order[by_length], widths)
        # 3. A random order of the batches.
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut(self, order: IntArray, widths: IntArray) -> list[IntArray]:
        """Cuts `order` (N,) into batches. A batch is as wide as the widest of its pairs."""
        batches = []
        first = 0
        widest = 0
        for i, width in enumerate(widths.tolist()):
            size = i - first + 1
            tokens = size * max(widest, width)
            too_large = tokens > self._batching.max_tokens or size > self._batching.max_sentences
            if size > 1 and too_large:
                batches.append(order[first:i])
                first = i
                widest = 0
            widest = max(widest, width)
        if len(order):
            batches.append(order[first:])
        return batches


def collate(
    encoded: EncodedPairs, rows: IntArray, multiple: int, aligner: Aligner | None = None
) -> Batch:
    """Makes one padded batch.

    Args:
        encoded: all pairs.
        rows: (B,) numbers of the pairs of this batch.
        multiple: lengths are rounded up to a multiple of this.
        aligner: adds an alignment.
    """
    source_width = _padded_width(encoded.source.lengths[rows] + 1, multiple)
    target_width = _padded_width(encoded.target.lengths[rows] + 1, multiple)
    source = np.full((len(rows), source_width), PAD, dtype=np.int64)
    target_in = np.full((len(rows), target_width), PAD, dtype=np.int64)
    target_out = np.full((len(rows), target_width), PAD, dtype=np.int64)
    target_in[:, 0] = BOS
    for i, row in enumerate(rows):
        source_tokens = encoded.source[row]
        source[i, : len(source_tokens)] = source_tokens
        source[i, len(source_tokens)] = EOS
        target_tokens = encoded.target[row]
        target_in[i, 1 : len(target_tokens) + 1] = target_tokens
        target_out[i, : len(target_tokens)] = target_tokens
        target_out[i, len(target_tokens)] = EOS
    alignment = None if aligner is None else torch.from_numpy(aligner(source, target_out))
    return Batch(
        torch.from_numpy(source),
        torch.from_numpy(source != PAD),
        torch.from_numpy(target_in),
        torch.from_numpy(target_out),
        alignment,
    )


def pad(rows: Sequence[Sequence[int]], multiple: int = 1) -> Tensor:
    """Pads lists of token IDs to int64 (B, length of the longest, rounded up to `multiple`)."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.full((len(rows), _padded_width(lengths, multiple)), PAD, dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return torch.from_numpy(padded)


def _padded_width(lengths: IntArray, multiple: int) -> int:
    """Returns the width of a batch, at least 1."""
    longest = lengths.max(initial=0)
    return max(1, int(_round_up(longest, multiple)))


def _round_up(lengths: IntArray, multiple: int) -> IntArray:
    return -(-lengths // multiple) * multiple
