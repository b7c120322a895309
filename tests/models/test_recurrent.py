"""The encoder-decoder around recurrent layers, tested with the LSTM.

Legend: B sentences, S source tokens, T target tokens.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seq2seq.config.model import LSTMConfig
from seq2seq.models import VocabularySizes
from seq2seq.models.lstm import LSTM, LSTMLayer, LSTMState
from seq2seq.models.recurrent import Encoder


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert torch.allclose(actual, expected, atol=2e-6), float((actual - expected).abs().max())


def make_config(**changes: Any) -> LSTMConfig:
    """A tiny config without dropout."""
    defaults = {"embedding_size": 6, "hidden_size": 8, "dropout": 0.0, "word_dropout": 0.0}
    return LSTMConfig(**{**defaults, **changes})


def make_model(vocabulary: int = 11, **changes: Any) -> LSTM:
    torch.manual_seed(1)
    return LSTM(make_config(**changes), VocabularySizes(source=vocabulary, target=vocabulary))


# -- Encoder ---------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_both_directions_read_each_sentence_without_its_padding(layers: int) -> None:
    torch.manual_seed(2)
    config = make_config(embedding_size=5, encoder_layers=layers, residual=False)
    encoder = Encoder(config, LSTMLayer)
    reference = nn.LSTM(5, 4, num_layers=layers, bidirectional=True, batch_first=True)
    for number in range(layers):
        copy_weights(encoder.forwards[number], reference, suffix=str(number))
        copy_weights(encoder.backwards[number], reference, suffix=f"{number}_reverse")
    lengths = [6, 1, 4]
    embedded = torch.randn(3, 6, 5)
    mask = torch.arange(6) < torch.tensor(lengths).unsqueeze(1)
    outputs, summary = encoder(embedded, mask)
    for row, length in enumerate(lengths):
        expected, (last_hidden, _) = reference(embedded[row : row + 1, :length])
        assert_close(outputs[row, :length], expected[0])
        assert_close(summary[row], torch.cat([last_hidden[-2, 0], last_hidden[-1, 0]]))


def copy_weights(layer: nn.Module, reference: nn.LSTM, suffix: str) -> None:
    """Copies the weights of one layer and direction into the reference."""
    assert isinstance(layer, LSTMLayer)
    for name in ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"):
        getattr(reference, f"{name}{suffix}").copy_(getattr(layer.cells, f"{name}0"))


@torch.no_grad()
def test_residual_and_norm_of_the_encoder() -> None:
    torch.manual_seed(3)
    encoder = Encoder(make_config(encoder_layers=2, layer_norm=True), LSTMLayer)
    embedded = torch.randn(1, 4, 6)
    mask = torch.ones(1, 4, dtype=torch.bool)

    def run_layer(number: int, values: Tensor) -> Tensor:
        ahead = encoder.forwards[number](values)
        back = encoder.backwards[number](values.flip(1)).flip(1)
        return torch.nn.functional.layer_norm(torch.cat([ahead, back], -1), (8,))

    first = run_layer(0, embedded)  # no residual: 6 units in, 8 out
    assert_close(encoder(embedded, mask)[0], first + run_layer(1, first))


# -- Input feeding ---------------------------------------------------------------------------------


@torch.no_grad()
def test_input_feeding_feeds_the_last_readout() -> None:
    model = make_model(input_feeding=True, decoder_layers=1).eval()
    source = torch.randint(4, 11, (2, 5))
    memory = model.encode(source, source > 0)
    token = torch.tensor([4, 5])
    state = model.start(memory)
    assert state.readout is not None
    assert not state.readout.any()
    step, second_state = model.step(memory, state, token)
    assert second_state.readout is not None
    # The readout is what is projected to logits.
    assert_close(step.logits, second_state.readout @ model.output.T + model.output_bias)
    # The first layer reads it after the embedding.
    embedded = model.target_embedding(token.unsqueeze(1)).squeeze(1)
    inputs = torch.cat([embedded, second_state.readout], dim=1)
    _, expected = model.layers[0].step(inputs, second_state.layers[0])
    _, third_state = model.step(memory, second_state, token)
    layer_state = third_state.layers[0]
    assert isinstance(layer_state, LSTMState)
    assert_close(layer_state.cell, expected.cell)


def test_without_input_feeding_the_state_has_no_readout() -> None:
    model = make_model(input_feeding=False)
    source = torch.randint(4, 11, (2, 5))
    assert model.start(model.encode(source, source > 0)).readout is None


# -- Dropout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("input_feeding", [False, True])
def test_decoder_drops_the_same_units_at_every_step(input_feeding: bool) -> None:
    # The output matrix is the identity, so the logits show the mask of the readout.
    model = make_model(
        40, embedding_size=40, dropout=0.5, input_feeding=input_feeding, tie_embeddings="none"
    )
    model.output = nn.Parameter(torch.eye(40))
    source = torch.randint(4, 11, (6, 5))
    target_in = torch.randint(4, 11, (6, 9))
    mask = torch.ones_like(source, dtype=torch.bool)
    is_dropped = model.train()(source, mask, target_in).logits == 0
    assert torch.equal(is_dropped, is_dropped[:, :1].expand_as(is_dropped))
    assert 0.35 < float(is_dropped.float().mean()) < 0.65
    assert is_dropped[0, 0].tolist() != is_dropped[1, 0].tolist()
    assert not (model.eval()(source, mask, target_in).logits == 0).any()


@pytest.mark.parametrize("layers", [1, 3])
def test_decode_and_unrolled_steps_drop_the_same_units(layers: int) -> None:
    model = make_model(dropout=0.4, word_dropout=0.2, decoder_layers=layers).train()
    source = torch.randint(4, 11, (4, 5))
    target_in = torch.randint(4, 11, (4, 6))
    memory = model.encode(source, source > 0)
    torch.manual_seed(9)
    at_once = model.decode(memory, target_in)
    # The same random state draws the same masks.
    torch.manual_seed(9)
    embedded = model.target_embedding(target_in)
    unrolled = model._unroll(memory, embedded, model._draw_masks(target_in))
    assert torch.allclose(at_once.logits, unrolled.logits, atol=2e-6)
