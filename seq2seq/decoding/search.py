"""Beam search over anything with `start` and `step`, for many sentences at once. Greedy search is a beam of 1.

Legend: B sentences, K beam, N = B * K rows (row b * K + k is the k-th best open hypothesis of sentence b), S source
pieces, V vocabulary, C candidates of a sentence (V without a shortlist). A *column* is a place in a row of candidates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict
from torch import Tensor

from seq2seq.models import Seq2Seq

NEVER = float("-inf")

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
    batch_tokens: int = 4000
    """Padded source pieces times beam that are searched at once."""

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise ValueError("beam must be at least 1")
        if not 1 <= self.nbest <= self.beam:
            raise ValueError(f"nbest must be at least 1 and at most beam ({self.beam})")
        if self.max_length <= 0:
            raise ValueError("max_length must be above 0")
        if self.no_repeat_ngram < 0 or self.no_repeat_ngram == 1:
            raise ValueError("no_repeat_ngram must be 0 (off) or at least 2")
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
    limits = length_limits(source_mask, config)
    memory = model.encode(source, source_mask)
    search = _Search(model, memory, config, limits, bos, eos, forbidden, keep_attention, candidates, source.device)
    while search.sentences:
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
        bos: int,
        eos: int,
        forbidden: Sequence[int],
        keep_attention: bool,
        candidates: Tensor | None,
        device: torch.device,
    ) -> None:
        self.whole_model, self.config, self.limits, self.eos = model, config, limits, eos
        self.device = device
        self.forbidden = torch.tensor([bos, *forbidden], dtype=torch.int64)
        self._restrict(candidates)
        self.finished: list[list[Hypothesis]] = [[] for _ in limits]
        self.sentences = list(range(len(limits)))  # the numbers of the open sentences, in row order
        self.memory, self.state = memory, model.start(memory)
        self.width = 1  # rows per sentence: 1 before the first step, K after it
        rows = len(limits)
        self.tokens = np.full((rows, 1), bos, dtype=np.int64)  # (N, t + 1), from <s>
        self.scores = np.zeros(rows, dtype=np.float32)
        self.attention: list[Tensor] | None = [] if keep_attention else None

    def advance(self) -> None:
        """One step of all open sentences."""
        # 1. Score every continuation of every open hypothesis.
        last = torch.from_numpy(self.tokens[:, -1].copy()).to(self.device)
        step, state = self.model.step(self.memory, self.state, last)
        log_probs = self._allowed(self._log_probs(step.logits.float()).cpu())
        # 2. The best 2K of each sentence: at most K of them end (one for each open hypothesis), so K stay open.
        size, places = log_probs.shape[-1], np.arange(len(self.sentences))[:, None]
        totals = log_probs.add_(torch.from_numpy(self.scores).unsqueeze(1)).view(len(places), self.width * size)
        best, flat = (found.numpy() for found in totals.topk(min(2 * self.config.beam, totals.shape[1]), dim=1))
        parents = flat // size + places * self.width
        tokens = flat % size if self.candidates is None else self.candidates.numpy()[places, flat % size]
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
            self.padding = (candidates == self.forbidden[1]).unsqueeze(1)  # (B,1,C)

    def _log_probs(self, logits: Tensor) -> Tensor:
        """logits (N,C) -> (N,C), over what each sentence may say."""
        if self.candidates is not None:
            logits.view(len(self.sentences), self.width, -1).masked_fill_(self.padding, NEVER)
        return torch.log_softmax(logits, dim=-1)

    def _allowed(self, log_probs: Tensor) -> Tensor:
        """log_probs (N,C) without what may not come next."""
        if self.candidates is None:
            log_probs.index_fill_(1, self.forbidden, NEVER)
        length = self.tokens.shape[1]  # the length after this step, <s> left out
        n = self.config.no_repeat_ngram
        repeats = list(_repeats(self.tokens[:, 1:], n)) if 0 < n < length else []
        full = [self.limits[sentence] <= length for sentence in self.sentences]
        if repeats or any(full):
            ends = log_probs[:, self.end].clone()  # a translation may always end
            for row, piece in repeats:
                column = piece if self.candidates is None else self.candidates[row // self.width] == piece
                log_probs[row, column] = NEVER
            log_probs[torch.tensor(full).repeat_interleave(self.width)] = NEVER
            log_probs[:, self.end] = ends
        return log_probs

    def _finish(self, best: Floats, parents: Integers, ends: NDArray[np.bool_]) -> None:
        """Keeps the hypotheses at `ends` (B,2K), if they are among the best K."""
        penalty = length_penalty(self.tokens.shape[1], self.config.length_penalty)
        for place, column in zip(*(found.tolist() for found in ends[:, : self.config.beam].nonzero()), strict=True):
            row, log_prob = int(parents[place, column]), float(best[place, column])
            attention = torch.stack([seen[row] for seen in self.attention]) if self.attention else None
            found = Hypothesis(self.tokens[row, 1:].tolist(), log_prob, log_prob / penalty, attention)
            self.finished[self.sentences[place]].append(found)

    def _goes_on(self, sentence: int, top: float) -> bool:
        """Whether an open hypothesis (the best has log-probability `top`) may still enter what is given.

        Once K are finished, one that would end with the next piece for nothing must beat the last of the n best. To
        end with the K-th finished one would favour short translations, which finish first. Greedy search does end
        there: its one hypothesis is what it is.
        """
        found = self.finished[sentence]
        if top == NEVER or len(found) < self.config.beam:
            return top > NEVER
        if self.config.beam == 1:
            return False
        worst = sorted((h.score for h in found), reverse=True)[self.config.nbest - 1]
        return top / length_penalty(self.tokens.shape[1] + 1, self.config.length_penalty) > worst

    def _select(self, state: Any, scores: Floats, parents: Integers, tokens: Integers) -> None:
        """Goes on with the hypotheses that continue rows `parents` with `tokens` (B,K), where the sentence goes on."""
        tops = scores.max(axis=1).tolist()
        keep = [place for place, sentence in enumerate(self.sentences) if self._goes_on(sentence, tops[place])]
        rows = parents[keep].reshape(-1)
        if len(keep) < len(self.sentences):
            places = torch.tensor(keep, dtype=torch.int64)
            self.memory = self.memory.select(places.to(self.device))
            self._restrict(None if self.candidates is None else self.candidates[places])
        moved = torch.from_numpy(rows)
        self.state = state.select(moved.to(self.device))
        self.tokens = np.concatenate([self.tokens[rows], tokens[keep].reshape(-1, 1)], axis=1)
        self.scores = scores[keep].reshape(-1)
        if self.attention is not None:
            self.attention = [weights[moved] for weights in self.attention]
        self.sentences = [self.sentences[place] for place in keep]
        self.width = parents.shape[1]


def _repeats(history: Integers, n: int) -> Iterator[tuple[int, int]]:
    """(row, piece) for each piece that would end an n-gram which that row of history (N,t) has already."""
    starts = history.shape[1] - n + 1
    same = np.ones((len(history), starts), dtype=np.bool_)
    for offset in range(n - 1):
        same &= history[:, offset : offset + starts] == history[:, starts + offset, None]
    rows, places = same.nonzero()
    yield from zip(rows.tolist(), history[rows, places + n - 1].tolist(), strict=True)
