"""Every family learns the made-up language, by the command line, from text to text."""

import json
from pathlib import Path

import pytest
from fakes import Cli
from tiny_models import TINY

from seq2seq.models import FAMILIES


def test_all_are_tried() -> None:
    assert set(TINY) == set(FAMILIES)


@pytest.mark.parametrize("family", sorted(set(TINY) - {"lstm"}))  # the lstm in test_cli.py
def test_a_family_learns_and_translates(family: str, cli: Cli, toy_data: Path) -> None:
    model, run = json.dumps(TINY[family]), f"runs/{family}"
    result = cli("train", "toy.yaml", "--run", run, "--set", f"model={model}")
    assert result.returncode == 0, result.stderr.decode()
    measured = cli("evaluate", run)
    assert measured.returncode == 0, measured.stderr.decode()
    report = json.loads((toy_data / run / "evaluation.json").read_text(encoding="utf-8"))
    # One wrong word in 60 sentences is let pass: the settings are the LSTM's, not tuned for each
    # family.
    assert report["bleu"]["score"] > 98
