"""The Transformer (Vaswani et al. 2017) with normalization before each block (Xiong et al. 2020).

The model carries no state from step to step: each position attends to all others, and all are
computed at once. A cache keeps the keys and values of the target so far, and grows by one position
a step.

Sinusoids (section 3.5) are added to the embeddings. They tell the cross-attention where a position
is in its sentence. Self-attention uses rotary embeddings as well (Su et al. 2021), which tell how
far apart two positions are.

Legend:
    B  sentences
    N  rows (hypotheses, or sentences)
    S  source tokens
    T  target tokens
    t  target tokens in the cache
    L  source or target tokens
    D  size of the model
    h  heads of E = D / h units
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from seq2seq.config.model import TransformerConfig
from seq2seq.models.base import Decoded, Rows, Step, VocabularySizes
from seq2seq.models.layers.dropout import Dropout
from seq2seq.models.layers.embedding import TokenModel
from seq2seq.models.layers.layer_list import LayerList
from seq2seq.models.layers.linear import dense
from seq2seq.models.layers.multi_head_attention import (
    LayeredMemory,
    LayerMemory,
    MultiHeadAttention,
)
from seq2seq.models.layers.normalization import LayerNorm
from seq2seq.models.layers.rotary import RotaryEmbedding, position_angles


@dataclass(frozen=True)
class TransformerState(Rows):
    """The cache of each decoder layer's self-attention."""

    keys: tuple[Tensor, ...]
    """(N,h,t,E) for each layer, already rotated."""
    values: tuple[Tensor, ...]
    """(N,h,t,E) for each layer."""


class FeedForward(nn.Module):
    """max(0, x W1 + b1) W2 + b2 at every position (section 3.3)."""

    def __init__(self, size: int, inner_size: int) -> None:
        super().__init__()
        self.inner = dense(size, inner_size)
        self.outer = dense(inner_size, size)

    def forward(self, values: Tensor) -> Tensor:
        """values (N,L,D) -> (N,L,D)."""
        outer: Tensor = self.outer(torch.relu(self.inner(values)))
        return outer


class EncoderLayer(nn.Module):
    """x + self-attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in range(2))
        self.self_attn = MultiHeadAttention(config.size, config.heads, config.attention_dropout)
        self.feed_forward = FeedForward(config.size, config.feed_forward_size)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor, rotary: RotaryEmbedding) -> Tensor:
        """x (B,S,D), mask (B,1,1,S), true at tokens -> (B,S,D)."""
        normed = self.norms[0](x)
        keys, values = self.self_attn.project(normed, rotary)
        x = x + self.dropout(self.self_attn(normed, keys, values, rotary=rotary, mask=mask))
        outputs: Tensor = x + self.dropout(self.feed_forward(self.norms[1](x)))
        return outputs


class DecoderLayer(nn.Module):
    """x + self-attention(norm(x)), x + cross-attention(norm(x)), x + feed-forward(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(LayerNorm(config.size) for _ in range(3))
        self.self_attn = MultiHeadAttention(config.size, config.heads, config.attention_dropout)
        self.cross_attn = MultiHeadAttention(config.size, config.heads, config.attention_dropout)
        self.feed_forward = FeedForward(config.size, config.feed_forward_size)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        rotary: RotaryEmbedding,
        cache: tuple[Tensor, Tensor],
        memory: LayerMemory,
    ) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        """Reads T positions after the t positions in the cache. Either T is 1 or t is 0.

        Args:
            x: (N,T,D).
            rotary: the rotary embedding of the T positions.
            cache: keys and values (N,h,t,E).
            memory: the source.

        Returns:
            (N,T,D); the longer cache, (N,h,t+T,E); weights over the source, (N,T,S).
        """
        normed = self.norms[0](x)
        new_keys, new_values = self.self_attn.project(normed, rotary)
        keys = torch.cat([cache[0], new_keys], dim=2)  # (N,h,t+T,E)
        values = torch.cat([cache[1], new_values], dim=2)  # (N,h,t+T,E)
        causal = x.shape[1] > 1
        x = x + self.dropout(self.self_attn(normed, keys, values, rotary=rotary, causal=causal))
        context, weights = self.cross_attn.forward_with_weights(self.norms[1](x), memory)
        x = x + self.dropout(context)
        x = x + self.dropout(self.feed_forward(self.norms[2](x)))
        return x, (keys, values), weights


