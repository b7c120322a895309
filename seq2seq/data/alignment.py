"""Which target piece a source piece becomes, learnt from aligned sentences alone (IBM Model 1, Brown et al. 1993), and from
that which piece of its own source a target piece comes from.

Legend: P pairs of a source piece and a target piece that share a sentence, M different ones among them; B sentences,
S source pieces, T target pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seq2seq.data.tokenizer import EOS, PAD

Integers = NDArray[np.int64]

MOST_PAIRS = 30_000_000
"""Of P: what is looked at takes at most about two gigabytes. Of a larger corpus, sentences spread evenly are taken."""


@dataclass(frozen=True)
class Lexicon:
    """Entry m says that source[m] becomes target[m] with probability[m]; (M,) each, by source and then by target.

    The source piece numbered `nothing` stands for what no piece of the source says: articles, say.
    """

    source: Integers
    target: Integers
    probability: NDArray[np.float64]
    nothing: int


class Sentences(Protocol):
    """Many sentences in pieces: lists, or rows of an array in a file."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Sequence[int] | NDArray[np.int32]: ...


def learn_lexicon(
    source: Sentences,
    target: Sentences,
    *,
    source_size: int,
    target_size: int,
    rounds: int = 5,
    most_pairs: int = MOST_PAIRS,
) -> Lexicon:
    """Expectation maximisation over sentences source[n], target[n] of piece numbers."""
    # 1. All pairs of pieces that share a sentence, ordered so that the pairs of a target place stand together.
    nothing = source_size
    keys, lengths = [], []
    for n in _spread([len(source[n]) * len(target[n]) for n in range(len(source))], most_pairs):
        if not len(source[n]) or not len(target[n]):
            continue
        pieces = np.append(source[n], nothing).astype(np.int64)
        keys.append((pieces * target_size + np.asarray(target[n], dtype=np.int64)[:, None]).ravel())
        lengths.append(np.full(len(target[n]), len(pieces)))
    if not keys:
        empty = np.zeros(0, dtype=np.int64)
        return Lexicon(empty, empty, np.zeros(0), nothing)
    pairs, which = np.unique(np.concatenate(keys), return_inverse=True)  # (M,), (P,)
    of_source = pairs // target_size
    width = np.concatenate(lengths)  # source pieces that each target place may come from
    begins = np.concatenate([[0], width.cumsum()[:-1]])
    # 2. Each target place is shared among its source pieces as the table says; the table is what they get on the whole.
    table = np.ones(len(pairs))
    for _ in range(rounds):
        weight = table[which]
        weight /= np.repeat(np.add.reduceat(weight, begins), width)
        counts = np.bincount(which, weight, minlength=len(pairs))
        table = counts / np.bincount(of_source, counts)[of_source]
    return Lexicon(of_source, pairs % target_size, table, nothing)


def _spread(sizes: list[int], most: int) -> range:
    """Numbers of sentences, evenly apart, that have about `most` pairs in all at most."""
    return range(0, len(sizes), max(1, -(-sum(sizes) // most)))


_DIAGONAL = 4.0
"""Pieces far from the diagonal become unlikelier as exp(-4 |t / T - s / S|) (Dyer et al. 2013, section 2)."""
_UNSAID = 0.08
"""Share of target pieces that no source piece says, before one looks (as there)."""


class Aligner:
    """For each target piece the probabilities of the source pieces that it may come from: those of IBM Model 1, where there
    are several candidates the nearer to the diagonal the likelier, and </s> from </s>."""

    def __init__(self, lexicon: Lexicon, target_size: int) -> None:
        self._size, self._nothing = target_size, lexicon.nothing
        self._keys = lexicon.source * target_size + lexicon.target  # (M,) rising
        self._probability = lexicon.probability

    def __call__(self, source: Integers, target: Integers) -> NDArray[np.float32]:
        """source (B,S), target (B,T), padded -> (B,T,S). A row sums to 1 less the share of the target piece that nothing
        says; that of padding, and of a pair that the lexicon has never seen, is 0."""
        of_source, of_target = source != PAD, target != PAD
        places_of_target, places_of_source = (
            np.arange(kept.shape[1]) / np.maximum(kept.sum(axis=1, keepdims=True), 1) for kept in (of_target, of_source)
        )
        distance = np.abs(places_of_target[:, :, None] - places_of_source[:, None, :])  # (B,T,S)
        prior = np.exp(-_DIAGONAL * distance) * of_source[:, None, :]
        prior *= (1 - _UNSAID) / np.maximum(prior.sum(axis=2, keepdims=True), np.finfo(np.float64).tiny)
        likely = prior * self._look_up(source[:, None, :], target[:, :, None])
        unsaid = _UNSAID * self._look_up(np.asarray(self._nothing), target)
        likely /= np.maximum(likely.sum(axis=2) + unsaid, np.finfo(np.float64).tiny)[:, :, None]
        ends = (target == EOS)[:, :, None]
        likely = np.where(ends, ends & (source == EOS)[:, None, :], likely)
        return (likely * of_target[:, :, None]).astype(np.float32)

    def _look_up(self, source: Integers, target: Integers) -> NDArray[np.float64]:
        keys = source * self._size + target
        if not len(self._keys):
            return np.zeros(keys.shape)
        places = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._probability[places], 0.0)
