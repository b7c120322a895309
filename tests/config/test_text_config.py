"""Patterns of `text.protect` are checked with the rest of the config."""

from pathlib import Path

import pytest
import yaml

from seq2seq.config import load_config, load_run_config, parse_config
from seq2seq.errors import UserError

SMALL = {
    "data": {"corpus": "toy", "source": "de", "target": "en"},
    "model": {"family": "lstm"},
    "training": {"budget": {"steps": 10}},
}


@pytest.mark.parametrize("pattern", ["(", "[a", "*a", "", "a*", "(x)?", r"\b"])
def test_a_bad_pattern_is_reported_with_the_other_mistakes(pattern: str) -> None:
    raw = {**SMALL, "search": {"beam": 0}, "text": {"protect": [r"ACME-\w+", pattern, "a?"]}}
    with pytest.raises(UserError, match=r"x\.yaml has 3 mistakes:") as error:
        parse_config(raw, "x.yaml")
    assert "text.protect.1: " in str(error.value)
    assert f"(got {pattern!r})" in str(error.value)
    assert "text.protect.2: matches the empty text" in str(error.value)


def test_a_bad_pattern_in_an_override_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    for load in (load_config, load_run_config):
        with pytest.raises(UserError, match=r"text\.protect\.0: is not a valid regular expression"):
            load(path, ["text.protect=['(']"])
