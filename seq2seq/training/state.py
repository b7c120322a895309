"""The state of a training run, apart from tensors."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import TypeAdapter

from seq2seq.config.training import ValidationMetric
from seq2seq.training.ranking import ValidationScores

_REQUIRED_KEYS = ("step", "epoch", "batch", "best")


@dataclass(frozen=True, kw_only=True)
class BestCheckpoint(ValidationScores):
    """One of the best checkpoints, with the scores of its validation."""

    step: int


@dataclass
class TrainingState:
    """Where a run stands. The names of the fields are the keys of a checkpoint's state.json."""

    step: int = 0
    """Updates done."""
    epoch: int = 0
    """The current epoch, from 0."""
    batch: int = 0
    """Batches of the current epoch that are done."""
    elapsed_s: float = 0.0
    """Seconds of training so far, validations included."""
    tokens: int = 0
    """Target tokens trained on."""
    recent: list[tuple[float, int, float]] = field(default_factory=list)
    """(loss, target tokens, seconds) of each update since the last step event in the journal."""
    precision: str = ""
    """float32 or bfloat16; empty until it is chosen."""
    tokenization: str = ""
    """How BLEU splits text in all validations of this training; empty in earlier versions."""
    best: list[BestCheckpoint] = field(default_factory=list)
    """The best checkpoints, best first."""
    mean: ValidationScores | None = None
    """Scores of the average that an earlier end of training put into model.safetensors."""
    without_gain: int = 0
    """Validations since the best one."""
    finished: Literal["", "budget", "patience"] = ""
    """Why training ended; empty while it goes on."""

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Builds a state from the content of a state.json. Unknown keys are ignored.

        Earlier versions kept only BLEU: an entry of `best` was [BLEU, step], and `mean_bleu` was
        -1 without an average. The other scores of such entries are the worst ones possible.

        Raises:
            ValueError: not a mapping, a required key is missing, or a value has the wrong type.
        """
        if not isinstance(values, dict):
            raise ValueError("it is not a mapping")
        for key in _REQUIRED_KEYS:
            if key not in values:
                raise ValueError(f"the key {key} is missing")
        return TypeAdapter(cls).validate_python(_upgrade(values))

    def best_by(self, metric: ValidationMetric) -> BestCheckpoint | None:
        """Returns the best checkpoint, or None before the first validation.

        A resumed run may have another metric than before. Then `best` still has the old order.
        """
        return max(self.best, key=lambda entry: entry.rank(metric), default=None)


def _upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the values of an earlier version in today's form."""
    upgraded = dict(values)
    mean_bleu = upgraded.pop("mean_bleu", None)
    if mean_bleu is not None and mean_bleu != -1:
        upgraded["mean"] = _with_bleu_only(mean_bleu)
    if isinstance(upgraded["best"], list):
        best = []
        for entry in upgraded["best"]:
            if isinstance(entry, list) and len(entry) == 2:
                entry = {**_with_bleu_only(entry[0]), "step": entry[1]}
            best.append(entry)
        upgraded["best"] = best
    return upgraded


def _with_bleu_only(bleu: Any) -> dict[str, Any]:
    return {"bleu": bleu, "chrf": 0.0, "loss": math.inf}
