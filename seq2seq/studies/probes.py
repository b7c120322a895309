"""Small tasks for the decoder of a family: how far back does a gradient reach, how long does the
model remember?

The tasks use the interface that all families share, so a new family needs nothing here. The source
is one empty sentence, and the target is the sequence: the model predicts each position from the
positions before it.

Legend: B sequences, T tokens, n answers, V vocabulary, D embedding size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.config import ModelConfig
from seq2seq.models import Rows, Seq2Seq, VocabularySizes, build

# Tokens: the empty source, the question, what fills the delay of a copy; then SYMBOLS symbols, and
# as many tokens of noise.
EMPTY = 0
CUE = 1
BLANK = 2
SYMBOLS = 8
NUM_TOKENS = 3 + 2 * SYMBOLS

COPIED = 5
"""Symbols that the copy task asks for."""
SOLVED = 0.98
"""Accuracy at which a task counts as solved."""

Task = Literal["recall", "copy"]


@dataclass(frozen=True)
class TaskBatch:
    """inputs (B,T), answers (B,n): the correct tokens at the last n positions."""

    inputs: Tensor
    answers: Tensor


def make_batch(task: Task, delay: int, count: int, generator: torch.Generator) -> TaskBatch:
    """Makes `count` random sequences of a task.

    recall: a symbol, `delay` tokens of noise, the question. copy: COPIED symbols, `delay` blanks,
    the question, and blanks while the model answers (Hochreiter & Schmidhuber 1997, section 5;
    Arjovsky et al. 2016, section 5.1).
    """
    length = 1 if task == "recall" else COPIED
    symbols = torch.randint(3, 3 + SYMBOLS, (count, length), generator=generator)
    if task == "recall":
        between = torch.randint(3 + SYMBOLS, NUM_TOKENS, (count, delay), generator=generator)
    else:
        between = torch.full((count, delay), BLANK)
    question = torch.full((count, length), BLANK)
    question[:, 0] = CUE
    return TaskBatch(torch.cat([symbols, between, question], dim=1), symbols)


def probe_model(config: ModelConfig, seed: int) -> Seq2Seq:
    """Builds a model for these tasks, with initial weights."""
    torch.manual_seed(seed)
    return build(config, VocabularySizes(source=NUM_TOKENS, target=NUM_TOKENS))


def task_logits(model: Seq2Seq, inputs: Tensor) -> Tensor:
    """inputs (B,T) -> logits (B,T,V), with an empty source."""
    source = torch.full((inputs.shape[0], 1), EMPTY)
    logits: Tensor = model(source, torch.ones_like(source, dtype=torch.bool), inputs).logits
    return logits


# -- recall ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a model learned of a task."""

    accuracy: float
    """Share of correct answers on new sequences."""
    solved_at: int | None
    """Updates until the task was solved, or None."""
    updates: int
    """Updates in all."""


