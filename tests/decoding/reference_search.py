"""Beam search written as plainly as possible: one sentence, every prefix replayed from the start,
lists and sorting. Tests compare the fast search with it."""

from typing import Any

import torch
from fakes import FakeModel, padded_source

from seq2seq.config.search import SearchConfig
from seq2seq.decoding.search import Hypothesis, beam_search
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK

Prefix = tuple[int, ...]


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
    model: FakeModel, source: list[int], config: SearchConfig
) -> list[tuple[list[int], float, float]]:
    """Returns (tokens, log-probability, score) of the n best translations of one sentence."""
    replay = Replay(model, source)
    max_length = int(len(source) * config.max_length_ratio) + 10
    still_open: list[tuple[float, Prefix]] = [(0.0, ())]
    finished: list[tuple[float, float, Prefix]] = []
    while still_open:
        continuations = _continuations(replay, still_open, max_length, config)
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


def _continuations(
    replay: Replay, still_open: list[tuple[float, Prefix]], max_length: int, config: SearchConfig
) -> list[tuple[float, Prefix, int]]:
    """(log-probability, prefix, next token) of all that is allowed, best first."""
    continuations = []
    for log_prob, prefix in still_open:
        for token, token_log_prob in enumerate(replay.log_probs(prefix)):
            if token in (PAD, UNK, BOS):
                continue
            if token != EOS and len(prefix) + 1 >= max_length:
                continue
            if token != EOS and has_repeat((*prefix, token), config.no_repeat_ngram_size):
                continue
            continuations.append((log_prob + token_log_prob, prefix, token))
    return sorted(continuations, reverse=True, key=lambda entry: entry[0])


def _may_win(
    still_open: list[tuple[float, Prefix]],
    finished: list[tuple[float, float, Prefix]],
    source_length: int,
    config: SearchConfig,
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


def _length_penalty(length: int, config: SearchConfig) -> float:
    return ((5 + length) / 6) ** config.length_penalty


def has_repeat(tokens: Prefix, size: int) -> bool:
    """Whether an n-gram of this size occurs twice."""
    ngrams = [tokens[i : i + size] for i in range(len(tokens) - size + 1)]
    return size > 0 and len(ngrams) > len(set(ngrams))


def search_rows(
    model: FakeModel, rows: list[list[int]], config: SearchConfig, *, padding: int = 0, **more: Any
) -> list[list[Hypothesis]]:
    """Runs `beam_search` on sentences, with `padding` more columns than they need."""
    source, mask = padded_source(rows, extra=padding)
    options: dict[str, Any] = {"forbidden": [PAD, UNK], **more}
    return beam_search(model, source, mask, config, bos=BOS, eos=EOS, **options)
