"""The minimal GRU (Feng et al. 2024, "Were RNNs all we needed?", section 3.1).

    z = sigmoid(Linear_z(x))     update gate: how much of the candidate enters the state
    h~ = Linear_h(x)             candidate
    h' = (1 - z) * h + z * h~    hidden state

The gate and the candidate depend on the input alone. The hidden state is therefore a linear
recurrence, and a parallel scan (Blelloch 1990) computes all steps at once. The price: the state
cannot decide what to keep. No tanh is needed, because a weighted mean of candidates stays within
their bounds.

Legend: N rows, B sentences, T steps, I input size, H hidden size.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from seq2seq.models.base import Rows
from seq2seq.models.layers.linear import dense
from seq2seq.models.layers.recurrent_layer import RecurrentLayer
from seq2seq.models.recurrent import RecurrentSeq2Seq


@dataclass(frozen=True)
class MinGRUState(Rows):
    """The state of one layer."""

    hidden: Tensor
    """(N,H), both what the layer keeps and what it shows."""


class MinGRULayer(RecurrentLayer[MinGRUState]):
    """The equations above: `forward` by a parallel scan, `step` written out."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.linear_z = dense(inputs, hidden)
        self.linear_h = dense(inputs, hidden)

    def forward(self, inputs: Tensor, state: MinGRUState | None = None) -> Tensor:
        keep, added, dtype = self._gate(inputs)
        if state is not None:
            # The initial state enters with the first step.
            hidden = state.hidden.unsqueeze(1).to(added.dtype)  # (B,1,H)
            first = added[:, :1] + keep[:, :1] * hidden
            added = torch.cat([first, added[:, 1:]], dim=1)
        return parallel_scan(keep, added).to(dtype)

    def step(self, inputs: Tensor, state: MinGRUState) -> tuple[Tensor, MinGRUState]:
        keep, added, dtype = self._gate(inputs)
        hidden = keep * state.hidden + added
        return hidden.to(dtype), MinGRUState(hidden)

    def initial_state(self, hidden: Tensor) -> MinGRUState:
        # The state sums over many steps, so it is float32 even if the products are bfloat16.
        return MinGRUState(hidden.to(torch.promote_types(hidden.dtype, torch.float32)))

    def _gate(self, inputs: Tensor) -> tuple[Tensor, Tensor, torch.dtype]:
        """inputs (...,I) -> 1 - z and z * h~ (...,H) in at least float32; dtype of the products."""
        gate = self.linear_z(inputs)
        candidate = self.linear_h(inputs)
        wide_dtype = torch.promote_types(gate.dtype, torch.float32)
        z = torch.sigmoid(gate.to(wide_dtype))
        return 1 - z, z * candidate.to(wide_dtype), gate.dtype


def parallel_scan(keep: Tensor, added: Tensor) -> Tensor:
    """Computes h_t = keep_t h_{t-1} + added_t for all t at once, starting from h = 0.

    After round r, each position holds the sum over the last 2^r steps, so log2(T) rounds suffice
    (Hillis & Steele 1986).

    Args:
        keep: (B,T,H).
        added: (B,T,H).

    Returns:
        h (B,T,H).
    """
    length = keep.shape[1]
    reach = 1
    while reach < length:
        # Shift by `reach`. Steps before the first one add nothing.
        added_before = functional.pad(added, (0, 0, reach, 0))[:, :length]
        added = added + keep * added_before
        keep_before = functional.pad(keep, (0, 0, reach, 0))[:, :length]
        keep = keep * keep_before
        reach *= 2
    return added


class MinGRU(RecurrentSeq2Seq):
    """A bidirectional minimal GRU encoder and a minimal GRU decoder with attention."""

    layer_type = MinGRULayer

    RENAMED_PARAMETERS: ClassVar[dict[str, str]] = {
        r"(wards|^layers)\.(\d+)\.gate\.": r"\1.\2.linear_z.",
        r"(wards|^layers)\.(\d+)\.new\.": r"\1.\2.linear_h.",
    }
