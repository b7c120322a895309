"""Beam search against enumeration, against a slow search one sentence at a time, and by hand."""

import itertools
import math
import random
from typing import Any

import pytest
import torch
from fakes import CopyModel, PlaceState, SourceMemory, TableModel, source_of
from torch import Tensor

from seq2seq.data.tokenizer import BOS, EOS, PAD, UNK
from seq2seq.decoding import search as search_module
from seq2seq.decoding.search import Hypothesis, SearchConfig, beam_search, length_limits, length_penalty
from seq2seq.models import Step

NEVER = float("-inf")


def run(
    model: TableModel | CopyModel, rows: list[list[int]], config: SearchConfig, **more: Any
) -> list[list[Hypothesis]]:
    source, mask = source_of(rows, extra=more.pop("extra", 0))
    return beam_search(model, source, mask, config, bos=BOS, eos=EOS, **{"forbidden": [PAD, UNK], **more})


def found_of(hypotheses: list[Hypothesis]) -> list[tuple[list[int], float, float]]:
    return [(h.tokens, pytest.approx(h.log_prob, abs=1e-4), pytest.approx(h.score, abs=1e-4)) for h in hypotheses]


class Replay:
    """Log-probabilities and attention after any prefix, each from a fresh start: no state is carried or selected."""

    def __init__(self, model: TableModel, row: list[int]) -> None:
        self.model = model
        source, mask = source_of([row])
        self.memory = model.encode(source, mask)
        self.seen: dict[tuple[int, ...], tuple[list[float], list[float]]] = {}

    def __call__(self, prefix: tuple[int, ...]) -> tuple[list[float], list[float]]:
        if prefix not in self.seen:
            state = self.model.start(self.memory)
            for token in (BOS, *prefix):
                step, state = self.model.step(self.memory, state, torch.tensor([token]))
            assert step.attention is not None
            self.seen[prefix] = (step.logits[0].double().log_softmax(0).tolist(), step.attention[0].tolist())
        return self.seen[prefix]


def has_repeat(tokens: tuple[int, ...], n: int) -> bool:
    grams = [tokens[i : i + n] for i in range(len(tokens) - n + 1)]
    return n > 0 and len(grams) > len(set(grams))


def worth_it(
    still_open: list[tuple[float, tuple[int, ...]]],
    finished: list[tuple[float, float, tuple[int, ...]]],
    source_length: int,
    config: SearchConfig,
) -> list[tuple[float, tuple[int, ...]]]:
    """Those that are not far behind, and could still enter what is given if they ended for nothing, with the next piece or
    when as long as the source."""
    if config.beam == 1 and finished:
        return []
    if config.prune and len(still_open) >= config.nbest:
        leader = still_open[config.nbest - 1][0]
        still_open = [entry for entry in still_open if entry[0] >= leader - config.prune]
    if len(finished) < config.nbest:
        return still_open
    worst = sorted((score for score, _, _ in finished), reverse=True)[config.nbest - 1]
    return [
        (total, prefix)
        for total, prefix in still_open
        if total / ((5 + max(len(prefix) + 1, source_length)) / 6) ** config.length_penalty > worst
    ]


def slow_search(model: TableModel, row: list[int], config: SearchConfig) -> list[tuple[list[int], float, float]]:
    """The same search as plainly as it can be said: one sentence, every prefix replayed, lists and sorting."""
    replay, limit, beam = Replay(model, row), int(len(row) * config.max_length) + 10, config.beam
    still_open: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[tuple[float, float, tuple[int, ...]]] = []
    while still_open:
        length = len(still_open[0][1]) + 1
        candidates = []
        for total, prefix in still_open:
            for token, log_prob in enumerate(replay(prefix)[0]):
                if token in (PAD, UNK, BOS) or (length >= limit and token != EOS):
                    continue
                if token != EOS and has_repeat((*prefix, token), config.no_repeat_ngram):
                    continue
                candidates.append((total + log_prob, prefix, token))
        candidates.sort(reverse=True, key=lambda candidate: candidate[0])
        for total, prefix, token in candidates[:beam]:
            if token == EOS:
                score = total / ((5 + length) / 6) ** config.length_penalty
                finished.append((score, total, prefix))
        longer = [(total, (*prefix, token)) for total, prefix, token in candidates[: 2 * beam] if token != EOS]
        still_open = worth_it(longer[:beam], finished, len(row), config)
    finished.sort(reverse=True, key=lambda entry: entry[0])
    return [(list(prefix), total, score) for score, total, prefix in finished[: config.nbest]]


def some_rows(rng: random.Random) -> list[list[int]]:
    return [[rng.randint(4, 9) for _ in range(rng.randint(1, 6))] for _ in range(rng.randint(1, 4))]


