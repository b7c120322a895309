"""The gated recurrent unit (Cho et al. 2014): the LSTM's idea with two gates and without a cell of its own.

    r = sigmoid(W_r x + U_r h + b_r)             reset gate:  how much of the old goes into the new
    z = sigmoid(W_z x + U_z h + b_z)             update gate: how much of the old stays
    n = tanh(W_n x + b_n + r * (U_n h + c_n))    the new
    h' = z * h + (1 - z) * n                     with z = 1 the state passes unchanged, and so does its gradient

z and 1 - z are bound together where the LSTM has a forget and an input gate, and all of the state is shown where the LSTM
has an output gate. The library resets after the product with U_n, not before it (as Cho et al., equation 8, do), so that
one product serves all gates.

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.base import Rows
from seq2seq.models.packing import Layout, Product
from seq2seq.models.recurrent import CellLayer, RecurrentConfig, RecurrentSeq2Seq, initialise_cells


@dataclass(frozen=True, kw_only=True)
class GRUConfig(RecurrentConfig):
    """Sizes and regularisation of the GRU encoder-decoder."""

    family: Literal["gru"] = "gru"
    """The gated recurrent unit."""


@dataclass(frozen=True)
class GRUState(Rows):
    """hidden (N,H) is both what is kept and what is shown."""

    hidden: Tensor


class GRULayer(CellLayer):
    """The equations above: `forward` through the library's layer, `step` written out."""

    _packed: tuple[Product, Product] | None = None

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cells = nn.GRU(inputs, hidden, batch_first=True)
        initialise_cells(self.cells, gates=3)

    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        if state is None:
            outputs, _ = self.cells(inputs)
        else:
            assert isinstance(state, GRUState)
            outputs, _ = self.cells(inputs, state.hidden.to(inputs.dtype).unsqueeze(0))
        return outputs

    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, GRUState]:
        assert isinstance(state, GRUState)
        of_input, of_state = self._products(inputs, state.hidden.to(inputs.dtype))  # r, z, n: (N,H) each
        r = torch.sigmoid(of_input[0] + of_state[0])
        z = torch.sigmoid(of_input[1] + of_state[1])
        n = torch.tanh(of_input[2] + r * of_state[2])
        hidden = z * state.hidden + (1 - z) * n
        return hidden.to(n.dtype), GRUState(hidden)

    def _products(self, inputs: Tensor, hidden: Tensor) -> list[tuple[Tensor, ...]]:
        """inputs (N,I), hidden (N,H) -> W x + b and U h + c in three parts each, (N,H)."""
        if self._packed is None:
            w, u, b, c = self.weights()
            found = functional.linear(inputs, w, b), functional.linear(hidden, u, c)
        else:
            found = self._packed[0](inputs), self._packed[1](hidden)
        return [product.chunk(3, dim=-1) for product in found]

    def pack(self, layout: Layout) -> None:
        w, u, b, c = self.weights()
        self._packed = layout(w, b), layout(u, c)  # apart: one gate resets what the other product gives

    def initial_state(self, hidden: Tensor) -> GRUState:
        # What is carried over many steps is summed in float32 whatever the products are made in.
        return GRUState(hidden.to(torch.promote_types(hidden.dtype, torch.float32)))


class GRU(RecurrentSeq2Seq):
    """Bidirectional GRU encoder, GRU decoder with attention."""

    layer = GRULayer
