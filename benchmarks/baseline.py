"""A plain tutorial-style translator, the yardstick that needs no installation: packed bidirectional LSTM encoder, LSTM
decoder unrolled in Python with input feeding and Luong's attention, `CrossEntropyLoss`, Adam, float32, batches of
neighbouring lengths.

It is written as the tutorials write it, and kept free of every trick of this project on purpose.
Legend: B sentences, S source pieces, T target pieces.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

PAD, BOS, EOS = 0, 2, 3


class Baseline(nn.Module):
    """Embeddings 256, encoder 2 layers of 2 x 256, decoder 2 layers of 512, as the peers are set."""

    def __init__(
        self, pieces: int, embedding: int = 256, hidden: int = 512, layers: int = 2, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(pieces, embedding, padding_idx=PAD)
        self.target_embedding = nn.Embedding(pieces, embedding, padding_idx=PAD)
        self.encoder = nn.LSTM(embedding, hidden // 2, layers, batch_first=True, bidirectional=True, dropout=dropout)
        self.decoder = nn.LSTM(embedding + hidden, hidden, layers, batch_first=True, dropout=dropout)
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.combine = nn.Linear(2 * hidden, hidden)
        self.output = nn.Linear(hidden, pieces)
        self.dropout = nn.Dropout(dropout)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """source (B,S) -> values (B,S,H), mask (B,S), the decoder's first state."""
        lengths = (source != PAD).sum(1)
        packed = pack_padded_sequence(
            self.dropout(self.source_embedding(source)), lengths, batch_first=True, enforce_sorted=False
        )
        outputs, (h, c) = self.encoder(packed)
        values, _ = pad_packed_sequence(outputs, batch_first=True, total_length=source.shape[1])

        def joined(state: Tensor) -> Tensor:  # (2 * layers,B,H/2) -> (layers,B,H)
            return torch.cat([state[0::2], state[1::2]], dim=-1)

        return values, source != PAD, (joined(h), joined(c))

    def step(
        self, token: Tensor, fed: Tensor, state: tuple[Tensor, Tensor], values: Tensor, keys: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """token (B), fed (B,H) -> logits (B,V), what is fed next, state."""
        inputs = torch.cat([self.dropout(self.target_embedding(token)), fed], dim=-1).unsqueeze(1)
        out, state = self.decoder(inputs, state)
        scores = torch.bmm(out, keys.transpose(1, 2)).masked_fill(~mask.unsqueeze(1), float("-inf"))
        context = torch.bmm(scores.softmax(-1), values)
        fed = self.dropout(torch.tanh(self.combine(torch.cat([out, context], dim=-1)))).squeeze(1)
        return self.output(fed), fed, state

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        """source (B,S), target_in (B,T) -> logits (B,T,V)."""
        values, mask, state = self.encode(source)
        keys, fed, steps = self.key(values), values.new_zeros(values.shape[0], values.shape[2]), []
        for token in target_in.unbind(1):
            logits, fed, state = self.step(token, fed, state, values, keys, mask)
            steps.append(logits)
        return torch.stack(steps, dim=1)


def batches(source: list[list[int]], target: list[list[int]], size: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
    """(source, target_in, target_out) of `size` sentences of like length, in random order, for ever."""
    generator = torch.Generator().manual_seed(seed)
    order = sorted(range(len(source)), key=lambda i: (len(source[i]), len(target[i])))
    groups = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    while True:
        for number in torch.randperm(len(groups), generator=generator).tolist():
            rows = groups[number]
            yield (
                _pad([[*source[i], EOS] for i in rows]),
                _pad([[BOS, *target[i]] for i in rows]),
                _pad([[*target[i], EOS] for i in rows]),
            )


def _pad(rows: list[list[int]]) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
