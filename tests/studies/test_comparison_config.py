"""Settings of a comparison."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from seq2seq.errors import UserError
from seq2seq.models import VocabularySizes, build
from seq2seq.paths import config_dir
from seq2seq.studies.config import load_comparison_config


@pytest.fixture
def raw() -> dict[str, Any]:
    """The bundled config as it stands in its file."""
    text = (config_dir() / "compare.yaml").read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(text)
    return config


def load_error(folder: Path, raw: dict[str, Any]) -> str:
    """Returns the message for a config with mistakes."""
    file = folder / "wrong.yaml"
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_comparison_config(file, quick=False)
    return str(caught.value)


def test_quick_replaces_what_it_names_and_nothing_else() -> None:
    full = load_comparison_config(Path("compare"), quick=False)
    quick = load_comparison_config(Path("compare"), quick=True)
    assert quick.translation.minutes < 1 <= full.translation.minutes
    assert quick.translation.runs == full.translation.runs
    assert quick.probes == full.probes


def test_all_configs_of_translators_load() -> None:
    config = load_comparison_config(Path("compare"), quick=False)
    families = set()
    for run in config.translation.runs.values():
        family = run.load().model.family
        assert family in run.config
        families.add(family)
    assert families == {"lstm", "gru", "rnn", "transformer", "mamba"}


def test_the_translators_differ_in_their_model_only() -> None:
    config = load_comparison_config(Path("compare"), quick=False)
    first = config.translation.runs["lstm"].load()
    for name, run in config.translation.runs.items():
        loaded = run.load()
        for section in ("data", "tokenizer", "batching", "search"):
            assert getattr(loaded, section) == getattr(first, section), f"{name}.{section}"


def test_the_translators_have_the_same_size() -> None:
    """10 million parameters, within 10 %."""
    config = load_comparison_config(Path("compare"), quick=False)
    for name, run in config.translation.runs.items():
        loaded = run.load()
        tokens = loaded.tokenizer.vocab_size
        model = build(loaded.model, VocabularySizes(source=tokens, target=tokens))
        size = sum(parameter.numel() for parameter in model.parameters())
        assert 9e6 <= size <= 11e6, f"{name}: {size:,}"


def test_all_mistakes_are_reported_at_once(tmp_path: Path, raw: dict[str, Any]) -> None:
    raw["memory"]["delay"] = [1]
    raw["speed"]["tokens"] = "many"
    raw["probes"]["rnn"]["hidden_sice"] = 3
    message = load_error(tmp_path, raw)
    assert "3 mistakes" in message
    assert "memory.delay: unknown key; did you mean delays?" in message
    assert "speed.tokens: " in message
    assert "probes.rnn.hidden_sice: unknown key; did you mean hidden_size?" in message


def test_names_of_runs_and_families_are_checked(tmp_path: Path, raw: dict[str, Any]) -> None:
    raw["translation"]["reference"] = "lstn"
    raw["translation"]["without_attention"] = ["grru"]
    raw["probes"]["new"] = {"family": "newest"}
    message = load_error(tmp_path, raw)
    assert "translation.reference: 'lstn' is not one of the runs (gru, lstm" in message
    assert "translation.without_attention: 'grru' is not one of the runs" in message
    assert "probes.new.family: unknown model family 'newest'" in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("translation.minutes", 0),
        ("translation.at_once", 0),
        ("memory.delays", []),
        ("gradients.distances", [1, 0]),
        ("translation.held_gates", {"too much": {"forget": 1.5}}),
        ("translation.held_gates", {"no gate": {"cell": 1}}),
    ],
)
def test_values_out_of_range(tmp_path: Path, raw: dict[str, Any], path: str, value: Any) -> None:
    section, key = path.split(".")
    raw[section][key] = value
    assert f"{path}" in load_error(tmp_path, raw)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("just text", "is not a config of a comparison"),
        ("data: {}", "has no section `translation`"),
    ],
)
def test_a_file_that_is_not_a_comparison(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_comparison_config(file, quick=False)
