"""Selective state spaces: Mamba (Gu & Dao 2023) in the form of Mamba-2 (Dao & Gu 2024), with attention to the source.

For each head, a state of constant size is kept, forgotten and written, each by how much the input says:

    d_t = softplus(w_d x_t + b_d)            how far time moves on at this piece
    h_t = exp(d_t a) h_{t-1} + d_t B_t u_t   a < 0: exp(d_t a) is the forget gate, d_t the input gate
    y_t = C_t h_t + D u_t                    C_t reads the state

u (the input after a short convolution), B and C depend on the input, h_{t-1} enters linearly: unlike in an LSTM, no gate
looks at the state. That is why all steps can be computed at once as matrix products (Dao & Gu 2024, section 6): inside a
chunk of Q places y = (C B^T * L) (d u), where L_ts = exp(a (d_{s+1} + ... + d_t)) for s <= t; from chunk to chunk the
state is carried. `step` is the recurrence above, and a test holds the two equal.

The encoder reads in both directions; the decoder asks the source by attention in every layer, without which translation
suffers much (Pitorro et al. 2024).

Legend: N rows, B sentences, S source pieces, T target pieces, L either, D model size, U = expand * D inner size,
H heads of P units (U = H * P), K size of the state of one unit, Q places of a chunk, W width of the convolution.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.attention import LayeredMemory, LayerMemory, MultiHeadAttention, dense
from seq2seq.models.base import Decoded, Rows, Step, Vocabulary
from seq2seq.models.convolution import CausalConvolution
from seq2seq.models.dropout import Dropout
from seq2seq.models.embedding import PieceModel, Tying
from seq2seq.models.normalisation import LayerNorm, rms_norm
from seq2seq.models.recurrent import gather_places, reversed_places


@dataclass(frozen=True, kw_only=True)
class MambaConfig:
    """Sizes and regularisation of the state-space encoder-decoder."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    family: Literal["mamba"] = "mamba"
    """Selective state spaces."""
    size: int = 256
    """Size of the model, D."""
    expand: int = 2
    """The inner size is so many times the model's."""
    head_size: int = 32
    """Units that share a forget gate, P."""
    state_size: int = 32
    """Size of the state of one unit, K."""
    conv_width: int = 4
    """Places that the convolution before the state sees, W."""
    chunk: int = 64
    """Places that are computed at once in training, Q; it changes the speed only."""
    attention_heads: int = 4
    """Heads of the attention to the source."""
    encoder_layers: int = 3
    """Layers that read in both directions."""
    decoder_layers: int = 4
    """Layers of a state space and attention to the source."""
    dropout: float = 0.2
    """Share of units dropped after embeddings and blocks."""
    attention_dropout: float = 0.1
    """Share of attention weights dropped."""
    word_dropout: float = 0.0
    """Share of source and target pieces whose embedding is dropped."""
    tie_embeddings: Tying = "all"
    """Share the output matrix with the target embeddings (Press & Wolf 2017), or with both sides (joint tokenizer)."""

    def __post_init__(self) -> None:
        sizes = (self.size, self.expand, self.head_size, self.state_size, self.conv_width, self.chunk)
        if min(*sizes, self.attention_heads, self.encoder_layers, self.decoder_layers) < 1:
            raise ValueError("sizes, heads and numbers of layers must be at least 1")
        if self.size * self.expand % self.head_size or self.size % self.attention_heads:
            raise ValueError("size * expand must be divisible by head_size, and size by attention_heads")
        if not (0 <= self.dropout < 1 and 0 <= self.attention_dropout < 1 and 0 <= self.word_dropout < 1):
            raise ValueError("dropout, attention_dropout and word_dropout must be at least 0 and below 1")


@dataclass(frozen=True)
class BlockState(Rows):
    """recent (N,W-1,U+2K): what the convolution still needs; held (N,H,K,P): the state of every head."""

    recent: Tensor
    held: Tensor


@dataclass(frozen=True)
class MambaState(Rows):
    """The state of every decoder layer: its size does not depend on how much has been read."""

    blocks: tuple[BlockState, ...]


