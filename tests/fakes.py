"""Models whose every answer is known beforehand, and a small real tokenizer, for tests of what is around the models."""

import functools
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seq2seq.data.pairs import Pairs
from seq2seq.data.tokenizer import EOS, PAD, Tokenizer, TokenizerConfig, train_tokenizer
from seq2seq.models import Memory, Rows, Seq2Seq, Step

MODULUS = 2**31 - 1

Cli = Callable[..., subprocess.CompletedProcess[bytes]]
"""Runs `seq2seq …` as a process of its own."""
Fails = Callable[..., str]
"""Runs `seq2seq …`, expects it to fail (with `status=` if given), and gives what it wrote to standard error."""


@dataclass(frozen=True)
class SourceMemory(Memory):
    """source (N,S), mask (N,S)."""

    source: Tensor
    mask: Tensor


@dataclass(frozen=True)
class PlaceState(Rows):
    """value (N,): all that is known of the prefix."""

    value: Tensor


def scramble(value: Tensor) -> Tensor:
    """Int64 numbers to well-mixed ones below MODULUS; the same on every machine."""
    for _ in range(3):
        value = (value % MODULUS) * 48271 % MODULUS
        value = value ^ (value >> 13)
    return value % MODULUS


def shared(memory: SourceMemory, token: Tensor) -> tuple[Tensor, Tensor]:
    """Source and mask for each of the rows of token (N,): those of a sentence stand together."""
    askers = memory.asked(len(memory.source), len(token))
    return askers.repeat(memory.source), askers.repeat(memory.mask)


class TableModel(Seq2Seq[SourceMemory, PlaceState]):
    """A made-up language model: the next piece depends on the seed, the source without its padding, and the whole prefix.

    The state is a hash of these; the logits are uniform numbers of 0 to `spread` drawn from it, `end_bonus` more for
    </s>; the attention is drawn from it too.
    """

    def __init__(self, pieces: int, seed: int = 0, spread: float = 3.0, end_bonus: float = 0.0) -> None:
        super().__init__()
        self.pieces, self.seed, self.spread, self.end_bonus = pieces, seed, spread, end_bonus
        self.anchor = nn.Parameter(torch.zeros(1))  # tells the device

    def encode(self, source: Tensor, source_mask: Tensor) -> SourceMemory:
        return SourceMemory(source, source_mask)

    def start(self, memory: SourceMemory) -> PlaceState:
        value = torch.full((len(memory.source),), self.seed * 7919 + 1)
        for pieces, mask in zip(memory.source.unbind(1), memory.mask.unbind(1), strict=True):
            value = torch.where(mask, scramble(value * 1009 + pieces), value)
        return PlaceState(value)

    def step(self, memory: SourceMemory, state: PlaceState, token: Tensor) -> tuple[Step, PlaceState]:
        value = scramble(state.value * 1013 + token)
        logits = self._draw(value, self.pieces) * self.spread
        logits[:, EOS] += self.end_bonus
        # The attention is of this row's own sentence: it depends on the memory as well as on the prefix.
        source, mask = shared(memory, token)
        weights = (self._draw(value + 17, source.shape[1]) * 5 + source % 7).exp() * mask
        return Step(logits, weights / weights.sum(1, keepdim=True)), PlaceState(value)

    def restricted(self, pieces: Tensor) -> "RestrictedTable":
        return RestrictedTable(self, pieces)

    def _draw(self, value: Tensor, count: int) -> Tensor:
        """(N,) -> (N,count) numbers of 0 to 1."""
        return scramble(value.unsqueeze(1) * 31 + torch.arange(1, count + 1) * 104729).double().div(MODULUS).float()


class RestrictedTable(Seq2Seq[SourceMemory, PlaceState]):
    """A TableModel of whose logits (N,V) only those of pieces (B,C) are shown: (N,C)."""

    def __init__(self, model: TableModel, pieces: Tensor) -> None:
        super().__init__()
        self.model, self.pieces = model, pieces

    def encode(self, source: Tensor, source_mask: Tensor) -> SourceMemory:
        return self.model.encode(source, source_mask)

    def start(self, memory: SourceMemory) -> PlaceState:
        return self.model.start(memory)

    def step(self, memory: SourceMemory, state: PlaceState, token: Tensor) -> tuple[Step, PlaceState]:
        step, after = self.model.step(memory, state, token)
        rows = memory.asked(len(self.pieces), len(token)).repeat(self.pieces)
        return Step(step.logits.gather(1, rows), step.attention), after


class CopyModel(Seq2Seq[SourceMemory, PlaceState]):
    """Says the source again, piece by piece (or from its end), and looks at the piece that it says.

    With `says`, it says these pieces instead, whatever the source, and looks at `looks`, a source place for each.
    """

    def __init__(
        self, pieces: int, *, backwards: bool = False, says: list[int] | None = None, looks: list[int] | None = None
    ) -> None:
        super().__init__()
        self.pieces, self.backwards, self.says, self.looks = pieces, backwards, says, looks
        self.anchor = nn.Parameter(torch.zeros(1))

    def encode(self, source: Tensor, source_mask: Tensor) -> SourceMemory:
        return SourceMemory(source, source_mask)

    def start(self, memory: SourceMemory) -> PlaceState:
        return PlaceState(torch.zeros(len(memory.source), dtype=torch.int64))

    def step(self, memory: SourceMemory, state: PlaceState, token: Tensor) -> tuple[Step, PlaceState]:
        source, mask = shared(memory, token)
        length = mask.sum(1) - 1  # without </s>
        place = (length - 1 - state.value if self.backwards else state.value).clamp(min=0)
        place = torch.where(state.value < length, place, length)
        said = source.gather(1, place.unsqueeze(1)).squeeze(1)
        if self.says is not None:
            at = state.value.clamp(max=len(self.says))
            said = torch.tensor([*self.says, EOS])[at]
            place = torch.tensor([*(self.looks or range(len(self.says))), 0])[at].clamp(max=memory.source.shape[1] - 1)
        logits = nn.functional.one_hot(said, self.pieces).float() * 20
        attention = nn.functional.one_hot(place, memory.source.shape[1]).float()
        return Step(logits, attention), PlaceState(state.value + 1)


def source_of(rows: list[list[int]], extra: int = 0) -> tuple[Tensor, Tensor]:
    """source (B,S) padded, with `extra` columns more, and its mask."""
    width = max(map(len, rows)) + extra
    source = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    return source, source != PAD


WORDS = {"hund": "dog", "katze": "cat", "haus": "house", "garten": "garden", "sieht": "sees", "sucht": "seeks"}


def word_pairs(count: int, seed: int = 0, longest: int = 6) -> Pairs:
    """Word-for-word translations of random words."""
    rng = random.Random(seed)
    texts = [rng.choices(list(WORDS), k=rng.randint(1, longest)) for _ in range(count)]
    return Pairs(
        source=[" ".join(text) + " ." for text in texts],
        target=[" ".join(WORDS[word] for word in text) + " ." for text in texts],
    )


@functools.cache
def tiny_tokenizer(joint: bool = True, byte_fallback: bool = True) -> Tokenizer:
    """Trained on `word_pairs`: about 300 pieces, 256 of them bytes."""
    pairs = word_pairs(300)
    config = TokenizerConfig(vocab_size=320, joint=joint, byte_fallback=byte_fallback, character_coverage=1.0)
    return train_tokenizer(config, pairs.source, pairs.target)
