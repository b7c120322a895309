"""The extended LSTM (Beck et al. 2024): exponential gates and a matrix for a cell, in the wiring of the LSTM.

mLSTM (section 2.3), for each head; queries, keys, values and gates look at the input alone:

    i = exp(w_i x + b_i)                  input gate: not bounded, so a later piece can outweigh all before it
    f = sigmoid(w_f x + b_f)              forget gate
    C' = f C + i v k^T                    the cell is a matrix: value v is stored under key k
    n' = f n + i k                        the normaliser: how much is stored in which direction
    h' = o * (C' q) / max(|n' q|, 1)      query q reads what was stored under keys like it; o is the output gate

No gate looks at the state, so all steps can be computed at once (appendix A.2): h = ((Q K^T / sqrt(E)) * D) V, normalised,
with D_ts = f_{s+1} ... f_t i_s. `step` is the recurrence above, and a test holds the two equal.

sLSTM (section 2.2) keeps the LSTM's cell vector and its gates that look at the last output, and so goes step by step:

    z = tanh(W_z x + U_z h + b_z), o = sigmoid(...), f = sigmoid(...), i = exp(W_i x + U_i h + b_i)
    c' = f c + i z,  n' = f n + i,  h' = o * c' / n'

Both scale cell and normaliser by exp(-m), m' = max(log f + m, log i), which keeps the exponentials in range and changes no
output (equation 15). The first decoder layer, which asks the attention, is an sLSTM: what to ask for may depend on what was
put out. All other layers are mLSTMs. Differs from the paper in having no projections around the cells: the wiring of the
recurrent families (norms, residuals, attention) stands around them.

Legend: N rows, B sentences, T steps, I input size, H hidden size, h heads of E = H / h units, W width of the convolution.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.attention import dense
from seq2seq.models.base import Rows, Vocabulary
from seq2seq.models.convolution import CausalConvolution
from seq2seq.models.recurrent import RecurrentConfig, RecurrentLayer, RecurrentSeq2Seq

_HEADS = 4
_WIDTH = 4


@dataclass(frozen=True, kw_only=True)
class XLSTMConfig(RecurrentConfig):
    """Sizes and regularisation of the xLSTM encoder-decoder."""

    family: Literal["xlstm"] = "xlstm"
    """The extended LSTM."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_size % (2 * _HEADS):
            raise ValueError(
                f"hidden_size must be divisible by {2 * _HEADS}: {_HEADS} heads for each direction of the encoder"
            )


@dataclass(frozen=True)
class MatrixState(Rows):
    """cell (N,h,E,E), values in rows and keys in columns, and normaliser (N,h,E), both times exp(-scale (N,h)); recent
    (N,W-1,I) is what the convolution still needs."""

    cell: Tensor
    normaliser: Tensor
    scale: Tensor
    recent: Tensor


