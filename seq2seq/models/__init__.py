"""The model families. To add one, see docs/adding-a-family.md."""

from seq2seq.config.model import ModelConfig
from seq2seq.models.base import Decoded, Memory, RowLayout, Rows, Seq2Seq, Step, VocabularySizes
from seq2seq.models.gru import GRU
from seq2seq.models.lstm import LSTM
from seq2seq.models.mamba import Mamba
from seq2seq.models.mingru import MinGRU
from seq2seq.models.rnn import RNN
from seq2seq.models.transformer import Transformer
from seq2seq.models.xlstm import XLSTM

FAMILIES: dict[str, type[Seq2Seq]] = {
    "lstm": LSTM,
    "rnn": RNN,
    "gru": GRU,
    "transformer": Transformer,
    "mamba": Mamba,
    "xlstm": XLSTM,
    "mingru": MinGRU,
}
"""`model.family` in the config -> the class."""


def build(config: ModelConfig, vocabulary: VocabularySizes) -> Seq2Seq:
    """Builds a model with random weights, drawn from torch's global random state."""
    return FAMILIES[config.family](config, vocabulary)


__all__ = [
    "FAMILIES",
    "Decoded",
    "Memory",
    "RowLayout",
    "Rows",
    "Seq2Seq",
    "Step",
    "VocabularySizes",
    "build",
]
