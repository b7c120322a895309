"""Beam search written as plainly as possible: one sentence, every prefix replayed from the start,
lists and sorting. Tests compare the fast search with it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from fakes import (
    FakeModel,
    NumberState,
    RandomTableModel,
    SourceMemory,
    padded_source,
    search_with_torch,
)
from torch import Tensor

from seq2seq.decoding.search import Hypothesis
from seq2seq.models import Step
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK

Prefix = tuple[int, ...]


class LimitedModel(RandomTableModel):
    """A RandomTableModel that gives no probability to any token but `allowed`."""

    def __init__(self, model: RandomTableModel, allowed: list[int]) -> None:
        super().__init__(model.vocab_size, model.seed, model.logit_range, model.eos_bonus)
        self.allowed = allowed

    def step(
        self, memory: SourceMemory, state: NumberState, token: Tensor
    ) -> tuple[Step, NumberState]:
        step, next_state = super().step(memory, state, token)
        logits = torch.full_like(step.logits, -1e9)
        logits[:, self.allowed] = step.logits[:, self.allowed]
        return Step(logits, step.attention), next_state


class Replay:
    """The predictions of a model after any prefix of one sentence.

    Each prefix starts anew, so no state is carried over or selected by row.
    """

    def __init__(self, model: FakeModel, source: list[int]) -> None:
        self.model = model
        self.memory = model.encode(*padded_source([source]))
        self.cache: dict[Prefix, tuple[list[float], list[float]]] = {}

    def log_probs(self, prefix: Prefix) -> list[float]:
        """The log-probability of each next token."""
        return self._predict(prefix)[0]

    def attention(self, prefix: Prefix) -> list[float]:
        """The attention weights when the next token is predicted."""
        return self._predict(prefix)[1]

    def log_prob_of(self, tokens: list[int]) -> float:
        """The log-probability of a whole translation, </s> included."""
        total = 0.0
        for t, token in enumerate([*tokens, EOS]):
            total += self.log_probs(tuple(tokens[:t]))[token]
        return total

    def _predict(self, prefix: Prefix) -> tuple[list[float], list[float]]:
        if prefix not in self.cache:
            state = self.model.start(self.memory)
            for token in (BOS, *prefix):
                step, state = self.model.step(self.memory, state, torch.tensor([token]))
            assert step.attention is not None
            log_probs = step.logits[0].double().log_softmax(0).tolist()
            self.cache[prefix] = (log_probs, step.attention[0].tolist())
        return self.cache[prefix]


def slow_search(
    model: FakeModel,
    source: list[int],
    config: SearchSettings,
    *,
    forbidden: Sequence[int] = (PAD, UNK),
    slots: Sequence[int] = (),
    all_slots: Sequence[int] = (),
) -> list[tuple[list[int], float, float]]:
    """Returns (tokens, log-probability, score) of the n best translations of one sentence."""
    replay = Replay(model, source)
    max_length = max(int(len(source) * config.max_length_ratio) + 10, len(slots) + 1)
    still_open: list[tuple[float, Prefix]] = [(0.0, ())]
    finished: list[tuple[float, float, Prefix]] = []
    while still_open:
        continuations = []
        for log_prob, prefix in still_open:
            next_log_probs = dict(enumerate(replay.log_probs(prefix)))
            next_log_probs = _without_repeats(next_log_probs, prefix, all_slots, config)
            next_log_probs = constrained(next_log_probs, prefix, slots, all_slots, max_length)
            for token, token_log_prob in next_log_probs.items():
                if token not in (BOS, *forbidden):
                    continuations.append((log_prob + token_log_prob, prefix, token))
        continuations.sort(reverse=True, key=lambda entry: entry[0])
        for log_prob, prefix, token in continuations[: config.beam]:
            if token == EOS:
                score = log_prob / _length_penalty(len(prefix) + 1, config)
                finished.append((score, log_prob, prefix))
        still_open = []
        for log_prob, prefix, token in continuations[: 2 * config.beam]:
            if token != EOS and len(still_open) < config.beam:
                still_open.append((log_prob, (*prefix, token)))
        still_open = _may_win(still_open, finished, len(source), config)
    finished.sort(reverse=True, key=lambda entry: entry[0])
    best = finished[: config.nbest]
    return [(list(prefix), log_prob, score) for score, log_prob, prefix in best]


def constrained(
    log_probs: dict[int, float],
    prefix: Prefix,
    slots: Sequence[int],
    all_slots: Sequence[int],
    max_length: int,
) -> dict[int, float]:
    """What is left of the next tokens, so that a translation contains its slots and ends in time.

    The best slot that is missing gets the probability of an </s> that comes too early.
    """
    missing = Counter(slots)
    missing.subtract(token for token in prefix if token in all_slots)
    assert all(count >= 0 for count in missing.values())
    left = {}
    for token, log_prob in log_probs.items():
        if token not in all_slots or missing[token] > 0:
            left[token] = log_prob
    total = sum(missing.values())
    if total:
        end = left.pop(EOS)
        best = max((token for token in left if token in all_slots), key=lambda token: left[token])
        left[best] = max(left[best], end)
    steps = max_length - len(prefix) - 1  # without </s>
    if steps <= total:
        allowed = all_slots if total else [EOS]
        left = {token: log_prob for token, log_prob in left.items() if token in allowed}
    return left


def _without_repeats(
    log_probs: dict[int, float], prefix: Prefix, all_slots: Sequence[int], config: SearchSettings
) -> dict[int, float]:
    size = config.no_repeat_ngram_size
    # Slots may have repeated n-grams already, so only one that ends with the new token counts.
    ngrams = [prefix[i : i + size] for i in range(len(prefix) - size + 1)]
    left = {}
    for token, log_prob in log_probs.items():
        is_repeat = size > 0 and (*prefix, token)[-size:] in ngrams
        if token == EOS or token in all_slots or not is_repeat:
            left[token] = log_prob
    return left


def _may_win(
    still_open: list[tuple[float, Prefix]],
    finished: list[tuple[float, float, Prefix]],
    source_length: int,
    config: SearchSettings,
) -> list[tuple[float, Prefix]]:
    """Those that are not far behind and could still be among the n best.

    They could if they ended with probability 1, with the next token or at the length of the source.
    """
    if config.beam == 1 and finished:
        return []
    if config.prune and len(still_open) >= config.nbest:
        leader = still_open[config.nbest - 1][0]
        still_open = [entry for entry in still_open if entry[0] >= leader - config.prune]
    if len(finished) < config.nbest:
        return still_open
    scores = sorted((score for score, _, _ in finished), reverse=True)
    may_win = []
    for log_prob, prefix in still_open:
        length = max(len(prefix) + 1, source_length)
        if log_prob / _length_penalty(length, config) > scores[config.nbest - 1]:
            may_win.append((log_prob, prefix))
    return may_win


def _length_penalty(length: int, config: SearchSettings) -> float:
    return ((5 + length) / 6) ** config.length_penalty


def has_repeat(tokens: Prefix, size: int) -> bool:
    """Whether an n-gram of this size occurs twice."""
    ngrams = [tokens[i : i + size] for i in range(len(tokens) - size + 1)]
    return size > 0 and len(ngrams) > len(set(ngrams))


def search_rows(
    model: FakeModel,
    rows: list[list[int]],
    config: SearchSettings,
    *,
    padding: int = 0,
    **more: Any,
) -> list[list[Hypothesis]]:
    """Runs `beam_search` on sentences, with `padding` more columns than they need."""
    source, mask = padded_source(rows, extra=padding)
    options: dict[str, Any] = {"forbidden": [PAD, UNK], **more}
    return search_with_torch(model, source, mask, config, **options)
