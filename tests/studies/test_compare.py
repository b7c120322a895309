"""The whole comparison on the toy corpus."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes import RecordingReporter
from tiny_comparison import WriteComparison

from seq2seq.errors import UserError
from seq2seq.models.lstm import LSTMLayer
from seq2seq.models.weights import load_into, load_weights
from seq2seq.run import RunFolder
from seq2seq.studies import pictures
from seq2seq.studies.config import load_comparison_config
from seq2seq.studies.gates import GateStudy
from seq2seq.studies.runner import run_comparison
from seq2seq.studies.translators import build_model

pytest.importorskip("matplotlib")
# One process builds the comparison.
pytestmark = pytest.mark.xdist_group("comparison")

KEYS = ["gradients", "memory", "gates", "bottleneck", "parallel", "footprint", "quality"]


@pytest.fixture
def results(compared: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((compared / "results.json").read_text(encoding="utf-8"))
    return read


def page_of(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_all_studies_are_on_the_page(compared: Path, results: dict[str, Any]) -> None:
    assert [key for key in results if key in KEYS] == KEYS
    page = page_of(compared)
    assert page.count("<svg") == len(KEYS)
    assert page.count("confirmed</strong>") + page.count("undecided") >= len(KEYS)
    for key in KEYS:
        assert (compared / "pictures" / f"{key}.png").stat().st_size > 5000


def test_the_results_have_claims_and_numbers(results: dict[str, Any]) -> None:
    # The claims of the other studies are about families that this comparison lacks.
    for key in ("gates", "bottleneck", "footprint", "quality"):
        assert results[key]["claims"], key
    assert results["quality"]["results"]["gru"]["against"]["bleu"]["p_value"] <= 1
    # In MB, whatever this process has allocated before.
    assert results["footprint"]["results"]["lstm training 512"] > 1


@pytest.mark.parametrize("name", ["held-forget-gate-at-0", "retrained-forget-gate-at-0"])
def test_the_held_gate_is_in_the_weights(compared: Path, name: str) -> None:
    run = RunFolder.open(compared / "runs" / name)
    model = build_model(run)
    load_into(model, load_weights(run.model_file), run.model_file)
    layers = [module for module in model.modules() if isinstance(module, LSTMLayer)]
    assert layers
    for layer in layers:
        weight_ih, weight_hh, bias_ih, bias_hh = (
            parameter.chunk(4)[1] for parameter in layer.cells.parameters()
        )
        assert (bias_ih == -100).all()
        for zeros in (weight_ih, weight_hh, bias_hh):
            assert (zeros == 0).all()


def test_nothing_is_measured_again(
    compared: Path, in_toy_folder: Path, reporter: RecordingReporter
) -> None:
    before = page_of(compared)
    run_comparison(Path("comparison.yaml"), compared, reporter=reporter)
    assert reporter.messages == []
    assert page_of(compared) == before


def test_one_study_alone_keeps_the_others_on_the_page(
    compared: Path, in_toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = page_of(compared)
    # The pictures are not drawn again, which takes seconds.
    monkeypatch.setattr(pictures, "save", lambda draw, stem: stem.with_suffix(".svg").read_text())
    run_comparison(Path("comparison.yaml"), compared, only=["memory"])
    assert page_of(compared) == before


def test_other_settings_are_measured_again(
    tmp_path: Path, compared: Path, in_toy_folder: Path, reporter: RecordingReporter
) -> None:
    for quick in (False, True):
        run_comparison(
            Path("comparison.yaml"), tmp_path, quick=quick, only=["memory"], reporter=reporter
        )
    measured = [
        "memory 1/4: lstm recall 2",
        "memory 2/4: lstm copy 2",
        "memory 3/4: transformer recall 2",
        "memory 4/4: transformer copy 2",
    ]
    assert reporter.messages == measured * 2


def test_unknown_studies_and_configs(run_cli_expecting_error: Callable[..., str]) -> None:
    message = run_cli_expecting_error("compare", "--only", "speeed", "--into", "nothing")
    assert "--only speeed: there is no such study. Studies: gradients, memory" in message
    message = run_cli_expecting_error("compare", "nothing.yaml", "--into", "nothing")
    assert "There is no config nothing.yaml" in message
    assert "Bundled configs: compare." in message


def test_mistakes_are_reported_before_anything_is_measured(
    run_cli_expecting_error: Callable[..., str], write_comparison: WriteComparison, toy_data: Path
) -> None:
    runs = {"lstm": {"config": "toy.yaml", "set": ["model.hidden_sice=3"]}}
    write_comparison("wrong.yaml", translation={"runs": runs})
    message = run_cli_expecting_error("compare", "wrong.yaml", "--into", "nothing")
    assert "did you mean hidden_size?" in message
    assert not (toy_data / "nothing").exists()


def test_gates_are_held_in_an_lstm_only(
    in_toy_folder: Path, write_comparison: WriteComparison, tmp_path: Path
) -> None:
    config = write_comparison("gru.yaml", translation={"reference": "gru"})
    with pytest.raises(UserError, match="the reference gru is of the family gru"):
        run_comparison(config, tmp_path, only=["gates"])


def test_the_config_of_a_held_run_is_that_of_the_reference(compared: Path) -> None:
    held = compared / "runs" / "held-forget-gate-at-0" / "config.yaml"
    reference = compared / "runs" / "lstm" / "config.yaml"
    assert yaml.safe_load(held.read_text()) == yaml.safe_load(reference.read_text())


def test_a_training_with_other_gates_is_another_training(
    compared: Path,
    in_toy_folder: Path,
    write_comparison: WriteComparison,
    reporter: RecordingReporter,
) -> None:
    label = "forget gate at 0"
    same = load_comparison_config(Path("comparison.yaml"), quick=False)
    assert all(training.finished for training in GateStudy(same, compared).trainings())
    changed = write_comparison("gates.yaml", translation={"held_gates": {label: {"forget": 0.5}}})
    study = GateStudy(load_comparison_config(changed, quick=False), compared)
    unfinished = [training.name for training in study.trainings() if not training.finished]
    assert unfinished == [f"retrained {label}"]
    assert [each.name for each in study.missing()] == [label, f"{label}, retrained"]
