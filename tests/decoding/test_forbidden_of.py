"""Tokens that only some of the sentences of a batch must not contain."""

import random

import numpy as np
import pytest
from fakes import RandomTableModel
from reference_search import search_rows, slow_search

from seq2seq.decoding.engines import torch_next_tokens
from seq2seq.decoding.output_tokens import WholeVocabulary
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK

WORDS = range(4, 12)
VOCABULARY = 12

Lists = list[list[int]]


def random_batch(rng: random.Random) -> tuple[Lists, Lists]:
    """Source rows, and what each translation must not contain. The first two differ."""
    rows = [rng.choices(WORDS, k=rng.randint(1, 5)) for _ in range(rng.randint(2, 5))]
    lists = [[4, 5], [5, 6, 7]]
    return rows, [*lists, *rng.choices([[], [4], *lists], k=len(rows) - 2)]


def random_config(rng: random.Random) -> SearchSettings:
    beam = rng.choice([1, 2, 4])
    return SearchSettings(
        beam=beam,
        nbest=rng.randint(1, beam),
        max_length_ratio=rng.choice([0.1, 1.0]),
        no_repeat_ngram_size=rng.choice([0, 2]),
        prune=rng.choice([0.0, 1.0]),
    )


@pytest.mark.parametrize("small", [0, 64_000], ids=["grouped", "sorted"])
@pytest.mark.parametrize("seed", range(30))
def test_equals_the_slow_search(seed: int, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_next_tokens, "_SMALL", small)
    rng = random.Random(seed)
    config = random_config(rng)
    rows, forbidden_of = random_batch(rng)
    model = RandomTableModel(VOCABULARY, seed, eos_bonus=rng.choice([-2, 0, 2]))
    results = search_rows(model, rows, config, forbidden_of=forbidden_of)
    for row, forbidden, hypotheses in zip(rows, forbidden_of, results, strict=True):
        expected = slow_search(model, row, config, forbidden=[PAD, UNK, *forbidden])
        assert [h.tokens for h in hypotheses] == [tokens for tokens, _, _ in expected]
        scores = [score for _, _, score in expected]
        assert [h.score for h in hypotheses] == pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_what_all_sentences_forbid_is_as_if_forbidden_for_the_batch(seed: int) -> None:
    config = SearchSettings(beam=3, nbest=3)
    model = RandomTableModel(VOCABULARY, seed)
    rows = [[4, 5], [6], [7, 8, 9]]
    of_each = search_rows(model, rows, config, forbidden_of=[[4, 7]] * 3)
    of_all = search_rows(model, rows, config, forbidden=[PAD, UNK, 4, 7])
    assert of_each == of_all
    assert of_each != search_rows(model, rows, config)


def test_slots_and_forbidden_tokens_of_a_sentence() -> None:
    model = RandomTableModel(VOCABULARY, 3, eos_bonus=-1.0)
    (first,), (second,) = search_rows(
        model,
        [[4, 10], [5]],
        SearchSettings(beam=3),
        forbidden_of=[[4, 5, 6], [6, 7, 8, 9]],
        slots=[[10], []],
        all_slots=[10, 11],
    )
    assert first.tokens.count(10) == 1
    assert not {4, 5, 6, 11} & set(first.tokens)
    assert not {6, 7, 8, 9, 10, 11} & set(second.tokens)


def test_a_required_slot_that_its_sentence_forbids_is_an_error() -> None:
    model = RandomTableModel(VOCABULARY)
    with pytest.raises(ValueError, match="Sentence 1 has slot 10, which is forbidden"):
        search_rows(
            model,
            [[4], [5, 10]],
            SearchSettings(),
            forbidden_of=[[4], [10]],
            slots=[[], [10]],
            all_slots=[10],
        )


def test_columns_of_forbidden_tokens() -> None:
    output = WholeVocabulary(EOS, [BOS], [(4, 5), (5, 6), (5,)])
    assert [output.columns_of(sentence, 4) for sentence in range(3)] == [[], [4], [4]]
    assert [output.columns_of(sentence, 5) for sentence in range(3)] == [[], [], []]
    assert [output.columns_of(sentence, 7) for sentence in range(3)] == [[7], [7], [7]]
    assert output.columns_of(0, BOS) == []
    selected = output.select(np.array([1, 2]))
    assert [selected.columns_of(sentence, 6) for sentence in range(2)] == [[], [6]]


def test_what_only_other_sentences_forbid_is_allowed() -> None:
    output = WholeVocabulary(EOS, [BOS], [(4, 5), (5, 6), (5,)])
    rows, columns = output.allowed(np.array([0, 0, 1, 2]))
    pairs = list(zip(rows.tolist(), columns.tolist(), strict=True))
    assert pairs == [(0, 6), (1, 6), (2, 4), (3, 4), (3, 6)]
