"""Beam search over anything with `start` and `step`, for many sentences at once. Greedy search is a beam of 1.

Legend: B sentences, K beam, N = B * K rows (row b * K + k is the k-th best open hypothesis of sentence b), S source
pieces, V vocabulary, C candidates of a sentence (V without a shortlist). A *column* is a place in a row of candidates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import ConfigDict
from torch import Tensor

from seq2seq.models import Seq2Seq

NEVER = float("-inf")


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
    batch_tokens: int = 16000
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

    `candidates` (B,C) are all that the sentences may say, `eos` first, padded with a forbidden piece.
    """
    limits = length_limits(source_mask, config)
    memory = model.encode(source, source_mask)
    search = _Search(model, memory, config, limits, bos, eos, forbidden, keep_attention, candidates, source.device)
    while search.sentences:
        search.advance()
    return [sorted(found, key=lambda h: -h.score)[: config.nbest] for found in search.finished]


class _Search:
    """The open hypotheses of the sentences that are not done yet, and what has been finished."""

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
        self.tokens = torch.full((rows, 1), bos, dtype=torch.int64)  # (N, t + 1), from <s>
        self.scores = torch.zeros(rows)
        self.attention: list[Tensor] | None = [] if keep_attention else None

    def advance(self) -> None:
        """One step of all open sentences."""
        # 1. Score every continuation of every open hypothesis.
        step, state = self.model.step(self.memory, self.state, self.tokens[:, -1].to(self.device))
        log_probs = self._allowed(self._log_probs(step.logits.float()).cpu())
        # 2. The best 2K of each sentence: at most K of them end (one for each open hypothesis), so K stay open.
        size = log_probs.shape[-1]
        totals = log_probs.add_(self.scores.unsqueeze(1)).view(len(self.sentences), self.width * size)
        best, flat = totals.topk(min(2 * self.config.beam, totals.shape[1]), dim=1)
        parents = flat // size + torch.arange(len(self.sentences)).unsqueeze(1) * self.width
        tokens = flat % size if self.candidates is None else self.candidates.gather(1, flat % size)
        # 3. Those that end are finished if they are among the best K; K of the others stay open.
        if self.attention is not None and step.attention is not None:
            self.attention.append(step.attention.cpu())
        self._finish(best, parents, tokens)
        open_columns = (tokens == self.eos).to(torch.int8).argsort(dim=1, stable=True)[:, : self.config.beam]
        self.scores = best.gather(1, open_columns).masked_fill(tokens.gather(1, open_columns) == self.eos, NEVER)
        keep = self._open_sentences()
        self._select(state, keep, parents.gather(1, open_columns), tokens.gather(1, open_columns))

    def _restrict(self, candidates: Tensor | None) -> None:
        """Lets the open sentences say nothing but `candidates` (B,C), or anything."""
        self.candidates, self.model, self.end = candidates, self.whole_model, self.eos
        if candidates is not None:
            self.model, self.end = self.whole_model.restricted(candidates.to(self.device)), 0
            self.padding = torch.isin(candidates, self.forbidden).unsqueeze(1).to(self.device)  # (B,1,C)

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
        ends = log_probs[:, self.end].clone()
        if 0 < self.config.no_repeat_ngram < length:
            for row, piece in _repeats(self.tokens[:, 1:], self.config.no_repeat_ngram):
                column = piece if self.candidates is None else self.candidates[row // self.width] == piece
                log_probs[row, column] = NEVER
        full = torch.tensor([self.limits[sentence] <= length for sentence in self.sentences])
        if full.any():
            log_probs[full.repeat_interleave(self.width)] = NEVER
        log_probs[:, self.end] = ends
        return log_probs

    def _finish(self, best: Tensor, parents: Tensor, tokens: Tensor) -> None:
        ends = (tokens == self.eos) & (best > NEVER)
        ends[:, self.config.beam :] = False
        rows, log_probs = parents[ends], best[ends].tolist()
        attention = None if self.attention is None else torch.stack([seen[rows] for seen in self.attention], dim=1)
        penalty = length_penalty(self.tokens.shape[1], self.config.length_penalty)
        # All at once: a look into a tensor for each hypothesis would cost more than finding it.
        for number, (place, said) in enumerate(
            zip(ends.nonzero()[:, 0].tolist(), self.tokens[rows, 1:].tolist(), strict=True)
        ):
            seen = None if attention is None else attention[number]
            found = Hypothesis(said, log_probs[number], log_probs[number] / penalty, seen)
            self.finished[self.sentences[place]].append(found)

    def _open_sentences(self) -> list[int]:
        """Places (row order) of the sentences that go on."""
        top = self.scores.max(dim=1).values.tolist()
        return [place for place, sentence in enumerate(self.sentences) if self._goes_on(sentence, top[place])]

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

    def _select(self, state: Any, keep: list[int], parents: Tensor, tokens: Tensor) -> None:
        """Goes on with the sentences at `keep` and the hypotheses that continue rows `parents` with `tokens` (B,K)."""
        width = parents.shape[1]
        places = torch.tensor(keep, dtype=torch.int64)
        rows, device = parents[places].flatten(), self.device
        if len(keep) < len(self.sentences):
            self.memory = self.memory.select(places.to(device))
            self._restrict(None if self.candidates is None else self.candidates[places])
        self.state = state.select(rows.to(device))
        self.tokens = torch.cat([self.tokens[rows], tokens[places].view(-1, 1)], dim=1)
        self.scores = self.scores[places].flatten()
        if self.attention is not None:
            self.attention = [weights[rows] for weights in self.attention]
        self.sentences = [self.sentences[place] for place in keep]
        self.width = width


def _repeats(history: Tensor, n: int) -> Iterator[tuple[int, int]]:
    """(row, piece) for each piece that would end an n-gram which that row of history (N,t) has already."""
    grams = history.unfold(1, n, 1)  # (N, t - n + 1, n)
    same = (grams[..., :-1] == history[:, history.shape[1] - n + 1 :].unsqueeze(1)).all(-1)
    yield from zip(same.nonzero()[:, 0].tolist(), grams[same][:, -1].tolist(), strict=True)
