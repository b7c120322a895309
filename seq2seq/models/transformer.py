"""The Transformer (Vaswani et al. 2017), with normalisation before each block (Xiong et al. 2020).

No state is carried from step to step: every place looks at every other, all places are computed at once, and what has
been computed is kept (the cache of keys and values grows by one place with every step). Positions are sinusoids
(section 3.5), by which the attention to the source finds its way along both sentences; where a side looks at itself,
queries and keys are turned by their places too (Su et al. 2021), which tells how far apart they are.

Legend: N rows, B sentences, S source pieces, T target pieces, L either, D model size, h heads, E = D / h.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import ConfigDict
from torch import Tensor, nn

from seq2seq.models.attention import LayeredMemory, LayerMemory, MultiHeadAttention, Rotation, dense, place_angles
from seq2seq.models.base import Decoded, Rows, Step, Vocabulary
from seq2seq.models.dropout import Dropout
from seq2seq.models.embedding import PieceModel, Tying
from seq2seq.models.normalisation import LayerNorm


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes and regularisation of the Transformer."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    family: Literal["transformer"] = "transformer"
    """Attention only."""
    size: int = 256
    """Size of the model, D: of the embeddings and of what passes from block to block."""
    feed_forward_size: int = 1024
    """Inner size of the feed-forward blocks."""
    heads: int = 4
    """Attention heads, of size / heads units each."""
    encoder_layers: int = 4
    """Self-attention and feed-forward, so many times."""
    decoder_layers: int = 4
    """Self-attention, attention to the source and feed-forward, so many times."""
    dropout: float = 0.2
    """Share of units dropped from embeddings and from what a block adds."""
    attention_dropout: float = 0.1
    """Share of attention weights dropped."""
    word_dropout: float = 0.0
    """Share of source and target pieces whose embedding is dropped."""
    tie_embeddings: Tying = "all"
    """Share the output matrix with the target embeddings (Press & Wolf 2017), or with both sides (joint tokenizer)."""

    def __post_init__(self) -> None:
        if min(self.size, self.feed_forward_size, self.heads, self.encoder_layers, self.decoder_layers) < 1:
            raise ValueError("sizes, heads and numbers of layers must be at least 1")
        if self.size % (2 * self.heads):
            raise ValueError("size must be divisible by twice the number of heads")
        if not (0 <= self.dropout < 1 and 0 <= self.attention_dropout < 1 and 0 <= self.word_dropout < 1):
            raise ValueError("dropout, attention_dropout and word_dropout must be at least 0 and below 1")


@dataclass(frozen=True)
class TransformerState(Rows):
    """keys and values (N,h,t,E) of the t target pieces read so far, for each decoder layer."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]


class FeedForward(nn.Module):
    """max(0, x W1 + b1) W2 + b2 at every place (section 3.3)."""

    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.inner, self.outer = dense(size, inner), dense(inner, size)

    def forward(self, values: Tensor) -> Tensor:
        outer: Tensor = self.outer(torch.relu(self.inner(values)))
        return outer


