"""What a model family is: the interface between the networks and everything else.

Legend: B sentences, N rows (B, or B * beam in search), S source pieces, T target pieces, V vocabulary.
Every tensor that travels with a sentence is batch first: dimension 0 is the row.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Rows:
    """Batch-first tensors that belong to the same rows: tensors, None, other Rows, or tuples of these."""

    def select(self, rows: Tensor) -> Self:
        """The rows numbered `rows` (M,) int64: keeps, repeats and reorders."""
        return type(self)(*(_select(getattr(self, field.name), rows) for field in fields(self)))


def _select(value: Any, rows: Tensor) -> Any:
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value.index_select(0, rows)
    if isinstance(value, Rows):
        return value.select(rows)
    if isinstance(value, tuple):
        return tuple(_select(part, rows) for part in value)
    raise TypeError(f"Rows may not hold a {type(value).__name__}: it could not follow its row")


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


MemoryT = TypeVar("MemoryT", bound=Rows)
StateT = TypeVar("StateT", bound=Rows)


class Seq2Seq(nn.Module, ABC, Generic[MemoryT, StateT]):
    """`step` defines the model; `decode` is a faster way to say the same, and a test holds the two equal."""

    @abstractmethod
    def encode(self, source: Tensor, source_mask: Tensor) -> MemoryT:
        """source (B,S) int64, source_mask (B,S) bool (true at pieces) -> all that decoding needs of the source."""

    @abstractmethod
    def start(self, memory: MemoryT) -> StateT:
        """The state before the first target piece."""

    @abstractmethod
    def step(self, memory: MemoryT, state: StateT, token: Tensor) -> tuple[Step, StateT]:
        """Reads token (N,) int64 and predicts the one after it. Pure: changes none of its arguments.

        In search the N / B hypotheses of a sentence stand together and share its row of memory (B rows).
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
        """pieces (B,C) int64 -> this model, except that `step`, for B sentences with the same number of rows each,
        predicts just these pieces: logits (N,C)."""
        raise NotImplementedError(f"{type(self).__name__} predicts the whole vocabulary only")

    def forward(self, source: Tensor, source_mask: Tensor, target_in: Tensor) -> Decoded:
        """The only call that training sees (and that a wrapper for several machines may synchronise)."""
        return self.decode(self.encode(source, source_mask), target_in)
