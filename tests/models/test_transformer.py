"""The Transformer's cache and its positions."""

import pytest
import torch

from seq2seq.config.model import TransformerConfig
from seq2seq.models import VocabularySizes
from seq2seq.models.transformer import Transformer


def make_model(decoder_layers: int) -> Transformer:
    config = TransformerConfig(
        size=8, feed_forward_size=8, heads=2, encoder_layers=1, decoder_layers=decoder_layers
    )
    return Transformer(config, VocabularySizes(source=9, target=9)).eval()


@torch.no_grad()
def test_cache_grows_by_one_position_each_step() -> None:
    model = make_model(decoder_layers=2)
    source = torch.randint(4, 9, (3, 5))
    memory = model.encode(source, source > 0)
    state = model.start(memory)
    for step in range(4):
        assert [keys.shape for keys in state.keys] == [(3, 2, step, 4)] * 2
        assert [values.shape for values in state.values] == [(3, 2, step, 4)] * 2
        _, state = model.step(memory, state, torch.tensor([4, 5, 6]))


@torch.no_grad()
def test_sinusoids_are_added_to_the_embeddings() -> None:
    model = make_model(decoder_layers=1)
    positions, _ = model._add_positions(torch.zeros(1, 6, 8), first=0)
    assert positions[0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert float(positions[0, 3, 0]) == pytest.approx(float(torch.tensor(3.0).sin()))


@torch.no_grad()
def test_positions_of_a_step_continue_those_before() -> None:
    model = make_model(decoder_layers=1)
    positions, rotary = model._add_positions(torch.zeros(1, 6, 8), first=0)
    later, later_rotary = model._add_positions(torch.zeros(1, 2, 8), first=3)
    assert torch.allclose(later, positions[:, 3:5])
    assert torch.allclose(later_rotary.cos, rotary.cos[3:5])
    assert torch.allclose(later_rotary.sin, rotary.sin[3:5])
