"""What a model family is: the interface between the networks and everything else.

Legend: B sentences, N rows (B, or B * beam in search), S source pieces, T target pieces, V vocabulary.
Every tensor that travels with a sentence is batch first: dimension 0 is the row.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Rows:
    """Batch-first tensors that belong to the same rows: tensors, None, other Rows, or tuples of these."""

    def select(self, rows: Tensor) -> Self:
        """The rows numbered `rows` (M,) int64: keeps, repeats and reorders."""
        return type(self)(**{field.name: _select(getattr(self, field.name), rows) for field in fields(self)})


def _select(value: Any, rows: Tensor) -> Any:
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value.index_select(0, rows)
    if isinstance(value, Rows):
        return value.select(rows)
    if isinstance(value, tuple):
        return tuple(_select(part, rows) for part in value)
    if isinstance(value, Askers):
        return None  # others ask the sentences that are left
    raise TypeError(f"Rows may not hold a {type(value).__name__}: it could not follow its row")


@dataclass(frozen=True)
class Askers:
    """Which of N rows ask which of B sentences, where some sentences have more rows than others.

    The rows of a sentence stand together, and it has at most W of them: row n is the k-th of sentence b for
    slots[n] = b * W + k, (N,) int64. Without slots each sentence has exactly W.
    """

    sentences: int
    width: int
    slots: Tensor | None = None

    def spread(self, values: Tensor, missing: float = 0.0) -> Tensor:
        """values (N,...) -> (B,W,...), `missing` where a sentence has fewer than W rows."""
        if self.slots is None:
            return values.unflatten(0, (self.sentences, self.width))
        spread = values.new_full((self.sentences * self.width, *values.shape[1:]), missing)
        return spread.index_copy_(0, self.slots, values).unflatten(0, (self.sentences, self.width))

    def gather(self, values: Tensor) -> Tensor:
        """values (B,W,...) -> (N,...): what `spread` did, undone."""
        flat = values.flatten(0, 1)
        return flat if self.slots is None else flat.index_select(0, self.slots)

    def repeat(self, values: Tensor) -> Tensor:
        """values (B,...) -> (N,...): to each row what its sentence has."""
        if self.slots is None:
            return values.repeat_interleave(self.width, dim=0)
        return values.index_select(0, self.slots // self.width)

    def rows(self, device: torch.device | None = None) -> Tensor:
        """(B,W) int64: the number of each row, 0 where there is none."""
        if self.slots is None:
            return torch.arange(self.sentences * self.width, device=device).view(self.sentences, self.width)
        return self.spread(torch.arange(len(self.slots), device=self.slots.device))


@dataclass(frozen=True)
class Memory(Rows):
    """What decoding needs of the source: a row for each sentence, which several rows of a search may ask."""

    askers: Askers | None = field(default=None, kw_only=True)
    """Who asks; None where each sentence has as many rows as the next."""

    def asked_by(self, askers: Askers) -> Self:
        """The same memory, asked by these rows in the next `step`."""
        return replace(self, askers=askers)

    def asked(self, sentences: int, rows: int) -> Askers:
        """Who asks this memory of so many sentences with so many rows."""
        return Askers(sentences, rows // sentences) if self.askers is None else self.askers


@dataclass(frozen=True)
class Step(Rows):
    """One decoding step: logits (N,V) of the next piece, attention (N,S) over the source or None."""

    logits: Tensor
    attention: Tensor | None


@dataclass(frozen=True)
class Decoded(Rows):
    """A whole target at once: logits (B,T,V), attention (B,T,S) or None."""

    logits: Tensor
    attention: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What a family has to know of the tokenizer: how many pieces each side has."""

    source: int
    target: int


MemoryT = TypeVar("MemoryT", bound=Memory)
StateT = TypeVar("StateT", bound=Rows)


class Seq2Seq(nn.Module, ABC, Generic[MemoryT, StateT]):
    """`step` defines the model; `decode` is a faster way to say the same, and a test holds the two equal."""

    attends: bool = True
    """Whether steps come with the weights of an attention to the source."""

    @abstractmethod
    def encode(self, source: Tensor, source_mask: Tensor) -> MemoryT:
        """source (B,S) int64, source_mask (B,S) bool (true at pieces) -> all that decoding needs of the source."""

    @abstractmethod
    def start(self, memory: MemoryT) -> StateT:
        """The state before the first target piece."""

    @abstractmethod
    def step(self, memory: MemoryT, state: StateT, token: Tensor) -> tuple[Step, StateT]:
        """Reads token (N,) int64 and predicts the one after it. Pure: changes none of its arguments.

        In search the hypotheses of a sentence stand together and share its row of memory (B rows): N / B of them each,
        or as many as `memory.askers` says.
        """

    def decode(self, memory: MemoryT, target_in: Tensor) -> Decoded:
        """Teacher forcing: target_in (B,T) from <s> on -> the predictions at all T places. Override when faster."""
        state, steps = self.start(memory), []
        for token in target_in.unbind(1):
            step, state = self.step(memory, state, token)
            steps.append(step)
        attention = [step.attention for step in steps if step.attention is not None]
        return Decoded(
            torch.stack([step.logits for step in steps], dim=1), torch.stack(attention, dim=1) if attention else None
        )

    def restricted(self, pieces: Tensor) -> "Seq2Seq[MemoryT, StateT]":
        """pieces (B,C) int64 -> this model, except that `step` predicts just these pieces of each of B sentences: logits
        (N,C)."""
        raise NotImplementedError(f"{type(self).__name__} predicts the whole vocabulary only")

    def forward(self, source: Tensor, source_mask: Tensor, target_in: Tensor) -> Decoded:
        """The only call that training sees (and that a wrapper for several machines may synchronise)."""
        return self.decode(self.encode(source, source_mask), target_in)
