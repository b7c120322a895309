"""The ranges of the search settings."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from seq2seq.config.search import SearchConfig


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("beam", 0, "greater than or equal to 1"),
        ("nbest", 0, "greater than or equal to 1"),
        ("max_length_ratio", 0.0, "greater than 0"),
        ("max_length_ratio", 1e308, "less than or equal to 1000"),
        ("length_penalty", float("nan"), "finite number"),
        ("no_repeat_ngram_size", -1, "greater than or equal to 0"),
        ("no_repeat_ngram_size", 1, "must be 0 (off) or at least 2"),
        ("prune", -1.0, "greater than or equal to 0"),
        ("prune", float("inf"), "finite number"),
        ("batch_tokens", 0, "greater than or equal to 1"),
    ],
)
def test_a_value_out_of_range_is_an_error(field: str, value: Any, rule: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(rule)):
        SearchConfig(**{field: value})


def test_nbest_is_at_most_the_beam() -> None:
    with pytest.raises(ValidationError, match=r"nbest must be at most beam \(2\)"):
        SearchConfig(beam=2, nbest=3)


def test_replace_checks_the_new_value() -> None:
    with pytest.raises(ValidationError, match="nbest must be at most beam"):
        SearchConfig(beam=2, nbest=2).replace(beam=1)
