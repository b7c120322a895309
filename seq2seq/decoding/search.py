"""Beam search over anything with `start` and `step`, for many sentences at once. Greedy search is a beam of 1.

Legend: B sentences, K beam, N rows (the open hypotheses: at most K for each sentence, which stand together), S source
pieces, V vocabulary, C candidates of a sentence (V without a shortlist). A *column* is a place in a row of candidates.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict
from torch import Tensor

from seq2seq.decoding.continuations import NEVER, Continuations
from seq2seq.models import Askers, Seq2Seq

# What is remembered of finished sentences is thrown out when no more than this share of all is open. Each time costs a
# copy of the others', and programs of the library for products of another shape.
_STILL_OPEN = 0.75

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """How translations are searched for."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    beam: int = 5
    """Hypotheses kept open for each sentence; 1 is greedy search."""
    nbest: int = 1
    """Translations given for each sentence; at most `beam`."""
    length_penalty: float = 1.0
    """Exponent alpha of Wu et al. 2016, equation 14: 0 compares sums of log-probabilities, more favours length."""
    max_length: float = 2.0
    """A translation has at most this many times the source's pieces, and 10 more."""
    no_repeat_ngram: int = 6
    """No run of this many pieces comes twice in a translation, which ends loops; 0 allows it."""
    prune: float = 1.5
    """A hypothesis is dropped when its log-probability is this much below that of the sentence's best open one, or the
    `nbest`-th best (relative threshold pruning, Freitag & Al-Onaizan 2017, section 3); 0 drops none."""
    batch_tokens: int = 12000
    """Padded source pieces times beam that are searched at once."""

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise ValueError("beam must be at least 1")
        if not 1 <= self.nbest <= self.beam:
            raise ValueError(f"nbest must be at least 1 and at most beam ({self.beam})")
        if not all(math.isfinite(value) for value in (self.length_penalty, self.max_length, self.prune)):
            raise ValueError("length_penalty, max_length and prune must be finite numbers")
        if not 0 < self.max_length <= 1000:
            raise ValueError("max_length must be above 0 and at most 1000")
        if self.no_repeat_ngram < 0 or self.no_repeat_ngram == 1:
            raise ValueError("no_repeat_ngram must be 0 (off) or at least 2")
        if self.prune < 0:
            raise ValueError("prune must be at least 0 (0 drops no hypothesis)")
        if self.batch_tokens < 1:
            raise ValueError("batch_tokens must be at least 1")


@dataclass(frozen=True)
class Hypothesis:
    """tokens: pieces without <s> and </s>; log_prob: their sum with </s>; score: log_prob over the length penalty;
    attention: (len(tokens) + 1, S), a row for every piece and one for </s>, or None."""

    tokens: list[int]
    log_prob: float
    score: float
    attention: Tensor | None = None


def length_penalty(length: int, alpha: float) -> float:
    """Wu et al. 2016, equation 14, for a hypothesis of `length` pieces, </s> included."""
    return ((5 + length) / 6) ** alpha


def length_limits(source_mask: Tensor, config: SearchConfig) -> list[int]:
    """Pieces that each translation may have, </s> included; from each source's own length, not from its batch."""
    return [int(length * config.max_length) + 10 for length in source_mask.sum(1).tolist()]


@torch.inference_mode()
def beam_search(
    model: Seq2Seq[Any, Any],
    source: Tensor,
    source_mask: Tensor,
    config: SearchConfig,
    *,
    bos: int,
    eos: int,
    forbidden: Sequence[int] = (),
    keep_attention: bool = False,
    candidates: Tensor | None = None,
) -> list[list[Hypothesis]]:
    """source (B,S), source_mask (B,S) -> for each sentence its hypotheses, best first (`config.nbest` at most).

    `candidates` (B,C) are all that the sentences may say: `eos` first, nothing forbidden, padded with `forbidden[0]`.
    """
    limits, lengths = length_limits(source_mask, config), source_mask.sum(1).tolist()
    memory = model.encode(source, source_mask)
    search = _Search(
        model, memory, config, limits, lengths, bos, eos, forbidden, keep_attention, candidates, source.device
    )
    while len(search.scores):
        search.advance()
    return [sorted(found, key=lambda h: -h.score)[: config.nbest] for found in search.finished]


