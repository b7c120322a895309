"""Instruments that are attached to a model from outside. The model's code knows nothing of them.

Legend: I input size, H hidden size.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.models.lstm import GATE_ORDER, LSTMLayer
from seq2seq.studies.config import Gate

# In float32, the sigmoid of this bias is exactly 1. That of its negative is 4e-44, practically 0.
_SATURATED = 100.0


def hold_gates(model: nn.Module, gates: Mapping[Gate, float]) -> None:
    """Holds gates of all LSTM layers at a constant value, whatever the input is.

    The weights of a held gate become zero, and its bias becomes the logit of the value. Gradients
    of these parameters are zeroed, so training does not change them (weight decay leaves biases
    alone, and zeros stay zero). The trained weights need no instrument. The gradient hooks are not
    part of a checkpoint: hold the gates again to resume training.

    Args:
        model: a model with LSTM layers. It is changed in place.
        gates: gate -> value, 0 to 1.

    Raises:
        UserError: the model has no LSTM layer.
    """
    if not gates:
        return
    layers = [module for module in model.modules() if isinstance(module, LSTMLayer)]
    if not layers:
        raise UserError("Gates can only be held in an LSTM: this model has no LSTM layer.")
    for layer in layers:
        for gate, value in gates.items():
            _hold_gate(layer.cells, GATE_ORDER.index(gate), _logit(value))


def _hold_gate(cells: nn.RNNBase, index: int, bias: float) -> None:
    rows = slice(index * cells.hidden_size, (index + 1) * cells.hidden_size)
    for name, parameter in _layer_parameters(cells):
        # PyTorch adds two biases, so one of them gets the value. Everything else is zero.
        with torch.no_grad():
            parameter[rows] = bias if name == "bias_ih" else 0.0
        parameter.register_hook(partial(_zero_rows, rows))


def _layer_parameters(cells: nn.RNNBase) -> Iterator[tuple[str, nn.Parameter]]:
    """Yields weight_ih (4H,I), weight_hh (4H,H), bias_ih (4H) and bias_hh (4H)."""
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        yield name, cells.get_parameter(f"{name}_l0")


def _zero_rows(rows: slice, gradient: Tensor) -> Tensor:
    gradient = gradient.clone()
    gradient[rows] = 0
    return gradient


def _logit(value: float) -> float:
    if 0 < value < 1:
        return math.log(value / (1 - value))
    return _SATURATED if value == 1 else -_SATURATED