class MLSTMLayer(RecurrentLayer):
    """The equations above: `forward` all at once, `step` as written."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.size = hidden // _HEADS
        # Keys and queries see a few pieces (figure 10), as what to store under what is seldom known from one alone.
        self.conv = nn.Parameter(torch.empty(_WIDTH, inputs).uniform_(-1, 1) * _WIDTH**-0.5)
        self.conv_bias = nn.Parameter(torch.zeros(inputs))
        self.query, self.key, self.value, self.shown = (dense(inputs, hidden) for _ in range(4))
        self.gates = nn.Linear(inputs, 2 * _HEADS)  # input and forget gate of each head
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            self.gates.bias.copy_(torch.cat([torch.zeros(_HEADS), torch.linspace(3, 6, _HEADS)]))

    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        convolved: Tensor = CausalConvolution.apply(inputs, self.conv.to(inputs.dtype))
        query, key, value, stored, kept, shown = self._divided(inputs, convolved)
        query, key, value = (each.transpose(1, 2) for each in (query, key, value))  # (B,h,T,E)
        total = kept.transpose(1, 2).cumsum(-1)  # (B,h,T) log of what is left of the start
        # log D: what place s stored, as it is left at place t, (B,h,T,T)
        left = total.unsqueeze(-1) - total.unsqueeze(-2) + stored.transpose(1, 2).unsqueeze(-2)
        later = torch.ones(left.shape[-2:], dtype=torch.bool, device=left.device).tril()
        left = left.masked_fill(~later, float("-inf"))
        scale = left.amax(-1)  # (B,h,T)
        if state is not None:
            assert isinstance(state, MatrixState)
            total = total + state.scale.unsqueeze(-1)
            scale = torch.maximum(scale, total)
        scores = torch.matmul(query, key.transpose(2, 3)).to(left.dtype) * (left - scale.unsqueeze(-1)).exp()
        read = torch.matmul(scores.to(value.dtype), value).to(left.dtype)  # (B,h,T,E)
        amount = scores.sum(-1)
        if state is not None:
            remains = (total - scale).exp()
            wide = query.to(left.dtype)
            read = read + torch.matmul(wide, state.cell.transpose(2, 3)) * remains.unsqueeze(-1)
            amount = amount + torch.matmul(wide, state.normaliser.unsqueeze(-1)).squeeze(-1) * remains
        return self._close(read, amount, scale).transpose(1, 2).flatten(2).to(shown.dtype) * shown

    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, MatrixState]:
        assert isinstance(state, MatrixState)
        window = torch.cat([state.recent.to(inputs.dtype), inputs.unsqueeze(1)], dim=1)  # (N,W,I)
        convolved = (window * self.conv.to(inputs.dtype)).sum(1)
        query, key, value, stored, kept, shown = self._divided(inputs, convolved)
        scale = torch.maximum(kept + state.scale, stored)
        forget, put = (kept + state.scale - scale).exp().unsqueeze(-1), (stored - scale).exp().unsqueeze(-1)  # (N,h,1)
        query, key, value = (each.to(state.cell.dtype) for each in (query, key, value))
        cell = forget.unsqueeze(-1) * state.cell + (put * value).unsqueeze(-1) * key.unsqueeze(-2)
        normaliser = forget * state.normaliser + put * key
        read = torch.matmul(cell, query.unsqueeze(-1)).squeeze(-1)
        amount = (normaliser * query).sum(-1)
        output = self._close(read, amount, scale).flatten(1).to(shown.dtype) * shown
        return output, MatrixState(cell, normaliser, scale, window[:, 1:])

    def initial_state(self, hidden: Tensor) -> MatrixState:
        # What is carried over many steps is summed in float32 whatever the products are made in.
        value = hidden.unflatten(-1, (_HEADS, -1)).to(torch.promote_types(hidden.dtype, torch.float32))
        # What is handed over is stored under this key, before the first piece.
        key = torch.full_like(value, self.size**-0.5)
        recent = hidden.new_zeros(len(hidden), _WIDTH - 1, self.conv.shape[1])
        return MatrixState(value.unsqueeze(-1) * key.unsqueeze(-2), key, value.new_zeros(value.shape[:2]), recent)

    def _divided(self, inputs: Tensor, convolved: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """inputs and convolved (...,I) -> q, k / sqrt(E), v (...,h,E); log i, log f (...,h) in float32; o (...,H)."""
        mixed = functional.silu(convolved + self.conv_bias.to(convolved.dtype))
        query, key, value = (
            layer(source).unflatten(-1, (_HEADS, -1))
            for layer, source in ((self.query, mixed), (self.key, mixed), (self.value, inputs))
        )
        gates = self.gates(inputs)
        stored, kept = gates.to(torch.promote_types(gates.dtype, torch.float32)).chunk(2, dim=-1)
        return (
            query,
            key * self.size**-0.5,
            value,
            stored,
            functional.logsigmoid(kept),
            torch.sigmoid(self.shown(inputs)),
        )

    @staticmethod
    def _close(read: Tensor, amount: Tensor, scale: Tensor) -> Tensor:
        """read (...,E) over the larger of |amount| (...) and 1, both of which are scaled by exp(-scale)."""
        return read / torch.maximum(amount.abs(), (-scale).exp()).unsqueeze(-1)


@dataclass(frozen=True)
class VectorState(Rows):
    """hidden (N,H) is what was put out; cell and normaliser (N,H), both times exp(-scale (N,H))."""

    hidden: Tensor
    cell: Tensor
    normaliser: Tensor
    scale: Tensor


class SLSTMLayer(RecurrentLayer):
    """The equations above, step by step."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(inputs, 4 * hidden)  # i, f, z, o
        self.hidden = nn.Linear(hidden, 4 * hidden, bias=False)
        for part in self.inputs.weight.chunk(4):
            nn.init.xavier_uniform_(part)
        for part in self.hidden.weight.chunk(4):
            nn.init.orthogonal_(part)
        nn.init.zeros_(self.inputs.bias)
        with torch.no_grad():
            self.inputs.bias.chunk(4)[1].fill_(1.0)

    def forward(self, inputs: Tensor, state: Rows | None = None) -> Tensor:
        after: Rows = (
            self.initial_state(inputs.new_zeros(len(inputs), self.hidden.in_features)) if state is None else state
        )
        outputs = []
        for products in self.inputs(inputs).unbind(1):
            output, after = self._next(products, after)
            outputs.append(output)
        return torch.stack(outputs, dim=1)

    def step(self, inputs: Tensor, state: Rows) -> tuple[Tensor, VectorState]:
        return self._next(self.inputs(inputs), state)

    def initial_state(self, hidden: Tensor) -> VectorState:
        nothing = torch.zeros_like(hidden, dtype=torch.promote_types(hidden.dtype, torch.float32))
        return VectorState(hidden, nothing, nothing, nothing)

    def _next(self, products: Tensor, state: Rows) -> tuple[Tensor, VectorState]:
        """products (N,4H) of the input -> output (N,H), the state after it."""
        assert isinstance(state, VectorState)
        gates = products + self.hidden(state.hidden.to(products.dtype))
        i, f, z, o = gates.to(state.cell.dtype).chunk(4, dim=-1)
        kept = functional.logsigmoid(f) + state.scale
        scale = torch.maximum(kept, i)
        forget, put = (kept - scale).exp(), (i - scale).exp()
        cell, normaliser = forget * state.cell + put * torch.tanh(z), forget * state.normaliser + put
        # Where input gates have been all but shut from the beginning, nothing is stored yet: then 0, not 0 / 0.
        hidden = (torch.sigmoid(o) * cell / normaliser.clamp(min=math.exp(-30))).to(gates.dtype)
        return hidden, VectorState(hidden, cell, normaliser, scale)


class XLSTM(RecurrentSeq2Seq):
    """Bidirectional mLSTM encoder; a decoder of an sLSTM that asks the attention, and mLSTMs above it."""

    layer = MLSTMLayer

    def __init__(self, config: XLSTMConfig, vocabulary: Vocabulary) -> None:
        super().__init__(config, vocabulary)
        inputs = config.embedding_size * (2 if config.input_feeding else 1)
        self.layers[0] = SLSTMLayer(inputs, config.hidden_size)