@pytest.mark.parametrize("seed", range(60))
def test_equals_the_slow_search(seed: int) -> None:
    rng = random.Random(seed)
    beam = rng.choice([1, 1, 2, 3, 5, 8])
    config = SearchConfig(
        beam=beam,
        nbest=rng.randint(1, beam),
        length_penalty=rng.choice([0.0, 0.5, 1.0, 2.0]),
        max_length=rng.choice([0.1, 0.5, 1.0]),
        no_repeat_ngram=rng.choice([0, 2, 3]),
        prune=rng.choice([0.0, 0.5, 2.0]),
    )
    # Few pieces make dead ends and loops likely; the bonus decides between short translations and the limit.
    model = TableModel(
        rng.choice([5, 6, 8, 12]), seed, spread=rng.choice([1, 4]), end_bonus=rng.choice([-20, -2, 0, 2])
    )
    rows = some_rows(rng)
    together = run(model, rows, config, extra=rng.randint(0, 3))
    for row, hypotheses in zip(rows, together, strict=True):
        assert slow_search(model, row, config) == found_of(hypotheses)


@pytest.mark.parametrize("seed", range(40))
def test_many_ends_at_once(seed: int) -> None:
    """Nearly every hypothesis wants to end at every step: as many as the beam must stay open all the same."""
    model = TableModel(7, seed, spread=1.0, end_bonus=0.3)
    config = SearchConfig(beam=5, nbest=5, length_penalty=3.0, no_repeat_ngram=0)
    assert slow_search(model, [4, 5], config) == found_of(run(model, [[4, 5]], config)[0])


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_every_translation(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "length_limits", lambda mask, config: [5] * len(mask))
    model, rows = TableModel(7, seed), [[4, 5], [6, 6, 4]]
    config = SearchConfig(beam=200, nbest=200, no_repeat_ngram=0, length_penalty=0.8)
    for row, hypotheses in zip(rows, run(model, rows, config), strict=True):
        replay, wanted = Replay(model, row), []
        for tokens in itertools.chain.from_iterable(itertools.product((4, 5, 6), repeat=n) for n in range(5)):
            total = sum(replay(tokens[:t])[0][token] for t, token in enumerate((*tokens, EOS)))
            wanted.append((list(tokens), total, total / ((6 + len(tokens)) / 6) ** 0.8))
        assert len(wanted) == 121
        assert sorted(wanted, key=lambda entry: -entry[2]) == found_of(hypotheses)


@pytest.mark.parametrize("seed", range(10))
def test_greedy_search_is_the_argmax_at_every_step(seed: int) -> None:
    model, rows = TableModel(9, seed, end_bonus=1), some_rows(random.Random(seed))
    for row, (found,) in zip(rows, run(model, rows, SearchConfig(beam=1, no_repeat_ngram=0)), strict=True):
        replay, tokens = Replay(model, row), ()
        while len(tokens) < 2 * len(row) + 10:
            allowed = {token: value for token, value in enumerate(replay(tokens)[0]) if token not in (PAD, UNK, BOS)}
            best = max(allowed, key=lambda token: allowed[token]) if len(tokens) < 2 * len(row) + 9 else EOS
            if best == EOS:
                break
            tokens = (*tokens, best)
        assert found.tokens == list(tokens)


@pytest.mark.parametrize("seed", range(10))
def test_a_batch_gives_what_each_sentence_gives_alone(seed: int) -> None:
    model, rows = TableModel(9, seed, end_bonus=1.5), [*some_rows(random.Random(seed + 100)), [4], [5] * 9]
    config = SearchConfig(beam=4, nbest=4)
    together = run(model, rows, config, extra=4, keep_attention=True)
    for row, hypotheses in zip(rows, together, strict=True):
        (alone,) = run(model, [row], config, keep_attention=True)
        assert [h.tokens for h in alone] == [h.tokens for h in hypotheses]
        for one, other in zip(alone, hypotheses, strict=True):
            assert one.attention is not None
            assert other.attention is not None
            assert torch.allclose(one.attention, other.attention[:, : len(row)])


@pytest.mark.parametrize(("beam", "end_bonus"), [(1, 1.0), (3, 1.0), (3, -1.0), (6, -1.0), (6, -9.0)])
def test_attention_rows_follow_their_hypothesis(beam: int, end_bonus: float) -> None:
    model, rows = TableModel(9, 3, end_bonus=end_bonus), [[4, 5, 6, 7], [8], [7, 7, 5]]
    found = run(model, rows, SearchConfig(beam=beam, nbest=beam), keep_attention=True)
    for row, hypotheses in zip(rows, found, strict=True):
        replay = Replay(model, row)
        for h in hypotheses:
            assert h.attention is not None
            assert h.attention.shape == (len(h.tokens) + 1, 4)
            for t, weights in enumerate(h.attention):
                assert weights[: len(row)].tolist() == pytest.approx(replay(tuple(h.tokens[:t]))[1], abs=1e-6)
                assert float(weights[len(row) :].sum()) == 0
    assert all(h.attention is None for hypotheses in run(model, rows, SearchConfig()) for h in hypotheses)


