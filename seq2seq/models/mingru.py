"""The minimal GRU (Feng et al. 2024, "Were RNNs all we needed?"): a GRU whose gate does not look at the state.

    z = sigmoid(W_z x + b_z)     how much of the new goes in
    n = W_n x + b_n              the new
    h' = (1 - z) * h + z * n

Since z and n depend on the input alone, h is a linear recurrence, and all steps can be computed at once by a scan (Blelloch
1990). What is given up is that the state decides what to keep. No tanh bounds the state: a mean of what came in stays within
its bounds.

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seq2seq.models.attention import dense
from seq2seq.models.base import Rows
from seq2seq.models.recurrent import RecurrentConfig, RecurrentLayer, RecurrentSeq2Seq


@dataclass(frozen=True, kw_only=True)
class MinGRUConfig(RecurrentConfig):
    """Sizes and regularisation of the minimal GRU encoder-decoder."""

    family: Literal["mingru"] = "mingru"
    """The minimal gated recurrent unit."""


@dataclass(frozen=True)
class MinGRUState(Rows):
    """hidden (N,H) is both what is kept and what is shown."""

    hidden: Tensor


class MinGRULayer(RecurrentLayer):
    """The equations above: `forward` by a scan, `step` as written."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.new = dense(inputs, hidden), dense(inputs, hidden)

    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        keep, written, products = self._gated(inputs)
        if state is not None:
            assert isinstance(state, MinGRUState)
            # What was there before comes in with the first step.
            first = written[:, :1] + keep[:, :1] * state.hidden.unsqueeze(1).to(written.dtype)
            written = torch.cat([first, written[:, 1:]], dim=1)
        return scan(keep, written).to(products)

    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, MinGRUState]:
        assert isinstance(state, MinGRUState)
        keep, written, products = self._gated(inputs)
        hidden = keep * state.hidden + written
        return hidden.to(products), MinGRUState(hidden)

    def initial_state(self, hidden: Tensor) -> MinGRUState:
        # What is carried over many steps is summed in float32 whatever the products are made in.
        return MinGRUState(hidden.to(torch.promote_types(hidden.dtype, torch.float32)))

    def _gated(self, inputs: Tensor) -> tuple[Tensor, Tensor, torch.dtype]:
        """inputs (...,I) -> 1 - z and z * n (...,H), in float32 at least, and the format of the products."""
        gate, new = self.gate(inputs), self.new(inputs)
        wide = torch.promote_types(gate.dtype, torch.float32)
        z = torch.sigmoid(gate.to(wide))
        return 1 - z, z * new.to(wide), gate.dtype


def scan(keep: Tensor, written: Tensor) -> Tensor:
    """h_t = keep_t h_{t-1} + written_t from h = 0, for all t at once: keep, written (B,T,H) -> h (B,T,H).

    After round r each place has summed up the 2^r places before it; log2(T) rounds do it (Hillis & Steele 1986).
    """
    reach, length = 1, keep.shape[1]
    while reach < length:
        # What lies before the beginning wrote nothing.
        before = functional.pad(written, (0, 0, reach, 0))[:, :length]
        written = written + keep * before
        keep = keep * functional.pad(keep, (0, 0, reach, 0))[:, :length]
        reach *= 2
    return written


class MinGRU(RecurrentSeq2Seq):
    """Bidirectional minimal GRU encoder, minimal GRU decoder with attention."""

    layer = MinGRULayer
