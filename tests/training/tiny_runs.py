"""Helpers for tests that train: a real training of a few seconds, and stand-ins around it."""

import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from fakes import RecordingReporter, tiny_tokenizer, word_pairs
from torch import Tensor, nn

from seq2seq.config.augment import AugmentConfig
from seq2seq.config.model import LSTMConfig
from seq2seq.config.text import TextConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.config.training import (
    BatchingConfig,
    Budget,
    OptimizerConfig,
    TrainingConfig,
    ValidationConfig,
)
from seq2seq.data.batching import TrainingBatches
from seq2seq.decoding.engines.torch_engine import TorchEngine
from seq2seq.decoding.translator import Translator
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder
from seq2seq.settings import SearchSettings
from seq2seq.text.layer import TextLayer
from seq2seq.training import checkpoint
from seq2seq.training.journal import Journal
from seq2seq.training.state import TrainingState
from seq2seq.training.trainer import Trainer
from seq2seq.training.validation import Validation, Validator

PAIRS = word_pairs(60, seed=4, longest=4)

Weights = dict[str, Tensor]


class StepReporter(RecordingReporter):
    """Also calls `on_step` with the number of updates at each status line."""

    def __init__(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        super().__init__()
        self.on_step = on_step

    @property
    def steps(self) -> list[int]:
        """The numbers of updates in the status lines."""
        return [_step_in(line) for line in self.status_lines]

    @property
    def lines_without_clock(self) -> list[str]:
        """Status lines without speed and time left."""
        return [re.sub(r"[\d,]+ tokens/s|[\d:]+ left", "", line) for line in self.status_lines]

    def status(self, fraction: float, line: str) -> None:
        super().status(fraction, line)
        self.on_step(_step_in(line))


class ScriptedValidator:
    """Returns scores from a list, the last ones again and again. Copies the weights it sees.

    Args:
        scores: BLEU of each validation, or its BLEU and chrF.
        on_validation: called with the number of each validation, from 1.
        losses: the loss of each validation; 1 if there are none.
    """

    tokenization = "13a"

    def __init__(
        self,
        scores: Sequence[float | tuple[float, float]],
        on_validation: Callable[[int], None] = lambda number: None,
        losses: Sequence[float] = (1.0,),
    ) -> None:
        self.scores = scores
        self.losses = losses
        self.on_validation = on_validation
        self.validated_weights: list[Weights] = []
        self.model: nn.Module = nn.Identity()  # `make_trainer` puts its model here

    def __call__(self, precision: str) -> Validation:
        self.validated_weights.append(copy_weights(self.model))
        number = len(self.validated_weights)
        self.on_validation(number)
        scores = self.scores[min(number, len(self.scores)) - 1]
        bleu, chrf = scores if isinstance(scores, tuple) else (scores, 0.0)
        loss = self.losses[min(number, len(self.losses)) - 1]
        return Validation(loss=loss, bleu=bleu, chrf=chrf, samples=[])


def tiny_translator(model: Seq2Seq, search: SearchSettings, **options: Any) -> Translator:
    """Makes a translator with the tokenizer of `fakes`, from German to English."""
    tokenizer = tiny_tokenizer()
    layer = TextLayer(tokenizer, TextConfig(), source_language="de", target_language="en")
    return Translator(TorchEngine(model), tokenizer, search, layer=layer, **options)


def make_trainer(
    folder: Path,
    *,
    validator: ScriptedValidator | None = None,
    reporter: Reporter | None = None,
    seed: int = 1,
    validate_every: int = 5,
    **settings: Any,
) -> Trainer:
    """Makes a trainer with everything in it: dropout, sampling, noise, weights, guided alignment,
    real validations.

    All its objects are new, as in a new process. Training depends on nothing but the arguments.

    Args:
        folder: the run folder.
        validator: scripted scores instead of real validations.
        reporter: receives messages; by default a `StepReporter`.
        seed: of the initial weights and dropout.
        validate_every: updates between validations.
        settings: fields of TrainingConfig.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    config = TrainingConfig(**(_default_settings(validate_every) | settings))
    tokenizer = tiny_tokenizer()
    vocab_size = tokenizer.size("target")
    model = build(
        LSTMConfig(embedding_size=8, hidden_size=8, dropout=0.3, word_dropout=0.1),
        VocabularySizes(source=vocab_size, target=vocab_size),
    )
    batches = TrainingBatches(
        PAIRS,
        tokenizer,
        BatchingConfig(max_tokens=240, max_length=60, pad_to_multiple_of=8),
        TokenizerConfig(sampling=0.3),
        seed=3,
        cache=folder.parent / "cache",
        augment=AugmentConfig(upper=0.2, join=0.2, slots=0.3),
        language="de",
        weights=[(20, 0.5), (30, 1.5)],
    )
    batches.align(guide_attention=config.guided_alignment > 0)
    trainer_validator: Any = validator
    if validator is None:
        translator = tiny_translator(model, SearchSettings(beam=1, max_length_ratio=0.5))
        trainer_validator = Validator(model, translator, PAIRS, config.validation)
    else:
        validator.model = model
    return Trainer(
        model,
        batches,
        trainer_validator,
        config,
        RunFolder(folder),
        reporter or StepReporter(),
    )


def resume_trainer(folder: Path, **arguments: Any) -> Trainer:
    """Makes a trainer that continues the run in `folder`. Takes the arguments of `make_trainer`."""
    trainer = make_trainer(folder, **arguments)
    trainer.resume()
    return trainer


def copy_weights(model: nn.Module) -> Weights:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def same_weights(first: Weights, second: Weights) -> bool:
    """Returns whether both have the same names and exactly the same numbers."""
    if first.keys() != second.keys():
        return False
    return all(torch.equal(first[name], second[name]) for name in first)


def interrupt_at(number: int) -> Callable[[int], None]:
    """Returns a callback that acts like Ctrl-C when it is called with `number`."""

    def interrupt(current: int) -> None:
        if current == number:
            signal.raise_signal(signal.SIGINT)

    return interrupt


def journal_events(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """Returns the journal's events of these kinds, without what depends on a clock."""
    clock_fields = ("time", "elapsed_s", "tokens_per_s")
    events = []
    for event in Journal(RunFolder(folder).journal_file):
        if event["event"] in kinds:
            events.append({key: event[key] for key in event if key not in clock_fields})
    return events


def best_scores(state: TrainingState) -> list[tuple[float, int]]:
    """Returns BLEU and step of the best checkpoints, best first."""
    return [(entry.bleu, entry.step) for entry in state.best]


def saved_state(folder: Path) -> TrainingState:
    """Returns the state in the last checkpoint, without what depends on a clock."""
    state = checkpoint.load_training_state(RunFolder(folder))
    state.elapsed_s = 0.0
    state.recent = [(loss, num_tokens, 0.0) for loss, num_tokens, _ in state.recent]
    return state


def has_bfloat16_lstm() -> bool:
    """Returns whether torch has an LSTM in bfloat16 for this processor."""
    try:
        with torch.autocast("cpu", torch.bfloat16):
            torch.nn.LSTM(8, 8)(torch.randn(3, 2, 8))[0].sum().backward()
    except RuntimeError:
        return False
    return True


def _default_settings(validate_every: int) -> dict[str, Any]:
    return {
        "budget": Budget(steps=12),
        "precision": "float32",
        "guided_alignment": 0.5,
        "optimizer": OptimizerConfig(learning_rate=0.01, warmup_steps=3),
        "validation": ValidationConfig(every_steps=validate_every, sentences=8),
    }


def _step_in(status_line: str) -> int:
    match = re.match(r"step ([\d,]+) ", status_line)
    assert match is not None
    return int(match[1].replace(",", ""))
