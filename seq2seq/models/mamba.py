"""Selective state spaces: Mamba-2 (Dao & Gu 2024; Mamba: Gu & Dao 2023) with cross-attention.

Each head keeps a state h of constant size. The input decides how much of it is forgotten, how much
is written, and what is read:

    dt_t = softplus(w_dt x_t + dt_bias)          step size
    h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t     A < 0: exp(dt_t A) is the forget gate
    y_t = C_t h_t + D u_t

u (the input after a short convolution), B and C depend on the input alone, and h_{t-1} enters
linearly. Unlike in an LSTM, no gate reads the state, so all steps can be computed at once as matrix
products (Dao & Gu 2024, section 6). Inside a chunk of Q positions, y = (C B^T * L) (dt u) with
L_ts = exp(A (dt_{s+1} + ... + dt_t)) for s <= t. Only the state passes from chunk to chunk.
`MambaBlock.step` is the recurrence above. A test compares the two forms.

The encoder reads in both directions. Each decoder layer attends to the source; without this,
translation quality drops a lot (Pitorro et al. 2024).

Legend (in shapes; as in the paper, A, B, C, D and L also name tensors):
    B  sentences
    N  rows (hypotheses, or sentences)
    S  source tokens
    T  target tokens
    L  source or target tokens
    D  size of the model
    U  inner size, expand * D
    H  heads of P units, U = H * P
    K  size of the state of one unit
    Q  positions of a chunk
    n  chunks
    W  width of the convolution
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.config.model import MambaConfig
from seq2seq.models.base import Decoded, Rows, Step, VocabularySizes
from seq2seq.models.layers.convolution import causal_convolution
from seq2seq.models.layers.dropout import Dropout
from seq2seq.models.layers.embedding import TokenModel
from seq2seq.models.layers.layer_list import LayerList
from seq2seq.models.layers.linear import dense
from seq2seq.models.layers.multi_head_attention import (
    LayeredMemory,
    LayerMemory,
    MultiHeadAttention,
)
from seq2seq.models.layers.normalization import LayerNorm, rms_norm
from seq2seq.models.layers.reversal import gather_positions, reversed_positions


@dataclass(frozen=True)
class BlockState(Rows):
    """The state of one block."""

    conv_inputs: Tensor
    """(N,W-1,U+2K), the last inputs of the convolution."""
    ssm: Tensor
    """(N,H,K,P), the state h of each head."""


@dataclass(frozen=True)
class MambaState(Rows):
    """The state of each decoder layer. Its size does not depend on the number of tokens read."""

    blocks: tuple[BlockState, ...]


class MambaBlock(nn.Module):
    """Projection, short convolution, state space, gate, projection (figure 6, sequential)."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.config = config
        inner = config.size * config.expand
        self.heads = inner // config.head_size
        conv_size = inner + 2 * config.state_size
        self.split_sizes = [inner, conv_size, self.heads]  # z; u, B and C; dt
        self.in_proj = nn.Linear(config.size, sum(self.split_sizes), bias=False)
        width = config.conv_width
        self.conv1d_weight = nn.Parameter(
            torch.empty(width, conv_size).uniform_(-1, 1) * width**-0.5
        )
        self.conv1d_bias = nn.Parameter(torch.zeros(conv_size))
        # Initially, the forget gates of the heads reach from exp(-0.001 * 1) to exp(-0.1 * 16).
        dt = torch.exp(torch.empty(self.heads).uniform_(0, 1) * 4.6 - 6.9)  # 0.001 to 0.1
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))  # inverse of softplus
        self.A_log = nn.Parameter(torch.empty(self.heads).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(self.heads))
        self.norm_weight = nn.Parameter(torch.ones(inner))
        self.out_proj = dense(inner, config.size)

    def forward(self, x: Tensor) -> Tensor:
        """x (B,L,D), from an empty state -> (B,L,D)."""
        z, conv_inputs, dt = self.in_proj(x).split(self.split_sizes, dim=-1)
        # Use the dtype of the products. A float32 factor would turn all that follows into float32.
        dtype = conv_inputs.dtype
        convolved = causal_convolution(conv_inputs, self.conv1d_weight.to(dtype))
        u, B, C = self._split(functional.silu(convolved + self.conv1d_bias.to(dtype)))
        dt = functional.softplus(dt.float() + self.dt_bias)  # (B,L,H)
        A = -self.A_log.exp()  # (H)
        # An ONNX graph has no loop over chunks, because their number is known at run time only.
        chunk = x.shape[1] if torch.onnx.is_in_onnx_export() else self.config.chunk
        y = ssd_chunked(u * dt.unsqueeze(-1).to(u.dtype), dt * A, B, C, chunk)
        return self._output(y, u, z)

    def step(self, x: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """x (N,D) -> output (N,D) and the next state, by the recurrence above."""
        z, conv_input, dt = self.in_proj(x).split(self.split_sizes, dim=-1)
        before = state.conv_inputs.to(conv_input.dtype)
        window = torch.cat([before, conv_input.unsqueeze(1)], dim=1)  # (N,W,U+2K)
        convolved = (window * self.conv1d_weight).sum(1)  # (N,U+2K)
        u, B, C = self._split(functional.silu(convolved + self.conv1d_bias))
        dt = functional.softplus(dt.float() + self.dt_bias)  # (N,H)
        A = -self.A_log.exp()  # (H)
        forget = torch.exp(dt * A)  # (N,H)
        written = B[:, None, :, None] * (u * dt.unsqueeze(-1)).unsqueeze(2)  # (N,H,K,P)
        ssm = forget[..., None, None] * state.ssm + written
        y = torch.einsum("nk,nhkp->nhp", C.to(ssm.dtype), ssm)
        return self._output(y, u, z), BlockState(window[:, 1:], ssm)

    def empty_state(self, like: Tensor) -> BlockState:
        """Returns the state before the first token, for the rows of `like` (N,...)."""
        config = self.config
        rows = like.shape[0]
        conv_inputs = like.new_zeros(rows, config.conv_width - 1, self.split_sizes[1])
        # The state sums over many steps, so it is float32 even if the products are bfloat16.
        dtype = torch.promote_types(like.dtype, torch.float32)
        ssm = like.new_zeros(rows, self.heads, config.state_size, config.head_size, dtype=dtype)
        return BlockState(conv_inputs, ssm)

    def _split(self, convolved: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(...,U+2K) -> u (...,H,P), B and C (...,K)."""
        state_size = self.config.state_size
        u, B, C = convolved.split([self.split_sizes[0], state_size, state_size], dim=-1)
        return u.unflatten(-1, (self.heads, -1)), B, C

    def _output(self, y: Tensor, u: Tensor, z: Tensor) -> Tensor:
        """y and u (...,H,P), z (...,U) -> (...,D)."""
        y = (y + u * self.D.unsqueeze(-1).to(u.dtype)).flatten(-2)  # (...,U)
        gated = y.to(z.dtype) * functional.silu(z)
        output: Tensor = self.out_proj(rms_norm(gated, self.norm_weight))
        return output


def ssd_chunked(u: Tensor, log_decay: Tensor, B: Tensor, C: Tensor, chunk: int) -> Tensor:
    """Computes the state space chunk by chunk (Dao & Gu 2024, listing 1).

    h_t = exp(log_decay_t) h_{t-1} + B_t u_t^T and y_t = C_t h_t, from h = 0.

    Args:
        u: (B,L,H,P), already multiplied by dt.
        log_decay: (B,L,H) float32, at most 0.
        B: (B,L,K).
        C: (B,L,K).
        chunk: Q, the number of positions of a chunk.

    Returns:
        y (B,L,H,P).
    """
    length = u.shape[1]
    size = min(chunk, length)
    # 1. Pad to whole chunks. The padding comes last and writes nothing.
    padding = -length % size
    u = functional.pad(u, (0, 0, 0, 0, 0, padding))
    log_decay = functional.pad(log_decay, (0, 0, 0, padding))
    B = functional.pad(B, (0, 0, 0, padding))
    C = functional.pad(C, (0, 0, 0, padding))
    u = u.unflatten(1, (-1, size)).transpose(2, 3)  # (B,n,H,Q,P)
    B = B.unflatten(1, (-1, size)).unsqueeze(2)  # (B,n,1,Q,K)
    C = C.unflatten(1, (-1, size)).unsqueeze(2)  # (B,n,1,Q,K)
    # The logarithm of the decay since the beginning of the chunk.
    total = log_decay.unflatten(1, (-1, size)).transpose(2, 3).cumsum(-1)  # (B,n,H,Q)
    # 2. Inside each chunk: L_ts is how much of what position s wrote is left at position t.
    difference = total.unsqueeze(-1) - total.unsqueeze(-2)  # (B,n,H,Q,Q)
    not_future = torch.ones(size, size, dtype=torch.bool, device=u.device).tril()
    L = difference.masked_fill(~not_future, float("-inf")).exp()
    y = torch.matmul((torch.matmul(C, B.transpose(-1, -2)) * L).to(u.dtype), u)  # (B,n,H,Q,P)
    chunks = u.shape[1]
    if chunks > 1:
        # 3. What each chunk writes, as it is left at its end.
        left = (total[..., -1:] - total).exp().unsqueeze(-1).to(u.dtype)  # (B,n,H,Q,1)
        written = torch.matmul(B.transpose(-1, -2), left * u)  # (B,n,H,K,P)
        # 4. The state before each chunk.
        state = torch.zeros_like(written[:, 0])
        states: list[Tensor] = []
        for number in range(chunks):
            states.append(state)
            decay = total[:, number, :, -1].exp()[..., None, None]  # (B,H,1,1)
            state = state * decay.to(state.dtype) + written[:, number]
        # 5. What each position reads from the state before its chunk.
        from_state = torch.matmul(C, torch.stack(states, dim=1))  # (B,n,H,Q,P)
        y = y + from_state * total.exp().unsqueeze(-1).to(u.dtype)
    return y.transpose(2, 3).flatten(1, 2)[:, :length]


class MambaEncoder(nn.Module):
    """x + forwards(norm(x)) + backwards(norm(x)) in each layer.

    The backward direction reads each sentence reversed within its own length, so that padding comes
    last in both directions.
    """

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        layers = range(config.encoder_layers)
        self.forwards = LayerList(MambaBlock(config) for _ in layers)
        self.backwards = LayerList(MambaBlock(config) for _ in layers)
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in layers)
        self.last_norm = LayerNorm(config.size)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B,S,D), mask (B,S), true at tokens -> (B,S,D)."""
        reverse = reversed_positions(mask)
        for forwards, backwards, norm in zip(
            self.forwards, self.backwards, self.norms, strict=True
        ):
            normed = norm(x)
            ahead = forwards(normed)
            back = backwards(gather_positions(normed, reverse))
            x = x + self.dropout(ahead + gather_positions(back, reverse))
        outputs: Tensor = self.last_norm(x)
        return outputs


class MambaDecoderLayer(nn.Module):
    """x + state space(norm(x)), then x + cross-attention(norm(x))."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.block = MambaBlock(config)
        self.cross_attn = MultiHeadAttention(
            config.size, config.attention_heads, config.attention_dropout
        )
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in range(2))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, memory: LayerMemory) -> tuple[Tensor, Tensor]:
        """x (B,T,D) -> (B,T,D), weights over the source (B,T,S)."""
        x = x + self.dropout(self.block(self.norms[0](x)))
        return self._attend(x, memory)

    def step(
        self, x: Tensor, state: BlockState, memory: LayerMemory
    ) -> tuple[Tensor, BlockState, Tensor]:
        """x (N,D) -> (N,D), the next state, weights over the source (N,S)."""
        output, next_state = self.block.step(self.norms[0](x), state)
        x, weights = self._attend((x + output).unsqueeze(1), memory)
        return x.squeeze(1), next_state, weights.squeeze(1)

    def _attend(self, x: Tensor, memory: LayerMemory) -> tuple[Tensor, Tensor]:
        context, weights = self.cross_attn.forward_with_weights(self.norms[1](x), memory)
        return x + self.dropout(context), weights


class Mamba(TokenModel[LayeredMemory, MambaState]):
    """A bidirectional state-space encoder and a state-space decoder with cross-attention."""

    RENAMED_PARAMETERS: ClassVar[dict[str, str]] = {
        r"^(layers\.\d+)\.source\.": r"\1.cross_attn.",
        r"_attn\.query\.": "_attn.q_proj.",
        r"_attn\.key\.": "_attn.k_proj.",
        r"_attn\.value\.": "_attn.v_proj.",
        r"_attn\.output\.": "_attn.out_proj.",
        r"(wards\.\d+|block)\.inputs\.": r"\1.in_proj.",
        r"(wards\.\d+|block)\.output\.": r"\1.out_proj.",
        r"(wards\.\d+|block)\.conv$": r"\1.conv1d_weight",
        r"(wards\.\d+|block)\.conv_bias$": r"\1.conv1d_bias",
        r"(wards\.\d+|block)\.pace_bias$": r"\1.dt_bias",
        r"(wards\.\d+|block)\.log_rate$": r"\1.A_log",
        r"(wards\.\d+|block)\.skip$": r"\1.D",
        r"(wards\.\d+|block)\.scale$": r"\1.norm_weight",
    }

    def __init__(self, config: MambaConfig, vocabulary: VocabularySizes) -> None:
        super().__init__(vocabulary, config.size, config)
        self.config = config
        self.encoder = MambaEncoder(config)
        self.layers = LayerList(MambaDecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = LayerNorm(config.size)

    def encode(self, source: Tensor, source_mask: Tensor) -> LayeredMemory:
        x = self.encoder(self.source_embedding(source), source_mask)
        return LayeredMemory.of(x, source_mask, (layer.cross_attn for layer in self.layers))

    def start(self, memory: LayeredMemory) -> MambaState:
        like = memory.keys[0]
        return MambaState(tuple(layer.block.empty_state(like) for layer in self.layers))

    def step(
        self, memory: LayeredMemory, state: MambaState, token: Tensor
    ) -> tuple[Step, MambaState]:
        x = self.target_embedding(token.unsqueeze(1)).squeeze(1)  # (N,D)
        weights = None
        blocks: list[BlockState] = []
        for layer, block, source in zip(self.layers, state.blocks, memory.layers, strict=True):
            x, next_block, weights = layer.step(x, block, source)
            blocks.append(next_block)
        return Step(self.project(self.norm(x), memory), weights), MambaState(tuple(blocks))

    def decode(self, memory: LayeredMemory, target_in: Tensor) -> Decoded:
        x = self.target_embedding(target_in)  # (B,T,D)
        weights = None
        for layer, source in zip(self.layers, memory.layers, strict=True):
            x, weights = layer(x, source)
        return Decoded(self.project(self.norm(x), memory), weights)
