"""Beam search for many sentences at once. A beam of 1 is greedy search.

Search knows a model by its engine (engine.py). It never asks what computes it, or which family it
is.

Legend
    B  sentences in memory: the open ones, and finished ones that have not been removed yet
    K  beam size
    N  rows: the open hypotheses, at most K of each sentence. Those of a sentence are neighbors.
    S  source tokens
    T  tokens of every open hypothesis so far, including <s>
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seq2seq.decoding.beam_layout import BeamLayout
from seq2seq.decoding.engine import (
    MINUS_INFINITY,
    Booleans,
    Decoding,
    Engine,
    Floats,
    Integers,
    NextTokens,
)
from seq2seq.decoding.output_tokens import CandidateTokens, OutputTokens, WholeVocabulary
from seq2seq.decoding.repeated_ngrams import repeated_ngram_ends
from seq2seq.decoding.slot_constraint import SlotConstraint
from seq2seq.settings import SearchSettings

# Finished sentences are removed from memory when at most this share of it is still open. Each time
# costs a copy of the others, and a new program in the CPU library for matrices of another shape.
_REMOVE_AT = 0.75


@dataclass(frozen=True)
class Hypothesis:
    """A finished translation.

    Attributes:
        tokens: without <s> and </s>.
        log_prob: the sum of the log-probabilities of the tokens and </s>. A slot may have that of
            the </s> whose place it takes (slot_constraint.py).
        score: `log_prob` divided by the length penalty. Higher is better.
        attention: (len(tokens) + 1, S), a row for every token and one for </s>. None if it was
            not requested or the model has no attention.
    """

    tokens: list[int]
    log_prob: float
    score: float
    attention: Floats | None = None


def length_penalty(length: int, alpha: float) -> float:
    """Wu et al. 2016, equation 14. `length` includes </s>."""
    return ((5 + length) / 6) ** alpha


def max_lengths(source_mask: Booleans, config: SearchSettings) -> list[int]:
    """Returns how many tokens, </s> included, each translation of source_mask (B,S) may have.

    The limit depends on the length of the sentence, never on its padding or its batch.
    """
    return [
        int(length * config.max_length_ratio) + 10 for length in source_mask.sum(axis=1).tolist()
    ]


def beam_search(
    engine: Engine,
    source: Integers,
    source_mask: Booleans,
    config: SearchSettings,
    *,
    bos: int,
    eos: int,
    forbidden: Sequence[int] = (),
    forbidden_of: Sequence[Sequence[int]] = (),
    keep_attention: bool = False,
    candidates: Integers | None = None,
    slots: Sequence[Sequence[int]] | None = None,
    all_slots: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """Translates a batch of sentences.

    Args:
        engine: computes the model.
        source: (B,S) source IDs with padding.
        source_mask: (B,S) true at tokens.
        config: the settings of the search.
        bos: the token <s>.
        eos: the token </s>.
        forbidden: tokens that no translation may contain, besides <s>.
        forbidden_of: more of them, for each sentence. () if there are none.
        keep_attention: whether to return attention weights.
        candidates: (B,C) the only tokens that each translation may contain:
            `eos` first, no forbidden ones, padded with `forbidden[0]`. None allows all tokens.
            Of `all_slots` they contain those of the sentence and no others.
        slots: the slot tokens that each translation contains, exactly as often as they are listed
            here. None if no sentence has any.
        all_slots: the slot tokens of the vocabulary. No translation contains one that its sentence
            does not have.

    Returns:
        For each sentence at most `config.nbest` hypotheses, best first.

    Raises:
        ValueError: a slot of a sentence is forbidden or not among its candidates.
    """
    of_sentences = itertools.chain(*(slots or ()), *forbidden_of)
    never = dict.fromkeys([*forbidden, bos, *all_slots, *of_sentences])
    output: OutputTokens
    if candidates is None:
        output = WholeVocabulary(eos, [*forbidden, bos], forbidden_of)
    else:
        output = CandidateTokens(candidates)
    limits = np.array(max_lengths(source_mask, config), dtype=np.int64)
    constraint = None
    if any(slots or ()):
        constraint = SlotConstraint(slots or (), output, limits)
        limits = constraint.max_lengths
    inputs = _SearchInputs(
        config=config,
        bos=bos,
        eos=eos,
        source_lengths=source_mask.sum(axis=1).tolist(),
        max_lengths=limits,
        slots=constraint,
    )
    decoding = engine.start(
        source,
        source_mask,
        never=list(never),
        candidates=candidates,
        keep_attention=keep_attention,
        beam=config.beam,
    )
    return _BeamSearch(inputs, output, decoding).run()


@dataclass(frozen=True)
class _SearchInputs:
    """What stays the same during the search of a batch. Sentences are numbered as in the batch."""

    config: SearchSettings
    bos: int
    eos: int
    source_lengths: list[int]
    max_lengths: Integers
    slots: SlotConstraint | None


class _BeamSearch:
    """The open hypotheses of a batch, and the finished ones."""

    def __init__(self, inputs: _SearchInputs, output: OutputTokens, decoding: Decoding) -> None:
        rows = len(inputs.max_lengths)
        self.inputs = inputs
        self.config = inputs.config
        self.output = output
        self.decoding = decoding
        # The numbers of the sentences in memory, in the order of its rows.
        self.sentences = np.arange(rows)  # (B,)
        # At first every sentence has one hypothesis: <s>.
        self.layout = BeamLayout(np.ones(rows, dtype=np.int64))
        self.tokens = np.full((rows, 1), inputs.bos, dtype=np.int64)  # (N,T)
        self.log_probs = np.zeros(rows, dtype=np.float32)  # (N,)
        # No translation is that long before the search has made so many steps.
        self.shortest_limit = int(inputs.max_lengths.min(initial=0))
        # One (N,S) array for each token after <s>.
        self.attention: list[Floats] = []
        self.finished: list[list[Hypothesis]] = [[] for _ in range(rows)]

    def run(self) -> list[list[Hypothesis]]:
        """Searches until no hypothesis is open. Returns the n best of each sentence."""
        while len(self.log_probs):
            self._advance()
        results = []
        for hypotheses in self.finished:
            ranked = sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)
            results.append(ranked[: self.config.nbest])
        return results

    def _advance(self) -> None:
        """Adds one token to every open hypothesis."""
        beam = self.config.beam
        # 1. Predict the next token of every hypothesis.
        next_tokens, attention = self.decoding.step(self.tokens[:, -1].copy())
        if attention is not None:
            self.attention.append(attention)
        # 2. Exclude the tokens that may not come next.
        self._allow_tokens_of_sentences(next_tokens)
        self._require_slots(next_tokens)
        self._exclude_repeated_ngrams(next_tokens)
        self._end_at_max_length(next_tokens)
        # 3. Take the best 2K of each sentence. At most K of them end, because every hypothesis
        #    can end in one way only, so K of the others can stay open.
        best_log_probs, parents, columns = next_tokens.best(self.log_probs, 2 * beam)  # (B,2K)
        tokens = self.output.tokens(columns)
        ends = tokens == self.inputs.eos
        if not ends.any():
            if beam == 1 and self.layout.is_full and np.isfinite(best_log_probs[:, 0]).all():
                # All rows go on where they are. This is most of greedy search.
                self._append(tokens[:, :1], best_log_probs[:, 0])
            else:
                self._continue(best_log_probs[:, :beam], parents[:, :beam], tokens[:, :beam])
            return
        # 4. Those among the best K that end are finished.
        is_finished = ends & (best_log_probs > MINUS_INFINITY)
        self._finish(best_log_probs[:, :beam], parents[:, :beam], is_finished[:, :beam])
        # 5. The best K of the others stay open if they may still win.
        best_log_probs[ends] = MINUS_INFINITY
        memory_rows = np.arange(len(tokens))[:, None]  # (B,1)
        # False sorts before True, so those that do not end come first, still best first.
        ranks = ends.argsort(axis=1, kind="stable")[:, :beam]  # (B,K)
        chosen = (memory_rows, ranks)
        self._continue(best_log_probs[chosen], parents[chosen], tokens[chosen])

    def _allow_tokens_of_sentences(self, next_tokens: NextTokens) -> None:
        """Allows the tokens that only other sentences of the batch forbid."""
        rows, columns = self.output.allowed(self.layout.sentence_of_row)
        if len(rows):
            next_tokens.allow(rows, columns)

    def _exclude_repeated_ngrams(self, next_tokens: NextTokens) -> None:
        """Excludes each token that would complete an n-gram for the second time.

        This never excludes </s>, because an open hypothesis does not contain it. Nor does it
        exclude a slot: how often they come is known.
        """
        size = self.config.no_repeat_ngram_size
        translation = self.tokens[:, 1:]  # (N,T-1) without <s>
        if not 0 < size <= translation.shape[1]:
            return
        slots = self.inputs.slots.tokens if self.inputs.slots else ()
        rows: list[int] = []
        columns: list[int] = []
        for row, token in repeated_ngram_ends(translation, size):
            if token in slots:
                continue
            for column in self.output.columns_of(self.layout.sentence_of_row[row], token):
                rows.append(row)
                columns.append(column)
        if rows:
            next_tokens.exclude(rows, columns)

    def _require_slots(self, next_tokens: NextTokens) -> None:
        """Excludes the tokens after which a translation could not have exactly its slots."""
        if self.inputs.slots is not None:
            sentences = self.sentences[self.layout.sentence_of_row]  # (N,)
            self.inputs.slots.apply(next_tokens, self.tokens[:, 1:], sentences)

    def _end_at_max_length(self, next_tokens: NextTokens) -> None:
        """Excludes everything but </s> where a translation reaches its maximum length."""
        length = self.tokens.shape[1]  # after this step, without <s>
        if length < self.shortest_limit:
            return
        at_limit = self.inputs.max_lengths[self.sentences] <= length  # (B,)
        rows = at_limit[self.layout.sentence_of_row].nonzero()[0]
        if len(rows):
            next_tokens.exclude_all_but(rows, np.full_like(rows, self.output.eos_column))

    def _finish(self, log_probs: Floats, parents: Integers, ends: Booleans) -> None:
        """Stores the hypotheses that end.

        Args:
            log_probs: (B,K) including </s>.
            parents: (B,K) the row that each one continues.
            ends: (B,K) which of them end.
        """
        penalty = length_penalty(self.tokens.shape[1], self.config.length_penalty)
        memory_rows, ranks = ends.nonzero()
        for memory_row, rank in zip(memory_rows.tolist(), ranks.tolist(), strict=True):
            row = int(parents[memory_row, rank])
            log_prob = float(log_probs[memory_row, rank])
            attention = None
            if self.attention:
                attention = np.stack([weights[row] for weights in self.attention])  # (T,S)
            tokens = self.tokens[row, 1:].tolist()
            hypothesis = Hypothesis(tokens, log_prob, log_prob / penalty, attention)
            self.finished[self.sentences[memory_row]].append(hypothesis)

    def _continue(self, log_probs: Floats, parents: Integers, tokens: Integers) -> None:
        """Replaces the open hypotheses by those of their continuations that may still win.

        Args:
            log_probs: (B,K), best first.
            parents: (B,K) the row that each one continues.
            tokens: (B,K) the token that each one adds.
        """
        may_win = self._may_win(log_probs)  # (B,K)
        row_counts, still_open = self._remove_finished(may_win.sum(axis=1))
        if not np.array_equal(row_counts, self.layout.row_counts):
            self.layout = BeamLayout(row_counts)
        rows = parents[may_win]  # (N,)
        self.decoding.select(rows, still_open, self.layout)
        self.tokens = self.tokens[rows]
        self.attention = [weights[rows] for weights in self.attention]
        self._append(tokens[may_win][:, None], log_probs[may_win])

    def _append(self, tokens: Integers, log_probs: Floats) -> None:
        """Adds a token (N,1) to every row. `log_probs` (N,) include it."""
        self.tokens = np.concatenate([self.tokens, tokens], axis=1)
        self.log_probs = log_probs

    def _may_win(self, log_probs: Floats) -> Booleans:
        """Returns which open hypotheses are worth continuing, (B,K).

        Let n be `nbest`. After n hypotheses of a sentence have finished, an open one must beat the
        n-th best of them under the most favorable assumption: that its remaining tokens have
        probability 1, and that it ends with the next token or at the length of the source,
        whichever is later. To stop at the first n that finish would favor short translations.
        Greedy search does stop at the first one, because there is only one.

        Args:
            log_probs: (B,K), best first.
        """
        config = self.config
        may_win: Booleans = log_probs > MINUS_INFINITY
        if config.prune and config.nbest <= log_probs.shape[1]:
            may_win &= log_probs >= log_probs[:, config.nbest - 1, None] - config.prune
        for memory_row, sentence in enumerate(self.sentences.tolist()):
            finished = self.finished[sentence]
            if config.beam == 1 and finished:
                may_win[memory_row] = False
            elif len(finished) >= config.nbest:
                scores = sorted((hypothesis.score for hypothesis in finished), reverse=True)
                length = max(self.tokens.shape[1] + 1, self.inputs.source_lengths[sentence])
                penalty = length_penalty(length, config.length_penalty)
                may_win[memory_row] &= log_probs[memory_row] / penalty > scores[config.nbest - 1]
        return may_win

    def _remove_finished(self, row_counts: Integers) -> tuple[Integers, Integers | None]:
        """Removes sentences without rows from memory when there are enough of them.

        Returns the row counts of the sentences that remain, and which these are. None means all.
        """
        still_open = row_counts.nonzero()[0]
        if len(still_open) > _REMOVE_AT * len(row_counts):
            return row_counts, None
        self.output = self.output.select(still_open)
        self.sentences = self.sentences[still_open]
        return row_counts[still_open], still_open
