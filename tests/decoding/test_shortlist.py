"""The shortlist, compared with sets. Search with it, compared with search of one sentence at a
time where every other token is forbidden."""

import random
from typing import Any

import numpy as np
import pytest
from fakes import (
    RandomTableModel,
    Sentences,
    padded_source,
    search_with_torch,
    unordered_token_pairs,
    with_random_case,
)
from numpy.typing import NDArray
from reference_search import LimitedModel

from seq2seq.data.alignment import train_lexicon
from seq2seq.decoding.search import Hypothesis
from seq2seq.decoding.shortlist import Shortlist, build_shortlist
from seq2seq.errors import UserError
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK

SOURCE_SIZE = 12
TARGET_SIZE = 15
UNEXPLAINED = 14
ALWAYS = 5


def random_pairs(seed: int) -> tuple[Sentences, Sentences]:
    return unordered_token_pairs(80, seed, source_size=SOURCE_SIZE, unexplained=UNEXPLAINED)


def shortlist_of(source: Sentences, target: Sentences, **options: Any) -> Shortlist:
    options = {
        "identical": [(token, token) for token in range(SOURCE_SIZE)],
        "best": 2,
        "frequent": 1,
        **options,
    }
    return build_shortlist(
        source,
        target,
        source_size=SOURCE_SIZE,
        target_size=TARGET_SIZE,
        always=[ALWAYS],
        **options,
    )


def random_shortlist(seed: int, **options: Any) -> Shortlist:
    return shortlist_of(*random_pairs(seed), **options)


def candidate_set(row: NDArray[np.int64]) -> set[int]:
    """The candidates of a sentence without </s> and padding."""
    return set(row.tolist()) - {PAD, EOS}


# -- candidates ------------------------------------------------------------------------------------


def test_candidates_equal_those_of_sets() -> None:
    source, target = random_pairs(1)
    candidates_of, always = slow_candidates(source, target)
    rows = [[4, 7, EOS], [9, EOS], [11, 11, 11, EOS]]
    candidates = shortlist_of(source, target).candidates(
        padded_source(rows)[0].numpy(), forbidden=[7]
    )
    for row, row_candidates in zip(rows, candidates, strict=True):
        expected = set(always)
        for token in row:
            expected |= candidates_of[token] | {token}
        assert candidate_set(row_candidates) == expected - {7, EOS, PAD}


def slow_candidates(source: Sentences, target: Sentences) -> tuple[dict[int, set[int]], set[int]]:
    """The two best translations of each source token, and what every sentence may contain."""
    lexicon = train_lexicon(source, target, source_size=SOURCE_SIZE, target_size=TARGET_SIZE)
    candidates_of = {}
    for token in range(SOURCE_SIZE + 1):
        entries = []
        for s, t, p in zip(lexicon.source, lexicon.target, lexicon.probability, strict=True):
            if s == token:
                entries.append((-p, int(t)))
        candidates_of[token] = {t for _, t in sorted(entries)[:2]}
    said = [token for row in target for token in row]
    most_frequent = max(range(TARGET_SIZE), key=said.count)
    return candidates_of, {ALWAYS, most_frequent, *candidates_of[lexicon.null]}


def test_candidates_are_padded_and_begin_with_the_end() -> None:
    rows = padded_source([[4, 7, EOS], [9, EOS]])[0].numpy()
    candidates = random_shortlist(1).candidates(rows)
    assert candidates.shape[1] % 64 == 0
    assert candidates[:, 0].tolist() == [EOS, EOS]


def test_the_case_of_source_tokens_is_ignored() -> None:
    rows = [[4, 7], [9, 5, 8], [11]]
    shortlist = random_shortlist(1)
    expected = shortlist.candidates(padded_source(rows)[0].numpy())
    cased = with_random_case(rows, SOURCE_SIZE, seed=0)
    assert cased != rows
    assert np.array_equal(shortlist.candidates(padded_source(cased)[0].numpy()), expected)
    assert shortlist.coverage(cased, rows) == shortlist.coverage(rows, rows)


def test_a_shortlist_learned_from_cased_tokens_is_the_same() -> None:
    source, target = random_pairs(1)
    expected = shortlist_of(source, target).arrays()
    cased = shortlist_of(with_random_case(source, SOURCE_SIZE, seed=0), target).arrays()
    assert all(np.array_equal(cased[name], expected[name]) for name in expected)


def test_no_candidate_occurs_twice() -> None:
    (row,) = random_shortlist(1).candidates(np.array([[11, 11, 4, EOS]]))
    tokens = [token for token in row.tolist() if token != PAD]
    assert len(tokens) == len(set(tokens))


def test_candidates_do_not_depend_on_the_batch() -> None:
    shortlist = random_shortlist(2)
    in_batch = shortlist.candidates(padded_source([[4, 5, EOS], [9, 10, 8, 7, 6, EOS]])[0].numpy())[
        0
    ]
    alone = shortlist.candidates(np.array([[4, 5, EOS]]))[0]
    assert candidate_set(in_batch) == candidate_set(alone)


def test_a_shortlist_of_no_corpus_allows_what_is_always_allowed() -> None:
    shortlist = shortlist_of([], [], identical=[])
    (row,) = shortlist.candidates(np.array([[3, 3]]))
    assert row[0] == EOS
    assert ALWAYS in candidate_set(row)


