"""An ensemble predicts the mean of the probabilities of its models."""

import pytest
import torch
from fakes import FakeModel, RandomTableModel, padded_source, search_with_torch
from torch import Tensor

from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.search import Hypothesis
from seq2seq.models import Seq2Seq
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, PAD, UNK

ROWS = [[4, 5, 6], [7]]


def first_step(model: Seq2Seq) -> tuple[Tensor, Tensor]:
    """The probabilities and the attention after <s>."""
    memory = model.encode(*padded_source(ROWS))
    step, _ = model.step(memory, model.start(memory), torch.tensor([BOS, BOS]))
    assert step.attention is not None
    return step.logits.softmax(-1), step.attention


def search(model: Seq2Seq) -> list[list[Hypothesis]]:
    source, mask = padded_source(ROWS)
    config = SearchSettings(beam=4, nbest=4)
    return search_with_torch(model, source, mask, config, forbidden=[PAD, UNK])


@pytest.fixture
def members() -> list[FakeModel]:
    return [RandomTableModel(9, seed) for seed in (1, 2, 3)]


def test_probabilities_are_the_mean(members: list[FakeModel]) -> None:
    mean = torch.stack([first_step(model)[0] for model in members]).mean(0)
    assert torch.allclose(first_step(Ensemble(members))[0], mean, atol=1e-6)


def test_attention_is_the_mean(members: list[FakeModel]) -> None:
    mean = torch.stack([first_step(model)[1] for model in members]).mean(0)
    assert torch.allclose(first_step(Ensemble(members))[1], mean)


@pytest.mark.parametrize("copies", [1, 3])
def test_search_with_copies_of_one_model_finds_what_the_model_finds(copies: int) -> None:
    model = RandomTableModel(9, 5, eos_bonus=1.0)
    alone = search(model)
    together = search(Ensemble([model] * copies))
    for expected, hypotheses in zip(alone, together, strict=True):
        assert [h.tokens for h in hypotheses] == [h.tokens for h in expected]
        assert [h.score for h in hypotheses] == pytest.approx([h.score for h in expected], abs=1e-4)


def test_an_empty_ensemble_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        Ensemble([])
