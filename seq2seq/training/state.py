"""The state of a training run, apart from tensors."""

from dataclasses import dataclass, field
from typing import Literal, Self

from pydantic import TypeAdapter

_REQUIRED_KEYS = ("step", "epoch", "batch", "best")


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
    best: list[tuple[float, int]] = field(default_factory=list)
    """(BLEU, step) of the best checkpoints, best first."""
    mean_bleu: float = -1.0
    """BLEU of the average that an earlier end of training put into model.safetensors; else -1."""
    without_gain: int = 0
    """Validations since the best one."""
    finished: Literal["", "budget", "patience"] = ""
    """Why training ended; empty while it goes on."""

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Builds a state from the content of a state.json. Unknown keys are ignored.

        Raises:
            ValueError: not a mapping, a required key is missing, or a value has the wrong type.
        """
        if not isinstance(values, dict):
            raise ValueError("it is not a mapping")
        for key in _REQUIRED_KEYS:
            if key not in values:
                raise ValueError(f"the key {key} is missing")
        return TypeAdapter(cls).validate_python(values)

    @property
    def best_bleu(self) -> float | None:
        """BLEU of the best validation, or None before the first."""
        return self.best[0][0] if self.best else None
