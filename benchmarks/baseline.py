"""A plain translator in the style of a tutorial: a yardstick that needs no installation.

Packed bidirectional LSTM encoder, LSTM decoder that Python unrolls, with input feeding and Luong's
attention; `CrossEntropyLoss`, Adam, float32; batches of sentences of similar length. It is kept
free of every optimization of this project on purpose.

Legend: B sentences, S source tokens, T target tokens, H hidden size, V vocabulary.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

PAD = 0
BOS = 2
EOS = 3

LSTMState = tuple[Tensor, Tensor]


class Baseline(nn.Module):
    """An encoder-decoder with the sizes of all systems (see shared_setup.py)."""

    def __init__(
        self,
        vocab_size: int,
        embedding: int = 256,
        hidden: int = 512,
        layers: int = 2,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(vocab_size, embedding, padding_idx=PAD)
        self.target_embedding = nn.Embedding(vocab_size, embedding, padding_idx=PAD)
        self.encoder = nn.LSTM(
            embedding, hidden // 2, layers, batch_first=True, bidirectional=True, dropout=dropout
        )
        self.decoder = nn.LSTM(
            embedding + hidden, hidden, layers, batch_first=True, dropout=dropout
        )
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.combine = nn.Linear(2 * hidden, hidden)
        self.output = nn.Linear(hidden, vocab_size)
        self.dropout = nn.Dropout(dropout)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor, LSTMState]:
        """source (B,S) -> values (B,S,H), mask (B,S), initial state of the decoder."""
        lengths = (source != PAD).sum(1)
        embedded = self.dropout(self.source_embedding(source))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, (hidden, cell) = self.encoder(packed)
        values, _ = pad_packed_sequence(outputs, batch_first=True, total_length=source.shape[1])
        state = (_join_directions(hidden), _join_directions(cell))
        return values, source != PAD, state

    def step(
        self,
        token: Tensor,
        readout: Tensor,
        state: LSTMState,
        values: Tensor,
        keys: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor, LSTMState]:
        """token (B), last readout (B,H) -> logits (B,V), readout (B,H), state."""
        embedded = self.dropout(self.target_embedding(token))
        inputs = torch.cat([embedded, readout], dim=-1).unsqueeze(1)  # (B,1,D+H)
        hidden, state = self.decoder(inputs, state)  # (B,1,H)
        scores = torch.bmm(hidden, keys.transpose(1, 2))  # (B,1,S)
        scores = scores.masked_fill(~mask.unsqueeze(1), float("-inf"))
        context = torch.bmm(scores.softmax(-1), values)  # (B,1,H)
        combined = self.combine(torch.cat([hidden, context], dim=-1))
        readout = self.dropout(torch.tanh(combined)).squeeze(1)  # (B,H)
        return self.output(readout), readout, state

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        """source (B,S), target_in (B,T) -> logits (B,T,V)."""
        values, mask, state = self.encode(source)
        keys = self.key(values)
        readout = values.new_zeros(values.shape[0], values.shape[2])
        steps = []
        for token in target_in.unbind(1):
            logits, readout, state = self.step(token, readout, state, values, keys, mask)
            steps.append(logits)
        return torch.stack(steps, dim=1)


def _join_directions(state: Tensor) -> Tensor:
    """(2 * layers,B,H/2) -> (layers,B,H)."""
    return torch.cat([state[0::2], state[1::2]], dim=-1)


def make_batches(
    source: list[list[int]], target: list[list[int]], sentences: int, seed: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yields (source, target_in, target_out) of sentences of similar length, without end.

    Args:
        source: token IDs of each sentence, without start and end tokens.
        target: the same for the target side.
        sentences: sentences in a batch.
        seed: seed of the order of the batches.
    """
    generator = torch.Generator().manual_seed(seed)
    order = sorted(range(len(source)), key=lambda row: (len(source[row]), len(target[row])))
    last_start = len(order) - sentences
    groups = [order[start : start + sentences] for start in range(0, last_start + 1, sentences)]
    while True:
        for number in torch.randperm(len(groups), generator=generator).tolist():
            rows = groups[number]
            yield (
                _pad([[*source[row], EOS] for row in rows]),
                _pad([[BOS, *target[row]] for row in rows]),
                _pad([[*target[row], EOS] for row in rows]),
            )


def _pad(rows: list[list[int]]) -> Tensor:
    tensors = [torch.tensor(row) for row in rows]
    return pad_sequence(tensors, batch_first=True, padding_value=PAD)
