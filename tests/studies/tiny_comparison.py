"""A comparison of tiny models on the toy corpus, with budgets of seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

TINY_PROBE = {"encoder_layers": 1, "decoder_layers": 1, "dropout": 0.0}
TINY_LSTM = TINY_PROBE | {"embedding_size": 16, "hidden_size": 16, "word_dropout": 0.0}
TINY = ["model.embedding_size=16", "model.hidden_size=16", "model.encoder_layers=1"]
COMPARISON: dict[str, Any] = {
    "probes": {
        "lstm": {"family": "lstm", **TINY_LSTM},
        "transformer": {"family": "transformer", **TINY_PROBE, "size": 16},
    },
    "gradients": {"distances": [1, 4], "sequences": 2, "trained_delay": 2, "trained_updates": 5},
    "memory": {"delays": [2], "updates": 5, "sequences": 4},
    "speed": {
        "lengths": [4, 8],
        "tokens": 16,
        "repeats": 1,
        "memory_lengths": [512],
        "state_lengths": [1, 3],
    },
    "translation": {
        "reference": "lstm",
        "runs": {
            "lstm": {"config": "toy.yaml", "set": TINY},
            "gru": {"config": "toy.yaml", "set": ["model.family=gru", *TINY]},
        },
        "minutes": 0.02,
        "short_minutes": 0.01,
        "sentences": 12,
        "without_attention": ["lstm"],
        "held_gates": {"forget gate at 0": {"forget": 0}},
    },
    "quick": {"memory": {"updates": 2}},
}

WriteComparison = Callable[..., Path]
"""Writes a config with changed sections: write(name, section={key: value})."""