@pytest.mark.parametrize("seed", range(8))
def test_nbest_is_sorted_and_distinct_and_the_scores_are_true(seed: int) -> None:
    model, config = TableModel(10, seed, end_bonus=1), SearchConfig(beam=6, nbest=6, length_penalty=0.6)
    rows = some_rows(random.Random(seed))
    for row, hypotheses in zip(rows, run(model, rows, config), strict=True):
        assert len(hypotheses) == 6
        assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
        assert len({tuple(h.tokens) for h in hypotheses}) == 6
        replay = Replay(model, row)
        for h in hypotheses:
            assert h.log_prob == pytest.approx(
                sum(replay(tuple(h.tokens[:t]))[0][token] for t, token in enumerate([*h.tokens, EOS])), abs=1e-4
            )
            assert h.score == pytest.approx(h.log_prob / length_penalty(len(h.tokens) + 1, 0.6))


def test_length_limits_come_from_each_sentence() -> None:
    model, config = TableModel(9, end_bonus=-50), SearchConfig(beam=2, max_length=1.5, no_repeat_ngram=0)
    rows = [[4] * 1, [5] * 3, [6] * 8]
    assert length_limits(source_of(rows)[1], config) == [11, 14, 22]
    # </s> is one of the pieces that are counted; the model never wants it, so every limit is used up.
    assert [len(h.tokens) + 1 for (h,) in run(model, rows, config)] == [11, 14, 22]


def test_length_penalty_by_hand() -> None:
    assert length_penalty(1, 1.0) == 1
    assert length_penalty(7, 1.0) == 2
    assert length_penalty(19, 0.5) == 2
    assert length_penalty(13, 2.0) == 9
    assert length_penalty(40, 0.0) == 1


class Script(TableModel):
    """Probabilities of the next piece by prefix; after any other prefix comes `otherwise`. What is not named has almost
    none, </s> least of all."""

    def __init__(self, pieces: int, table: dict[tuple[int, ...], dict[int, float]], otherwise: int = EOS) -> None:
        super().__init__(pieces)
        self.table, self.otherwise = table, otherwise

    def step(self, memory: SourceMemory, state: PlaceState, token: Tensor) -> tuple[Step, PlaceState]:
        prefixes = [self._prefix(int(v), int(t)) for v, t in zip(state.value, token, strict=True)]
        rows = [self.table.get(tuple(prefix), {self.otherwise: 1.0}) for prefix in prefixes]
        never = [1e-30 if piece == EOS else 1e-12 for piece in range(self.pieces)]
        logits = torch.tensor(
            [[math.log(row.get(piece, never[piece])) for piece in range(self.pieces)] for row in rows]
        )
        return Step(logits, None), PlaceState(state.value * 16 + token)

    def start(self, memory: SourceMemory) -> PlaceState:
        return PlaceState(torch.zeros(len(memory.source), dtype=torch.int64))

    def _prefix(self, value: int, token: int) -> list[int]:
        tokens = [token]
        while value:
            tokens.insert(0, value % 16)
            value //= 16
        return tokens[1:]


def test_greedy_misses_what_a_beam_finds() -> None:
    # 5 looks better than 4 at first (0.6), but is followed by 6 or 7 (0.5 each); 4 (0.4) is followed by 8 for sure.
    model = Script(9, {(): {5: 0.6, 4: 0.4}, (5,): {6: 0.5, 7: 0.5 - 1e-6}, (4,): {8: 1.0}})
    (greedy,), (best, second) = (
        run(model, [[4]], SearchConfig(beam=beam, nbest=beam, length_penalty=0.0))[0] for beam in (1, 2)
    )
    assert greedy.tokens == [5, 6]
    assert best.tokens == [4, 8]
    assert best.log_prob == pytest.approx(math.log(0.4), abs=1e-4)
    assert second.tokens == [5, 6]
    assert second.log_prob == pytest.approx(math.log(0.3), abs=1e-4)


def test_the_length_penalty_decides_between_short_and_long() -> None:
    # Short: </s> at once, 5/9. Long: four pieces and </s>, 4/9. With alpha 1: -0.59 / (6/6) against -0.81 / (10/6) = -0.49.
    table = {
        (): {EOS: 5 / 9, 4: 4 / 9},
        (4,): {5: 1.0},
        (4, 5): {6: 1.0},
        (4, 5, 6): {7: 1.0},
        (4, 5, 6, 7): {EOS: 1.0},
    }
    model = Script(9, table, otherwise=8)
    for alpha, wanted in ((0.0, []), (1.0, [4, 5, 6, 7])):
        assert run(model, [[4] * 5], SearchConfig(beam=2, length_penalty=alpha))[0][0].tokens == wanted


