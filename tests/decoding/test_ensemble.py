"""An ensemble is one more model to search: the mean of probabilities, whoever computes them."""

import pytest
import torch
from fakes import TableModel, source_of

from seq2seq.data.tokenizer import BOS, EOS, PAD, UNK
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.search import SearchConfig, beam_search

ROWS = [[4, 5, 6], [7]]


def test_the_mean_of_probabilities_and_of_attention() -> None:
    members = [TableModel(9, seed) for seed in (1, 2, 3)]
    source, mask = source_of(ROWS)
    token = torch.tensor([BOS, BOS])

    def first_step(model: TableModel) -> tuple[torch.Tensor, torch.Tensor]:
        memory = model.encode(source, mask)
        step, _ = model.step(memory, model.start(memory), token)
        assert step.attention is not None
        return step.logits.softmax(-1), step.attention

    probs, attention = (torch.stack(parts).mean(0) for parts in zip(*map(first_step, members), strict=True))
    found_probs, found_attention = first_step(Ensemble(members))  # type: ignore[arg-type]
    assert torch.allclose(found_probs, probs, atol=1e-6)
    assert torch.allclose(found_attention, attention)


@pytest.mark.parametrize("copies", [1, 3])
def test_of_equals_it_finds_what_one_finds(copies: int) -> None:
    model = TableModel(9, 5, end_bonus=1.0)
    source, mask = source_of(ROWS)
    config = SearchConfig(beam=4, nbest=4)
    alone, together = (
        beam_search(either, source, mask, config, bos=BOS, eos=EOS, forbidden=[PAD, UNK])
        for either in (model, Ensemble([model] * copies))
    )
    for one, other in zip(alone, together, strict=True):
        assert [h.tokens for h in one] == [h.tokens for h in other]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-4)


def test_an_empty_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        Ensemble([])