def learn(
    model: Seq2Seq,
    task: Task,
    delay: int,
    *,
    updates: int,
    sequences: int,
    learning_rate: float,
    seed: int,
) -> Outcome:
    """Trains until the task is solved on new sequences, or for `updates` updates."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    test_every = 25
    warmup = 50
    accuracy = 0.0
    for update in range(1, updates + 1):
        batch = make_batch(task, delay, sequences, generator)
        model.train()
        logits = task_logits(model, batch.inputs)[:, -batch.answers.shape[1] :]  # (B,n,V)
        functional.cross_entropy(logits.flatten(0, 1), batch.answers.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1.0, update / warmup)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if update % test_every == 0 or update == updates:
            accuracy = measure_accuracy(model, task, delay, generator)
            if accuracy >= SOLVED:
                return Outcome(accuracy, update, update)
    return Outcome(accuracy, None, updates)


@torch.no_grad()
def measure_accuracy(model: Seq2Seq, task: Task, delay: int, generator: torch.Generator) -> float:
    """Returns the share of correct answers on 128 new sequences."""
    batch = make_batch(task, delay, 128, generator)
    model.eval()
    logits = task_logits(model, batch.inputs)[:, -batch.answers.shape[1] :]  # (B,n,V)
    return float((logits.argmax(-1) == batch.answers).float().mean())


# -- gradients -------------------------------------------------------------------------------------


def input_gradients(
    model: Seq2Seq, distances: Sequence[int], sequences: int, seed: int
) -> dict[int, float]:
    """Measures how the loss at the last position depends on earlier inputs.

    It computes in float64, so that a vanishing gradient does not underflow.

    Returns:
        distance -> norm of the gradient with respect to the embedding that many steps earlier, the
        geometric mean over random sequences.
    """
    model = model.double().eval()
    embeddings: list[Tensor] = []

    def record(module: nn.Module, arguments: Any, embedded: Tensor) -> Tensor:
        leaf = embedded.detach().requires_grad_()
        embeddings.append(leaf)
        return leaf

    handle = model.get_submodule("target_embedding").register_forward_hook(record)
    try:
        inputs, answers = random_sequences(max(distances) + 1, sequences, seed)
        logits = task_logits(model, inputs)[:, -1]  # (B,V)
        functional.cross_entropy(logits, answers, reduction="sum").backward()
    finally:
        handle.remove()
    # With tied embeddings the source is embedded by the same module, but it has length 1.
    (target,) = (each for each in embeddings if each.shape[1] == inputs.shape[1])  # (B,T,D)
    norms = torch.zeros(inputs.shape) if target.grad is None else target.grad.norm(dim=-1)  # (B,T)
    model.zero_grad(set_to_none=True)
    return {distance: _geometric_mean(norms[:, -1 - distance]) for distance in distances}


def state_gradients(
    model: Seq2Seq, distances: Sequence[int], sequences: int, seed: int
) -> dict[int, float]:
    """Like `input_gradients`, with respect to the whole decoder state.

    Returns:
        distance -> norm of the gradient. Empty for a family whose state grows with every token: it
        has no state of one point in time.
    """
    model = model.double().eval()
    inputs, answers = random_sequences(max(distances) + 1, sequences, seed)
    source = torch.full((sequences, 1), EMPTY)
    memory = model.encode(source, torch.ones_like(source, dtype=torch.bool))
    state = model.start(memory)
    states: list[list[Tensor]] = []
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
    functional.cross_entropy(logits, answers, reduction="sum").backward()
    norms = {}
    for distance in distances:
        squares = torch.zeros(sequences, dtype=torch.float64)
        for tensor in states[-1 - distance]:
            if tensor.grad is not None:
                squares += tensor.grad.flatten(1).square().sum(1)
        norms[distance] = _geometric_mean(squares.sqrt())
    model.zero_grad(set_to_none=True)
    return norms


def state_tensors(state: Any) -> list[Tensor]:
    """Returns the floating-point tensors of a state, also those of its layers."""
    if isinstance(state, Tensor):
        return [state] if state.is_floating_point() else []
    if isinstance(state, tuple):
        parts = list(state)
    elif isinstance(state, Rows):
        parts = [getattr(state, field.name) for field in fields(state)]
    else:
        return []
    tensors = []
    for part in parts:
        tensors += state_tensors(part)
    return tensors


def state_bytes(tensors: list[Tensor]) -> int:
    """Returns the size of the tensors in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def random_sequences(length: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns random inputs (B,T), and a random answer (B,) for the last position of each."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(3, NUM_TOKENS, (count, length), generator=generator)
    answers = torch.randint(3, NUM_TOKENS, (count,), generator=generator)
    return inputs, answers


def _geometric_mean(values: Tensor) -> float:
    """Returns 0 if one of the values is 0."""
    smallest = float(values.min())
    return math.exp(float(values.log().mean())) if smallest > 0 else 0.0
