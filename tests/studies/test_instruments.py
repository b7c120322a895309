"""Holding the gates of an LSTM from outside.

Legend: B sentences, T steps, I input size, H hidden size.
"""

from typing import Any

import pytest
import torch
from tiny_models import TINY
from torch import Tensor, nn

from seq2seq.config import FAMILY_CONFIGS
from seq2seq.errors import UserError
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.models.lstm import LSTMLayer
from seq2seq.studies.config import Gate
from seq2seq.studies.instruments import hold_gates

HIDDEN = 6
ROWS: dict[Gate, slice] = {
    "input": slice(0, HIDDEN),
    "forget": slice(HIDDEN, 2 * HIDDEN),
    "output": slice(3 * HIDDEN, 4 * HIDDEN),
}


def layer() -> LSTMLayer:
    torch.manual_seed(4)
    return LSTMLayer(5, HIDDEN)


def outputs_by_hand(cells: nn.RNNBase, inputs: Tensor, gates: dict[Gate, float]) -> Tensor:
    """The equations of the LSTM over inputs (B,T,I), with the gates replaced by their values."""
    weight_ih, weight_hh, bias_ih, bias_hh = cells.parameters()
    hidden = torch.zeros(inputs.shape[0], HIDDEN)
    cell = torch.zeros(inputs.shape[0], HIDDEN)
    outputs = []
    for step in inputs.unbind(1):
        sums = step @ weight_ih.T + bias_ih + hidden @ weight_hh.T + bias_hh
        i, f, g, o = sums.chunk(4, dim=-1)
        values = {"input": i.sigmoid(), "forget": f.sigmoid(), "output": o.sigmoid()}
        for gate, value in gates.items():
            values[gate] = torch.full_like(i, value)
        cell = values["forget"] * cell + values["input"] * g.tanh()
        hidden = values["output"] * cell.tanh()
        outputs.append(hidden)
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize(
    "gates",
    [{"forget": 1.0}, {"forget": 0.0}, {"input": 0.25}, {"input": 1.0, "output": 0.7}],
    ids=str,
)
def test_the_layer_computes_with_the_held_value(gates: dict[Gate, float]) -> None:
    inputs = torch.randn(2, 4, 5)
    expected = outputs_by_hand(layer().cells, inputs, gates)
    held = layer()
    hold_gates(held, gates)
    torch.testing.assert_close(held(inputs), expected)
    state = held.initial_state(torch.zeros(2, HIDDEN))
    for position, step in enumerate(inputs.unbind(1)):
        hidden, state = held.step(step, state)
        torch.testing.assert_close(hidden, expected[:, position])


def test_the_other_gates_keep_their_weights() -> None:
    held = layer()
    hold_gates(held, {"input": 1.0})
    for before, after in zip(layer().parameters(), held.parameters(), strict=True):
        assert torch.equal(before[HIDDEN:], after[HIDDEN:])


@pytest.mark.parametrize("gate", ROWS)
def test_training_does_not_change_a_held_gate(gate: Gate) -> None:
    held = layer()
    hold_gates(held, {gate: 0.3})
    before = [parameter.detach().clone() for parameter in held.parameters()]
    matrices = [each for each in held.parameters() if each.dim() > 1]
    vectors = [each for each in held.parameters() if each.dim() == 1]
    # Decay for matrices only, as in training.
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.5)
    for _ in range(3):
        held(torch.randn(2, 4, 5)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    for old, new in zip(before, held.parameters(), strict=True):
        rows = ROWS[gate]
        assert torch.equal(old[rows], new[rows])
        assert not torch.equal(old, new)


def tiny_model(family: str) -> Seq2Seq:
    torch.manual_seed(1)
    config = FAMILY_CONFIGS[family].model_validate(TINY[family])
    return build(config, VocabularySizes(source=20, target=20))


def test_all_layers_of_a_model_are_held() -> None:
    model = tiny_model("lstm")
    hold_gates(model, {"forget": 1.0})
    layers = [module for module in model.modules() if isinstance(module, LSTMLayer)]
    assert len(layers) == 4  # one encoder layer in two directions, two decoder layers
    for each in layers:
        bias = each.cells.get_parameter("bias_ih_l0").chunk(4)[1]
        assert (bias == 100).all()


def test_only_an_lstm_has_these_gates() -> None:
    with pytest.raises(UserError, match="this model has no LSTM layer"):
        hold_gates(tiny_model("gru"), {"forget": 1.0})


def test_holding_no_gate_changes_nothing() -> None:
    hold_gates(tiny_model("gru"), {})
