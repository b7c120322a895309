"""Models whose predictions are known exactly, a small real tokenizer, and a reporter that records,
for tests of everything around the models.

Legend
    B  sentences
    N  rows
    S  source tokens
    V  vocabulary
    C  candidates of a sentence
"""

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seq2seq.config.text import TextConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.data.corpus import Pairs
from seq2seq.decoding.engines.torch_engine import TorchEngine
from seq2seq.decoding.search import Hypothesis, beam_search
from seq2seq.models import Memory, Rows, Seq2Seq, Step
from seq2seq.reporter import Reporter
from seq2seq.settings import SearchSettings
from seq2seq.text.layer import TextLayer
from seq2seq.text.tokenizer import BOS, EOS, PAD, Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

MODULUS = 2**31 - 1

Sentences = list[list[int]]


class RecordingReporter(Reporter):
    """Records messages and status lines."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.status_lines: list[str] = []

    def info(self, line: str) -> None:
        self.messages.append(line)

    def status(self, fraction: float, line: str) -> None:
        self.status_lines.append(line)


@dataclass(frozen=True)
class SourceMemory(Memory):
    """source (B,S), mask (B,S)."""

    source: Tensor
    mask: Tensor


@dataclass(frozen=True)
class NumberState(Rows):
    """value (N,): one number that stands for the whole prefix of each row."""

    value: Tensor


class FakeModel(Seq2Seq[SourceMemory, NumberState]):
    """A model without weights. It remembers the source as it is."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        # Translator asks a parameter for the device.
        self.unused = nn.Parameter(torch.zeros(1))

    def encode(self, source: Tensor, source_mask: Tensor) -> SourceMemory:
        return SourceMemory(source, source_mask)

    def start(self, memory: SourceMemory) -> NumberState:
        return NumberState(torch.zeros(len(memory.source), dtype=torch.int64))


def scramble(value: Tensor) -> Tensor:
    """Maps int64 numbers to well-mixed ones below MODULUS, the same on every machine."""
    for _ in range(3):
        value = (value % MODULUS) * 48271 % MODULUS
        value = value ^ (value >> 13)
    return value % MODULUS


def random_numbers(seeds: Tensor, count: int) -> Tensor:
    """Draws `count` numbers from 0 to 1 for each seed: (N,) -> (N,count)."""
    columns = torch.arange(1, count + 1) * 104729
    return scramble(seeds.unsqueeze(1) * 31 + columns).double().div(MODULUS).float()


class RandomTableModel(FakeModel):
    """A language model of random numbers, as if read from a huge table.

    The next token depends on the seed, the source without its padding, and the whole prefix. The
    state is a hash of these. The logits are uniform random numbers from 0 to `logit_range`, with
    `eos_bonus` added for </s>. The attention is random too.
    """

    def __init__(
        self, vocab_size: int, seed: int = 0, logit_range: float = 3.0, eos_bonus: float = 0.0
    ) -> None:
        super().__init__(vocab_size)
        self.seed = seed
        self.logit_range = logit_range
        self.eos_bonus = eos_bonus

    def start(self, memory: SourceMemory) -> NumberState:
        value = torch.full((len(memory.source),), self.seed * 7919 + 1)
        for tokens, mask in zip(memory.source.unbind(1), memory.mask.unbind(1), strict=True):
            value = torch.where(mask, scramble(value * 1009 + tokens), value)
        return NumberState(value)

    def step(
        self, memory: SourceMemory, state: NumberState, token: Tensor
    ) -> tuple[Step, NumberState]:
        value = scramble(state.value * 1013 + token)
        logits = random_numbers(value, self.vocab_size) * self.logit_range
        logits[:, EOS] += self.eos_bonus
        # The attention depends on the sentence of the row as well as on the prefix. A search that
        # mixes up the rows of memory is noticed.
        source = memory.expand(memory.source)
        mask = memory.expand(memory.mask)
        weights = (random_numbers(value + 17, source.shape[1]) * 5 + source % 7).exp() * mask
        return Step(logits, weights / weights.sum(1, keepdim=True)), NumberState(value)

    def with_candidates(self, candidates: Tensor) -> "CandidateTableModel":
        return CandidateTableModel(self, candidates)


class CandidateTableModel(FakeModel):
    """A RandomTableModel that returns only the logits of candidates (B,C)."""

    def __init__(self, model: RandomTableModel, candidates: Tensor) -> None:
        super().__init__(model.vocab_size)
        self.model = model
        self.candidates = candidates

    def start(self, memory: SourceMemory) -> NumberState:
        return self.model.start(memory)

    def step(
        self, memory: SourceMemory, state: NumberState, token: Tensor
    ) -> tuple[Step, NumberState]:
        step, next_state = self.model.step(memory, state, token)
        columns = memory.expand(self.candidates)  # (N,C)
        return Step(step.logits.gather(1, columns), step.attention), next_state