def test_required_tokens_are_candidates_of_their_sentence_alone() -> None:
    source = np.array([[4, 5, EOS], [4, 5, EOS], [4, 5, EOS]])
    shortlist = random_shortlist(1)
    without = candidate_set(shortlist.candidates(source, forbidden=[12, 13])[0])
    first, second, third = shortlist.candidates(
        source, forbidden=[12, 13], required=[[12], [], [13, 12, 12]]
    )
    assert candidate_set(first) == without | {12}
    assert candidate_set(second) == without
    assert candidate_set(third) == without | {12, 13}
    assert third.tolist().count(12) == 1


def test_forbidden_tokens_of_a_sentence_are_no_candidates_of_it() -> None:
    source = np.array([[4, 5, EOS], [4, 5, EOS], [4, 5, EOS]])
    shortlist = random_shortlist(1)
    all_candidates = candidate_set(shortlist.candidates(source)[0])
    assert {4, 5, ALWAYS} <= all_candidates
    first, second, third = shortlist.candidates(
        source, required=[[], [], [5]], forbidden_of=[(4, ALWAYS), (), (4, 5)]
    )
    assert candidate_set(first) == all_candidates - {4, ALWAYS}
    assert candidate_set(second) == all_candidates
    assert candidate_set(third) == all_candidates - {4}


def test_coverage_by_hand() -> None:
    # Tokens 4 and 6 are translated as 5 and 7, and 14 is always allowed. Only 13 is missing.
    size, covered = random_shortlist(3, best=1).coverage([[4], [6]], [[5, 14, 13], [7]])
    assert covered == pytest.approx(3 / 4)
    assert 4 <= size <= 7


# -- files -----------------------------------------------------------------------------------------


def test_arrays_restore_the_shortlist() -> None:
    shortlist = random_shortlist(4)
    restored = Shortlist.from_arrays(
        shortlist.arrays(), source_size=SOURCE_SIZE, target_size=TARGET_SIZE
    )
    source = np.array([[4, 8, EOS]])
    assert np.array_equal(restored.candidates(source), shortlist.candidates(source))


def test_the_names_of_the_arrays_stay() -> None:
    assert set(random_shortlist(4).arrays()) == {"begins", "pieces", "always"}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("pieces", lambda array: array + 9),
        ("always", lambda array: array - 99),
        ("begins", lambda array: array[::-1]),
        ("begins", lambda array: array[:-1]),
    ],
)
def test_damaged_arrays_are_an_error(name: str, damage: Any) -> None:
    arrays = random_shortlist(4).arrays()
    arrays[name] = damage(arrays[name])
    with pytest.raises(UserError, match="does not fit its vocabulary"):
        Shortlist.from_arrays(arrays, source_size=SOURCE_SIZE, target_size=TARGET_SIZE)


def test_missing_arrays_are_an_error() -> None:
    begins = random_shortlist(4).arrays()["begins"]
    with pytest.raises(UserError, match="does not fit its vocabulary"):
        Shortlist.from_arrays({"begins": begins}, source_size=SOURCE_SIZE, target_size=TARGET_SIZE)


def test_a_shortlist_of_a_larger_vocabulary_is_an_error() -> None:
    arrays = random_shortlist(4).arrays()
    with pytest.raises(UserError, match="does not fit its vocabulary"):
        Shortlist.from_arrays(arrays, source_size=SOURCE_SIZE, target_size=9)


# -- search ----------------------------------------------------------------------------------------


def search(
    model: RandomTableModel,
    rows: Sentences,
    config: SearchSettings,
    forbidden: list[int],
    candidates: NDArray[np.int64] | None = None,
) -> list[list[Hypothesis]]:
    source, mask = padded_source(rows)
    return search_with_torch(
        model,
        source,
        mask,
        config,
        forbidden=forbidden,
        keep_attention=True,
        candidates=candidates,
    )


@pytest.mark.parametrize("seed", range(12))
def test_search_with_candidates_equals_search_with_all_others_forbidden(seed: int) -> None:
    rng = random.Random(seed)
    model = RandomTableModel(TARGET_SIZE, seed, eos_bonus=rng.choice([0.0, 1.5]))
    rows = []
    for _ in range(5):
        rows.append([rng.randrange(4, SOURCE_SIZE) for _ in range(rng.randrange(1, 6))] + [EOS])
    config = SearchSettings(
        beam=rng.choice([1, 3, 5]),
        length_penalty=rng.choice([0.0, 1.0]),
        no_repeat_ngram_size=rng.choice([0, 2]),
    )
    shortlist = random_shortlist(seed, best=rng.choice([1, 4]))
    forbidden = [PAD, UNK, rng.randrange(4, TARGET_SIZE)]
    candidates = shortlist.candidates(padded_source(rows)[0].numpy(), forbidden)
    results = search(model, rows, config, forbidden, candidates)
    for row, hypotheses in zip(rows, results, strict=True):
        (row_candidates,) = shortlist.candidates(np.array([row]), forbidden)
        allowed = {*candidate_set(row_candidates), EOS}
        others = [token for token in range(TARGET_SIZE) if token not in {*allowed, BOS, PAD}]
        (expected,) = search(LimitedModel(model, sorted(allowed)), [row], config, [PAD, *others])
        assert [h.tokens for h in hypotheses] == [h.tokens for h in expected]
        log_probs = [h.log_prob for h in expected]
        assert [h.log_prob for h in hypotheses] == pytest.approx(log_probs, abs=1e-4)
        for hypothesis, other in zip(hypotheses, expected, strict=True):
            assert hypothesis.attention is not None
            assert other.attention is not None
            attention = hypothesis.attention[:, : len(row)]
            assert np.allclose(attention, other.attention, atol=1e-5)
