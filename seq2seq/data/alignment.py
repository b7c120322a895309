"""Word alignment with IBM Model 1 (Brown et al. 1993), learned from parallel sentences alone.

`train_lexicon` estimates t(f|e): the probability that a source token e is translated as a target
token f. `Aligner` uses it to find which source tokens a target token comes from. Both ignore the
case of source IDs: it is in ID // V, where V is the size of the source vocabulary.

Legend:
    B sentences in a batch, S source tokens, T target tokens
    P pairs of a source token and a target token in the same sentence pair
    M different pairs among them: the entries of the lexicon
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seq2seq.text.tokenizer import EOS, PAD

IntArray = NDArray[np.int64]

MAX_TOKEN_PAIRS = 30_000_000
"""Default limit for P. It bounds the memory of `train_lexicon` to about two gigabytes."""

# Dyer et al. 2013, section 2: the prior falls as exp(-lambda |t / T - s / S|) away from the
# diagonal, and a target token comes from the NULL token with probability p0.
_DIAGONAL_TENSION = 4.0
_NULL_PRIOR = 0.08

_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Lexicon:
    """The translation table t(f|e): source[m] becomes target[m] with probability[m].

    All arrays are (M,), sorted by source token and then by target token. The probabilities of one
    source token sum to 1.
    """

    source: IntArray
    target: IntArray
    probability: NDArray[np.float64]
    null: int
    """The number of the NULL token: the size of the source vocabulary. It produces target tokens
    that no source token explains."""


class TokenRows(Protocol):
    """Sentences as token IDs: a list of lists, or a `RaggedArray`."""

    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> Sequence[int] | NDArray[np.int32]: ...


def train_lexicon(
    source: TokenRows,
    target: TokenRows,
    *,
    source_size: int,
    target_size: int,
    iterations: int = 5,
    max_token_pairs: int = MAX_TOKEN_PAIRS,
) -> Lexicon:
    """Trains IBM Model 1 by expectation maximization.

    Args:
        source: the source sentences, as source IDs.
        target: the target sentences; target[n] translates source[n].
        source_size: size of the source vocabulary. This number becomes the NULL token.
        target_size: size of the target vocabulary.
        iterations: rounds of expectation maximization.
        max_token_pairs: limit for P. From a larger corpus, evenly spaced sentences are used.
    """
    null = source_size
    keys, candidates = _token_pairs(source, target, null, target_size, max_token_pairs)
    if not len(keys):
        empty = np.zeros(0, dtype=np.int64)
        return Lexicon(empty, empty, np.zeros(0), null)
    entry_keys, entry = np.unique(keys, return_inverse=True)  # (M,), (P,)
    entry_source = entry_keys // target_size  # (M,)
    # The candidates of target position i are the token pairs first[i] to first[i] + candidates[i].
    first = np.concatenate([[0], candidates.cumsum()[:-1]])
    probability = np.ones(len(entry_keys))
    for _ in range(iterations):
        # E step: each target position is shared among its candidates in proportion to t(f|e).
        weight = probability[entry]  # (P,)
        weight /= np.repeat(np.add.reduceat(weight, first), candidates)
        # M step: the new t(f|e) are the summed shares, normalized for each source token.
        counts = np.bincount(entry, weight, minlength=len(entry_keys))  # (M,)
        probability = counts / np.bincount(entry_source, counts)[entry_source]
    return Lexicon(entry_source, entry_keys % target_size, probability, null)


def _token_pairs(
    source: TokenRows, target: TokenRows, null: int, target_size: int, max_token_pairs: int
) -> tuple[IntArray, IntArray]:
    """Lists all pairs of a source token and a target token in the same sentence pair.

    Returns:
        keys (P,): source token * target_size + target token. The pairs of one target position
            stand next to each other.
        candidates: for each target position, how many source tokens (with NULL) it may come from.
    """
    keys = []
    candidates = []
    sizes = [len(source[n]) * len(target[n]) for n in range(len(source))]
    for n in _evenly_spaced(sizes, max_token_pairs):
        if not len(source[n]) or not len(target[n]):
            continue
        # NULL is the size of the vocabulary, so the remainder is the token without its case.
        source_tokens = np.append(np.asarray(source[n], dtype=np.int64) % null, null)  # (S + 1,)
        target_tokens = np.asarray(target[n], dtype=np.int64)  # (T,)
        keys.append((source_tokens * target_size + target_tokens[:, None]).ravel())
        candidates.append(np.full(len(target_tokens), len(source_tokens)))
    if not keys:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    return np.concatenate(keys), np.concatenate(candidates)


def _evenly_spaced(sizes: list[int], limit: int) -> range:
    """Returns evenly spaced indices whose sizes sum to about `limit` at most."""
    step = -(-sum(sizes) // limit)
    return range(0, len(sizes), max(1, step))


class Aligner:
    """Computes which source tokens each target token comes from.

    The probabilities are those of IBM Model 1 with a prior that prefers positions near the
    diagonal (Dyer et al. 2013). The end token </s> is aligned with </s>.
    """

    def __init__(self, lexicon: Lexicon, target_size: int) -> None:
        self._target_size = target_size
        self._null = lexicon.null
        self._keys = lexicon.source * target_size + lexicon.target  # (M,), ascending
        self._probability = lexicon.probability

    def __call__(self, source: IntArray, target: IntArray) -> NDArray[np.float32]:
        """Aligns a batch.

        Args:
            source: (B,S) source IDs, padded.
            target: (B,T) token IDs, padded.

        Returns:
            (B,T,S) probabilities. A row sums to 1 minus the probability of the NULL token. Rows of
            padding are 0, and so are rows of a target token that the lexicon has never seen with
            one of these source tokens.
        """
        source = source % self._null  # without case
        source_mask = source != PAD  # (B,S)
        target_mask = target != PAD  # (B,T)
        prior = _diagonal_prior(source_mask, target_mask)  # (B,T,S)
        prior *= (1 - _NULL_PRIOR) / np.maximum(prior.sum(axis=2, keepdims=True), _TINY)
        likelihood = prior * self._look_up(source[:, None, :], target[:, :, None])  # (B,T,S)
        null = _NULL_PRIOR * self._look_up(np.asarray(self._null), target)  # (B,T)
        likelihood /= np.maximum(likelihood.sum(axis=2) + null, _TINY)[:, :, None]
        target_ends = (target == EOS)[:, :, None]  # (B,T,1)
        source_ends = (source == EOS)[:, None, :]  # (B,1,S)
        alignment = np.where(target_ends, target_ends & source_ends, likelihood)
        return (alignment * target_mask[:, :, None]).astype(np.float32)

    def _look_up(self, source: IntArray, target: IntArray) -> NDArray[np.float64]:
        """Returns t(target|source) elementwise, 0 for pairs that are not in the lexicon."""
        keys = source * self._target_size + target
        if not len(self._keys):
            return np.zeros(keys.shape)
        entries = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        return np.where(self._keys[entries] == keys, self._probability[entries], 0.0)


def _diagonal_prior(
    source_mask: NDArray[np.bool_], target_mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Returns the prior (B,T,S) before normalization; it is 0 at padded source positions."""
    source_position = _relative_positions(source_mask)
    target_position = _relative_positions(target_mask)
    distance = np.abs(target_position[:, :, None] - source_position[:, None, :])  # (B,T,S)
    return np.exp(-_DIAGONAL_TENSION * distance) * source_mask[:, None, :]


def _relative_positions(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the position of each token (B,length) relative to the length of its sentence."""
    lengths = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    return np.arange(mask.shape[1]) / lengths
