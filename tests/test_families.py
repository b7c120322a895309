"""Every family learns the toy language through the command line, from text to text."""

import json
from pathlib import Path

import pytest
from fixture_types import RunCliHere
from tiny_models import TINY

from seq2seq.models import FAMILIES


def test_every_family_is_tried() -> None:
    assert set(TINY) == set(FAMILIES)


@pytest.mark.parametrize("family", sorted(set(TINY) - {"lstm"}))  # the toy run is an LSTM
def test_a_family_learns_and_translates(
    family: str, run_cli_here: RunCliHere, toy_data: Path
) -> None:
    run = f"runs/{family}"
    run_cli_here("train", "toy.yaml", "--run", run, "--set", f"model={json.dumps(TINY[family])}")
    run_cli_here("evaluate", run)
    report = json.loads((toy_data / run / "evaluation.json").read_text(encoding="utf-8"))
    # One wrong word in 60 sentences is allowed: the settings are not tuned for each family.
    assert report["bleu"]["score"] > 98
