"""What a person can set about training, and where a run stands."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict

from seq2seq.training.device import Precision
from seq2seq.training.optim import OptimizerConfig
from seq2seq.training.validation import ValidationConfig


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long to train: give exactly one. The learning rate schedule fits itself to it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    steps: int | None = None
    """Updates."""
    epochs: float | None = None
    """Passes over the training pairs."""
    minutes: float | None = None
    """Minutes, validations included."""

    def __post_init__(self) -> None:
        given = [value for value in (self.steps, self.epochs, self.minutes) if value is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of steps, epochs and minutes")
        if given[0] <= 0:
            raise ValueError("a budget must be above 0")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How the weights are found."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    budget: Budget
    """How long to train."""
    seed: int = 1
    """Of the first weights, the order of batches, dropout and sampling."""
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu`, `cuda`, `cuda:1`."""
    precision: Precision = "auto"
    """`float32`, `bfloat16` (weights and loss stay float32), or `auto`: the faster one of a short measurement."""
    threads: int = 0
    """CPU threads; 0 leaves it to torch."""
    label_smoothing: float = 0.1
    """Share of the probability that is spread over all pieces."""
    guided_alignment: float = 0.3
    """How strongly the attention is told where to look, at first: by an alignment that IBM Model 1 finds in the training pairs
    (Chen et al. 2016). Its part in the loss falls to 0 as the budget is used; 0 tells it nothing."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """AdamW and its schedule."""
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    """When and how the model is tried on the valid split."""
    patience: int = 0
    """Stop after this many validations without a better BLEU; 0 never."""
    average: int = 5
    """At the end, the mean of this many best checkpoints is tried, and kept if it is better; 1 is off."""
    ema: float = 0.0
    """Decay of a running mean of the weights, which is then validated and kept, such as 0.999; 0 is off."""

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1 or not 0 <= self.ema < 1:
            raise ValueError("label_smoothing and ema must be at least 0 and below 1")
        if self.guided_alignment < 0:
            raise ValueError("guided_alignment must be at least 0")
        if not 0 <= self.seed < 2**32:
            raise ValueError("seed must be at least 0 and below 2^32")
        if self.patience < 0 or self.average < 1 or self.threads < 0:
            raise ValueError("patience and threads must be at least 0, average at least 1")


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that are done."""
    elapsed_s: float = 0.0
    tokens: int = 0
    """Target pieces trained on."""
    recent: list[tuple[float, int, float]] = field(default_factory=list)
    """(loss, target pieces, seconds) of each update since the last entry in the journal."""
    precision: str = ""
    best: list[tuple[float, int]] = field(default_factory=list)
    """(BLEU, step) of the checkpoints kept, best first."""
    mean_bleu: float = -1.0
    """BLEU of the mean of checkpoints that an earlier end has kept; -1 where there was none."""
    without_gain: int = 0
    """Validations since the best one."""
    finished: Literal["", "budget", "patience"] = ""
