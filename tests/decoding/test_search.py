"""Beam search, compared with enumeration and with a slow search of one sentence at a time."""

import itertools
import random

import numpy as np
import pytest
from fakes import FixedOutputModel, RandomTableModel, padded_source
from reference_search import Replay, has_repeat, search_rows, slow_search

from seq2seq.decoding import search as search_module
from seq2seq.decoding.search import Hypothesis, length_penalty, max_lengths
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK


def summaries(hypotheses: list[Hypothesis]) -> list[tuple[list[int], float, float]]:
    """(tokens, log-probability, score) of each, to be compared with a tolerance."""
    return [
        (h.tokens, pytest.approx(h.log_prob, abs=1e-4), pytest.approx(h.score, abs=1e-4))
        for h in hypotheses
    ]


def random_rows(rng: random.Random) -> list[list[int]]:
    rows = []
    for _ in range(rng.randint(1, 4)):
        rows.append([rng.randint(4, 9) for _ in range(rng.randint(1, 6))])
    return rows


# -- the same as slower searches -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_equals_the_slow_search(seed: int) -> None:
    rng = random.Random(seed)
    beam = rng.choice([1, 1, 2, 3, 5, 8])
    config = SearchSettings(
        beam=beam,
        nbest=rng.randint(1, beam),
        length_penalty=rng.choice([0.0, 0.5, 1.0, 2.0]),
        max_length_ratio=rng.choice([0.1, 0.5, 1.0]),
        no_repeat_ngram_size=rng.choice([0, 2, 3]),
        prune=rng.choice([0.0, 0.5, 2.0]),
    )
    # A small vocabulary makes dead ends and loops likely. The bonus decides between short
    # translations and the maximum length.
    vocab_size = rng.choice([5, 6, 8, 12])
    logit_range = rng.choice([1, 4])
    eos_bonus = rng.choice([-20, -2, 0, 2])
    model = RandomTableModel(vocab_size, seed, logit_range=logit_range, eos_bonus=eos_bonus)
    rows = random_rows(rng)
    results = search_rows(model, rows, config, padding=rng.randint(0, 3))
    for row, hypotheses in zip(rows, results, strict=True):
        assert slow_search(model, row, config) == summaries(hypotheses)


@pytest.mark.parametrize("seed", range(20))
def test_the_beam_stays_full_when_nearly_every_hypothesis_ends(seed: int) -> None:
    model = RandomTableModel(7, seed, logit_range=1.0, eos_bonus=0.3)
    config = SearchSettings(beam=5, nbest=5, length_penalty=3.0, no_repeat_ngram_size=0)
    (hypotheses,) = search_rows(model, [[4, 5]], config)
    assert slow_search(model, [4, 5], config) == summaries(hypotheses)


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_finds_every_translation(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "max_lengths", lambda mask, config: [5] * len(mask))
    model = RandomTableModel(7, seed)
    rows = [[4, 5], [6, 6, 4]]
    config = SearchSettings(beam=200, nbest=200, no_repeat_ngram_size=0, length_penalty=0.8)
    for row, hypotheses in zip(rows, search_rows(model, rows, config), strict=True):
        replay = Replay(model, row)
        expected = []
        for length in range(5):
            for tokens in itertools.product((4, 5, 6), repeat=length):
                log_prob = replay.log_prob_of(list(tokens))
                expected.append((list(tokens), log_prob, log_prob / ((6 + length) / 6) ** 0.8))
        assert len(expected) == 1 + 3 + 9 + 27 + 81
        expected.sort(key=lambda entry: -entry[2])
        assert expected == summaries(hypotheses)


@pytest.mark.parametrize("seed", range(10))
def test_greedy_search_takes_the_argmax_at_every_step(seed: int) -> None:
    model = RandomTableModel(9, seed, eos_bonus=1)
    rows = random_rows(random.Random(seed))
    results = search_rows(model, rows, SearchSettings(beam=1, no_repeat_ngram_size=0))
    for row, (hypothesis,) in zip(rows, results, strict=True):
        assert hypothesis.tokens == greedy_tokens(Replay(model, row), 2 * len(row) + 10)


def greedy_tokens(replay: Replay, max_length: int) -> list[int]:
    tokens: list[int] = []
    while len(tokens) < max_length - 1:
        log_probs = replay.log_probs(tuple(tokens))
        allowed = [token for token in range(len(log_probs)) if token not in (PAD, UNK, BOS)]
        best = max(allowed, key=lambda token: log_probs[token])
        if best == EOS:
            break
        tokens.append(best)
    return tokens


@pytest.mark.parametrize("seed", range(10))
def test_a_sentence_does_not_depend_on_its_batch(seed: int) -> None:
    model = RandomTableModel(9, seed, eos_bonus=1.5)
    rows = [*random_rows(random.Random(seed + 100)), [4], [5] * 9]
    config = SearchSettings(beam=4, nbest=4)
    results = search_rows(model, rows, config, padding=4, keep_attention=True)
    for row, hypotheses in zip(rows, results, strict=True):
        (alone,) = search_rows(model, [row], config, keep_attention=True)
        assert [h.tokens for h in hypotheses] == [h.tokens for h in alone]
        for hypothesis, expected in zip(hypotheses, alone, strict=True):
            assert hypothesis.attention is not None
            assert expected.attention is not None
            assert np.allclose(hypothesis.attention[:, : len(row)], expected.attention)


