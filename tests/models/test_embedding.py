"""Token embeddings: their scale, dropout and tying."""

import pytest
import torch
from torch import Tensor

from seq2seq.config.model import LSTMConfig, Tying
from seq2seq.models import VocabularySizes
from seq2seq.models.layers.embedding import CasedEmbedding, TokenEmbedding
from seq2seq.models.lstm import LSTM


@torch.no_grad()
def test_embeddings_have_unit_variance_and_rows_of_length_one() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(500, 64, dropout=0.0, word_dropout=0.0).eval()
    tokens = torch.arange(500).view(5, 100)
    assert float(embedding.weight.norm(dim=1).mean()) == pytest.approx(1, abs=0.05)
    assert float(embedding(tokens).var()) == pytest.approx(1, abs=0.05)


@torch.no_grad()
def test_a_case_is_added_to_its_token() -> None:
    tokens = TokenEmbedding(3, 4, dropout=0.0, word_dropout=0.0)
    tokens.weight.copy_(torch.arange(12.0).view(3, 4))
    embedding = CasedEmbedding(tokens, 3)
    assert not embedding.cases.any()
    embedding.cases[0] = 10
    embedding.cases[1] = 100
    # Token 2 in each case, and token 1 in upper case: rows times the root of 4.
    (embedded,) = embedding(torch.tensor([[2, 2 + 3, 2 + 6, 1 + 6]]))
    assert embedded.tolist() == [
        [16, 18, 20, 22],
        [36, 38, 40, 42],
        [216, 218, 220, 222],
        [208, 210, 212, 214],
    ]


def test_word_dropout_drops_the_case_with_its_token() -> None:
    torch.manual_seed(0)
    tokens = TokenEmbedding(20, 6, dropout=0.0, word_dropout=0.5)
    embedding = CasedEmbedding(tokens, 2).train()
    torch.nn.init.ones_(embedding.cases)
    embedded = embedding(torch.randint(20, 40, (40, 50)))
    is_dropped = (embedded == 0).all(-1)
    assert torch.equal(is_dropped, (embedded == 0).any(-1))
    assert float(is_dropped.float().mean()) == pytest.approx(0.5, abs=0.05)


def dropout_factors(embedding: TokenEmbedding, tokens: Tensor) -> Tensor:
    """Returns by what each unit is multiplied in training, (B,T,D)."""
    in_training = embedding.train()(tokens)
    return (in_training / embedding.eval()(tokens)).detach()


def test_word_dropout_drops_whole_words_and_does_not_scale() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(20, 6, dropout=0.0, word_dropout=0.3)
    factors = dropout_factors(embedding, torch.randint(20, (40, 50)))
    assert set(factors.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(factors.amin(-1), factors.amax(-1))
    assert float((factors[..., 0] == 0).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_dropout_drops_the_same_units_at_every_position() -> None:
    torch.manual_seed(0)
    embedding = TokenEmbedding(20, 50, dropout=0.4, word_dropout=0.0)
    factors = dropout_factors(embedding, torch.randint(20, (30, 7)))
    first = factors[:, 0]
    assert torch.allclose(factors, factors[:, :1].expand_as(factors))
    assert first[0].tolist() != first[1].tolist()  # other units in another sentence
    nonzero = first[first > 0]
    assert torch.allclose(nonzero, torch.full_like(nonzero, 1 / 0.6))
    assert float((first == 0).float().mean()) == pytest.approx(0.4, abs=0.04)


@pytest.mark.parametrize(
    ("tying", "output_is_shared", "source_is_shared", "matrices"),
    [("all", True, True, 1), ("target", True, False, 2), ("none", False, False, 3)],
)
def test_tied_embeddings_share_memory(
    tying: Tying, output_is_shared: bool, source_is_shared: bool, matrices: int
) -> None:
    config = LSTMConfig(embedding_size=6, hidden_size=8, tie_embeddings=tying)
    model = LSTM(config, VocabularySizes(source=11, target=11))
    target = model.target_embedding.weight.data_ptr()
    assert (model.output.data_ptr() == target) == output_is_shared
    assert (model.source_embedding.weight.data_ptr() == target) == source_is_shared
    assert sum(parameter.shape == (11, 6) for parameter in model.parameters()) == matrices
