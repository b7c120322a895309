"""Several models that decide together: for search, an ensemble is one more model.

Legend: N rows, S source pieces, V vocabulary, M models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from seq2seq.models import Askers, Memory, Rows, Seq2Seq, Step


@dataclass(frozen=True)
class Memories(Memory):
    """What each of the M models remembers of the source."""

    parts: tuple[Any, ...]

    def asked_by(self, askers: Askers) -> Self:
        return replace(self, parts=tuple(part.asked_by(askers) for part in self.parts), askers=askers)


@dataclass(frozen=True)
class States(Rows):
    """The state of each of the M models."""

    parts: tuple[Any, ...]


class Ensemble(Seq2Seq[Memories, States]):
    """Predicts the mean of its members' probabilities (Sutskever et al. 2014, section 3.6), and shows the mean of their
    attention. The members share their vocabulary, and may be of different families."""

    def __init__(self, models: Sequence[Seq2Seq[Any, Any]]) -> None:
        super().__init__()
        if not models:
            raise ValueError("an ensemble needs at least one model")
        self.models = nn.ModuleList(models)

    def encode(self, source: Tensor, source_mask: Tensor) -> Memories:
        return Memories(tuple(model.encode(source, source_mask) for model in self._members()))

    def start(self, memory: Memories) -> States:
        return States(
            tuple(model.start(part) for model, part in zip(self._members(), memory.parts, strict=True)),
        )

    def step(self, memory: Memories, state: States, token: Tensor) -> tuple[Step, States]:
        found = [
            model.step(remembered, before, token)
            for model, remembered, before in zip(self._members(), memory.parts, state.parts, strict=True)
        ]
        log_probs = torch.stack([step.logits.float().log_softmax(dim=-1) for step, _ in found])  # (M,N,V)
        seen = [step.attention for step, _ in found if step.attention is not None]
        attention = torch.stack(seen).mean(dim=0) if seen else None
        # log(1/M sum p): a sum of probabilities would lose the small ones.
        return Step(log_probs.logsumexp(dim=0), attention), States(tuple(after for _, after in found))

    def _members(self) -> list[Seq2Seq[Any, Any]]:
        return [model for model in self.models if isinstance(model, Seq2Seq)]
