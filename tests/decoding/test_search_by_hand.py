"""Beam search on models with a few probabilities that can be checked by hand."""

import math

import pytest
import torch
from fakes import FakeModel, NumberState, SourceMemory
from reference_search import search_rows
from torch import Tensor

from seq2seq.decoding.search import Hypothesis
from seq2seq.models import Step
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import EOS

Probabilities = dict[int, float]
"""Token -> probability."""


class ScriptedModel(FakeModel):
    """Predicts the next token from a table of prefixes.

    After a prefix that is not in the table comes the token `otherwise`. Tokens that are not named
    have almost no probability, </s> least of all. The state is the prefix as a base-16 number.
    """

    def __init__(
        self, vocab_size: int, table: dict[tuple[int, ...], Probabilities], otherwise: int = EOS
    ) -> None:
        super().__init__(vocab_size)
        self.table = table
        self.otherwise = otherwise

    def step(
        self, memory: SourceMemory, state: NumberState, token: Tensor
    ) -> tuple[Step, NumberState]:
        after = state.value * 16 + token
        logits = [self._logits(_digits(int(number))[1:]) for number in after]
        return Step(torch.tensor(logits), None), NumberState(after)

    def _logits(self, prefix: tuple[int, ...]) -> list[float]:
        probabilities = [1e-12] * self.vocab_size
        probabilities[EOS] = 1e-30
        for token, probability in self.table.get(prefix, {self.otherwise: 1.0}).items():
            probabilities[token] = probability
        return [math.log(probability) for probability in probabilities]


def _digits(number: int) -> tuple[int, ...]:
    """The base-16 digits, <s> first."""
    digits: list[int] = []
    while number:
        digits.insert(0, number % 16)
        number //= 16
    return tuple(digits)


def search(
    model: FakeModel, config: SearchSettings, source: list[int] | None = None
) -> list[Hypothesis]:
    return search_rows(model, [source or [4]], config)[0]


# 5 looks better than 4 at first (0.6), but then 6 and 7 share its probability. 4 (0.4) is
# followed by 8 for certain.
GARDEN_PATH = {(): {5: 0.6, 4: 0.4}, (5,): {6: 0.5, 7: 0.5 - 1e-6}, (4,): {8: 1.0}}


def test_greedy_search_follows_the_best_first_token() -> None:
    model = ScriptedModel(9, GARDEN_PATH)
    (best,) = search(model, SearchSettings(beam=1, length_penalty=0.0))
    assert best.tokens == [5, 6]


def test_a_beam_finds_the_best_translation() -> None:
    model = ScriptedModel(9, GARDEN_PATH)
    best, second = search(model, SearchSettings(beam=2, nbest=2, length_penalty=0.0))
    assert best.tokens == [4, 8]
    assert best.log_prob == pytest.approx(math.log(0.4), abs=1e-4)
    assert second.tokens == [5, 6]
    assert second.log_prob == pytest.approx(math.log(0.3), abs=1e-4)


@pytest.mark.parametrize(("alpha", "expected"), [(0.0, []), (1.0, [4, 5, 6, 7])])
def test_the_length_penalty_decides_between_short_and_long(
    alpha: float, expected: list[int]
) -> None:
    # Short: </s> at once, 5/9. Long: four tokens and </s>, 4/9.
    # With alpha 1: -0.59 / (6/6) = -0.59 against -0.81 / (10/6) = -0.49.
    table = {
        (): {EOS: 5 / 9, 4: 4 / 9},
        (4,): {5: 1.0},
        (4, 5): {6: 1.0},
        (4, 5, 6): {7: 1.0},
        (4, 5, 6, 7): {EOS: 1.0},
    }
    model = ScriptedModel(9, table, otherwise=8)
    config = SearchSettings(beam=2, length_penalty=alpha)
    assert search(model, config, source=[4] * 5)[0].tokens == expected


def test_search_goes_on_while_a_longer_translation_may_win() -> None:
    # Two translations of one token finish first. The long one is less probable than both, but
    # better for its length.
    table = {
        (): {4: 0.5, 5: 0.5 - 1e-6},
        (4,): {EOS: 0.55, 6: 0.45},
        (5,): {EOS: 0.55, 6: 0.45},
        (4, 6): {7: 1.0},
        (4, 6, 7): {8: 1.0},
        (4, 6, 7, 8): {EOS: 1.0},
    }
    (best,) = search(ScriptedModel(10, table), SearchSettings(beam=2, length_penalty=2.0))
    assert best.tokens == [4, 6, 7, 8]
    assert best.log_prob == pytest.approx(math.log(0.225), abs=1e-4)


@pytest.mark.parametrize(
    ("prune", "nbest", "expected"),
    [
        (0.0, 1, 4),
        (2.3, 1, 4),
        (2.1, 1, 5),
        (2.1, 2, 4),  # With nbest 2, the second best is what the others are compared with.
    ],
)
def test_a_hypothesis_far_behind_is_pruned(prune: float, nbest: int, expected: int) -> None:
    # At first 4 is 2.2 nats behind 5. It wins in the end, because after 5 there are twelve
    # equally probable tokens.
    table = {
        (): {5: 0.9, 4: 0.1},
        (5,): dict.fromkeys(range(4, 16), 1 / 12),
        (4,): {EOS: 1.0},
    }
    config = SearchSettings(beam=2, nbest=nbest, prune=prune, length_penalty=0.0)
    assert search(ScriptedModel(16, table), config)[0].tokens[0] == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, [4, 5, 6, 4, 5, 6]),
        (4, [4, 5, 6, 4, 5, 6]),
        (3, [4, 5, 6, 4, 5, 7]),  # The second "4 5 6" is blocked.
        (2, [4, 5, 6, 4, 7]),  # The second "4 5" is blocked.
    ],
)
def test_no_ngram_occurs_twice(size: int, expected: list[int]) -> None:
    table = {
        (): {4: 1.0},
        (4,): {5: 1.0},
        (4, 5): {6: 1.0},
        (4, 5, 6): {4: 1.0},
        (4, 5, 6, 4): {5: 0.9, 7: 0.1},
        (4, 5, 6, 4, 5): {6: 0.9, 7: 0.1},
    }
    config = SearchSettings(beam=1, no_repeat_ngram_size=size)
    assert search(ScriptedModel(9, table), config)[0].tokens == expected
