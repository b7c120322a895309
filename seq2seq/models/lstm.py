"""The LSTM family (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    i = sigmoid(W_i x + U_i h + b_i)    input gate: how much of the candidate enters the cell
    f = sigmoid(W_f x + U_f h + b_f)    forget gate: how much of the cell stays
    g = tanh(W_g x + U_g h + b_g)       candidate
    o = sigmoid(W_o x + U_o h + b_o)    output gate: how much of the cell is shown
    c' = f * c + i * g                  cell
    h' = o * tanh(c')                   hidden state

With f = 1 and i = 0, the cell passes unchanged, and so does its gradient.

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seq2seq.config.model import LSTMConfig
from seq2seq.models.base import Rows, VocabularySizes
from seq2seq.models.layers.recurrent_layer import CellLayer, initialize_cells
from seq2seq.models.recurrent import RecurrentSeq2Seq

GATE_ORDER = ("input", "forget", "candidate", "output")
"""The order of the gates in the weights of `nn.LSTM`."""


@dataclass(frozen=True)
class LSTMState(Rows):
    """The state of one layer."""

    hidden: Tensor
    """(N,H), what the layer shows."""
    cell: Tensor
    """(N,H), what the layer keeps."""


class LSTMLayer(CellLayer[LSTMState]):
    """The equations above: `forward` by torch's fused layer, `step` written out."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.LSTM(inputs, hidden, batch_first=True)
        initialize_cells(self.cells, gates=4)

    def set_forget_bias(self, bias: float) -> None:
        """Sets the bias of the forget gate. torch has two biases; only their sum matters."""
        _, _, b, _ = self.weights()
        b.detach().chunk(4)[GATE_ORDER.index("forget")].fill_(bias)

    def forward(self, inputs: Tensor, state: LSTMState | None = None) -> Tensor:
        if state is None:
            zeros = inputs.new_zeros(inputs.shape[0], self.cells.hidden_size)
            state = self.initial_state(zeros)
        hidden = state.hidden.unsqueeze(0)  # (1,B,H)
        cell = state.cell.to(state.hidden.dtype).unsqueeze(0)  # (1,B,H)
        outputs: Tensor = self.cells(inputs, (hidden, cell))[0]
        return outputs

    def step(self, inputs: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        gates = self.gates(inputs, state.hidden)  # (N,4H)
        # In float32, like the cell: mixed dtypes take half as long again.
        i, f, g, o = gates.float().chunk(4, dim=-1)  # (N,H) each
        cell = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = (torch.sigmoid(o) * torch.tanh(cell)).to(gates.dtype)
        return hidden, LSTMState(hidden, cell)

    def initial_state(self, hidden: Tensor) -> LSTMState:
        # The cell sums over many steps, so it is float32 even if the products are bfloat16.
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        return LSTMState(hidden, torch.zeros_like(hidden, dtype=dtype))


class LSTM(RecurrentSeq2Seq):
    """A bidirectional LSTM encoder and an LSTM decoder with attention."""

    layer_type = LSTMLayer

    def __init__(self, config: LSTMConfig, vocabulary: VocabularySizes) -> None:
        super().__init__(config, vocabulary)
        for module in self.modules():
            if isinstance(module, LSTMLayer):
                module.set_forget_bias(config.forget_bias)
