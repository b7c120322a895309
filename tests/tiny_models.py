"""A small `model` section for each family, for tests that try all families."""

from typing import Any

_RECURRENT = {
    "embedding_size": 48,
    "hidden_size": 64,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "dropout": 0.1,
    "word_dropout": 0.0,
}
_LAYERED = {
    "size": 64,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "dropout": 0.1,
    "word_dropout": 0.0,
}

TINY: dict[str, dict[str, Any]] = {
    "lstm": {"family": "lstm", **_RECURRENT},
    "rnn": {"family": "rnn", **_RECURRENT},
    "gru": {"family": "gru", **_RECURRENT},
    "mingru": {"family": "mingru", **_RECURRENT},
    "xlstm": {"family": "xlstm", **_RECURRENT},
    "transformer": {
        "family": "transformer",
        **_LAYERED,
        "encoder_layers": 2,
        "feed_forward_size": 128,
    },
    "mamba": {"family": "mamba", **_LAYERED, "head_size": 16, "state_size": 16},
}
"""Family -> `model` section. A new family adds an entry."""
