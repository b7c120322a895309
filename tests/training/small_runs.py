"""A training run of a few seconds with everything in it: dropout, sampling, real validations or scripted ones."""

import io
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fakes import tiny_tokenizer, word_pairs
from rich.console import Console
from torch import Tensor

from seq2seq.data.batching import BatchingConfig, TrainingBatches
from seq2seq.data.tokenizer import TokenizerConfig
from seq2seq.decoding.search import SearchConfig
from seq2seq.decoding.translator import Translator
from seq2seq.models import LSTMConfig, Seq2Seq, Vocabulary, build
from seq2seq.training import checkpoint
from seq2seq.training.display import Display
from seq2seq.training.journal import Journal
from seq2seq.training.optim import OptimizerConfig
from seq2seq.training.settings import Budget, TrainingConfig
from seq2seq.training.trainer import Trainer
from seq2seq.training.validation import Validation, ValidationConfig, Validator

PAIRS = word_pairs(60, seed=4, longest=4)


def has_bfloat16_lstm() -> bool:
    """Whether this processor trains the library's LSTM in bfloat16; those without units for it cannot."""
    try:
        with torch.autocast("cpu", torch.bfloat16):
            torch.nn.LSTM(8, 8)(torch.randn(3, 2, 8))[0].sum().backward()
    except RuntimeError:
        return False
    return True


class Watch(Display):
    """Keeps what would be shown; `after` is called with the number of every update done."""

    def __init__(self, after: Callable[[int], None] = lambda step: None) -> None:
        super().__init__(Console(file=io.StringIO(), force_terminal=False))
        self.after = after
        self.facts: list[dict[str, float]] = []

    def step(self, facts: dict[str, float], progress: float, left_s: float, best_bleu: float | None) -> None:
        super().step(facts, progress, left_s, best_bleu)
        self.facts.append(facts)
        self.after(int(facts["step"]))


class Scripted:
    """Stands for the validator: gives BLEU scores from a list (the last again and again), and keeps the weights shown."""

    def __init__(self, scores: list[float], after: Callable[[int], None] = lambda number: None) -> None:
        self.scores, self.after = scores, after
        self.shown: list[dict[str, Tensor]] = []
        self.model: Seq2Seq[Any, Any] | None = None

    def __call__(self, precision: str) -> Validation:
        assert self.model is not None
        self.shown.append(copied(self.model))
        self.after(len(self.shown))
        return Validation(1.0, self.scores[min(len(self.shown), len(self.scores)) - 1], 0.0, [])


def copied(model: Seq2Seq[Any, Any]) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def make(
    folder: Path, *, script: Scripted | None = None, watch: Watch | None = None, seed: int = 1, **fields: Any
) -> Trainer:
    """All objects new, as in a process of its own; training depends on `seed` and `fields`, and on nothing before."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    every = fields.pop("every", 5)
    defaults = {
        "budget": Budget(steps=12),
        "precision": "float32",
        "guided_alignment": 0.5,
        "optimizer": OptimizerConfig(learning_rate=0.01, warmup_steps=3),
        "validation": ValidationConfig(every_steps=every, sentences=8),
    }
    config, tokenizer = TrainingConfig(**{**defaults, **fields}), tiny_tokenizer()
    size = tokenizer.size("target")
    model = build(
        LSTMConfig(embedding_size=8, hidden_size=8, dropout=0.3, word_dropout=0.1),
        Vocabulary(source=size, target=size),
    )
    batching = BatchingConfig(tokens=240, max_length=60, multiple=8)
    batches = TrainingBatches(
        PAIRS, tokenizer, batching, TokenizerConfig(sampling=0.3), seed=3, cache=folder.parent / "cache"
    )
    if config.guided_alignment:
        batches.align()
    validator: Any = script or Validator(
        Translator(model, tokenizer, SearchConfig(beam=1, max_length=0.5)), PAIRS, config.validation
    )
    if script:
        script.model = model
    return Trainer(model, batches, validator, config, folder, watch or Watch())


def interrupt_at(wanted: int) -> Callable[[int], None]:
    return lambda number: signal.raise_signal(signal.SIGINT) if number == wanted else None


def events(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """Without what a clock decides."""
    clock = ("time", "elapsed_s", "tokens_per_s")
    return [
        {key: value for key, value in event.items() if key not in clock}
        for event in Journal(folder / "journal.jsonl")
        if event["event"] in kinds
    ]


def facts_of(folder: Path) -> dict[str, Any]:
    facts = checkpoint.load_facts(folder)
    return {key: value for key, value in facts.items() if key not in ("elapsed_s", "recent")}
