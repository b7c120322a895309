"""How a decoder state asks the source sentence: score every source place, normalise, take the weighted mean.

Legend: B sentences, N rows, S source pieces, T queries at once, H size of the query, E size of the encoder's outputs.
The rows of a sentence stand together and ask the same memory: to it, they are so many queries more (W at most).
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models.base import Memory
from seq2seq.models.dropout import drop

AttentionKind = Literal["dot", "general", "additive", "none"]


@dataclass(frozen=True)
class AttentionMemory(Memory):
    """keys (B,S,H) are projected once for the sentence; values (B,S,E); padding (B,1,S) 0 at pieces and -inf at padding, in
    the format of the keys; summary (B,E)."""

    keys: Tensor
    values: Tensor
    padding: Tensor
    summary: Tensor


class Attention(nn.Module):
    """Scores of Luong et al. 2015 (section 3.1: dot, general) and Bahdanau et al. 2015 (A.1.2: additive).

    Differs from Luong in dividing dot and general by sqrt(H) (Vaswani et al. 2017, section 3.2.1): products of states that
    are layer-normalised grow with H. With `none`, the context is the encoder's summary, the same
    at every place (Cho et al. 2014): one vector of fixed size has to carry the sentence.
    """

    def __init__(self, kind: AttentionKind, query_size: int, value_size: int) -> None:
        super().__init__()
        self.kind = kind
        self.query_size = query_size
        if kind in ("general", "additive"):
            self.key = nn.Linear(value_size, query_size, bias=False)
        if kind == "additive":
            self.query = nn.Linear(query_size, query_size)
            self.energy = nn.Linear(query_size, 1, bias=False)
        if kind == "dot" and query_size != value_size:
            raise ValueError("attention 'dot' needs equal sizes of query and value")

    def remember(self, values: Tensor, mask: Tensor, summary: Tensor) -> AttentionMemory:
        """Projects the keys: values (B,S,E), mask (B,S), summary (B,E)."""
        keys = self.key(values) if self.kind in ("general", "additive") else values
        if values.dtype == torch.bfloat16 and values.device.type == "cpu" and not self.training:
            # The few products of a search step are too small for the units that make bfloat16 worth while.
            keys, values = keys.float(), values.float()
        padding = torch.zeros_like(mask, dtype=keys.dtype).masked_fill_(~mask, float("-inf")).unsqueeze(1)
        return AttentionMemory(keys, values, padding, summary)

    def forward(self, query: Tensor, memory: AttentionMemory) -> tuple[Tensor, Tensor | None]:
        """query (N,T,H) -> context (N,T,E), weights (N,T,S) float32 or None."""
        askers = memory.asked(len(memory.padding), len(query))
        if self.kind == "none":
            return askers.repeat(memory.summary).unsqueeze(1).expand(-1, query.shape[1], -1), None
        query = askers.spread(query)  # (B,W,T,H)
        apart, query = query.shape[1:3], query.flatten(1, 2)  # (B,W*T,H)
        if self.kind == "additive":
            # e_ts = v . tanh(W q_t + U k_s), for all pairs: (B,W*T,1,H) + (B,1,S,H)
            summed = self.query(query).unsqueeze(2) + memory.keys.unsqueeze(1)
            scores = self.energy(torch.tanh(summed).to(query.dtype)).squeeze(-1) + memory.padding
        else:
            # padding + q . k / sqrt(H), in one pass.
            queries, keys = query.to(memory.keys.dtype), memory.keys.transpose(1, 2)
            scores = torch.baddbmm(memory.padding, queries, keys, alpha=self.query_size**-0.5)
        # Softmax in float32: in bfloat16 the weights would not sum to one.
        weights = torch.softmax(scores.float(), dim=-1)
        context = torch.bmm(weights.to(memory.values.dtype), memory.values)
        return askers.gather(context.unflatten(1, apart)), askers.gather(weights.unflatten(1, apart))


@dataclass(frozen=True)
class LayerMemory(Memory):
    """What one decoder layer asks: keys and values (B,h,S,E) of the source, mask (B,1,1,S) true at pieces."""

    keys: Tensor
    values: Tensor
    mask: Tensor


@dataclass(frozen=True)
class LayeredMemory(Memory):
    """keys and values (B,h,S,E) of the source for each decoder layer, projected once; mask (B,S) true at pieces."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor

    @property
    def layers(self) -> list[LayerMemory]:
        """Of each layer."""
        mask = self.mask[:, None, None, :]
        return [LayerMemory(k, v, mask, askers=self.askers) for k, v in zip(self.keys, self.values, strict=True)]


