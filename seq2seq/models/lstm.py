"""The LSTM family (Hochreiter & Schmidhuber 1997; with the forget gate of Gers et al. 2000).

    i = sigmoid(W_i x + U_i h + b_i)      input gate:  how much of the new goes in
    f = sigmoid(W_f x + U_f h + b_f)      forget gate: how much of the old stays
    g = tanh(W_g x + U_g h + b_g)         the new
    o = sigmoid(W_o x + U_o h + b_o)      output gate: how much of the cell is shown
    c' = f * c + i * g                    the cell: with f = 1 and i = 0 it passes unchanged, and so does its gradient
    h' = o * tanh(c')

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq.models.base import Rows, Vocabulary
from seq2seq.models.recurrent import CellLayer, RecurrentConfig, RecurrentSeq2Seq, initialise_cells

Gate = Literal["input", "forget", "output"]
# Where each gate stands among the four parts of the library's matrices; the third part is the new.
_PLACES: dict[Gate, int] = {"input": 0, "forget": 1, "output": 3}
# A gate held at 0 or 1 gets this bias: its sigmoid is 0 or 1 to the last bit of float32.
_SHUT = 100.0


@dataclass(frozen=True, kw_only=True)
class LSTMConfig(RecurrentConfig):
    """Sizes and regularisation of the LSTM encoder-decoder."""

    family: Literal["lstm"] = "lstm"
    """Long short-term memory."""
    encoder_layers: int = 1
    """Bidirectional layers."""
    layer_norm: bool = False
    """Normalise the output of every layer (Ba et al. 2016). Without it this family learns more from each update."""
    forget_bias: float = 1.0
    """Bias of the forget gate at the start: 1 lets the cell remember from the first update on (Jozefowicz et al. 2015)."""
    clamp: dict[Gate, float] = field(default_factory=dict)
    """Gates (input, forget, output) held at a value of 0 to 1, whatever the input says: to see what each is good for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(0 <= value <= 1 for value in self.clamp.values()):
            raise ValueError("clamp holds gates at values of 0 to 1")


@dataclass(frozen=True)
class LSTMState(Rows):
    """hidden (N,H) is what the layer shows, cell (N,H) what it keeps."""

    hidden: Tensor
    cell: Tensor


class LSTMLayer(CellLayer):
    """The equations above: `forward` through the fused layer, `step` written out."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.LSTM(inputs, hidden, batch_first=True)
        self.clamp: Mapping[Gate, float] = {}
        initialise_cells(self.cells, gates=4)

    def set_forget_bias(self, bias: float) -> None:
        """PyTorch has two biases per gate; only their sum counts."""
        list(self.cells.parameters())[2].detach().chunk(4)[_PLACES["forget"]].fill_(bias)

    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        if state is None:
            state = self.initial_state(inputs.new_zeros(inputs.shape[0], self.cells.hidden_size))
        assert isinstance(state, LSTMState)
        start = (state.hidden.unsqueeze(0), state.cell.to(state.hidden.dtype).unsqueeze(0))
        if not self.clamp:
            outputs: Tensor = self.cells(inputs, start)[0]
        else:
            outputs = torch.lstm(inputs, start, self.weights(), True, 1, 0.0, self.training, False, batch_first=True)[0]
        return outputs

    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, LSTMState]:
        assert isinstance(state, LSTMState)
        gates = self.products(inputs, state.hidden)
        i, f, g, o = gates.float().chunk(
            4, dim=-1
        )  # (N,H) each; float32 like the cell: mixed formats take half as long again
        cell = torch.sigmoid(f) * state.cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = (torch.sigmoid(o) * torch.tanh(cell)).to(gates.dtype)
        return hidden, LSTMState(hidden, cell)

    def weights(self) -> list[Tensor]:
        """W (4H,I), U (4H,H) and the two biases (4H), the gates in the order i, f, g, o; clamped where they are to be."""
        parameters: list[Tensor] = list(self.cells.parameters())
        for gate, value in self.clamp.items():
            # A gate whose weights are zero says what its bias says.
            kept = parameters[0].new_ones(4, self.cells.hidden_size, 1)
            kept[_PLACES[gate]] = 0
            kept = kept.flatten(0, 1)  # (4H,1)
            bias = math.log(value / (1 - value)) if 0 < value < 1 else _SHUT * (2 * value - 1)
            w, u, b, c = parameters
            held = b * kept.squeeze(1) + bias * (1 - kept.squeeze(1))
            parameters = [w * kept, u * kept, held, c * kept.squeeze(1)]
        return parameters

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
                module.clamp = config.clamp
