"""The rules between the settings of a family, and between settings and classes."""

from typing import Any

import pytest

from seq2seq.config.model import FAMILY_CONFIGS


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("lstm", {"hidden_size": 7}, "multiple of 2"),
        ("lstm", {"decoder_layers": 0}, "greater than or equal to 1"),
        ("lstm", {"dropout": 1.0}, "less than 1"),
        ("lstm", {"word_dropout": -0.1}, "greater than or equal to 0"),
        ("lstm", {"clamp": {}}, "clamp"),
        ("transformer", {"size": 10, "heads": 4}, "divisible by twice the number of heads"),
        ("transformer", {"heads": 0}, "greater than or equal to 1"),
        ("transformer", {"dropout": 1.0}, "less than 1"),
        ("mamba", {"head_size": 7}, "divisible by head_size"),
        ("mamba", {"attention_heads": 3}, "divisible by attention_heads"),
        ("mamba", {"chunk": 0}, "greater than or equal to 1"),
        ("mamba", {"dropout": 1.0}, "less than 1"),
        ("xlstm", {"hidden_size": 12}, "multiple of 8"),
    ],
)
def test_wrong_settings_are_rejected(family: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FAMILY_CONFIGS[family](family=family, **changes)