class MambaBlock(nn.Module):
    """Projection, short convolution, state space, gate, projection (Dao & Gu 2024, figure 6, sequential variant)."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.config = config
        inner = config.size * config.expand
        self.heads = inner // config.head_size
        self.sizes = [inner, inner + 2 * config.state_size, self.heads]  # gate; u, B and C; d
        self.inputs = nn.Linear(config.size, sum(self.sizes), bias=False)
        self.conv = nn.Parameter(
            torch.empty(config.conv_width, self.sizes[1]).uniform_(-1, 1) * config.conv_width**-0.5
        )
        self.conv_bias = nn.Parameter(torch.zeros(self.sizes[1]))
        # Forget gates from quick to slow: exp(-0.001 * 1) to exp(-0.1 * 16) a step at the beginning.
        pace = torch.exp(torch.empty(self.heads).uniform_(0, 1) * 4.6 - 6.9)  # 0.001 to 0.1
        self.pace_bias = nn.Parameter(pace + torch.log(-torch.expm1(-pace)))  # softplus of it is the pace
        self.log_rate = nn.Parameter(torch.empty(self.heads).uniform_(1, 16).log())
        self.skip = nn.Parameter(torch.ones(self.heads))
        self.scale = nn.Parameter(torch.ones(inner))
        self.output = dense(inner, config.size)

    def forward(self, values: Tensor) -> Tensor:
        """values (B,L,D) from an empty state -> (B,L,D)."""
        gate, mixed, pace = self.inputs(values).split(self.sizes, dim=-1)
        # In the format of the products: a float32 factor would make all that follows float32.
        convolved: Tensor = CausalConvolution.apply(mixed, self.conv.to(mixed.dtype))
        u, b, c = self._divide(functional.silu(convolved + self.conv_bias.to(mixed.dtype)))
        d = functional.softplus(pace.float() + self.pace_bias)  # (B,L,H)
        read = scan(u * d.unsqueeze(-1).to(u.dtype), -d * self.log_rate.exp(), b, c, self.config.chunk)
        return self._close(read, u, gate)

    def step(self, values: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """values (N,D) -> output (N,D), the state after it: the recurrence, as written above."""
        gate, mixed, pace = self.inputs(values).split(self.sizes, dim=-1)
        window = torch.cat([state.recent.to(mixed.dtype), mixed.unsqueeze(1)], dim=1)  # (N,W,U+2K)
        u, b, c = self._divide(functional.silu((window * self.conv).sum(1) + self.conv_bias))
        d = functional.softplus(pace.float() + self.pace_bias)  # (N,H)
        forget = torch.exp(-d * self.log_rate.exp())
        written = b[:, None, :, None] * (u * d.unsqueeze(-1)).unsqueeze(2)  # (N,1,K,1) * (N,H,1,P)
        held = forget[..., None, None] * state.held + written
        read = torch.einsum("nk,nhkp->nhp", c.to(held.dtype), held)
        return self._close(read, u, gate), BlockState(window[:, 1:], held)

    def empty(self, like: Tensor) -> BlockState:
        """Before the first piece, for as many rows as `like` (N,...) has."""
        config, rows = self.config, like.shape[0]
        recent = like.new_zeros(rows, config.conv_width - 1, self.sizes[1])
        # What is carried over many steps is summed in float32 whatever the products are made in.
        wide = torch.promote_types(like.dtype, torch.float32)
        return BlockState(recent, like.new_zeros(rows, self.heads, config.state_size, config.head_size, dtype=wide))

    def _divide(self, mixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(...,U+2K) -> u (...,H,P), B and C (...,K)."""
        u, b, c = mixed.split([self.sizes[0], self.config.state_size, self.config.state_size], dim=-1)
        return u.unflatten(-1, (self.heads, -1)), b, c

    def _close(self, read: Tensor, u: Tensor, gate: Tensor) -> Tensor:
        """read and u (...,H,P), gate (...,U) -> (...,D)."""
        shown = (read + u * self.skip.unsqueeze(-1).to(u.dtype)).flatten(-2)
        gated = shown.to(gate.dtype) * functional.silu(gate)
        closed: Tensor = self.output(rms_norm(gated, self.scale))
        return closed


def scan(u: Tensor, decay: Tensor, b: Tensor, c: Tensor, chunk: int) -> Tensor:
    """h_t = exp(decay_t) h_{t-1} + b_t u_t^T, y_t = c_t h_t from h = 0, chunk by chunk (Dao & Gu 2024, listing 1).

    u (B,L,H,P), decay (B,L,H) float32 and at most 0, b and c (B,L,K) -> y (B,L,H,P).
    """
    length, size = u.shape[1], min(chunk, u.shape[1])
    # 1. Whole chunks: what is put behind writes nothing.
    fill = -length % size
    u, decay = functional.pad(u, (0, 0, 0, 0, 0, fill)), functional.pad(decay, (0, 0, 0, fill))
    b, c = functional.pad(b, (0, 0, 0, fill)), functional.pad(c, (0, 0, 0, fill))
    u = u.unflatten(1, (-1, size)).transpose(2, 3)  # (B,n,H,Q,P) for n chunks
    b, c = b.unflatten(1, (-1, size)).unsqueeze(2), c.unflatten(1, (-1, size)).unsqueeze(2)  # (B,n,1,Q,K)
    total = decay.unflatten(1, (-1, size)).transpose(2, 3).cumsum(-1)  # (B,n,H,Q) decay since the chunk's beginning
    # 2. Inside each chunk: what place s wrote, as it is left at place t.
    between = total.unsqueeze(-1) - total.unsqueeze(-2)  # (B,n,H,Q,Q)
    later = torch.ones(size, size, dtype=torch.bool, device=u.device).tril()
    left = between.masked_fill(~later, float("-inf")).exp()
    read = torch.matmul((torch.matmul(c, b.transpose(-1, -2)) * left).to(u.dtype), u)  # (B,n,H,Q,P)
    if u.shape[1] > 1:
        # 3. What each chunk leaves behind, (B,n,H,K,P), and the state that each finds.
        written = torch.matmul(b.transpose(-1, -2), (total[..., -1:] - total).exp().unsqueeze(-1).to(u.dtype) * u)
        state, found = torch.zeros_like(written[:, 0]), []
        for number in range(u.shape[1]):
            found.append(state)
            state = state * total[:, number, :, -1].exp()[..., None, None].to(state.dtype) + written[:, number]
        # 4. What of that is left at each place, read there.
        read = read + torch.matmul(c, torch.stack(found, dim=1)) * total.exp().unsqueeze(-1).to(u.dtype)
    return read.transpose(2, 3).flatten(1, 2)[:, :length]


