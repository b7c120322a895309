"""The extended LSTM (Beck et al. 2024): exponential gates, and a matrix as the cell.

mLSTM (section 2.3), for each head. Queries, keys, values and gates depend on the input alone:

    i = exp(w_i x + b_i)                input gate: unbounded, so a late token can outweigh the rest
    f = sigmoid(w_f x + b_f)            forget gate
    C' = f C + i v k^T                  cell: stores value v under key k
    n' = f n + i k                      normalizer: how much is stored in each direction
    h' = o * (C' q) / max(|n' q|, 1)    reads what is stored under keys like q; o is the output gate

No gate reads the state, so all steps can be computed at once (appendix A.2):
h = ((Q K^T / sqrt(E)) * D) V, normalized, with D_ts = f_{s+1} ... f_t i_s.
`MLSTMLayer.step` is the recurrence above. A test compares the two forms.

sLSTM (section 2.2). The cell is a vector as in the LSTM, and the gates read the last output:

    i = exp(W_i x + R_i h + b_i)
    f = sigmoid(W_f x + R_f h + b_f)
    z = tanh(W_z x + R_z h + b_z)
    o = sigmoid(W_o x + R_o h + b_o)
    c' = f c + i z
    n' = f n + i
    h' = o * c' / n'

Both scale the cell and the normalizer by exp(-m) with m' = max(log f + m, log i). This keeps the
exponentials in range and does not change the output (equation 15).

The first decoder layer queries the attention. It is an sLSTM, so that the query can depend on the
output so far. All other layers are mLSTMs. Differs from the paper: there are no projections around
the cells. The recurrent families share their norms, residuals and attention instead.

Legend:
    B  sentences
    N  rows (hypotheses, or sentences)
    T  steps
    I  input size
    H  hidden size
    h  heads of E = H / h units
    W  width of the convolution
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.config.model import XLSTMConfig
from seq2seq.models.base import Rows, VocabularySizes
from seq2seq.models.layers.convolution import causal_convolution
from seq2seq.models.layers.linear import dense
from seq2seq.models.layers.recurrent_layer import RecurrentLayer
from seq2seq.models.recurrent import RecurrentSeq2Seq

_HEADS = XLSTMConfig.HEADS
_CONV_WIDTH = 4


@dataclass(frozen=True)
class MLSTMState(Rows):
    """The state of an mLSTM layer. C and n are scaled by exp(-m)."""

    C: Tensor
    """Cell (N,h,E,E): rows are units of the value, columns units of the key."""
    n: Tensor
    """Normalizer (N,h,E)."""
    m: Tensor
    """Stabilizer (N,h)."""
    conv_inputs: Tensor
    """(N,W-1,I), the last inputs of the convolution."""


@dataclass(frozen=True)
class _MLSTMInputs:
    """What an mLSTM computes from its input, for any leading dimensions."""

    q: Tensor
    """Query (...,h,E)."""
    k: Tensor
    """Key (...,h,E), divided by sqrt(E)."""
    v: Tensor
    """Value (...,h,E)."""
    log_i: Tensor
    """Logarithm of the input gate (...,h), in at least float32."""
    log_f: Tensor
    """Logarithm of the forget gate (...,h), in at least float32."""
    o: Tensor
    """Output gate (...,H)."""


class MLSTMLayer(RecurrentLayer[MLSTMState]):
    """The mLSTM: `forward` computes all steps at once, `step` is the recurrence."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.head_size = hidden // _HEADS
        # Keys and queries see a few tokens (figure 10), because one token rarely tells under which
        # key a value should be stored.
        self.conv1d_weight = nn.Parameter(
            torch.empty(_CONV_WIDTH, inputs).uniform_(-1, 1) * _CONV_WIDTH**-0.5
        )
        self.conv1d_bias = nn.Parameter(torch.zeros(inputs))
        self.W_q = dense(inputs, hidden)
        self.W_k = dense(inputs, hidden)
        self.W_v = dense(inputs, hidden)
        self.W_o = dense(inputs, hidden)
        self.w_if = nn.Linear(inputs, 2 * _HEADS)  # input and forget gate of each head
        nn.init.zeros_(self.w_if.weight)
        with torch.no_grad():
            input_bias = torch.zeros(_HEADS)
            forget_bias = torch.linspace(3, 6, _HEADS)
            self.w_if.bias.copy_(torch.cat([input_bias, forget_bias]))

    def forward(self, inputs: Tensor, state: MLSTMState | None = None) -> Tensor:
        convolved = causal_convolution(inputs, self.conv1d_weight.to(inputs.dtype))
        x = self._project(inputs, convolved)
        q = x.q.transpose(1, 2)  # (B,h,T,E)
        k = x.k.transpose(1, 2)  # (B,h,T,E)
        v = x.v.transpose(1, 2)  # (B,h,T,E)
        log_i = x.log_i.transpose(1, 2)  # (B,h,T)
        # The logarithm of what is left of the initial state.
        log_left = x.log_f.transpose(1, 2).cumsum(-1)  # (B,h,T)
        # log D_ts: what step s stored, as it is left at step t.
        log_D = log_left.unsqueeze(-1) - log_left.unsqueeze(-2) + log_i.unsqueeze(-2)  # (B,h,T,T)
        not_future = torch.ones(log_D.shape[-2:], dtype=torch.bool, device=log_D.device).tril()
        log_D = log_D.masked_fill(~not_future, float("-inf"))
        m = log_D.amax(-1)  # (B,h,T)
        if state is not None:
            log_left = log_left + state.m.unsqueeze(-1)
            m = torch.maximum(m, log_left)
        scores = torch.matmul(q, k.transpose(2, 3)).to(log_D.dtype)
        scores = scores * (log_D - m.unsqueeze(-1)).exp()  # (B,h,T,T)
        Cq = torch.matmul(scores.to(v.dtype), v).to(log_D.dtype)  # (B,h,T,E)
        nq = scores.sum(-1)  # (B,h,T)
        if state is not None:
            left = (log_left - m).exp()
            wide_q = q.to(log_D.dtype)
            Cq = Cq + torch.matmul(wide_q, state.C.transpose(2, 3)) * left.unsqueeze(-1)
            nq = nq + torch.matmul(wide_q, state.n.unsqueeze(-1)).squeeze(-1) * left
        h = _normalize(Cq, nq, m).transpose(1, 2).flatten(2)  # (B,T,H)
        return h.to(x.o.dtype) * x.o

    def step(self, inputs: Tensor, state: MLSTMState) -> tuple[Tensor, MLSTMState]:
        before = state.conv_inputs.to(inputs.dtype)
        window = torch.cat([before, inputs.unsqueeze(1)], dim=1)  # (N,W,I)
        convolved = (window * self.conv1d_weight.to(inputs.dtype)).sum(1)  # (N,I)
        x = self._project(inputs, convolved)
        m = torch.maximum(x.log_f + state.m, x.log_i)  # (N,h)
        f = (x.log_f + state.m - m).exp().unsqueeze(-1)  # (N,h,1)
        i = (x.log_i - m).exp().unsqueeze(-1)  # (N,h,1)
        q = x.q.to(state.C.dtype)
        k = x.k.to(state.C.dtype)
        v = x.v.to(state.C.dtype)
        C = f.unsqueeze(-1) * state.C + (i * v).unsqueeze(-1) * k.unsqueeze(-2)  # (N,h,E,E)
        n = f * state.n + i * k  # (N,h,E)
        Cq = torch.matmul(C, q.unsqueeze(-1)).squeeze(-1)  # (N,h,E)
        nq = (n * q).sum(-1)  # (N,h)
        output = _normalize(Cq, nq, m).flatten(1).to(x.o.dtype) * x.o
        return output, MLSTMState(C, n, m, window[:, 1:])

    def initial_state(self, hidden: Tensor) -> MLSTMState:
        # The cell sums over many steps, so it is float32 even if the products are bfloat16.
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        v = hidden.unflatten(-1, (_HEADS, -1)).to(dtype)  # (N,h,E)
        # The cell stores the given vector under this key, before the first token.
        k = torch.full_like(v, self.head_size**-0.5)
        C = v.unsqueeze(-1) * k.unsqueeze(-2)  # (N,h,E,E)
        m = v.new_zeros(v.shape[:2])
        inputs = self.conv1d_weight.shape[1]
        conv_inputs = hidden.new_zeros(hidden.shape[0], _CONV_WIDTH - 1, inputs)
        return MLSTMState(C, n=k, m=m, conv_inputs=conv_inputs)

    def _project(self, inputs: Tensor, convolved: Tensor) -> _MLSTMInputs:
        """inputs and convolved (...,I) -> query, key, value and gates."""
        mixed = functional.silu(convolved + self.conv1d_bias.to(convolved.dtype))
        q = self.W_q(mixed).unflatten(-1, (_HEADS, -1))  # (...,h,E)
        k = self.W_k(mixed).unflatten(-1, (_HEADS, -1))
        v = self.W_v(inputs).unflatten(-1, (_HEADS, -1))
        gates = self.w_if(inputs)
        gates = gates.to(torch.promote_types(gates.dtype, torch.float32))
        log_i, f = gates.chunk(2, dim=-1)  # (...,h)
        return _MLSTMInputs(
            q=q,
            k=k * self.head_size**-0.5,
            v=v,
            log_i=log_i,
            log_f=functional.logsigmoid(f),
            o=torch.sigmoid(self.W_o(inputs)),
        )