class _Search:
    """The open hypotheses of the sentences that are not done yet, and what has been finished.

    What is read and written place by place is NumPy's, whose calls cost a fraction of a tensor's.
    """

    def __init__(
        self,
        model: Seq2Seq[Any, Any],
        memory: Any,
        config: SearchConfig,
        limits: list[int],
        lengths: list[int],
        bos: int,
        eos: int,
        forbidden: Sequence[int],
        keep_attention: bool,
        candidates: Tensor | None,
        device: torch.device,
    ) -> None:
        self.whole_model, self.config, self.limits, self.lengths, self.eos = model, config, limits, lengths, eos
        self.device = device
        self.forbidden = torch.tensor([bos, *forbidden], dtype=torch.int64, device=device)
        self._restrict(candidates)
        self.finished: list[list[Hypothesis]] = [[] for _ in limits]
        self.sentences = list(range(len(limits)))  # the numbers of the sentences in memory, in row order
        self.memory, self.state = memory, model.start(memory)
        rows = len(limits)
        self.askers = Askers(rows, 1)
        self.owners = np.arange(rows)  # (N,) the place of each row's sentence in memory
        self.tokens = np.full((rows, 1), bos, dtype=np.int64)  # (N, t + 1), from <s>
        self.scores = np.zeros(rows, dtype=np.float32)
        self.attention: list[Tensor] | None = [] if keep_attention else None

    def advance(self) -> None:
        """One step of all open sentences."""
        # 1. Score every continuation of every open hypothesis.
        last = torch.from_numpy(self.tokens[:, -1].copy()).to(self.device)
        step, state = self.model.step(self.memory, self.state, last)
        continuations = self._continuations(step.logits)
        # 2. The best 2K of each sentence: at most K of them end (one for each open hypothesis), so K stay open.
        scores = torch.from_numpy(self.scores).to(self.device)
        found = continuations.best(scores, self.askers, 2 * self.config.beam)
        best, parents, columns = (part.cpu().numpy() for part in found)
        places = np.arange(len(self.sentences))[:, None]
        tokens = columns if self.candidates is None else self.candidates.numpy()[places, columns]
        # 3. Those that end are finished if they are among the best K; K of the others stay open.
        if self.attention is not None and step.attention is not None:
            self.attention.append(step.attention.cpu())
        ends = tokens == self.eos
        self._finish(best, parents, ends & (best > NEVER))
        best[ends] = NEVER
        chosen = places, ends.argsort(axis=1, kind="stable")[:, : self.config.beam]
        self._select(state, best[chosen], parents[chosen], tokens[chosen])

    def _restrict(self, candidates: Tensor | None) -> None:
        """Lets the open sentences say nothing but `candidates` (B,C), or anything."""
        self.candidates, self.model, self.end = candidates, self.whole_model, self.eos
        if candidates is not None:
            candidates = candidates.to(self.device)
            self.model, self.end = self.whole_model.restricted(candidates), 0
            # They hold nothing that is forbidden, but as padding.
            self.padding = candidates == self.forbidden[1]  # (B,C)

    def _continuations(self, logits: Tensor) -> Continuations:
        """logits (N,C) without what may not come next."""
        if self.candidates is not None:
            # What only fills up a shortlist has no share of the probability.
            logits.masked_fill_(self.askers.repeat(self.padding), NEVER)
        found = Continuations(logits, self.forbidden if self.candidates is None else None)
        length = self.tokens.shape[1]  # the length after this step, <s> left out
        n = self.config.no_repeat_ngram
        repeats = list(self._repeats(n)) if 0 < n < length else []
        if repeats:
            found.rule_out(*zip(*repeats, strict=True))
        full = np.array([self.limits[sentence] <= length for sentence in self.sentences])[self.owners]
        if full.any():
            found.allow_only(self.end, full.nonzero()[0].tolist())
        return found

    def _repeats(self, n: int) -> Iterator[tuple[int, int]]:
        """(row, column) of each piece that may not come since it would end an n-gram which is there already."""
        for row, piece in _ends_of_repeats(self.tokens[:, 1:], n):
            if piece == self.eos:
                continue  # a translation may always end
            if self.candidates is None:
                yield row, piece
            else:
                yield from ((row, int(column)) for column in (self.candidates[self.owners[row]] == piece).nonzero())

    def _finish(self, best: Floats, parents: Integers, ends: NDArray[np.bool_]) -> None:
        """Keeps the hypotheses at `ends` (B,2K), if they are among the best K."""
        penalty = length_penalty(self.tokens.shape[1], self.config.length_penalty)
        for place, column in zip(*(found.tolist() for found in ends[:, : self.config.beam].nonzero()), strict=True):
            row, log_prob = int(parents[place, column]), float(best[place, column])
            attention = torch.stack([seen[row] for seen in self.attention]) if self.attention else None
            found = Hypothesis(self.tokens[row, 1:].tolist(), log_prob, log_prob / penalty, attention)
            self.finished[self.sentences[place]].append(found)

    def _worth_it(self, sentence: int, scores: Floats) -> NDArray[np.bool_]:
        """Which of the open hypotheses with these log-probabilities (K,) are gone on with.

        Once n are finished, n being how many are given, an open one must beat the last of the n best if it ended for
        nothing, with the next piece or when as long as its source. To stop at the first finished ones would favour short
        translations. Greedy search does stop there: its one hypothesis is what it is.
        """
        found, given = self.finished[sentence], self.config.nbest
        if self.config.beam == 1 and found:
            return np.zeros(len(scores), dtype=np.bool_)
        worth: NDArray[np.bool_] = scores > NEVER
        if self.config.prune and given <= len(scores):
            worth &= scores >= np.sort(scores)[-given] - self.config.prune
        if len(found) >= given:
            worst = sorted((h.score for h in found), reverse=True)[given - 1]
            length = max(self.tokens.shape[1] + 1, self.lengths[sentence])
            worth &= scores / length_penalty(length, self.config.length_penalty) > worst
        return worth

    def _select(self, state: Any, scores: Floats, parents: Integers, tokens: Integers) -> None:
        """Goes on with the hypotheses that continue rows `parents` with `tokens` (B,K), where that is worth it."""
        open_ = zip(self.sentences, scores, strict=True)
        worth = np.stack([self._worth_it(sentence, of_sentence) for sentence, of_sentence in open_])  # (B,K)
        rows, counts = torch.from_numpy(parents[worth]), worth.sum(axis=1)
        still = counts.nonzero()[0]
        if len(still) <= _STILL_OPEN * len(counts):
            places = torch.from_numpy(still)
            self.memory = self.memory.select(places.to(self.device))
            self._restrict(None if self.candidates is None else self.candidates[places])
            self.sentences, counts = [self.sentences[place] for place in still], counts[still]
        self._ask(counts)
        self.state = state.select(rows.to(self.device))
        self.tokens = np.concatenate([self.tokens[rows.numpy()], tokens[worth][:, None]], axis=1)
        self.scores = scores[worth]
        if self.attention is not None:
            self.attention = [weights[rows] for weights in self.attention]

    def _ask(self, counts: Integers) -> None:
        """The sentences have `counts` (B,) rows from here on."""
        width = int(counts.max(initial=1))
        self.owners = np.arange(len(counts)).repeat(counts)
        slots = None
        if len(self.owners) < width * len(counts):
            first = counts.cumsum() - counts  # the first row of each sentence
            slots = torch.from_numpy(self.owners * width + np.arange(len(self.owners)) - first[self.owners])
        self.askers = Askers(len(counts), width, None if slots is None else slots.to(self.device))
        self.memory = self.memory.asked_by(self.askers)


def _ends_of_repeats(history: Integers, n: int) -> Iterator[tuple[int, int]]:
    """(row, piece) for each piece that would end an n-gram which that row of history (N,t) has already."""
    starts = history.shape[1] - n + 1
    same = np.ones((len(history), starts), dtype=np.bool_)
    for offset in range(n - 1):
        same &= history[:, offset : offset + starts] == history[:, starts + offset, None]
    rows, places = same.nonzero()
    yield from zip(rows.tolist(), history[rows, places + n - 1].tolist(), strict=True)