@dataclass(frozen=True)
class Rotation:
    """Rotary positions (Su et al. 2021, section 3.2.2): what is compared is turned by its place, so that the product of
    a query and a key depends on how far apart they are. cosine and sine (L,E/2); unit j is turned together with unit
    j + E/2."""

    cosine: Tensor
    sine: Tensor

    @classmethod
    def of(cls, first: int, length: int, size: int, device: torch.device) -> "Rotation":
        """For places `first` and on, and heads of `size` units."""
        angles = place_angles(first, length, size, device)
        return cls(angles.cos(), angles.sin())

    def turn(self, values: Tensor) -> Tensor:
        """values (N,h,L,E) -> the same, turned."""
        turned: Tensor = _Turn.apply(values, self.cosine.to(values.dtype), self.sine.to(values.dtype))
        return turned


class _Turn(torch.autograd.Function):
    """A rotation; its gradient is the rotation back. (Written in halves for autograd, it takes a tenth of an update: the
    gradient of each half is a tensor of zeros with that half filled in.)"""

    @staticmethod
    def forward(ctx: Any, values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _turned(values, cosine, sine)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        cosine, sine = ctx.saved_tensors
        return _turned(gradients[0], cosine, -sine), None, None


def _turned(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    turned = torch.empty_like(values)
    for part, one, other, sign in zip(
        turned.chunk(2, -1), values.chunk(2, -1), values.chunk(2, -1)[::-1], (-1, 1), strict=True
    ):
        torch.mul(one, cosine, out=part).addcmul_(other, sine, value=sign)
    return turned


def place_angles(first: int, length: int, size: int, device: torch.device) -> Tensor:
    """(L,size/2) the angles of places `first` and on (Vaswani et al. 2017, section 3.5)."""
    places = torch.arange(first, first + length, device=device, dtype=torch.float32).unsqueeze(1)
    return places * torch.exp(torch.arange(0, size, 2, device=device) * (-math.log(10000.0) / size))


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(E)) V in h heads (Vaswani et al. 2017, section 3.2).

    Here D is the size of query and output, E = D / h that of a head, L the places that may be seen.
    """

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.output = (dense(size, size) for _ in range(4))

    def project(self, values: Tensor, rotation: Rotation | None = None) -> tuple[Tensor, Tensor]:
        """values (N,L,D) -> keys, turned if their places are given, and values, (N,h,L,E)."""
        keys = self._split(self.key(values))
        return keys if rotation is None else rotation.turn(keys), self._split(self.value(values))

    def forward(
        self,
        asking: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        rotation: Rotation,
        mask: Tensor | None = None,
        causal: bool = False,
    ) -> Tensor:
        """asking (N,T,D) at the places of `rotation`, keys (turned) and values (N,h,L,E), mask (N,1,1,L) true at what may
        be seen -> (N,T,D)."""
        context = functional.scaled_dot_product_attention(
            rotation.turn(self._split(self.query(asking))),
            keys,
            values,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
        )
        return self._join(context)

    def forward_with_weights(self, asking: Tensor, memory: LayerMemory) -> tuple[Tensor, Tensor]:
        """asking (N,T,D) of a memory that several rows may share -> (N,T,D) and, for which it is written out, the
        weights (N,T,L), the mean of the heads'."""
        askers = memory.asked(len(memory.mask), len(asking))
        query = askers.spread(self.query(asking))  # (B,W,T,D)
        apart, query = query.shape[1:3], self._split(query.flatten(1, 2))  # (B,h,W*T,E)
        scores = torch.matmul(query, memory.keys.transpose(2, 3)).float() * query.shape[-1] ** -0.5
        weights = torch.softmax(scores.masked_fill(~memory.mask, float("-inf")), dim=-1)  # (B,h,W*T,L)
        dropped = drop(weights, self.dropout, self.training).to(memory.values.dtype)
        context = self._join(torch.matmul(dropped, memory.values))
        return askers.gather(context.unflatten(1, apart)), askers.gather(weights.mean(1).unflatten(1, apart))

    def _split(self, values: Tensor) -> Tensor:
        """(N,L,D) -> (N,h,L,E)."""
        return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _join(self, context: Tensor) -> Tensor:
        """(N,h,T,E) -> (N,T,D)."""
        joined: Tensor = self.output(context.transpose(1, 2).flatten(2))
        return joined


def dense(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that begins with Glorot's uniform weights and no biases."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
