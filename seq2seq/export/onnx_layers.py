"""Models in the form that ONNX computes fast: recurrent layers of the encoder as operators.

torch writes a layer over a sequence out as a loop. ONNX has operators for it, which are smaller and
faster: LSTM, GRU and RNN. A step of the decoder needs nothing of this.

The minimal GRU is ONNX's GRU without recurrent weights:

    ONNX     h' = (1 - u) * g + u * h    u = sigmoid(W_u x), g = W_h x
    minGRU   h' = z * h~ + (1 - z) * h   z = sigmoid(W_z x), h~ = W_h x

so u is 1 - z, and W_u is -W_z.

Legend: B sentences, S source tokens, I input size, H hidden size, G gates.
"""

import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models import Seq2Seq
from seq2seq.models.gru import GRULayer
from seq2seq.models.layers.prepack import PrepackedProduct
from seq2seq.models.layers.recurrent_layer import CellLayer, RecurrentLayer
from seq2seq.models.lstm import LSTMLayer
from seq2seq.models.mingru import MinGRULayer
from seq2seq.models.recurrent import Encoder
from seq2seq.models.rnn import RNNLayer

# The number of each of ONNX's gates in torch's order.
_LSTM_GATES = (0, 3, 1, 2)  # ONNX: input, output, forget, cell
_GRU_GATES = (1, 0, 2)  # ONNX: update, reset, hidden
_RNN_GATES = (0,)


class OnnxSequence(nn.Module):
    """One direction of one layer, from a state of zeros."""

    def __init__(
        self, operator: str, w: Tensor, u: Tensor, biases: Tensor, attributes: dict[str, Any]
    ) -> None:
        """
        Args:
            operator: "LSTM", "GRU" or "RNN".
            w: (G*H,I), in ONNX's order of gates.
            u: (G*H,H).
            biases: (2*G*H), those of W before those of U.
            attributes: more attributes of the operator.
        """
        super().__init__()
        self.operator = operator
        self.hidden_size = u.shape[1]
        self.attributes = attributes
        # One direction: dimension 0.
        self.register_buffer("w", w.detach().unsqueeze(0).contiguous())
        self.register_buffer("u", u.detach().unsqueeze(0).contiguous())
        self.register_buffer("biases", biases.detach().unsqueeze(0).contiguous())

    def forward(self, inputs: Tensor) -> Tensor:
        """inputs (B,S,I) -> outputs (B,S,H)."""
        sentences, length, _ = inputs.shape
        outputs = torch.onnx.ops.symbolic(
            self.operator,
            (inputs.transpose(0, 1), self.w, self.u, self.biases),
            {"hidden_size": self.hidden_size, **self.attributes},
            dtype=inputs.dtype,
            shape=(length, 1, sentences, self.hidden_size),
        )
        return outputs.squeeze(1).transpose(0, 1)


def onnx_sequence(layer: RecurrentLayer) -> nn.Module:
    """Returns a layer of an encoder as an ONNX operator, or as it is if ONNX has none for it."""
    if isinstance(layer, LSTMLayer):
        return _of_cells("LSTM", layer.weights(), _LSTM_GATES, {})
    if isinstance(layer, GRULayer):
        return _of_cells("GRU", layer.weights(), _GRU_GATES, {"linear_before_reset": 1})
    if isinstance(layer, RNNLayer):
        return _of_cells("RNN", layer.weights(), _RNN_GATES, {})
    if isinstance(layer, MinGRULayer):
        return _of_min_gru(layer)
    return layer


def _of_cells(
    operator: str,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    gates: tuple[int, ...],
    attributes: dict[str, Any],
) -> OnnxSequence:
    w, u, b, c = (_reorder(part, gates) for part in weights)
    return OnnxSequence(operator, w, u, torch.cat([b, c]), attributes)


def _reorder(weights: Tensor, gates: tuple[int, ...]) -> Tensor:
    """Puts the gates of weights (G*H,...) into another order."""
    parts = weights.chunk(len(gates))
    return torch.cat([parts[gate] for gate in gates])


def _of_min_gru(layer: MinGRULayer) -> OnnxSequence:
    z, h = layer.linear_z, layer.linear_h
    no_reset = torch.zeros_like(z.weight)
    w = torch.cat([-z.weight, no_reset, h.weight])  # (3H,I)
    u = z.weight.new_zeros(len(w), z.out_features)  # (3H,H)
    b = torch.cat([-z.bias, torch.zeros_like(z.bias), h.bias])  # (3H)
    attributes = {
        "activations": ["Sigmoid", "Affine"],  # Affine: alpha x + beta
        "activation_alpha": [1.0],
        "activation_beta": [0.0],
        "linear_before_reset": 1,
    }
    return OnnxSequence("GRU", w, u, torch.cat([b, torch.zeros_like(b)]), attributes)


def prepare(model: Seq2Seq) -> Seq2Seq:
    """Returns a copy in float32 whose recurrent layers are what ONNX computes fast.

    A layer of the encoder is one operator. A step of a cell is one product of [x; h].
    """
    prepared = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    for module in prepared.modules():
        if isinstance(module, Encoder):
            for layers in (module.forwards, module.backwards):
                for number, layer in enumerate(layers):
                    layers[number] = onnx_sequence(layer)
        if isinstance(module, CellLayer):
            module.prepack(_plain_product)
    return prepared


def _plain_product(weight: Tensor, bias: Tensor | None) -> PrepackedProduct:
    return partial(functional.linear, weight=weight.detach(), bias=bias)