class CopySourceModel(FakeModel):
    """Translates a sentence as itself, or as itself backward. Attends to the token that it
    writes.

    The state is the number of tokens written so far.
    """

    def __init__(self, vocab_size: int, *, backward: bool = False) -> None:
        super().__init__(vocab_size)
        self.backward = backward

    def step(
        self, memory: SourceMemory, state: NumberState, token: Tensor
    ) -> tuple[Step, NumberState]:
        source = memory.expand(memory.source)  # (N,S)
        length = memory.expand(memory.mask).sum(1) - 1  # (N,) without </s>
        position = state.value
        if self.backward:
            position = (length - 1 - position).clamp(min=0)
        # After the last token comes </s>, which is at position `length`.
        position = torch.where(state.value < length, position, length)
        written = source.gather(1, position.unsqueeze(1)).squeeze(1)
        step = _certain_step(written, position, self.vocab_size, source.shape[1])
        return step, NumberState(state.value + 1)


class FixedOutputModel(FakeModel):
    """Translates everything as `output`, and attends to source position `attends_to[t]` when it
    writes token t. By default that is position t.

    The state is the number of tokens written so far.
    """

    def __init__(
        self, vocab_size: int, output: Sequence[int], attends_to: Sequence[int] | None = None
    ) -> None:
        super().__init__(vocab_size)
        self.output = torch.tensor([*output, EOS])
        self.positions = torch.tensor([*(attends_to or range(len(output))), 0])

    def step(
        self, memory: SourceMemory, state: NumberState, token: Tensor
    ) -> tuple[Step, NumberState]:
        source_length = memory.source.shape[1]
        index = state.value.clamp(max=len(self.output) - 1)
        position = self.positions[index].clamp(max=source_length - 1)
        step = _certain_step(self.output[index], position, self.vocab_size, source_length)
        return step, NumberState(state.value + 1)


def _certain_step(token: Tensor, position: Tensor, vocab_size: int, source_length: int) -> Step:
    """Predicts token (N,) with near certainty, and attends to position (N,) alone."""
    logits = nn.functional.one_hot(token, vocab_size).float() * 20
    attention = nn.functional.one_hot(position, source_length).float()
    return Step(logits, attention)


def padded_source(rows: list[list[int]], extra: int = 0) -> tuple[Tensor, Tensor]:
    """Returns source (B,S), padded with `extra` more columns than needed, and its mask (B,S)."""
    width = max(len(row) for row in rows) + extra
    source = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    return source, source != PAD


def search_with_torch(
    model: Seq2Seq, source: Tensor, mask: Tensor, config: SearchSettings, **options: Any
) -> list[list[Hypothesis]]:
    """Runs `beam_search` with a torch model, on tensors."""
    candidates = options.pop("candidates", None)
    return beam_search(
        TorchEngine(model),
        source.numpy(),
        mask.numpy(),
        config,
        bos=BOS,
        eos=EOS,
        candidates=None if candidates is None else np.asarray(candidates),
        **options,
    )


WORDS = {
    "hund": "dog",
    "katze": "cat",
    "haus": "house",
    "garten": "garden",
    "sieht": "sees",
    "sucht": "seeks",
}


def word_pairs(count: int, seed: int = 0, longest: int = 6) -> Pairs:
    """Makes word-for-word translations of random words."""
    rng = random.Random(seed)
    source = []
    target = []
    for _ in range(count):
        words = rng.choices(list(WORDS), k=rng.randint(1, longest))
        source.append(" ".join(words) + " .")
        target.append(" ".join(WORDS[word] for word in words) + " .")
    return Pairs(source=source, target=target)


def unordered_token_pairs(
    count: int, seed: int, *, source_size: int, unexplained: int
) -> tuple[Sentences, Sentences]:
    """Makes random sentences of tokens 4 to `source_size` - 1, and their translations.

    Token s is translated as s + 1, in any order. The token `unexplained` comes from no token.
    """
    rng = random.Random(seed)
    source = []
    target = []
    for _ in range(count):
        row = [rng.randrange(4, source_size) for _ in range(rng.randrange(1, 6))]
        translation = [token + 1 for token in row] + [unexplained]
        rng.shuffle(translation)
        source.append(row)
        target.append(translation)
    return source, target


def with_random_case(rows: Sentences, source_size: int, seed: int) -> Sentences:
    """Gives each source token one of three cases: ID = token + source_size * case."""
    rng = random.Random(seed)
    return [[token + source_size * rng.randrange(3) for token in row] for row in rows]


@functools.cache
def tiny_tokenizer(joint: bool = True, byte_fallback: bool = True) -> Tokenizer:
    """Trains a tokenizer on `word_pairs`: about 300 tokens, 256 of them bytes."""
    pairs = word_pairs(300)
    config = TokenizerConfig(
        vocab_size=320, joint=joint, byte_fallback=byte_fallback, character_coverage=1.0
    )
    return train_tokenizer(config, pairs.source, pairs.target)


def tiny_layer(tokenizer: Tokenizer | None = None, **settings: Any) -> TextLayer:
    """A text layer from German to German, so that a model that copies gives back any quotes.

    Args:
        tokenizer: by default `tiny_tokenizer()`.
        **settings: fields of TextConfig.
    """
    return TextLayer(
        tokenizer or tiny_tokenizer(),
        TextConfig(**settings),
        source_language="de",
        target_language="de",
    )
