"""Layers of recurrent cells.

Legend: N rows, B sentences, T steps, I input size, H hidden size, G gates.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import TypeVar

from seq2seq.models.base import Rows
from seq2seq.models.layers.prepack import Prepack, Prepackable, PrepackedProduct

LayerStateT = TypeVar("LayerStateT", bound=Rows, default=Any)


class RecurrentLayer(nn.Module, ABC, Generic[LayerStateT]):
    """A layer of one kind of cell, in two forms: over a sequence, and one step.

    Both forms compute the same. A test compares them.

    A layer is built by LAYER(I, H). I and H may differ: each direction of the encoder has half of
    `model.hidden_size`, and decoder layers above the first one read the layer below and the
    context. The residual connection, layer normalization and dropout are applied outside.

    Outputs have the dtype of the matrix products, which may be bfloat16. A state that sums over
    many steps is at least float32.
    """

    @abstractmethod
    def forward(self, inputs: Tensor, state: LayerStateT | None = None) -> Tensor:
        """inputs (B,T,I) -> outputs (B,T,H). Starts from `state`, or from zeros.

        The encoder takes the output at the last token of a sentence as its summary.
        """

    @abstractmethod
    def step(self, inputs: Tensor, state: LayerStateT) -> tuple[Tensor, LayerStateT]:
        """inputs (N,I) -> output (N,H) and the next state."""

    @abstractmethod
    def initial_state(self, hidden: Tensor) -> LayerStateT:
        """Returns the state before the first step of the decoder.

        Args:
            hidden: (B,H), a projection of the encoder's summary, between -1 and 1.
        """


class CellLayer(RecurrentLayer[LayerStateT], Prepackable):
    """A layer around one of torch's recurrent cells.

    With the torch cell, `forward` is fast. `step` is written out by the families, on top of
    `gates` or `separate_gates`.
    """

    SEPARATE_GATES: ClassVar[bool] = False
    """Whether `step` reads `separate_gates` instead of `gates`."""

    cells: nn.RNNBase
    _joined_product: PrepackedProduct | None = None
    _input_product: PrepackedProduct | None = None
    _hidden_product: PrepackedProduct | None = None

    def gates(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """inputs (N,I), hidden (N,H) -> W x + b + U h + c, (N,G*H)."""
        hidden = hidden.to(inputs.dtype)
        if self._joined_product is not None:
            return self._joined_product(torch.cat([inputs, hidden], dim=-1))
        w, u, b, c = self.weights()
        return functional.linear(inputs, w, b) + functional.linear(hidden, u, c)

    def separate_gates(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """inputs (N,I), hidden (N,H) -> W x + b and U h + c, both (N,G*H)."""
        hidden = hidden.to(inputs.dtype)
        if self._input_product is not None and self._hidden_product is not None:
            return self._input_product(inputs), self._hidden_product(hidden)
        w, u, b, c = self.weights()
        return functional.linear(inputs, w, b), functional.linear(hidden, u, c)

    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns W (G*H,I), U (G*H,H) and their biases b and c (G*H)."""
        w, u, b, c = self.cells.all_weights[0]
        return w, u, b, c

    def prepack(self, make_product: Prepack) -> None:
        w, u, b, c = self.weights()
        if self.SEPARATE_GATES:
            self._input_product = make_product(w, b)
            self._hidden_product = make_product(u, c)
        else:
            self._joined_product = make_product(torch.cat([w, u], dim=1), b + c)


def initialize_cells(cells: nn.RNNBase, gates: int) -> None:
    """Initializes each gate separately; biases are zero.

    Recurrent weights are orthogonal (Saxe et al. 2014), input weights uniform (Glorot & Bengio
    2010).
    """
    for name, parameter in cells.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            continue
        is_recurrent = name.startswith("weight_hh")
        for gate in parameter.chunk(gates):
            if is_recurrent:
                nn.init.orthogonal_(gate)
            else:
                nn.init.xavier_uniform_(gate)
