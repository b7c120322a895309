"""Small tasks for a family's decoder alone: how far back does it feel, how long does it remember?

Every family is asked through the interface that all share, so that a new one needs nothing here: the source is one empty
sentence, and the target is the sequence; what stands at place t is predicted from the places before it.

Legend: B sequences, T pieces, D embedding size.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.models import Rows, Seq2Seq, Vocabulary, build

EMPTY, CUE, BLANK, SYMBOLS = 0, 1, 2, 8
"""Pieces: the empty source, the question, what fills a copy's delay; then 8 symbols, then 8 that only fill."""
PIECES = 3 + 2 * SYMBOLS
COPIED = 5
"""Symbols that the copy task asks for."""

Task = Literal["recall", "copy"]


@dataclass(frozen=True)
class Sequences:
    """inputs (B,T), wanted (B,n): the answers to the last n places."""

    inputs: Tensor
    wanted: Tensor


def make_sequences(task: Task, delay: int, count: int, random: torch.Generator) -> Sequences:
    """recall: a symbol, `delay` pieces of noise, the question. copy: COPIED symbols, `delay` blanks, the question and
    blanks while the answer is given (Hochreiter & Schmidhuber 1997, section 5; Arjovsky et al. 2016, section 5.1)."""
    length = 1 if task == "recall" else COPIED
    symbols = torch.randint(3, 3 + SYMBOLS, (count, length), generator=random)
    if task == "recall":
        between = torch.randint(3 + SYMBOLS, PIECES, (count, delay), generator=random)
    else:
        between = torch.full((count, delay), BLANK)
    answer = torch.full((count, length), BLANK)
    answer[:, 0] = CUE
    return Sequences(torch.cat([symbols, between, answer], dim=1), symbols)


def probe_model(config: Any, seed: int) -> Seq2Seq[Any, Any]:
    """A model of the `model` section for these tasks."""
    torch.manual_seed(seed)
    return build(config, Vocabulary(source=PIECES, target=PIECES))


def logits_of(model: Seq2Seq[Any, Any], inputs: Tensor) -> Tensor:
    """inputs (B,T) -> (B,T,V), the source being empty."""
    source = torch.full((inputs.shape[0], 1), EMPTY)
    logits: Tensor = model(source, torch.ones_like(source, dtype=torch.bool), inputs).logits
    return logits


# -- memory ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learnt:
    """accuracy: share of right answers on new sequences; solved_at: updates until it was 98 %, or None."""

    accuracy: float
    solved_at: int | None
    updates: int


def learn(
    model: Seq2Seq[Any, Any],
    task: Task,
    delay: int,
    *,
    updates: int,
    sequences: int,
    learning_rate: float,
    seed: int,
    report: Callable[[int, float], None] = lambda update, accuracy: None,
) -> Learnt:
    """Trains until new sequences are answered right (98 %), or for `updates` updates."""
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    every, accuracy = 25, 0.0
    for update in range(1, updates + 1):
        batch = make_sequences(task, delay, sequences, random)
        model.train()
        answers = logits_of(model, batch.inputs)[:, -batch.wanted.shape[1] :]
        functional.cross_entropy(answers.flatten(0, 1), batch.wanted.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1.0, update / 50)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if update % every == 0 or update == updates:
            accuracy = measure_accuracy(model, task, delay, random)
            report(update, accuracy)
            if accuracy >= 0.98:
                return Learnt(accuracy, update, update)
    return Learnt(accuracy, None, updates)


@torch.no_grad()
def measure_accuracy(model: Seq2Seq[Any, Any], task: Task, delay: int, random: torch.Generator) -> float:
    """On 128 new sequences."""
    batch = make_sequences(task, delay, 128, random)
    model.eval()
    answers = logits_of(model, batch.inputs)[:, -batch.wanted.shape[1] :].argmax(-1)
    return float((answers == batch.wanted).float().mean())


# -- gradients -------------------------------------------------------------------------------------------------------


def input_gradients(model: Seq2Seq[Any, Any], distances: list[int], sequences: int, seed: int) -> dict[int, float]:
    """Distance d -> the norm of the gradient of the last place's loss with respect to the input d steps before it: the
    geometric mean over random sequences. In float64, where what vanishes is still a number."""
    model = model.double().eval()
    seen: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, embedded: Tensor) -> Tensor:
        seen.append(embedded.detach().requires_grad_())
        return seen[-1]

    embedding = model.get_submodule("target_embedding")
    handle = embedding.register_forward_hook(keep)
    try:
        inputs, wanted = _random_sequences(max(distances) + 1, sequences, seed)
        functional.cross_entropy(logits_of(model, inputs)[:, -1], wanted, reduction="sum").backward()
    finally:
        handle.remove()
    # With tied embeddings the source passes there too; it is one piece long.
    (gradient,) = (embedded.grad for embedded in seen if embedded.shape[1] == inputs.shape[1])
    assert gradient is not None
    norms = gradient.norm(dim=-1)  # (B,T)
    model.zero_grad(set_to_none=True)
    return {distance: _geometric_mean(norms[:, -1 - distance]) for distance in distances}


def state_gradients(model: Seq2Seq[Any, Any], distances: list[int], sequences: int, seed: int) -> dict[int, float]:
    """The same with respect to the whole state d steps before; empty for a family whose state grows with what is read
    (there is no state of that time to ask)."""
    model = model.double().eval()
    inputs, wanted = _random_sequences(max(distances) + 1, sequences, seed)
    source = torch.full((sequences, 1), EMPTY)
    memory = model.encode(source, torch.ones_like(source, dtype=torch.bool))
    state, states = model.start(memory), []
    logits = torch.empty(0)
    for token in inputs.unbind(1):
        step, state = model.step(memory, state, token)
        logits = step.logits
        tensors = state_tensors(state)
        for tensor in tensors:
            if tensor.requires_grad:
                tensor.retain_grad()
        states.append(tensors)
    if state_bytes(states[0]) != state_bytes(states[-1]):
        return {}
    functional.cross_entropy(logits, wanted, reduction="sum").backward()
    found = {}
    for distance in distances:
        squares = torch.zeros(sequences, dtype=torch.float64)
        for tensor in states[-1 - distance]:
            if tensor.grad is not None:
                squares += tensor.grad.flatten(1).square().sum(1)
        found[distance] = _geometric_mean(squares.sqrt())
    model.zero_grad(set_to_none=True)
    return found


def state_tensors(state: Any) -> list[Tensor]:
    """The floating-point tensors of a state, wherever they are in it."""
    if isinstance(state, Tensor):
        return [state] if state.is_floating_point() else []
    if isinstance(state, tuple):
        return [tensor for part in state for tensor in state_tensors(part)]
    if isinstance(state, Rows):
        return [tensor for entry in fields(state) for tensor in state_tensors(getattr(state, entry.name))]
    return []


def state_bytes(tensors: list[Tensor]) -> int:
    """What they take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _random_sequences(length: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randint(3, PIECES, (count, length), generator=random)
    return inputs, torch.randint(3, PIECES, (count,), generator=random)


def _geometric_mean(values: Tensor) -> float:
    """0 if any of them is 0."""
    smallest = float(values.min())
    return math.exp(float(values.log().mean())) if smallest > 0 else 0.0