def test_search_goes_on_while_a_longer_translation_may_win() -> None:
    # Two short ones are finished after two pieces; the long one is less likely than both, but better for its length.
    table = {
        (): {4: 0.5, 5: 0.5 - 1e-6},
        (4,): {EOS: 0.55, 6: 0.45},
        (5,): {EOS: 0.55, 6: 0.45},
        (4, 6): {7: 1.0},
        (4, 6, 7): {8: 1.0},
        (4, 6, 7, 8): {EOS: 1.0},
    }
    model = Script(10, table)
    found = run(model, [[4]], SearchConfig(beam=2, nbest=1, length_penalty=2.0))[0][0]
    assert found.tokens == [4, 6, 7, 8]
    assert found.log_prob == pytest.approx(math.log(0.225), abs=1e-4)


def test_what_is_far_behind_is_dropped() -> None:
    # 4 is 2.2 nats behind 5 at first, and wins in the end: after 5 come twelve pieces that are equally likely.
    table = {(): {5: 0.9, 4: 0.1}, (5,): dict.fromkeys(range(4, 16), 1 / 12), (4,): {EOS: 1.0}}
    model = Script(16, table)
    for prune, nbest, wins in ((0.0, 1, True), (2.3, 1, True), (2.1, 1, False), (2.1, 2, True)):
        config = SearchConfig(beam=2, nbest=nbest, prune=prune, length_penalty=0.0)
        assert (run(model, [[4]], config)[0][0].tokens == [4]) is wins


def test_no_ngram_comes_twice() -> None:
    # 4 5 6 and then 4 5 again: with n = 3 the second 6 is ruled out and 7 taken; with n = 2 it is the second 5.
    table = {(): {4: 1.0}, (4,): {5: 1.0}, (4, 5): {6: 1.0}, (4, 5, 6): {4: 1.0}, (4, 5, 6, 4): {5: 0.9, 7: 0.1}}
    table |= {(4, 5, 6, 4, 5): {6: 0.9, 7: 0.1}}
    wanted = {0: [4, 5, 6, 4, 5, 6], 4: [4, 5, 6, 4, 5, 6], 3: [4, 5, 6, 4, 5, 7], 2: [4, 5, 6, 4, 7]}
    for n, tokens in wanted.items():
        assert run(Script(9, table), [[4]], SearchConfig(beam=1, no_repeat_ngram=n))[0][0].tokens == tokens


def test_a_loop_ends_and_the_end_is_never_ruled_out() -> None:
    loop = CopyModel(6, says=[4] * 50)
    assert len(run(loop, [[4, 4, 4]], SearchConfig(beam=1, no_repeat_ngram=0, max_length=10))[0][0].tokens) == 39
    tokens = run(loop, [[4, 4, 4]], SearchConfig(beam=1, no_repeat_ngram=3, max_length=10))[0][0].tokens
    assert not has_repeat(tuple(tokens), 3)
    # Only one piece and the end are left: 4 4, then nothing but </s>.
    assert run(loop, [[4]], SearchConfig(beam=3, no_repeat_ngram=2), forbidden=[PAD, UNK, 5])[0][0].tokens == [4, 4]


@pytest.mark.parametrize("beam", [1, 4])
def test_forbidden_pieces_never_appear(beam: int) -> None:
    rows, config = [[4, 5], [6], [7, 8, 4]], SearchConfig(beam=beam, nbest=beam, no_repeat_ngram=0)
    appeared = set()
    for seed in range(20):
        for hypotheses in run(TableModel(10, seed), rows, config, forbidden=[PAD, UNK, 6, 9]):
            assert len(hypotheses) == beam
            appeared |= {token for h in hypotheses for token in h.tokens}
    assert appeared == {4, 5, 7, 8}


def test_a_beam_wider_than_the_vocabulary() -> None:
    found = run(TableModel(5, 1), [[4]], SearchConfig(beam=12, nbest=12, no_repeat_ngram=0))[0]
    # One piece and a limit of 12 with </s>: 0 to 11 times that piece.
    assert sorted(len(h.tokens) for h in found) == list(range(12))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beam": 0}, "beam must be at least 1"),
        ({"beam": 2, "nbest": 3}, r"nbest must be at least 1 and at most beam \(2\)"),
        ({"max_length": 0.0}, "max_length must be above 0"),
        ({"max_length": 1e308}, "max_length must be above 0 and at most 1000"),
        ({"no_repeat_ngram": 1}, "must be 0 \\(off\\) or at least 2"),
        ({"prune": -1.0}, r"prune must be at least 0 \(0 drops no hypothesis\)"),
        ({"batch_tokens": 0}, "batch_tokens must be at least 1"),
    ],
)
def test_config_says_what_is_wrong(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SearchConfig(**fields)
