"""Search under the constraint that each translation contains the slots of its sentence, compared
with enumeration and with a slow search of one sentence at a time."""

import itertools
import random
from collections import Counter

import pytest
import torch
from fakes import (
    FakeModel,
    FixedOutputModel,
    RandomTableModel,
    Sentences,
    padded_source,
    search_with_torch,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_search import LimitedModel, Replay, constrained, search_rows, slow_search
from tiny_models import TINY
from torch import Tensor

from seq2seq.config.model import FAMILY_CONFIGS
from seq2seq.decoding import search as search_module
from seq2seq.decoding.engines import torch_next_tokens
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.search import Hypothesis
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import EOS, PAD, UNK

SLOT_A, SLOT_B, SLOT_C = SLOTS = (9, 10, 11)
WORDS = (4, 5, 6, 7, 8)
VOCABULARY = 12

Summary = tuple[list[int], float, float]


def random_slots(rng: random.Random) -> list[int]:
    return rng.choices(SLOTS, k=rng.choice([0, 0, 1, 2, 3, 5]))


def random_batch(rng: random.Random) -> tuple[Sentences, Sentences]:
    """Source rows, and the slots of each. The last sentence has some."""
    rows = []
    slots = []
    for _ in range(rng.randint(1, 4)):
        slots.append(random_slots(rng))
        rows.append([*rng.choices(WORDS, k=rng.randint(1, 5)), *slots[-1]])
        rng.shuffle(rows[-1])
    rows.append([4, SLOT_B])
    slots.append([SLOT_B])
    return rows, slots


def random_config(rng: random.Random) -> SearchSettings:
    beam = rng.choice([1, 1, 2, 4, 8])
    return SearchSettings(
        beam=beam,
        nbest=rng.randint(1, beam),
        length_penalty=rng.choice([0.0, 0.5, 1.0, 2.0]),
        max_length_ratio=rng.choice([0.1, 1.0]),
        no_repeat_ngram_size=rng.choice([0, 2, 3]),
        prune=rng.choice([0.0, 0.5, 2.0]),
    )


def random_candidates(rng: random.Random, slots: Sentences) -> Tensor:
    """</s>, some words and the slots of each sentence, in any order, padded."""
    rows = []
    for row_slots in slots:
        row = [*rng.sample(WORDS, rng.randint(1, 5)), *set(row_slots)]
        rng.shuffle(row)
        rows.append([EOS, *row, *[PAD] * (8 - len(row))])
    return torch.tensor(rows)


def assert_equal(hypotheses: list[Hypothesis], expected: list[Summary]) -> None:
    assert [h.tokens for h in hypotheses] == [tokens for tokens, _, _ in expected]
    log_probs = [log_prob for _, log_prob, _ in expected]
    assert [h.log_prob for h in hypotheses] == pytest.approx(log_probs, abs=1e-4)
    scores = [score for _, _, score in expected]
    assert [h.score for h in hypotheses] == pytest.approx(scores, abs=1e-4)


def assert_slots_are_kept(results: list[list[Hypothesis]], slots: Sentences) -> None:
    for hypotheses, expected in zip(results, slots, strict=True):
        assert hypotheses
        for hypothesis in hypotheses:
            found = [token for token in hypothesis.tokens if token in SLOTS]
            assert Counter(found) == Counter(expected)


# -- the same as slower searches -------------------------------------------------------------------


@pytest.mark.parametrize("small", [0, 64_000], ids=["grouped", "sorted"])
@pytest.mark.parametrize("seed", range(60))
def test_equals_the_slow_search(seed: int, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_next_tokens, "_SMALL", small)
    rng = random.Random(seed)
    config = random_config(rng)
    rows, slots = random_batch(rng)
    model = RandomTableModel(VOCABULARY, seed, eos_bonus=rng.choice([-20, -2, 0, 2, 20]))
    results = search_rows(model, rows, config, slots=slots, all_slots=SLOTS)
    assert_slots_are_kept(results, slots)
    for row, row_slots, hypotheses in zip(rows, slots, results, strict=True):
        assert_equal(hypotheses, slow_search(model, row, config, slots=row_slots, all_slots=SLOTS))


@pytest.mark.parametrize("seed", range(30))
def test_with_candidates_equals_the_slow_search(seed: int) -> None:
    rng = random.Random(seed)
    config = random_config(rng)
    rows, slots = random_batch(rng)
    model = RandomTableModel(VOCABULARY, seed, eos_bonus=rng.choice([-20, -2, 0, 2]))
    candidates = random_candidates(rng, slots)
    results = search_rows(model, rows, config, slots=slots, all_slots=SLOTS, candidates=candidates)
    assert_slots_are_kept(results, slots)
    for number, (row, row_slots) in enumerate(zip(rows, slots, strict=True)):
        allowed = sorted(set(candidates[number].tolist()) - {PAD})
        forbidden = [token for token in range(VOCABULARY) if token not in allowed]
        expected = slow_search(
            LimitedModel(model, allowed),
            row,
            config,
            forbidden=forbidden,
            slots=row_slots,
            all_slots=SLOTS,
        )
        assert_equal(results[number], expected)


@pytest.mark.parametrize("slots", [[SLOT_A], [SLOT_A, SLOT_B], [SLOT_B, SLOT_B], []])
def test_a_wide_beam_finds_every_translation(
    slots: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "max_lengths", lambda mask, config: [5] * len(mask))
    model = RandomTableModel(VOCABULARY, seed=len(slots))
    config = SearchSettings(
        beam=400, nbest=400, no_repeat_ngram_size=0, length_penalty=0.8, prune=0
    )
    # Another sentence has other slots, so that every slot could come by mistake.
    results = search_rows(
        model,
        [[4, 5], [6]],
        config,
        forbidden=[PAD, UNK, 6, 7, 8],
        slots=[slots, [SLOT_C]],
        all_slots=SLOTS,
    )
    assert_equal(results[0], brute_force(model, [4, 5], slots))


def brute_force(model: FakeModel, source: list[int], slots: list[int]) -> list[Summary]:
    """Scores every translation of at most 4 of two words and the slots, the best first."""
    replay = Replay(model, source)
    results = []
    for length in range(5):
        for tokens in itertools.product((4, 5, *SLOTS), repeat=length):
            if Counter(token for token in tokens if token in SLOTS) != Counter(slots):
                continue
            log_prob = 0.0
            for t, token in enumerate([*tokens, EOS]):
                log_probs = dict(enumerate(replay.log_probs(tokens[:t])))
                log_prob += constrained(log_probs, tokens[:t], slots, SLOTS, 5)[token]
            results.append((list(tokens), log_prob, log_prob / ((6 + length) / 6) ** 0.8))
    return sorted(results, key=lambda entry: -entry[2])


@pytest.mark.parametrize("seed", range(10))
def test_a_sentence_does_not_depend_on_the_slots_of_its_batch(seed: int) -> None:
    rng = random.Random(seed)
    model = RandomTableModel(VOCABULARY, seed, eos_bonus=1.0)
    rows, slots = random_batch(rng)
    config = SearchSettings(beam=4, nbest=4)
    results = search_rows(model, rows, config, slots=slots, all_slots=SLOTS)
    for row, row_slots, hypotheses in zip(rows, slots, results, strict=True):
        own_slots = [row_slots] if row_slots else None
        (alone,) = search_rows(model, [row], config, slots=own_slots, all_slots=SLOTS)
        assert_equal(hypotheses, [(h.tokens, h.log_prob, h.score) for h in alone])


# -- every family ----------------------------------------------------------------------------------


def tiny_model(family: str) -> Seq2Seq:
    config = FAMILY_CONFIGS[family](**TINY[family])
    return build(config, VocabularySizes(source=VOCABULARY, target=VOCABULARY)).eval()


@pytest.mark.parametrize("with_candidates", [False, True])
@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("family", TINY)
def test_every_hypothesis_contains_its_slots(family: str, beam: int, with_candidates: bool) -> None:
    torch.manual_seed(1)
    check_random_slots(tiny_model(family), beam, with_candidates)


@pytest.mark.parametrize("beam", [1, 4])
def test_every_hypothesis_of_an_ensemble_contains_its_slots(beam: int) -> None:
    torch.manual_seed(1)
    check_random_slots(Ensemble([tiny_model("lstm"), tiny_model("transformer")]), beam)


def check_random_slots(model: Seq2Seq, beam: int, with_candidates: bool = False) -> None:
    rng = random.Random(beam)
    for _ in range(5):
        rows, slots = random_batch(rng)
        source, mask = padded_source(rows)
        results = search_with_torch(
            model,
            source,
            mask,
            SearchSettings(beam=beam, nbest=beam),
            forbidden=[PAD, UNK],
            keep_attention=True,
            candidates=random_candidates(rng, slots) if with_candidates else None,
            slots=slots,
            all_slots=SLOTS,
        )
        assert_slots_are_kept(results, slots)


@settings(max_examples=60, deadline=None)
@given(
    slots=st.lists(st.lists(st.sampled_from(SLOTS), max_size=20), min_size=1, max_size=4),
    seed=st.integers(0, 10**6),
    beam=st.integers(1, 5),
    eos_bonus=st.sampled_from([-50.0, 0.0, 50.0]),
    ngram_size=st.sampled_from([0, 2, 3]),
)
def test_any_slots_are_kept(
    slots: Sentences, seed: int, beam: int, eos_bonus: float, ngram_size: int
) -> None:
    # The sentences are short and the slots are many: the maximum length must make room for them.
    model = RandomTableModel(VOCABULARY, seed, eos_bonus=eos_bonus)
    config = SearchSettings(beam=beam, nbest=beam, no_repeat_ngram_size=ngram_size)
    results = search_rows(model, [[4]] * len(slots), config, slots=slots, all_slots=SLOTS)
    assert_slots_are_kept(results, slots)


# -- by hand ---------------------------------------------------------------------------------------


def test_a_translation_that_wants_to_end_puts_its_slots_instead() -> None:
    model = FixedOutputModel(VOCABULARY, output=[4, 5])
    ((hypothesis,),) = search_rows(
        model, [[4, 5]], SearchSettings(beam=1), slots=[[SLOT_A, SLOT_A]], all_slots=SLOTS
    )
    assert hypothesis.tokens == [4, 5, SLOT_A, SLOT_A]
    # Each of the five steps took the token of almost all the probability, or its place.
    assert hypothesis.log_prob == pytest.approx(0.0, abs=1e-6)


def test_a_slot_comes_only_as_often_as_in_its_sentence() -> None:
    model = FixedOutputModel(VOCABULARY, output=[SLOT_A, 4, SLOT_A, SLOT_B])
    results = search_rows(
        model,
        [[4], [4]],
        SearchSettings(beam=1),
        slots=[[SLOT_A], [SLOT_A, SLOT_A, SLOT_B]],
        all_slots=SLOTS,
    )
    (first,), (second,) = results
    assert first.tokens.count(SLOT_A) == 1
    assert SLOT_B not in first.tokens
    assert second.tokens == [SLOT_A, 4, SLOT_A, SLOT_B]


def test_slots_take_the_last_places_of_an_endless_translation() -> None:
    model = FixedOutputModel(VOCABULARY, output=[4] * 50)
    config = SearchSettings(beam=1, no_repeat_ngram_size=0, max_length_ratio=1.0)
    ((hypothesis,),) = search_rows(
        model, [[4, 4]], config, slots=[[SLOT_B, SLOT_A]], all_slots=SLOTS
    )
    # The maximum is 12 with </s>.
    assert hypothesis.tokens[:9] == [4] * 9
    assert sorted(hypothesis.tokens[9:]) == [SLOT_A, SLOT_B]


def test_no_slot_comes_without_slots_in_the_batch() -> None:
    model = FixedOutputModel(VOCABULARY, output=[SLOT_A, 4, SLOT_B])
    options: list[Sentences | None] = [None, [[]]]
    for slots in options:
        ((hypothesis,),) = search_rows(
            model, [[4]], SearchSettings(beam=1), slots=slots, all_slots=SLOTS
        )
        assert not set(SLOTS) & set(hypothesis.tokens)


def test_a_batch_without_slots_is_searched_as_if_slots_were_forbidden() -> None:
    model = RandomTableModel(VOCABULARY, 3)
    config = SearchSettings(beam=4, nbest=4)
    rows = [[4, 5], [6]]
    expected = search_rows(model, rows, config, forbidden=[PAD, UNK, *SLOTS])
    assert search_rows(model, rows, config, slots=[[], []], all_slots=SLOTS) == expected


def test_slots_need_not_be_among_all_slots() -> None:
    model = FixedOutputModel(VOCABULARY, output=[4])
    ((hypothesis,),) = search_rows(model, [[4]], SearchSettings(beam=1), slots=[[SLOT_A]])
    assert hypothesis.tokens == [4, SLOT_A]


def test_a_slot_that_is_no_candidate_is_an_error() -> None:
    model = RandomTableModel(VOCABULARY, 1)
    candidates = torch.tensor([[EOS, 4, SLOT_A, PAD], [EOS, 4, SLOT_A, PAD]])
    with pytest.raises(ValueError, match="Sentence 1 has slot 10, which is forbidden or not among"):
        search_rows(
            model,
            [[4], [4]],
            SearchSettings(),
            slots=[[SLOT_A], [SLOT_B]],
            all_slots=SLOTS,
            candidates=candidates,
        )


def test_a_forbidden_slot_is_an_error() -> None:
    model = RandomTableModel(VOCABULARY, 1)
    with pytest.raises(ValueError, match="Sentence 0 has slot 9, which is forbidden"):
        search_rows(model, [[4]], SearchSettings(), forbidden=[PAD, SLOT_A], slots=[[SLOT_A]])
