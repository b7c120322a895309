"""A small `model` section of every family, for the tests that try all of them. A new family adds its line here."""

from typing import Any

_RECURRENT = {
    "embedding_size": 48,
    "hidden_size": 64,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "dropout": 0.1,
    "word_dropout": 0.0,
}
_LAYERS = {"size": 64, "encoder_layers": 1, "decoder_layers": 2, "dropout": 0.1, "word_dropout": 0.0}

SMALL: dict[str, dict[str, Any]] = {
    "lstm": {"family": "lstm", **_RECURRENT},
    "rnn": {"family": "rnn", **_RECURRENT},
    "gru": {"family": "gru", **_RECURRENT},
    "mingru": {"family": "mingru", **_RECURRENT},
    "xlstm": {"family": "xlstm", **_RECURRENT},
    "transformer": {"family": "transformer", **_LAYERS, "encoder_layers": 2, "feed_forward_size": 128},
    "mamba": {"family": "mamba", **_LAYERS, "head_size": 16, "state_size": 16},
}
