"""The LSTM and the wiring around it against the equations written out."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seq2seq.models import FAMILIES, Vocabulary, build
from seq2seq.models.dropout import locked_mask
from seq2seq.models.embedding import PieceEmbedding
from seq2seq.models.lstm import LSTM, LSTMConfig, LSTMLayer, LSTMState
from seq2seq.models.recurrent import Encoder


def same(found: Tensor, wanted: Tensor) -> None:
    assert found.shape == wanted.shape
    assert torch.allclose(found, wanted, atol=2e-6), float((found - wanted).abs().max())


def config(**changes: Any) -> LSTMConfig:
    return LSTMConfig(**{"embedding_size": 6, "hidden_size": 8, "dropout": 0.0, "word_dropout": 0.0, **changes})


def model(pieces: int = 11, **changes: Any) -> LSTM:
    torch.manual_seed(1)
    built = build(config(**changes), Vocabulary(source=pieces, target=pieces))
    assert isinstance(built, LSTM)
    return built


# -- the layer ---------------------------------------------------------------------------------------------------------


def equations(layer: LSTMLayer, inputs: Tensor, hidden: Tensor, cell: Tensor, **held: float) -> tuple[Tensor, Tensor]:
    """The gate equations for one row and one step, each from its own block of the parameters (order i, f, g, o), with
    some gates held at a value."""
    w, u, b, c = (p.detach() for p in layer.cells.parameters())
    size = len(hidden)
    total = [
        w[k * size : (k + 1) * size] @ inputs
        + u[k * size : (k + 1) * size] @ hidden
        + (b + c)[k * size : (k + 1) * size]
        for k in range(4)
    ]
    i, f, g, o = torch.sigmoid(total[0]), torch.sigmoid(total[1]), torch.tanh(total[2]), torch.sigmoid(total[3])
    i, f, o = (
        torch.full_like(gate, held[name]) if name in held else gate
        for name, gate in (("input", i), ("forget", f), ("output", o))
    )
    cell = f * cell + i * g
    return o * torch.tanh(cell), cell


@torch.no_grad()
def test_fused_layer_equals_the_steps_and_the_equations() -> None:
    torch.manual_seed(0)
    layer = LSTMLayer(5, 4)
    for parameter in layer.parameters():
        parameter.normal_(0, 0.7)
    inputs, state = torch.randn(3, 6, 5), LSTMState(torch.randn(3, 4), torch.randn(3, 4))
    fused = layer(inputs, state)
    stepped, after = [], state
    for place in inputs.unbind(1):
        output, after = layer.step(place, after)
        stepped.append(output)
    same(fused, torch.stack(stepped, 1))
    for row in range(3):
        hidden, cell = state.hidden[row], state.cell[row]
        for t in range(6):
            hidden, cell = equations(layer, inputs[row, t], hidden, cell)
            same(fused[row, t], hidden)
        same(after.cell[row], cell)
    same(layer(inputs), layer(inputs, LSTMState(torch.zeros(3, 4), torch.zeros(3, 4))))
    start = layer.initial_state(state.hidden)
    assert torch.equal(start.hidden, state.hidden)
    assert float(start.cell.abs().max()) == 0


@pytest.mark.parametrize("held", [{"forget": 1.0}, {"forget": 0.0}, {"input": 1.0, "output": 0.25}, {"output": 1.0}])
def test_gates_held_at_a_value(held: dict[Any, float]) -> None:
    torch.manual_seed(0)
    layer = LSTMLayer(5, 4)
    for parameter in layer.parameters():
        parameter.detach().normal_(0, 0.7)
    layer.clamp = held
    inputs, state = torch.randn(2, 6, 5), LSTMState(torch.randn(2, 4), torch.randn(2, 4))
    fused, after = layer(inputs, state), state
    for t, place in enumerate(inputs.unbind(1)):
        before = after
        output, after = layer.step(place, after)
        same(fused[:, t], output)
        for row in range(2):
            hidden, cell = equations(layer, place[row], before.hidden[row], before.cell[row], **held)
            same(output[row].detach(), hidden.detach())
            same(after.cell[row].detach(), cell.detach())
    # Nothing is learnt for a gate that is held.
    fused.sum().backward()
    gradient = layer.cells.weight_ih_l0.grad
    assert gradient is not None
    places = {"input": 0, "forget": 1, "output": 3}
    for name, place in places.items():
        assert bool(gradient.chunk(4)[place].any()) == (name not in held)
    assert gradient.chunk(4)[2].any()


def test_first_weights() -> None:
    layers = [m for m in model(encoder_layers=2, decoder_layers=3).modules() if isinstance(m, LSTMLayer)]
    assert len(layers) == 2 * 2 + 3
    for layer in layers:
        w, u, b, c = layer.cells.parameters()
        i, f, g, o = (b + c).detach().chunk(4)
        assert torch.equal(f, torch.ones_like(f))
        assert float(torch.cat([i, g, o]).abs().max()) == 0
        for gate in u.detach().chunk(4):
            same(gate @ gate.T, torch.eye(len(gate)))  # orthogonal
        limit = math.sqrt(6 / (w.shape[1] + w.shape[0] // 4))
        assert 0.8 * limit < float(w.detach().abs().max()) <= limit
        assert all(p.is_leaf and p.requires_grad for p in layer.parameters())
    for layer in model(forget_bias=0.25).modules():
        if isinstance(layer, LSTMLayer):
            assert torch.equal(
                layer.cells.bias_ih_l0.detach().chunk(4)[1], torch.full((layer.cells.hidden_size,), 0.25)
            )


def constant_gates(**biases: float) -> LSTMLayer:
    """A layer of one unit without weights: its gates are what the biases say, whatever it reads."""
    layer = LSTMLayer(1, 1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.cells.bias_ih_l0.copy_(torch.tensor([biases[gate] for gate in "ifgo"]))
    return layer


@pytest.mark.parametrize(("forget", "wanted"), [(1000.0, 1.0), (math.log(3), 0.75**100)])
def test_the_cell_carries_its_gradient(forget: float, wanted: float) -> None:
    # f = 1 and i = 0: what is in the cell stays, and so does the gradient, exactly, over 100 steps; f = 3/4 loses it.
    layer = constant_gates(i=-1000.0, f=forget, g=0.3, o=0.0)
    first = torch.tensor([[0.6]], requires_grad=True)
    state = LSTMState(torch.zeros(1, 1), first)
    for _ in range(100):
        _, state = layer.step(torch.ones(1, 1), state)
    state.cell.backward()
    assert first.grad is not None
    assert float(first.grad) == (wanted if wanted == 1 else pytest.approx(wanted, rel=1e-4))
    assert float(state.cell.detach()) == pytest.approx(0.6 * wanted, rel=1e-4)


@torch.no_grad()
def test_in_bfloat16_the_cell_is_summed_in_float32() -> None:
    # 1,000 times 1/1024: in bfloat16 the sum would stand still at 0.25, where half of the spacing is as large.
    layer = constant_gates(i=1000.0, f=1000.0, g=math.atanh(1 / 1024), o=1000.0).to(torch.bfloat16)
    state = layer.initial_state(torch.zeros(1, 1, dtype=torch.bfloat16))
    for _ in range(1000):
        hidden, state = layer.step(torch.ones(1, 1, dtype=torch.bfloat16), state)
    assert float(state.cell) == pytest.approx(1000 / 1024, rel=0.01)
    assert hidden.dtype == torch.bfloat16
    whole = layer(
        torch.ones(1, 3, 1, dtype=torch.bfloat16), layer.initial_state(torch.zeros(1, 1, dtype=torch.bfloat16))
    )
    assert whole.dtype == torch.bfloat16


# -- the encoder -------------------------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_both_directions_read_each_sentence_without_its_padding(layers: int) -> None:
    torch.manual_seed(2)
    encoder = Encoder(config(embedding_size=5, encoder_layers=layers, residual=False, layer_norm=False), LSTMLayer)
    reference = nn.LSTM(5, 4, num_layers=layers, bidirectional=True, batch_first=True)
    for number, (ahead, back) in enumerate(zip(encoder.forwards, encoder.backwards, strict=True)):
        for suffix, layer in (("", ahead), ("_reverse", back)):
            assert isinstance(layer, LSTMLayer)
            for name in ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"):
                getattr(reference, f"{name}{number}{suffix}").copy_(getattr(layer.cells, f"{name}0"))
    lengths = [6, 1, 4]
    embedded, mask = torch.randn(3, 6, 5), torch.arange(6) < torch.tensor(lengths).unsqueeze(1)
    outputs, summary = encoder(embedded, mask)
    for row, length in enumerate(lengths):
        wanted, (last, _) = reference(embedded[row : row + 1, :length])
        same(outputs[row, :length], wanted[0])
        same(summary[row], torch.cat([last[-2, 0], last[-1, 0]]))


@torch.no_grad()
def test_residual_and_norm_of_the_encoder() -> None:
    torch.manual_seed(3)
    encoder = Encoder(config(embedding_size=6, encoder_layers=2, layer_norm=True), LSTMLayer)
    embedded, mask = torch.randn(1, 4, 6), torch.ones(1, 4, dtype=torch.bool)

    def layer(number: int, values: Tensor) -> Tensor:
        ahead = encoder.forwards[number](values)
        back = encoder.backwards[number](values.flip(1)).flip(1)
        return torch.nn.functional.layer_norm(torch.cat([ahead, back], -1), (8,))

    first = layer(0, embedded)  # 6 in, 8 out: no residual
    same(encoder(embedded, mask)[0], first + layer(1, first))


@torch.no_grad()
def test_input_feeding_feeds_the_last_readout() -> None:
    built = model(input_feeding=True, decoder_layers=1).eval()
    source = torch.randint(4, 11, (2, 5))
    memory, token = built.encode(source, source > 0), torch.tensor([4, 5])
    state = built.start(memory)
    assert state.readout is not None
    assert float(state.readout.abs().max()) == 0
    step, after = built.step(memory, state, token)
    assert after.readout is not None
    same(step.logits, after.readout @ built.output.T + built.output_bias)  # the readout is what is projected
    # The first layer reads it behind the embedding.
    inputs = torch.cat([built.target_embedding(token.unsqueeze(1)).squeeze(1), after.readout], dim=1)
    _, layer = built._layers()[0].step(inputs, after.layers[0])
    _, then = built.step(memory, after, token)
    assert isinstance(layer, LSTMState)
    assert isinstance(then.layers[0], LSTMState)
    same(then.layers[0].cell, layer.cell)
    assert model(input_feeding=False).start(memory).readout is None


# -- embeddings and dropout --------------------------------------------------------------------------------------------


@torch.no_grad()
def test_embeddings_have_unit_variance_and_rows_of_length_one() -> None:
    torch.manual_seed(0)
    embedding = PieceEmbedding(500, 64, dropout=0.0, word_dropout=0.0).eval()
    assert float(embedding.weight.norm(dim=1).mean()) == pytest.approx(1, abs=0.05)
    assert float(embedding(torch.arange(500).view(5, 100)).var()) == pytest.approx(1, abs=0.05)


def test_a_dropped_word_is_dropped_whole_and_not_scaled() -> None:
    torch.manual_seed(0)
    embedding = PieceEmbedding(20, 6, dropout=0.0, word_dropout=0.3).train()
    pieces = torch.randint(20, (40, 50))
    ratio = (embedding(pieces) / embedding.eval()(pieces)).detach()
    assert set(ratio.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(ratio.amin(-1), ratio.amax(-1))
    assert float((ratio[..., 0] == 0).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_dropped_units_are_the_same_at_every_step() -> None:
    torch.manual_seed(0)
    embedding = PieceEmbedding(20, 50, dropout=0.4, word_dropout=0.0).train()
    pieces = torch.randint(20, (30, 7))
    ratio = (embedding(pieces) / embedding.eval()(pieces)).detach()
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio))
    assert ratio[0, 0].tolist() != ratio[1, 0].tolist()  # but differ between sentences
    assert ratio[:, 0][ratio[:, 0] > 0].tolist() == pytest.approx([1 / 0.6] * int((ratio[:, 0] > 0).sum()))
    assert float((ratio[:, 0] == 0).float().mean()) == pytest.approx(0.4, abs=0.04)
    mask = locked_mask(pieces, 9, 0.4, training=True)
    assert mask is not None
    assert mask.shape == (30, 1, 9)
    assert locked_mask(pieces, 9, 0.4, training=False) is None
    assert locked_mask(pieces, 9, 0.0, training=True) is None


@pytest.mark.parametrize("input_feeding", [False, True])
def test_the_decoder_holds_its_masks_over_all_steps(input_feeding: bool) -> None:
    # Only the mask of the readout can be seen from outside: the output matrix is the identity and tanh is not 0.
    built = model(40, embedding_size=40, dropout=0.5, input_feeding=input_feeding, tie_embeddings="none").train()
    with torch.no_grad():
        built.output = nn.Parameter(torch.eye(40))
    source = torch.randint(4, 11, (6, 5))
    logits = built(source, torch.ones_like(source, dtype=torch.bool), torch.randint(4, 11, (6, 9))).logits
    zero = logits == 0
    assert torch.equal(zero, zero[:, :1].expand_as(zero))
    assert 0.35 < float(zero.float().mean()) < 0.65
    assert zero[0, 0].tolist() != zero[1, 0].tolist()
    assert not (built.eval()(source, source > 0, source).logits == 0).any()


@pytest.mark.parametrize("layers", [1, 3])
def test_whole_layers_and_single_steps_drop_alike(layers: int) -> None:
    # From the same random state both ways of decoding draw the same masks, and so must say the same.
    built = model(dropout=0.4, word_dropout=0.2, decoder_layers=layers).train()
    source, target_in = torch.randint(4, 11, (4, 5)), torch.randint(4, 11, (4, 6))
    memory = built.encode(source, source > 0)
    torch.manual_seed(9)
    whole = built.decode(memory, target_in)
    torch.manual_seed(9)
    embedded = built.target_embedding(target_in)
    stepped = built._unroll(memory, embedded, built._masks(target_in))
    assert torch.allclose(whole.logits, stepped.logits, atol=2e-6)


# -- tied embeddings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tie", "target_shared", "source_shared"), [("all", 1, 1), ("target", 1, 0), ("none", 0, 0)])
def test_tied_embeddings_share_memory(tie: str, target_shared: int, source_shared: int) -> None:
    built = model(tie_embeddings=tie)
    output, target, source = built.output, built.target_embedding.weight, built.source_embedding.weight
    assert (output.data_ptr() == target.data_ptr()) == bool(target_shared)
    assert (source.data_ptr() == target.data_ptr()) == bool(source_shared)
    sizes = {"all": 1, "target": 2, "none": 3}
    assert sum(p.shape == (11, 6) for p in built.parameters()) == sizes[tie]


def test_config_says_what_is_wrong() -> None:
    for changes, message in (
        ({"hidden_size": 7}, "hidden_size must be even"),
        ({"decoder_layers": 0}, "at least 1"),
        ({"dropout": 1.0}, "below 1"),
        ({"word_dropout": -0.1}, "at least 0"),
    ):
        with pytest.raises(ValueError, match=message):
            config(**changes)
    assert FAMILIES["lstm"] == (LSTMConfig, LSTM)
