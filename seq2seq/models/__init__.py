"""The model families. A new one is a file beside these and a line in FAMILIES."""

from typing import Any

from seq2seq.models.base import Askers, Decoded, Memory, Rows, Seq2Seq, Step, Vocabulary
from seq2seq.models.gru import GRU, GRUConfig
from seq2seq.models.lstm import LSTM, LSTMConfig
from seq2seq.models.mamba import Mamba, MambaConfig
from seq2seq.models.mingru import MinGRU, MinGRUConfig
from seq2seq.models.rnn import RNN, RNNConfig
from seq2seq.models.transformer import Transformer, TransformerConfig
from seq2seq.models.xlstm import XLSTM, XLSTMConfig

# `model.family` in the config -> (the dataclass of the section, the class)
FAMILIES: dict[str, tuple[type[Any], type[Seq2Seq[Any, Any]]]] = {
    "lstm": (LSTMConfig, LSTM),
    "rnn": (RNNConfig, RNN),
    "gru": (GRUConfig, GRU),
    "transformer": (TransformerConfig, Transformer),
    "mamba": (MambaConfig, Mamba),
    "xlstm": (XLSTMConfig, XLSTM),
    "mingru": (MinGRUConfig, MinGRU),
}


def build(config: Any, vocabulary: Vocabulary) -> Seq2Seq[Any, Any]:
    """A freshly initialised model (from torch's global random state) for a `model` section of the config."""
    return FAMILIES[config.family][1](config, vocabulary)


__all__ = ["FAMILIES", "Askers", "Decoded", "Memory", "Rows", "Seq2Seq", "Step", "Vocabulary", "build"]
