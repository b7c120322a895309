"""The LSTM family (Hochreiter & Schmidhuber 1997; with the forget gate of Gers et al. 2000).

    i = sigmoid(W_i x + U_i h + b_i)      input gate:  how much of the new goes in
    f = sigmoid(W_f x + U_f h + b_f)      forget gate: how much of the old stays
    g = tanh(W_g x + U_g h + b_g)         the new
    o = sigmoid(W_o x + U_o h + b_o)      output gate: how much of the cell is shown
    c' = f * c + i * g                    the cell: with f = 1 and i = 0 it passes unchanged, and so does its gradient
    h' = o * tanh(c')

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.base import Rows, Vocabulary
from seq2seq.models.recurrent import RecurrentConfig, RecurrentLayer, RecurrentSeq2Seq, initialise_cells


@dataclass(frozen=True, kw_only=True)
class LSTMConfig(RecurrentConfig):
    """Sizes and regularisation of the LSTM encoder-decoder."""

    family: Literal["lstm"] = "lstm"
    """Long short-term memory."""
    forget_bias: float = 1.0
    """Bias of the forget gate at the start: 1 lets the cell remember from the first update on (Jozefowicz et al. 2015)."""


@dataclass(frozen=True)
class LSTMState(Rows):
    """hidden (N,H) is what the layer shows, cell (N,H) what it keeps."""

    hidden: Tensor
    cell: Tensor


class LSTMLayer(RecurrentLayer):
    """The equations above: `forward` through the fused layer, `step` written out."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.LSTM(inputs, hidden, batch_first=True)
        initialise_cells(self.cells, gates=4)

    def set_forget_bias(self, bias: float) -> None:
        """PyTorch has two biases per gate; only their sum counts."""
        _, f, _, _ = self._parameters_of_cells()[2].detach().chunk(4)
        f.fill_(bias)

    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        if state is None:
            outputs, _ = self.cells(inputs)
        else:
            assert isinstance(state, LSTMState)
            cell = state.cell.to(state.hidden.dtype)
            outputs, _ = self.cells(inputs, (state.hidden.unsqueeze(0), cell.unsqueeze(0)))
        return outputs

    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, LSTMState]:
        assert isinstance(state, LSTMState)
        w, u, b, c = self._parameters_of_cells()
        gates = functional.linear(inputs, w, b) + functional.linear(state.hidden.to(inputs.dtype), u, c)
        i, f, g, o = gates.chunk(4, dim=-1)  # (N,H) each
        cell = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = (torch.sigmoid(o) * torch.tanh(cell)).to(gates.dtype)
        return hidden, LSTMState(hidden, cell)

    def _parameters_of_cells(self) -> list[Tensor]:
        """W (4H,I), U (4H,H) and the two biases (4H), the gates in the order i, f, g, o."""
        return list(self.cells.parameters())

    def initial_state(self, hidden: Tensor) -> LSTMState:
        # What is carried over many steps is summed in float32 whatever the products are made in.
        return LSTMState(hidden, torch.zeros_like(hidden, dtype=torch.promote_types(hidden.dtype, torch.float32)))


class LSTM(RecurrentSeq2Seq):
    """Bidirectional LSTM encoder, LSTM decoder with attention."""

    layer = LSTMLayer

    def __init__(self, config: LSTMConfig, vocabulary: Vocabulary) -> None:
        super().__init__(config, vocabulary)
        for module in self.modules():
            if isinstance(module, LSTMLayer):
                module.set_forget_bias(config.forget_bias)
