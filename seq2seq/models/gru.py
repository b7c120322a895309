"""The gated recurrent unit (Cho et al. 2014): an LSTM with two gates and without a separate cell.

    r = sigmoid(W_r x + b_r + U_r h + c_r)      reset gate: how much of h enters the candidate
    z = sigmoid(W_z x + b_z + U_z h + c_z)      update gate: how much of h stays
    n = tanh(W_n x + b_n + r * (U_n h + c_n))   candidate
    h' = z * h + (1 - z) * n                    hidden state

With z = 1, the state passes unchanged, and so does its gradient. z and 1 - z take the place of the
LSTM's forget and input gates. There is no output gate: the whole state is shown.

Differs from Cho et al. (equation 8) like torch does: the reset gate multiplies U_n h + c_n instead
of h, so that one product serves all gates.

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seq2seq.models.base import Rows
from seq2seq.models.layers.recurrent_layer import CellLayer, initialize_cells
from seq2seq.models.recurrent import RecurrentSeq2Seq


@dataclass(frozen=True)
class GRUState(Rows):
    """The state of one layer."""

    hidden: Tensor
    """(N,H), both what the layer keeps and what it shows."""


class GRULayer(CellLayer[GRUState]):
    """The equations above: `forward` by torch's layer, `step` written out."""

    SEPARATE_GATES = True  # r multiplies a part of U h + c before W x + b is added

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.GRU(inputs, hidden, batch_first=True)
        initialize_cells(self.cells, gates=3)

    def forward(self, inputs: Tensor, state: GRUState | None = None) -> Tensor:
        if state is None:
            outputs, _ = self.cells(inputs)
        else:
            outputs, _ = self.cells(inputs, state.hidden.to(inputs.dtype).unsqueeze(0))
        return outputs

    def step(self, inputs: Tensor, state: GRUState) -> tuple[Tensor, GRUState]:
        input_part, hidden_part = self.separate_gates(inputs, state.hidden)  # (N,3H) each
        wx_r, wx_z, wx_n = input_part.chunk(3, dim=-1)  # (N,H) each
        uh_r, uh_z, uh_n = hidden_part.chunk(3, dim=-1)  # (N,H) each
        r = torch.sigmoid(wx_r + uh_r)
        z = torch.sigmoid(wx_z + uh_z)
        n = torch.tanh(wx_n + r * uh_n)
        hidden = z * state.hidden + (1 - z) * n
        return hidden.to(n.dtype), GRUState(hidden)

    def initial_state(self, hidden: Tensor) -> GRUState:
        # The state sums over many steps, so it is float32 even if the products are bfloat16.
        return GRUState(hidden.to(torch.promote_types(hidden.dtype, torch.float32)))


class GRU(RecurrentSeq2Seq):
    """A bidirectional GRU encoder and a GRU decoder with attention."""

    layer_type = GRULayer
