"""`benchmarks/ctranslate2_peer.py`: this project beside CTranslate2.

CTranslate2 is in an environment of its own. Without it, the tests of conversion are skipped.
"""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from fakes import tiny_tokenizer, word_pairs
from tiny_models import TINY

from seq2seq.config import parse_config
from seq2seq.decoding.run_loading import vocabulary_sizes
from seq2seq.models import build
from seq2seq.models.layers.rotary import RotaryEmbedding, apply_rotary
from seq2seq.models.weights import save_weights
from seq2seq.run import RunFolder

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def peer(benchmarks: None) -> ModuleType:
    return importlib.import_module("ctranslate2_peer")


@pytest.fixture(scope="module")
def conversion(benchmarks: None) -> ModuleType:
    return importlib.import_module("ctranslate2_conversion")


@pytest.fixture(scope="module")
def training(benchmarks: None) -> ModuleType:
    return importlib.import_module("ctranslate2_training")


def make_run(folder: Path, family: str = "transformer", case: str = "cased", **model: Any) -> Any:
    """A run of random weights."""
    raw = {
        "data": {"corpus": "toy", "source": "de", "target": "en"},
        "text": {"case": case, "spans": False},
        "model": {**TINY[family], **model},
        "training": {"budget": {"steps": 1}},
    }
    config = parse_config(raw, "a test")
    tokenizer = tiny_tokenizer()
    torch.manual_seed(3)
    network = build(config.model, vocabulary_sizes(tokenizer))
    # Random biases and scales, so that none of them can be forgotten unseen.
    for parameter in network.parameters():
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.3)
    run = RunFolder(folder)
    run.create(config, tokenizer)
    save_weights(run.model_file, dict(network.state_dict()))
    return run


def test_the_model_is_plain(training: ModuleType) -> None:
    config = training.training_config(7)
    assert (config.text.case, config.text.spans) == ("cased", False)
    assert (config.training.budget.steps, config.training.budget.minutes) == (7, None)
    assert config.model.family == "transformer"


def test_nothing_is_rotated_while_rotary_is_off(training: ModuleType) -> None:
    values = torch.randn(1, 2, 5, 8)
    with training.without_rotary():
        unrotated = apply_rotary(values, RotaryEmbedding.at(3, 5, 8, CPU))
    assert torch.equal(unrotated, values)
    assert not torch.equal(apply_rotary(values, RotaryEmbedding.at(3, 5, 8, CPU)), values)


def test_another_family_is_refused(conversion: ModuleType, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "lstm")
    with pytest.raises(SystemExit, match=r"is of family lstm\. Give a Transformer"):
        conversion.write_weights(run, tmp_path / "weights")


def test_cases_are_refused(conversion: ModuleType, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", case="factor")
    with pytest.raises(SystemExit, match=r"needs tokenizer\.joint=true and text\.case=cased"):
        conversion.write_weights(run, tmp_path / "weights")


def test_tied_weights_count_once(peer: ModuleType, conversion: ModuleType, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tie_embeddings="all")
    conversion.write_weights(run, tmp_path / "weights")
    network = build(run.config.model, vocabulary_sizes(run.tokenizer))
    expected = sum(parameter.numel() for parameter in network.parameters())
    assert peer._count_parameters(tmp_path / "weights") == expected


def converted(peer: ModuleType, conversion: ModuleType, run: Any, number_format: str) -> Path:
    """Converts a run, or skips the test if CTranslate2 is not installed."""
    if not peer.is_installed():
        pytest.skip("python benchmarks/ctranslate2_peer.py install")
    weights = run.path.parent / "weights"
    conversion.write_weights(run, weights)
    folder: Path = run.path.parent / number_format
    peer.run_worker("convert", weights, str(folder), number_format)
    return folder


@pytest.mark.parametrize("tie", ["all", "none"])
def test_both_systems_compute_the_same(
    peer: ModuleType, conversion: ModuleType, tmp_path: Path, tie: str
) -> None:
    run = make_run(tmp_path / "run", tie_embeddings=tie)
    folder = converted(peer, conversion, run, "float32")
    texts = word_pairs(20, seed=1).source
    agreement = conversion.check(
        run, texts, lambda given: peer.run_worker("score", folder, given=given)
    )
    assert agreement.sentences == agreement.same_greedy == 20
    assert agreement.largest_difference < 1e-3


def test_every_figure_of_the_peer_is_measured(
    peer: ModuleType, conversion: ModuleType, tmp_path: Path
) -> None:
    folder = converted(peer, conversion, make_run(tmp_path / "run"), "int8")
    texts = word_pairs(3, seed=1).source
    settings = peer.run_worker("tune", folder, given={"texts": texts})
    assert [settings[suffix]["options"]["beam_size"] for suffix in ("", "_greedy")] == [5, 1]
    figures = peer._measure_theirs(folder, texts, settings)
    assert all(value > 0 for value in figures.values())
    assert {"sentences_per_s", "latency_ms_greedy", "load_s", "process_mb"} <= set(figures)
    assert len(peer.run_worker("translate", folder, given={"texts": texts, "beam": 1})) == 3


def test_updates_are_read_from_the_journal(peer: ModuleType, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    events = [{"event": "step", "step": 20}, {"event": "resume"}, {"event": "end", "step": 30}]
    journal.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    assert peer._updates_of(journal) == 30


def test_results_of_training_do_not_count_as_the_model(peer: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_bytes(bytes(500))
    (tmp_path / "decoder.onnx").write_bytes(bytes(1000))
    assert peer._size_mb(tmp_path, without=("evaluation*",)) == 0.001


def test_the_table_has_both_systems(benchmarks: None) -> None:
    figure = {"median": 20.0, "low": 19.0, "high": 21.0}
    results = {
        "test_set": "toy",
        "num_sentences": 4,
        "ours": {"folder": "exported", "family": "lstm"},
        "theirs": {
            "parameters": 10_200_000,
            "updates": 30,
            "agreement": {"largest_difference": 2e-5},
        },
        "versions": {"ctranslate2": "4.8.5"},
        "systems": {
            "ours": {"sentences_per_s": figure},
            "ctranslate2": {"sentences_per_s": figure, "bleu_float32": {"median": 41.0}},
        },
        "machine": {"date": "2026-11-27T10:00:00", "processor": "a processor", "threads": 2},
    }
    lines = importlib.import_module("ctranslate2_table").ctranslate2_section(results)
    assert "| what | this project, lstm | CTranslate2 4.8.5, Transformer |" in lines
    assert "| test2016, beam 5, sentences/s | 20 (19 to 21) | 20 (19 to 21) |" in lines
    assert "| BLEU, greedy |  |  |" in lines
