"""The interface of a model family. Training, search and export know nothing else about a model.

Legend:
    B  sentences
    N  rows: one for each sentence, or one for each hypothesis during beam search
    S  source tokens
    T  target tokens
    V  tokens of the target vocabulary
    C  candidates: the tokens that a shortlist allows in one sentence

Every tensor that belongs to a sentence is batch first: dimension 0 is the row.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Generic, Protocol, Self

import torch
from torch import Tensor, nn
from typing_extensions import TypeVar


@dataclass(frozen=True)
class Rows:
    """Batch-first tensors that belong to the same rows.

    A field holds a tensor, None, other `Rows`, or a tuple of these.
    """

    def select(self, rows: Tensor) -> Self:
        """Returns the rows with the numbers `rows` (M,) int64, in this order. Rows may repeat.

        Raises:
            TypeError: a field holds something else, for example a list.
        """
        return _select_fields(self, rows)


RowsT = TypeVar("RowsT", bound=Rows)


def _select_fields(original: RowsT, rows: Tensor) -> RowsT:
    selected: dict[str, Any] = {}
    for attribute in fields(original):
        selected[attribute.name] = _select(getattr(original, attribute.name), rows)
    return replace(original, **selected)


def _select(value: object, rows: Tensor) -> object:
    if value is None:
        return None
    if isinstance(value, Tensor):
        return value.index_select(0, rows)
    if isinstance(value, Rows):
        return value.select(rows)
    if isinstance(value, tuple):
        return tuple(_select(part, rows) for part in value)
    raise TypeError(
        f"Rows cannot hold a {type(value).__name__}. Use a tensor, None, Rows, or a tuple of these."
    )


class RowLayout(Protocol):
    """Which rows belong to which sentence. W is the largest number of rows of one sentence."""

    def group(self, rows: Tensor, fill: float = 0.0) -> Tensor:
        """(N,...) -> (B,W,...), with `fill` where a sentence has fewer than W rows."""

    def ungroup(self, grouped: Tensor) -> Tensor:
        """(B,W,...) -> (N,...). The inverse of `group`."""

    def expand(self, sentences: Tensor) -> Tensor:
        """(B,...) -> (N,...). Gives each row a copy of its sentence's values."""


@dataclass(frozen=True)
class Memory(Rows):
    """What decoding needs of the source: one row for each sentence.

    During search, several rows read the memory of one sentence. The layout tells which.
    """

    layout: RowLayout | None = field(default=None, kw_only=True)
    """None means one row for each sentence: N equals B."""

    def with_layout(self, layout: RowLayout) -> Self:
        """Returns the same memory for rows with this layout."""
        return replace(self, layout=layout)

    def select(self, rows: Tensor) -> Self:
        """Selects sentences. The result has no layout, because the old one no longer fits."""
        return _select_fields(replace(self, layout=None), rows)

    def group(self, rows: Tensor, fill: float = 0.0) -> Tensor:
        """(N,...) -> (B,W,...), with `fill` where a sentence has fewer than W rows."""
        if self.layout is None:
            return rows.unsqueeze(1)
        return self.layout.group(rows, fill)

    def ungroup(self, grouped: Tensor) -> Tensor:
        """(B,W,...) -> (N,...). The inverse of `group`."""
        if self.layout is None:
            return grouped.flatten(0, 1)
        return self.layout.ungroup(grouped)

    def expand(self, sentences: Tensor) -> Tensor:
        """(B,...) -> (N,...). Gives each row the values of its sentence."""
        if self.layout is None:
            return sentences
        return self.layout.expand(sentences)


@dataclass(frozen=True)
class Step(Rows):
    """One decoding step: logits (N,V) of the next token, attention (N,S) or None."""

    logits: Tensor
    attention: Tensor | None


@dataclass(frozen=True)
class Decoded(Rows):
    """All steps of the target: logits (B,T,V), attention (B,T,S) or None."""

    logits: Tensor
    attention: Tensor | None


@dataclass(frozen=True, kw_only=True)
class VocabularySizes:
    """The number of tokens on each side, and of the cases of a source token."""

    source: int
    target: int
    source_cases: int = 1
    """A source ID is token + `source` * case. With one case, it is the token."""


MemoryT = TypeVar("MemoryT", bound=Memory, default=Any)
StateT = TypeVar("StateT", bound=Rows, default=Any)


class Seq2Seq(nn.Module, ABC, Generic[MemoryT, StateT]):
    """An encoder-decoder.

    `step` defines the model. `decode` computes the same for a whole target, usually faster.
    """

    has_attention: bool = True
    """Whether steps return attention weights over the source."""

    RENAMED_PARAMETERS: ClassVar[dict[str, str]] = {}
    """Parameter names in older weight files -> today's names. Keys are regular expressions, values
    are replacements for `re.sub`. They are applied one after the other to each full name."""

    @abstractmethod
    def encode(self, source: Tensor, source_mask: Tensor) -> MemoryT:
        """Reads the source.

        Args:
            source: (B,S) int64, source IDs; see `VocabularySizes.source_cases`.
            source_mask: (B,S) bool, true at tokens and false at padding.
        """

    @abstractmethod
    def start(self, memory: MemoryT) -> StateT:
        """Returns the state before the first target token, with B rows."""

    @abstractmethod
    def step(self, memory: MemoryT, state: StateT, token: Tensor) -> tuple[Step, StateT]:
        """Reads one target token and predicts the next one. Does not change its arguments.

        Args:
            memory: B rows. `memory.layout` assigns the N rows of `state` and `token` to them.
            state: what `start` or the step before returned.
            token: (N,) int64.
        """

    def decode(self, memory: MemoryT, target_in: Tensor) -> Decoded:
        """Teacher forcing: target_in (B,T) int64, starting with <s> -> the T predictions.

        Override it if whole sequences can be computed faster than step by step.
        """
        state = self.start(memory)
        steps: list[Step] = []
        for token in target_in.unbind(1):
            step, state = self.step(memory, state, token)
            steps.append(step)
        return stack_steps(steps)

    def with_candidates(self, tokens: Tensor) -> "Seq2Seq[MemoryT, StateT]":
        """Returns this model, limited to a shortlist of tokens for each of B sentences.

        Args:
            tokens: (B,C) int64. `step` of the returned model gives logits (N,C) of these tokens.

        Raises:
            NotImplementedError: the family cannot predict a part of the vocabulary.
        """
        raise NotImplementedError(f"{type(self).__name__} predicts the whole vocabulary only.")

    def forward(self, source: Tensor, source_mask: Tensor, target_in: Tensor) -> Decoded:
        """Encodes and decodes. Training calls nothing else, so the model can be wrapped."""
        return self.decode(self.encode(source, source_mask), target_in)


def stack_steps(steps: list[Step]) -> Decoded:
    """T steps with logits (B,V) -> logits (B,T,V), and the attention in the same way."""
    logits = torch.stack([step.logits for step in steps], dim=1)
    weights = [step.attention for step in steps if step.attention is not None]
    return Decoded(logits, torch.stack(weights, dim=1) if weights else None)
