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

from seq2seq.config.augment import NO_NOISE, AugmentConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.config.training import BatchingConfig
from seq2seq.data.alignment import Aligner, train_lexicon
from seq2seq.data.augmentation import Augmenter, Change
from seq2seq.data.corpus import Pairs
from seq2seq.data.encoding import EncodedPairs, encode_pairs
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
    """One epoch of P pairs."""

    number: int
    rows: IntArray
    """(P,) which pair stands at each position."""
    encoded: EncodedPairs
    """The pair at each position, with what was changed in this epoch."""
    batches: list[IntArray]
    """The positions in each batch."""


class TrainingBatches:
    """The batches of any epoch.

    They depend only on the pairs, the settings, the seed and the epoch: a resumed run sees the
    same pairs in the same order, with the same noise and the same sampled segmentations.
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
        augment: AugmentConfig = NO_NOISE,
        language: str = "en",
        weights: Sequence[tuple[int, float]] = (),
    ) -> None:
        """Encodes the pairs and skips those that are too long.

        Args:
            pairs: the training pairs.
            tokenizer: encodes them.
            batching: the sizes of the batches.
            sampling: whether and how the text is segmented again in each epoch.
            seed: determines the order of the pairs, the noise and the sampled segmentations.
            cache: the folder for the encoded text; see `encode_pairs`.
            augment: how much noise is added.
            language: the source language, for the noise.
            weights: (number of pairs, how often an epoch takes each) of each corpus that `pairs`
                is made of. By default, an epoch takes each pair once.
        """
        self._tokenizer = tokenizer
        self._batching = batching
        self._sampling = sampling
        self._seed = seed
        # One position is reserved for the start or end token.
        self._max_tokens = batching.max_length - 1
        encoded = encode_pairs(pairs, tokenizer, cache)
        pair_weights = _pair_weights(len(pairs), weights)
        longest = np.maximum(encoded.source.lengths, encoded.target.lengths)
        fitting = np.flatnonzero(longest <= self._max_tokens)
        self.skipped = len(pairs) - len(fitting)
        """Pairs that have `max_length` tokens or more on either side."""
        if self.skipped:
            pairs = pairs.select(fitting.tolist())
            encoded = encoded.select(fitting)
            pair_weights = pair_weights[fitting]
        self._pairs = pairs
        self._encoded = encoded
        self._weights = pair_weights
        self._augmenter = Augmenter(pairs, augment, tokenizer, language=language, seed=seed)
        self._aligner: Aligner | None = None
        self._guides_attention = False
        self._last_epoch: _Epoch | None = None

    def __len__(self) -> int:
        """Pairs in an epoch."""
        return len(self._pairs)

    def align(self, *, guide_attention: bool) -> None:
        """Learns a word alignment (takes seconds), which the noise uses to place slots.

        Args:
            guide_attention: whether batches have an `alignment` from then on.
        """
        self._guides_attention = guide_attention
        if not guide_attention and not self._augmenter.needs_alignment:
            return
        target_size = self._tokenizer.size("target")
        lexicon = train_lexicon(
            self._encoded.source,
            self._encoded.target,
            source_size=self._tokenizer.size("source"),
            target_size=target_size,
            max_token_pairs=_MAX_TOKEN_PAIRS,
        )
        self._aligner = Aligner(lexicon, target_size)
        self._augmenter.align_with(self._aligner)
        self._last_epoch = None

    def num_batches(self, epoch: int) -> int:
        """Returns the number of batches in `epoch`."""
        return len(self._epoch(epoch).batches)

    def pair_numbers(self, epoch: int) -> list[IntArray]:
        """Returns, for each batch of `epoch`, the numbers of its pairs."""
        content = self._epoch(epoch)
        return [content.rows[positions] for positions in content.batches]

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yields the batches of `epoch`, from batch number `start` on."""
        content = self._epoch(epoch)
        aligner = self._aligner if self._guides_attention else None
        for positions in content.batches[start:]:
            yield collate(content.encoded, positions, self._batching.pad_to_multiple_of, aligner)

    def _epoch(self, epoch: int) -> _Epoch:
        """Draws and groups an epoch. The last one is remembered, so that it is grouped once."""
        if self._last_epoch is None or self._last_epoch.number != epoch:
            self._last_epoch = None  # frees its memory before the next one is built
            rows = self._draw_rows(epoch)
            encoded = self._encode(rows, epoch)
            self._last_epoch = _Epoch(epoch, rows, encoded, self._group(encoded, epoch))
        return self._last_epoch

    def _draw_rows(self, epoch: int) -> IntArray:
        """Returns the numbers of the pairs of an epoch: each as often as its weight says.

        A pair of weight 0.4 is in an epoch with this probability. One of weight 2.4 is in it twice
        or three times.
        """
        if (self._weights == 1).all():
            return np.arange(len(self._pairs))
        rng = np.random.default_rng([self._seed, epoch, 3])
        whole = np.floor(self._weights)
        counts = whole + (rng.random(len(self._weights)) < self._weights - whole)
        rows = np.arange(len(self._pairs)).repeat(counts.astype(np.int64))
        # Training would not get on with an epoch of nothing.
        return rows if len(rows) else rng.integers(len(self._pairs), size=1)

    def _encode(self, rows: IntArray, epoch: int) -> EncodedPairs:
        """Returns the pairs `rows`, with the noise and the segmentations of an epoch."""
        encoded = self._encoded.select(rows)
        if not self._augmenter.is_active and not self._sampling.sampling:
            return encoded
        changes = self._augmenter.changes(rows, epoch) if self._augmenter.is_active else {}
        positions = list(changes)
        sources = [changes[position][0] for position in positions]
        targets = [changes[position][1] for position in positions]
        if self._sampling.sampling:
            positions = list(range(len(rows)))
            sources = self._texts(self._pairs.source, rows, changes, 0)
            targets = self._texts(self._pairs.target, rows, changes, 1)
        source_rows = self._encode_side("source", sources, epoch)
        target_rows = self._encode_side("target", targets, epoch)
        # What became too long stays as it was.
        fitting = [
            number
            for number in range(len(positions))
            if max(len(source_rows[number]), len(target_rows[number])) <= self._max_tokens
            and source_rows[number]
            and target_rows[number]
        ]
        kept = [positions[number] for number in fitting]
        return EncodedPairs(
            encoded.source.replace(kept, [source_rows[number] for number in fitting]),
            encoded.target.replace(kept, [target_rows[number] for number in fitting]),
        )

    def _encode_side(self, side: Side, texts: list[str], epoch: int) -> list[list[int]]:
        """Encodes texts, by random segmentations if the settings say so (Kudo 2018)."""
        is_sampled = side == "source" or self._sampling.sampling_sides == "both"
        if not self._sampling.sampling or not is_sampled:
            return self._tokenizer.encode(texts, side)
        # Each side of each epoch gets a seed of its own.
        side_number = 0 if side == "source" else 1
        sequence = np.random.SeedSequence([self._seed, epoch, side_number])
        seed = int(sequence.generate_state(1, np.uint64)[0])
        return self._tokenizer.sample(texts, side, alpha=self._sampling.sampling, seed=seed)

    @staticmethod
    def _texts(
        texts: list[str], rows: IntArray, changes: dict[int, Change], side_number: int
    ) -> list[str]:
        """Returns the text at each position of an epoch."""
        of_epoch = [texts[row] for row in rows.tolist()]
        for position, change in changes.items():
            of_epoch[position] = change[side_number]
        return of_epoch

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


def _pair_weights(num_pairs: int, weights: Sequence[tuple[int, float]]) -> NDArray[np.float64]:
    """Returns the weight of each pair. Pairs after the last corpus have weight 1."""
    of_pairs = np.ones(num_pairs)
    start = 0
    for count, weight in weights:
        of_pairs[start : start + count] = weight
        start += count
    return of_pairs


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
