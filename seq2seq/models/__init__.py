"""The model families. A new one is a file beside these and a line in FAMILIES."""

from typing import Any

from seq2seq.models.base import Decoded, Rows, Seq2Seq, Step, Vocabulary
from seq2seq.models.lstm import LSTM, LSTMConfig

# `model.family` in the config -> (the dataclass of the section, the class)
FAMILIES: dict[str, tuple[type[Any], type[Seq2Seq[Any, Any]]]] = {
    "lstm": (LSTMConfig, LSTM),
}


def build(config: Any, vocabulary: Vocabulary) -> Seq2Seq[Any, Any]:
    """A freshly initialised model (from torch's global random state) for a `model` section of the config."""
    return FAMILIES[config.family][1](config, vocabulary)


__all__ = ["FAMILIES", "Decoded", "Rows", "Seq2Seq", "Step", "Vocabulary", "build"]
