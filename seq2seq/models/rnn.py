"""The vanilla recurrent network (Elman 1990), the one whose gradients vanish.

    h' = tanh(W x + U h + b)

Every step multiplies the gradient by U^T and by the slope of tanh, which is below 1: over many steps it shrinks (or, with
a large U, grows) exponentially (Bengio et al. 1994; Pascanu et al. 2013). The LSTM's cell is the answer to that.

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq.models.base import Rows
from seq2seq.models.recurrent import CellLayer, RecurrentConfig, RecurrentSeq2Seq, initialise_cells


@dataclass(frozen=True, kw_only=True)
class RNNConfig(RecurrentConfig):
    """Sizes and regularisation of the vanilla recurrent encoder-decoder."""

    family: Literal["rnn"] = "rnn"
    """The vanilla recurrent network."""


@dataclass(frozen=True)
class RNNState(Rows):
    """hidden (N,H) is all there is."""

    hidden: Tensor


class RNNLayer(CellLayer):
    """The equation above: `forward` through the library's layer, `step` written out."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.RNN(inputs, hidden, batch_first=True)
        initialise_cells(self.cells, gates=1)

    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        if state is None:
            outputs, _ = self.cells(inputs)
        else:
            assert isinstance(state, RNNState)
            outputs, _ = self.cells(inputs, state.hidden.unsqueeze(0))
        return outputs

    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, RNNState]:
        assert isinstance(state, RNNState)
        hidden = torch.tanh(self.products(inputs, state.hidden))
        return hidden, RNNState(hidden)

    def initial_state(self, hidden: Tensor) -> RNNState:
        return RNNState(hidden)


class RNN(RecurrentSeq2Seq):
    """Bidirectional vanilla encoder, vanilla decoder with attention."""

    layer = RNNLayer
