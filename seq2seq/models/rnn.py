"""The vanilla recurrent network (Elman 1990), whose gradients vanish.

    h' = tanh(W x + b + U h + c)

Each step multiplies the gradient by U^T and by the slope of tanh, which is at most 1. Over many
steps it shrinks exponentially, or grows if U is large (Bengio et al. 1994; Pascanu et al. 2013).
The LSTM's cell solves this.

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seq2seq.models.base import Rows
from seq2seq.models.layers.recurrent_layer import CellLayer, initialize_cells
from seq2seq.models.recurrent import RecurrentSeq2Seq


@dataclass(frozen=True)
class RNNState(Rows):
    """The state of one layer."""

    hidden: Tensor
    """(N,H)."""


class RNNLayer(CellLayer[RNNState]):
    """The equation above: `forward` by torch's layer, `step` written out."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.RNN(inputs, hidden, batch_first=True)
        initialize_cells(self.cells, gates=1)

    def forward(self, inputs: Tensor, state: RNNState | None = None) -> Tensor:
        if state is None:
            outputs, _ = self.cells(inputs)
        else:
            outputs, _ = self.cells(inputs, state.hidden.unsqueeze(0))
        return outputs

    def step(self, inputs: Tensor, state: RNNState) -> tuple[Tensor, RNNState]:
        hidden = torch.tanh(self.gates(inputs, state.hidden))
        return hidden, RNNState(hidden)

    def initial_state(self, hidden: Tensor) -> RNNState:
        return RNNState(hidden)


class RNN(RecurrentSeq2Seq):
    """A bidirectional vanilla encoder and a vanilla decoder with attention."""

    layer_type = RNNLayer
