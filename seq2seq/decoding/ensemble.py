"""Several models that predict together. For search, an ensemble is one more model.

Legend
    N  rows
    S  source tokens
    V  vocabulary
    E  models of the ensemble
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from seq2seq.models import Memory, RowLayout, Rows, Seq2Seq, Step
from seq2seq.models.layers.layer_list import LayerList


@dataclass(frozen=True)
class EnsembleMemory(Memory):
    """The memories of the E models."""

    members: tuple[Memory, ...]

    def with_layout(self, layout: RowLayout) -> Self:
        members = tuple(memory.with_layout(layout) for memory in self.members)
        return replace(self, members=members, layout=layout)


@dataclass(frozen=True)
class EnsembleState(Rows):
    """The states of the E models."""

    members: tuple[Rows, ...]


class Ensemble(Seq2Seq[EnsembleMemory, EnsembleState]):
    """Predicts the mean of the probabilities of its models (Sutskever et al. 2014, section 3.6).

    Its attention is the mean of the models' attention. The models share a vocabulary, and may be
    of different families.
    """

    def __init__(self, models: Sequence[Seq2Seq]) -> None:
        """
        Raises:
            ValueError: there is no model.
        """
        super().__init__()
        if not models:
            raise ValueError("An ensemble needs at least one model.")
        self.models = LayerList[Seq2Seq](models)

    def encode(self, source: Tensor, source_mask: Tensor) -> EnsembleMemory:
        return EnsembleMemory(tuple(model.encode(source, source_mask) for model in self.models))

    def start(self, memory: EnsembleMemory) -> EnsembleState:
        states = []
        for model, model_memory in zip(self.models, memory.members, strict=True):
            states.append(model.start(model_memory))
        return EnsembleState(tuple(states))

    def step(
        self, memory: EnsembleMemory, state: EnsembleState, token: Tensor
    ) -> tuple[Step, EnsembleState]:
        log_probs = []
        attentions = []
        states = []
        members = zip(self.models, memory.members, state.members, strict=True)
        for model, model_memory, model_state in members:
            step, next_state = model.step(model_memory, model_state, token)
            log_probs.append(step.logits.float().log_softmax(dim=-1))  # (N,V)
            if step.attention is not None:
                attentions.append(step.attention)  # (N,S)
            states.append(next_state)
        # The log of the sum of probabilities. The constant factor 1/E changes nothing, because
        # search normalizes again. A plain sum would underflow for improbable tokens.
        logits = torch.stack(log_probs).logsumexp(dim=0)  # (E,N,V) -> (N,V)
        attention = None
        if attentions:
            attention = torch.stack(attentions).mean(dim=0)  # (E,N,S) -> (N,S)
        return Step(logits, attention), EnsembleState(tuple(states))