def _normalize(Cq: Tensor, nq: Tensor, m: Tensor) -> Tensor:
    """Cq (...,E) / max(|nq|, 1), where Cq and nq (...) are scaled by exp(-m)."""
    return Cq / torch.maximum(nq.abs(), (-m).exp()).unsqueeze(-1)


@dataclass(frozen=True)
class SLSTMState(Rows):
    """The state of an sLSTM layer. c and n are scaled by exp(-m)."""

    h: Tensor
    """Output (N,H)."""
    c: Tensor
    """Cell (N,H)."""
    n: Tensor
    """Normalizer (N,H)."""
    m: Tensor
    """Stabilizer (N,H)."""


class SLSTMLayer(RecurrentLayer[SLSTMState]):
    """The sLSTM, step by step."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.W = nn.Linear(inputs, 4 * hidden)  # i, f, z, o
        self.R = nn.Linear(hidden, 4 * hidden, bias=False)
        for gate in self.W.weight.chunk(4):
            nn.init.xavier_uniform_(gate)
        for gate in self.R.weight.chunk(4):
            nn.init.orthogonal_(gate)
        nn.init.zeros_(self.W.bias)
        with torch.no_grad():
            forget_bias = self.W.bias.chunk(4)[1]
            forget_bias.fill_(1.0)

    def forward(self, inputs: Tensor, state: SLSTMState | None = None) -> Tensor:
        if state is None:
            state = self.initial_state(inputs.new_zeros(inputs.shape[0], self.R.in_features))
        outputs: list[Tensor] = []
        for products in self.W(inputs).unbind(1):
            output, state = self._advance(products, state)
            outputs.append(output)
        return torch.stack(outputs, dim=1)

    def step(self, inputs: Tensor, state: SLSTMState) -> tuple[Tensor, SLSTMState]:
        return self._advance(self.W(inputs), state)

    def initial_state(self, hidden: Tensor) -> SLSTMState:
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        zeros = torch.zeros_like(hidden, dtype=dtype)
        return SLSTMState(h=hidden, c=zeros, n=zeros, m=zeros)

    def _advance(self, Wx: Tensor, state: SLSTMState) -> tuple[Tensor, SLSTMState]:
        """Wx (N,4H), with the biases -> output (N,H) and the next state."""
        gates = Wx + self.R(state.h.to(Wx.dtype))
        log_i, f, z, o = gates.to(state.c.dtype).chunk(4, dim=-1)  # (N,H) each
        log_f = functional.logsigmoid(f) + state.m
        m = torch.maximum(log_f, log_i)
        f = (log_f - m).exp()
        i = (log_i - m).exp()
        c = f * state.c + i * torch.tanh(z)
        n = f * state.n + i
        # If the input gates were almost closed from the start, c and n are both 0. The clamp gives
        # 0 instead of 0 / 0.
        h = (torch.sigmoid(o) * c / n.clamp(min=math.exp(-30))).to(gates.dtype)
        return h, SLSTMState(h, c, n, m)


class XLSTM(RecurrentSeq2Seq):
    """A bidirectional mLSTM encoder. The decoder is an sLSTM below mLSTMs, with attention."""

    layer_type = MLSTMLayer

    RENAMED_PARAMETERS: ClassVar[dict[str, str]] = {
        r"((?:wards|^layers)\.\d+)\.conv$": r"\1.conv1d_weight",
        r"((?:wards|^layers)\.\d+)\.conv_bias$": r"\1.conv1d_bias",
        r"((?:wards|^layers)\.\d+)\.query\.": r"\1.W_q.",
        r"((?:wards|^layers)\.\d+)\.key\.": r"\1.W_k.",
        r"((?:wards|^layers)\.\d+)\.value\.": r"\1.W_v.",
        r"((?:wards|^layers)\.\d+)\.shown\.": r"\1.W_o.",
        r"((?:wards|^layers)\.\d+)\.gates\.": r"\1.w_if.",
        r"^layers\.0\.inputs\.": "layers.0.W.",
        r"^layers\.0\.hidden\.": "layers.0.R.",
    }

    def __init__(self, config: XLSTMConfig, vocabulary: VocabularySizes) -> None:
        super().__init__(config, vocabulary)
        inputs = config.embedding_size * (2 if config.input_feeding else 1)
        self.layers[0] = SLSTMLayer(inputs, config.hidden_size)