class Transformer(TokenModel[LayeredMemory, TransformerState]):
    """An encoder and a decoder of attention and feed-forward blocks."""

    RENAMED_PARAMETERS: ClassVar[dict[str, str]] = {
        r"^(encoder\.\d+)\.attention\.": r"\1.self_attn.",
        r"^(decoder\.\d+)\.itself\.": r"\1.self_attn.",
        r"^(decoder\.\d+)\.source\.": r"\1.cross_attn.",
        r"_attn\.query\.": "_attn.q_proj.",
        r"_attn\.key\.": "_attn.k_proj.",
        r"_attn\.value\.": "_attn.v_proj.",
        r"_attn\.output\.": "_attn.out_proj.",
    }

    def __init__(self, config: TransformerConfig, vocabulary: VocabularySizes) -> None:
        super().__init__(vocabulary, config.size, config)
        self.config = config
        self.encoder = LayerList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.decoder = LayerList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.encoder_norm = LayerNorm(config.size)
        self.decoder_norm = LayerNorm(config.size)

    def encode(self, source: Tensor, source_mask: Tensor) -> LayeredMemory:
        x, rotary = self._add_positions(self.source_embedding(source), first=0)
        mask = source_mask[:, None, None, :]  # (B,1,1,S)
        for layer in self.encoder:
            x = layer(x, mask, rotary)
        x = self.encoder_norm(x)
        return LayeredMemory.of(x, source_mask, (layer.cross_attn for layer in self.decoder))

    def start(self, memory: LayeredMemory) -> TransformerState:
        empty = tuple(keys[:, :, :0] for keys in memory.keys)  # (B,h,0,E) for each layer
        return TransformerState(keys=empty, values=empty)

    def step(
        self, memory: LayeredMemory, state: TransformerState, token: Tensor
    ) -> tuple[Step, TransformerState]:
        logits, weights, next_state = self._decode(memory, state, token.unsqueeze(1))
        return Step(logits.squeeze(1), weights.squeeze(1)), next_state

    def decode(self, memory: LayeredMemory, target_in: Tensor) -> Decoded:
        logits, weights, _ = self._decode(memory, self.start(memory), target_in)
        return Decoded(logits, weights)

    def _decode(
        self, memory: LayeredMemory, state: TransformerState, tokens: Tensor
    ) -> tuple[Tensor, Tensor, TransformerState]:
        """Reads tokens (N,T) after the t tokens of the state.

        Returns:
            Logits (N,T,V), the attention weights of the top layer (N,T,S), and the next state.
        """
        cached_tokens = state.keys[0].shape[2]
        x, rotary = self._add_positions(self.target_embedding(tokens), first=cached_tokens)
        caches = list(zip(state.keys, state.values, strict=True))
        all_keys: list[Tensor] = []
        all_values: list[Tensor] = []
        all_weights: list[Tensor] = []
        for layer, cache, source in zip(self.decoder, caches, memory.layers, strict=True):
            x, (keys, values), weights = layer(x, rotary, cache, source)
            all_keys.append(keys)
            all_values.append(values)
            all_weights.append(weights)
        logits = self.project(self.decoder_norm(x), memory)
        next_state = TransformerState(tuple(all_keys), tuple(all_values))
        return logits, all_weights[-1], next_state

    def _add_positions(self, embedded: Tensor, first: int) -> tuple[Tensor, RotaryEmbedding]:
        """Adds the sinusoids of positions `first` and on to embedded (N,L,D).

        Returns:
            (N,L,D), and the rotary embedding of the same positions.
        """
        length, size = embedded.shape[1:]
        angles = position_angles(first, length, size, embedded.device)  # (L,D/2)
        sinusoids = torch.cat([angles.sin(), angles.cos()], dim=-1)  # (L,D)
        head_size = size // self.config.heads
        rotary = RotaryEmbedding.at(first, length, head_size, embedded.device)
        return embedded + sinusoids.to(embedded.dtype), rotary
