"""Which target piece a source piece becomes, learnt from aligned sentences alone (IBM Model 1, Brown et al. 1993).

Legend: P pairs of a source piece and a target piece that share a sentence, M different ones among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_PAIRS = 30_000_000
"""Of P: what is looked at takes at most about a gigabyte. Of a larger corpus, sentences spread evenly are taken."""


@dataclass(frozen=True)
class Lexicon:
    """Entry m says that source[m] becomes target[m] with probability[m]; (M,) each, by source and then by target.

    The source piece numbered `nothing` stands for what no piece of the source says: articles, say.
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    probability: NDArray[np.float64]
    nothing: int


def learn_lexicon(
    source: Sequence[Sequence[int]],
    target: Sequence[Sequence[int]],
    *,
    source_size: int,
    target_size: int,
    rounds: int = 5,
) -> Lexicon:
    """Expectation maximisation over sentences source[n], target[n] of piece numbers."""
    # 1. All pairs of pieces that share a sentence, ordered so that the pairs of a target place stand together.
    nothing = source_size
    keys, lengths = [], []
    for n in _spread([len(s) * len(t) for s, t in zip(source, target, strict=True)]):
        if not source[n] or not target[n]:
            continue
        pieces = np.asarray([*source[n], nothing], dtype=np.int64)
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


def _spread(sizes: list[int]) -> range:
    """Numbers of sentences, evenly apart, that have MOST_PAIRS pairs in all at most."""
    return range(0, len(sizes), max(1, -(-sum(sizes) // MOST_PAIRS)))