# -- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beam", "eos_bonus"), [(1, 1.0), (3, 1.0), (3, -1.0), (6, -1.0), (6, -9.0)]
)
def test_attention_rows_follow_their_hypothesis(beam: int, eos_bonus: float) -> None:
    model = RandomTableModel(9, 3, eos_bonus=eos_bonus)
    rows = [[4, 5, 6, 7], [8], [7, 7, 5]]
    config = SearchSettings(beam=beam, nbest=beam)
    results = search_rows(model, rows, config, keep_attention=True)
    for row, hypotheses in zip(rows, results, strict=True):
        replay = Replay(model, row)
        for hypothesis in hypotheses:
            attention = hypothesis.attention
            assert attention is not None
            assert attention.shape == (len(hypothesis.tokens) + 1, 4)
            for t, weights in enumerate(attention):
                expected = replay.attention(tuple(hypothesis.tokens[:t]))
                assert weights[: len(row)].tolist() == pytest.approx(expected, abs=1e-6)
            assert float(attention[:, len(row) :].sum()) == 0


def test_attention_is_not_kept_unless_requested() -> None:
    ((hypothesis,),) = search_rows(RandomTableModel(9, 3), [[4, 5]], SearchSettings())
    assert hypothesis.attention is None


@pytest.mark.parametrize("seed", range(8))
def test_nbest_is_sorted_and_distinct(seed: int) -> None:
    model = RandomTableModel(10, seed, eos_bonus=1)
    rows = random_rows(random.Random(seed))
    for hypotheses in search_rows(model, rows, SearchSettings(beam=6, nbest=6, length_penalty=0.6)):
        scores = [h.score for h in hypotheses]
        assert len(hypotheses) == 6
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(h.tokens) for h in hypotheses}) == 6


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_the_log_probabilities_of_the_model(seed: int) -> None:
    model = RandomTableModel(10, seed, eos_bonus=1)
    rows = random_rows(random.Random(seed))
    config = SearchSettings(beam=6, nbest=6, length_penalty=0.6)
    for row, hypotheses in zip(rows, search_rows(model, rows, config), strict=True):
        replay = Replay(model, row)
        for h in hypotheses:
            assert h.log_prob == pytest.approx(replay.log_prob_of(h.tokens), abs=1e-4)
            assert h.score == pytest.approx(h.log_prob / length_penalty(len(h.tokens) + 1, 0.6))


# -- limits ----------------------------------------------------------------------------------------


def test_each_sentence_has_its_own_maximum_length() -> None:
    # The model never wants </s>, so every translation reaches its maximum. </s> counts.
    model = RandomTableModel(9, eos_bonus=-50)
    config = SearchSettings(beam=2, max_length_ratio=1.5, no_repeat_ngram_size=0)
    rows = [[4] * 1, [5] * 3, [6] * 8]
    assert max_lengths(padded_source(rows)[1].numpy(), config) == [11, 14, 22]
    assert [len(h.tokens) + 1 for (h,) in search_rows(model, rows, config)] == [11, 14, 22]


@pytest.mark.parametrize(
    ("length", "alpha", "expected"),
    [(1, 1.0, 1), (7, 1.0, 2), (19, 0.5, 2), (13, 2.0, 9), (40, 0.0, 1)],
)
def test_length_penalty_by_hand(length: int, alpha: float, expected: float) -> None:
    assert length_penalty(length, alpha) == expected


def test_blocking_ngrams_ends_a_loop() -> None:
    loop = FixedOutputModel(6, output=[4] * 50)
    config = SearchSettings(beam=1, no_repeat_ngram_size=0, max_length_ratio=10)
    ((endless,),) = search_rows(loop, [[4, 4, 4]], config)
    assert len(endless.tokens) == 39
    ((ended,),) = search_rows(loop, [[4, 4, 4]], config.replace(no_repeat_ngram_size=3))
    assert not has_repeat(tuple(ended.tokens), 3)


def test_the_end_is_allowed_when_every_other_token_would_repeat_an_ngram() -> None:
    # Only token 4 and </s> are allowed. After "4 4" another 4 would repeat "4 4".
    loop = FixedOutputModel(6, output=[4] * 50)
    config = SearchSettings(beam=3, no_repeat_ngram_size=2)
    ((hypothesis,),) = search_rows(loop, [[4]], config, forbidden=[PAD, UNK, 5])
    assert hypothesis.tokens == [4, 4]


@pytest.mark.parametrize("beam", [1, 4])
def test_forbidden_tokens_never_appear(beam: int) -> None:
    rows = [[4, 5], [6], [7, 8, 4]]
    config = SearchSettings(beam=beam, nbest=beam, no_repeat_ngram_size=0)
    appeared = set()
    for seed in range(20):
        model = RandomTableModel(10, seed)
        for hypotheses in search_rows(model, rows, config, forbidden=[PAD, UNK, 6, 9]):
            assert len(hypotheses) == beam
            for hypothesis in hypotheses:
                appeared.update(hypothesis.tokens)
    assert appeared == {4, 5, 7, 8}


def test_a_beam_may_be_wider_than_the_vocabulary() -> None:
    config = SearchSettings(beam=12, nbest=12, no_repeat_ngram_size=0)
    (hypotheses,) = search_rows(RandomTableModel(5, 1), [[4]], config)
    # One token is allowed and the maximum is 12 with </s>: that token 0 to 11 times.
    assert sorted(len(h.tokens) for h in hypotheses) == list(range(12))


def test_a_finished_sentence_gets_no_more_hypotheses(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first sentence ends at once. It stays in memory, without rows, because most are open.
    # Fewer translations than nbest are possible, so an impossible one would be returned.
    limits = [1, 3, 3, 3, 3, 3]
    monkeypatch.setattr(search_module, "max_lengths", lambda mask, config: limits)
    config = SearchSettings(beam=12, nbest=12, no_repeat_ngram_size=0)
    first, *others = search_rows(RandomTableModel(5, 1), [[4]] * 6, config)
    assert [h.tokens for h in first] == [[]]
    for hypotheses in others:
        assert sorted(h.tokens for h in hypotheses) == [[], [4], [4, 4]]