class MambaEncoder(nn.Module):
    """x + forwards(norm(x)) + backwards(norm(x)) in every layer. The backward direction reads each sentence reversed within
    its own length, so that padding comes last in both."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        layers = range(config.encoder_layers)
        self.forwards = nn.ModuleList(MambaBlock(config) for _ in layers)
        self.backwards = nn.ModuleList(MambaBlock(config) for _ in layers)
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in layers)
        self.last_norm, self.dropout = LayerNorm(config.size), Dropout(config.dropout)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """values (B,S,D), mask (B,S) -> (B,S,D)."""
        reverse = reversed_places(mask)
        for forwards, backwards, norm in zip(self.forwards, self.backwards, self.norms, strict=True):
            normed = norm(values)
            ahead, back = forwards(normed), backwards(gather_places(normed, reverse))
            values = values + self.dropout(ahead + gather_places(back, reverse))
        outputs: Tensor = self.last_norm(values)
        return outputs


class MambaDecoderLayer(nn.Module):
    """x + state space(norm(x)), then x + attention to the source(norm(x))."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.block = MambaBlock(config)
        self.source = MultiHeadAttention(config.size, config.attention_heads, config.attention_dropout)
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in range(2))
        self.dropout = Dropout(config.dropout)

    def forward(self, values: Tensor, source: LayerMemory) -> tuple[Tensor, Tensor]:
        """values (B,T,D) -> (B,T,D), weights over the source (B,T,S)."""
        return self._ask(values + self.dropout(self.block(self.norms[0](values))), source)

    def step(self, values: Tensor, state: BlockState, source: LayerMemory) -> tuple[Tensor, BlockState, Tensor]:
        """values (N,D) -> (N,D), the state after it, weights (N,S)."""
        output, after = self.block.step(self.norms[0](values), state)
        asked, weights = self._ask((values + output).unsqueeze(1), source)
        return asked.squeeze(1), after, weights.squeeze(1)

    def _ask(self, values: Tensor, source: LayerMemory) -> tuple[Tensor, Tensor]:
        context, weights = self.source.forward_with_weights(self.norms[1](values), source)
        return values + self.dropout(context), weights


class Mamba(PieceModel[LayeredMemory, MambaState]):
    """Bidirectional state-space encoder, state-space decoder with attention to the source."""

    def __init__(self, config: MambaConfig, vocabulary: Vocabulary) -> None:
        super().__init__(vocabulary, config.size, config)
        self.config = config
        self.encoder = MambaEncoder(config)
        self.layers = nn.ModuleList(MambaDecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = LayerNorm(config.size)

    def encode(self, source: Tensor, source_mask: Tensor) -> LayeredMemory:
        values = self.encoder(self.source_embedding(source), source_mask)
        projected = [layer.source.project(values) for layer in self._layers()]
        return LayeredMemory(tuple(k for k, _ in projected), tuple(v for _, v in projected), source_mask)

    def start(self, memory: LayeredMemory) -> MambaState:
        return MambaState(tuple(layer.block.empty(memory.keys[0]) for layer in self._layers()))

    def step(self, memory: LayeredMemory, state: MambaState, token: Tensor) -> tuple[Step, MambaState]:
        values = self.target_embedding(token.unsqueeze(1)).squeeze(1)
        blocks, weights = [], None
        for layer, block, source in zip(self._layers(), state.blocks, memory.layers, strict=True):
            values, after, weights = layer.step(values, block, source)
            blocks.append(after)
        return Step(self._project(self.norm(values), memory), weights), MambaState(tuple(blocks))

    def decode(self, memory: LayeredMemory, target_in: Tensor) -> Decoded:
        values, weights = self.target_embedding(target_in), None
        for layer, source in zip(self._layers(), memory.layers, strict=True):
            values, weights = layer(values, source)
        return Decoded(self._project(self.norm(values), memory), weights)

    def _layers(self) -> list[MambaDecoderLayer]:
        return [layer for layer in self.layers if isinstance(layer, MambaDecoderLayer)]
