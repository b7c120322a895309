"""Random segmentations of a text (subword regularization), the same for the same seed everywhere.

SentencePiece can sample too. But version 0.2.3 mixes a number that differs from process to process
into the seed. Here every random number comes from a `random.Random`. Python promises that its
`random()` gives the same numbers for the same seed.

In our models a token has a space (U+2581) at its start only. So each word is segmented on its own,
and what depends only on the word is remembered.
"""

import functools
import heapq
import math
import random
import re
from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Callable
from typing import NamedTuple

from seq2seq.text.subword_model import SubwordModel

_SPACE = "\u2581"
_WORD = re.compile(f"{_SPACE}[^{_SPACE}]*|[^{_SPACE}]+")

# A word takes about 2 kB. Longer words are rare, or they are sentences of a script without spaces.
_REMEMBERED_WORDS = 30_000
_MAX_REMEMBERED_LENGTH = 32


class SubwordSampler(ABC):
    """Samples segmentations. User symbols are never split."""

    def __init__(self, model: SubwordModel) -> None:
        self._model = model
        # As in SentencePiece, the longest symbol wins where several begin.
        symbols = sorted(model.symbols, key=len, reverse=True)
        pattern = "|".join(re.escape(symbol) for symbol in symbols) or "(?!)"
        self._symbol = re.compile(f"({pattern})")

    def sample(self, text: str, rng: random.Random) -> list[int]:
        """Returns the token IDs of a random segmentation.

        Args:
            text: text as SentencePiece normalizes it: U+2581 at the start and instead of spaces.
            rng: the random numbers.
        """
        ids: list[int] = []
        # The pattern is a group, so `split` returns a text, a symbol, a text and so on.
        for number, part in enumerate(self._symbol.split(text)):
            if number % 2:
                ids.append(self._model.symbols[part])
                continue
            for word in _WORD.findall(part):
                ids += self._sample_word(word, rng)
        return ids if self._model.bytes else self._join_unknown(ids)

    def _sample_word(self, word: str, rng: random.Random) -> list[int]:
        ids: list[int] = []
        for token in self._segment(word, rng):
            token_id = self._model.ids.get(token)
            if token_id is None:  # a single character
                ids += self._model.spell(token)
            else:
                ids.append(token_id)
        return ids

    @abstractmethod
    def _segment(self, word: str, rng: random.Random) -> list[str]:
        """Returns tokens that spell the word. A character without a token stands for itself."""

    def _join_unknown(self, ids: list[int]) -> list[int]:
        """Makes one <unk> of several in a row, as SentencePiece does."""
        unknown = self._model.unknown
        joined: list[int] = []
        for token in ids:
            if token != unknown or joined[-1:] != [unknown]:
                joined.append(token)
        return joined


def subword_sampler(model: SubwordModel, alpha: float) -> SubwordSampler:
    """Makes the sampler for the model's algorithm.

    Args:
        model: the vocabulary.
        alpha: how much the segmentations vary; see `TokenizerConfig.sampling`.
    """
    if model.kind == "bpe":
        return BPEDropout(model, alpha)
    return UnigramSampler(model, alpha)


class _Choice(NamedTuple):
    """The tokens that may start at a position. Token i has the numbers below boundaries[i]."""

    boundaries: tuple[float, ...]
    tokens: tuple[str, ...]