class EncoderLayer(nn.Module):
    """x + self-attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in range(2))
        self.attention = MultiHeadAttention(config.size, config.heads, config.attention_dropout)
        self.feed_forward = FeedForward(config.size, config.feed_forward_size)
        self.dropout = Dropout(config.dropout)

    def forward(self, values: Tensor, mask: Tensor, rotation: Rotation) -> Tensor:
        """values (B,S,D), mask (B,1,1,S) -> (B,S,D)."""
        normed = self.norms[0](values)
        keys, kept = self.attention.project(normed, rotation)
        values = values + self.dropout(self.attention(normed, keys, kept, rotation=rotation, mask=mask))
        summed: Tensor = values + self.dropout(self.feed_forward(self.norms[1](values)))
        return summed


class DecoderLayer(nn.Module):
    """x + self-attention(norm(x)), x + attention to the source(norm(x)), x + feed-forward(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in range(3))
        self.itself = MultiHeadAttention(config.size, config.heads, config.attention_dropout)
        self.source = MultiHeadAttention(config.size, config.heads, config.attention_dropout)
        self.feed_forward = FeedForward(config.size, config.feed_forward_size)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        values: Tensor,
        rotation: Rotation,
        past: tuple[Tensor, Tensor],
        source: LayerMemory,
    ) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        """values (N,T,D) behind `past` keys and values (N,h,t,E) -> (N,T,D), keys and values of all so far, weights over
        the source (N,T,S). T is 1, or t is 0."""
        normed = self.norms[0](values)
        projected = self.itself.project(normed, rotation)
        keys, kept = (torch.cat([old, new], dim=2) for old, new in zip(past, projected, strict=True))
        values = values + self.dropout(self.itself(normed, keys, kept, rotation=rotation, causal=values.shape[1] > 1))
        context, weights = self.source.forward_with_weights(self.norms[1](values), source)
        values = values + self.dropout(context)
        return values + self.dropout(self.feed_forward(self.norms[2](values))), (keys, kept), weights


class Transformer(PieceModel[LayeredMemory, TransformerState]):
    """Encoder and decoder of attention and feed-forward blocks."""

    def __init__(self, config: TransformerConfig, vocabulary: Vocabulary) -> None:
        super().__init__(vocabulary, config.size, config)
        self.config = config
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.encoder_norm, self.decoder_norm = LayerNorm(config.size), LayerNorm(config.size)

    def encode(self, source: Tensor, source_mask: Tensor) -> LayeredMemory:
        values, rotation = self._placed(self.source_embedding(source), 0)
        for layer in self.encoder:
            values = layer(values, source_mask[:, None, None, :], rotation)
        values = self.encoder_norm(values)
        projected = [layer.source.project(values) for layer in self._decoder_layers()]
        return LayeredMemory(tuple(k for k, _ in projected), tuple(v for _, v in projected), source_mask)

    def start(self, memory: LayeredMemory) -> TransformerState:
        nothing = tuple(keys[:, :, :0] for keys in memory.keys)
        return TransformerState(nothing, nothing)

    def step(self, memory: LayeredMemory, state: TransformerState, token: Tensor) -> tuple[Step, TransformerState]:
        decoded, after = self._decode(memory, state, token.unsqueeze(1))
        assert decoded.attention is not None
        return Step(decoded.logits.squeeze(1), decoded.attention.squeeze(1)), after

    def decode(self, memory: LayeredMemory, target_in: Tensor) -> Decoded:
        return self._decode(memory, self.start(memory), target_in)[0]

    def _decode(
        self, memory: LayeredMemory, state: TransformerState, target_in: Tensor
    ) -> tuple[Decoded, TransformerState]:
        """target_in (N,T) behind what is in the state."""
        values, rotation = self._placed(self.target_embedding(target_in), state.keys[0].shape[2])
        keys, kept, weights = [], [], None
        pasts = zip(state.keys, state.values, strict=True)
        for layer, past, source in zip(self._decoder_layers(), pasts, memory.layers, strict=True):
            values, now, weights = layer(values, rotation, past, source)
            keys.append(now[0])
            kept.append(now[1])
        logits = self._project(self.decoder_norm(values), memory)
        return Decoded(logits, weights), TransformerState(tuple(keys), tuple(kept))

    def _placed(self, embedded: Tensor, first: int) -> tuple[Tensor, Rotation]:
        """embedded (N,L,D) with the sinusoids of places `first` and on added, and these places' rotation."""
        length, size = embedded.shape[1:]
        angles = place_angles(first, length, size, embedded.device)
        placed = embedded + torch.cat([angles.sin(), angles.cos()], dim=-1).to(embedded.dtype)
        return placed, Rotation.of(first, length, size // self.config.heads, embedded.device)

    def _decoder_layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.decoder if isinstance(layer, DecoderLayer)]