class UnigramSampler(SubwordSampler):
    """Draws each segmentation with a probability proportional to P(segmentation)^alpha.

    This is Kudo (2018, section 3.2) with l = infinity: it considers all segmentations. The lattice
    of tokens is filtered from the end of the word to its start, and a path through it is sampled
    from the start to the end.
    """

    def __init__(self, model: SubwordModel, alpha: float) -> None:
        super().__init__(model)
        self._alpha = alpha
        # As in SentencePiece. It matters only for characters that longer tokens contain.
        self._unknown_score = min(model.scores.values(), default=0.0) - 10
        self._prefixes = {token[:end] for token in model.ids for end in range(1, len(token) + 1)}
        self._remembered_lattice = functools.lru_cache(_REMEMBERED_WORDS)(self._lattice)

    def _segment(self, word: str, rng: random.Random) -> list[str]:
        short = len(word) <= _MAX_REMEMBERED_LENGTH
        lattice = self._remembered_lattice(word) if short else self._lattice(word)
        segmentation = []
        position = 0
        while position < len(word):
            boundaries, tokens = lattice[position]
            token = tokens[bisect(boundaries, rng.random())]
            segmentation.append(token)
            position += len(token)
        return segmentation

    def _lattice(self, word: str) -> list[_Choice]:
        """Returns the choice at each position of the word."""
        # log_sums[i]: log of the sum of P^alpha over all segmentations of word[i:]
        log_sums = [0.0] * (len(word) + 1)
        lattice = []
        for start in reversed(range(len(word))):
            tokens = self._tokens_at(word, start)
            weights = []
            for token in tokens:
                score = self._model.scores.get(token, self._unknown_score)
                weights.append(self._alpha * score + log_sums[start + len(token)])
            log_sums[start] = _log_sum_exp(weights)
            boundaries = []
            boundary = 0.0
            # The last token has all numbers that are left, so rounding leaves no gap.
            for weight in weights[:-1]:
                boundary += math.exp(weight - log_sums[start])
                boundaries.append(boundary)
            lattice.append(_Choice(tuple(boundaries), tuple(tokens)))
        lattice.reverse()
        return lattice

    def _tokens_at(self, word: str, start: int) -> list[str]:
        """Returns the tokens that the word has at a position, and always its character."""
        tokens = [word[start]]
        for end in range(start + 2, len(word) + 1):
            token = word[start:end]
            if token not in self._prefixes:
                break
            if token in self._model.ids:
                tokens.append(token)
        return tokens


class _Merged(NamedTuple):
    """A word after all its merges."""

    tokens: list[str]
    probability: float
    """The probability that none of the merges is skipped."""


class BPEDropout(SubwordSampler):
    """Skips each merge with probability alpha (BPE-dropout, Provilkov et al. 2020).

    As in SentencePiece, a merge that was skipped is not tried again.
    """

    def __init__(self, model: SubwordModel, alpha: float) -> None:
        super().__init__(model)
        self._alpha = alpha
        self._remembered_merged = functools.lru_cache(_REMEMBERED_WORDS)(self._merged)

    def _segment(self, word: str, rng: random.Random) -> list[str]:
        short = len(word) <= _MAX_REMEMBERED_LENGTH
        merged = self._remembered_merged(word) if short else self._merged(word)
        draw = 1 - rng.random()  # above 0, because its logarithm is needed
        if draw <= merged.probability:
            return merged.tokens
        # The number of merges before the first that is skipped has a geometric distribution. The
        # inverse of its distribution function turns `draw` into that number.
        first = int(math.log(draw) / math.log1p(-self._alpha))

        def skip(number: int) -> bool:
            return number == first or (number > first and rng.random() < self._alpha)

        tokens, _ = self._merge(word, skip)
        return tokens

    def _merged(self, word: str) -> _Merged:
        tokens, num_merges = self._merge(word, lambda number: False)
        return _Merged(tokens, (1 - self._alpha) ** num_merges)

    def _merge(self, word: str, skip: Callable[[int], bool]) -> tuple[list[str], int]:
        """Merges characters to tokens, the merge with the highest score first.

        Args:
            word: the characters.
            skip: says whether merge number i, counted from 0, is skipped.

        Returns:
            The tokens, and how many merges were done or skipped.
        """
        scores = self._model.scores
        # A linked list. A merge puts both tokens into the left one, and "" into the right one.
        tokens = list(word)
        before = list(range(-1, len(word) - 1))
        after = list(range(1, len(word) + 1))
        queue: list[tuple[float, int, int, str]] = []

        def consider(left: int, right: int) -> None:
            if left < 0 or right == len(tokens):
                return
            merged = tokens[left] + tokens[right]
            score = scores.get(merged)
            if score is not None:
                heapq.heappush(queue, (-score, left, right, merged))

        for position in range(len(word) - 1):
            consider(position, position + 1)
        num_merges = 0
        while queue:
            _, left, right, merged = heapq.heappop(queue)
            if not tokens[left] or not tokens[right]:
                continue  # one of them has been merged into another token
            if len(tokens[left]) + len(tokens[right]) != len(merged):
                continue  # one of them has grown
            num_merges += 1
            if skip(num_merges - 1):
                continue
            tokens[left] = merged
            tokens[right] = ""
            after[left] = after[right]
            if after[left] < len(tokens):
                before[after[left]] = left
            consider(before[left], left)
            consider(left, after[left])
        return [token for token in tokens if token], num_merges


def _log_sum_exp(values: list[float]) -> float:
    largest = max(values)
    return largest + math.log(math.fsum(math.exp(value - largest) for value in values))
