"""`benchmarks/peer_robustness.py`: another toolkit on text that is not clean."""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import tiny_tokenizer

from seq2seq.evaluation.test_set import TestSet

LINES = [
    "Das ist Seite 31 von diesem Buch.",
    "Wo schlafen die vielen Katzen in der Nacht?",
    "Am Montag fuhren wir zum alten Bahnhof.",
    "Niemand kennt den Hund in diesem Garten.",
]


@pytest.fixture(scope="module")
def peers(benchmarks: None) -> ModuleType:
    return importlib.import_module("peer_robustness")


@pytest.fixture
def toolkit(benchmarks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """OpenNMT-py that is not installed, in an empty folder, with a tiny vocabulary."""
    opennmt = importlib.import_module("opennmt")
    monkeypatch.setattr(importlib.import_module("toolkit"), "WORK", tmp_path)
    monkeypatch.setattr(opennmt, "read_tokenizer", tiny_tokenizer)
    found = opennmt.OpenNMT()
    (found.folder / "model").mkdir(parents=True)
    return found


def system(peers: ModuleType, key: str, translate: Any) -> Any:
    return peers.System(
        key=key, label=key, command="train", minutes=3.0, updates=7, translate=translate
    )


@pytest.fixture(scope="module")
def results(peers: ModuleType) -> dict[str, Any]:
    """One system gives back its text. The other one cannot read capitals."""
    systems = [
        system(peers, "good", list),
        system(peers, "bad", lambda texts: ["" if text.isupper() else text for text in texts]),
    ]
    compared: dict[str, Any] = peers.compare(systems, TestSet("toy", LINES, [LINES]))
    return compared


def test_both_systems_have_the_rows_of_robustness(results: dict[str, Any]) -> None:
    assert results["test_set"] == "toy"
    assert results["num_sentences"] == 4
    good, bad = results["systems"]
    names = [row["name"] for row in good["rows"]]
    assert names[:2] == ["clean", "upper"]
    assert [row["name"] for row in bad["rows"]] == names
    assert good["rows"][1]["empty"] == 0
    assert bad["rows"][1]["empty"] == 4
    assert (bad["minutes"], bad["updates"]) == (3.0, 7)


def test_the_table_has_each_form_of_each_system(benchmarks: None, results: dict[str, Any]) -> None:
    peer_table = importlib.import_module("peer_table")
    machine = {"date": "2026-11-27T10:00:00", "processor": "a processor"}
    lines = peer_table.peer_section({**results, "machine": machine})
    assert lines[0] == "### Against another toolkit"
    assert "- good: 3 minutes, 7 updates (`train`)." in lines
    table = [line for line in lines if line.startswith("| ")]
    assert len({line.count("|") for line in table}) == 1
    assert len(table) == 2 + 2 * len(results["systems"][0]["rows"])
    assert table[4].startswith("| CAPITALS | good | 100.0 | 100.0% |")
    assert table[5].startswith("|  | bad | 0.0 | 0.0% |")
    assert table[5].endswith("| 0 | 4 |")


def test_a_training_is_read_from_its_journal(peers: ModuleType, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    events = [
        {"event": "end", "step": 10, "elapsed_s": 60.0},
        {"event": "resume"},
        {"event": "end", "step": 30, "elapsed_s": 180.0},
    ]
    journal.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    assert peers.training_of(journal) == (3.0, 30)


def test_a_run_without_the_end_of_a_training(peers: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no end of a training"):
        peers.training_of(tmp_path / "journal.jsonl")


def test_text_goes_to_the_toolkit_as_tokens_and_comes_back(
    toolkit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def copy(lines: list[str], *options: str) -> float:
        seen.extend(lines)
        (toolkit.folder / "out.txt").write_text("".join(lines), encoding="utf-8")
        return 0.0

    monkeypatch.setattr(toolkit, "_run_search", copy)
    texts = ["a  b\u2028c", "👨‍👩‍👧 x\u00a0y", "▁ z"]
    assert toolkit.translate(texts) == ["a b c", "👨‍👩‍👧 x y", "▁ z"]
    assert len(seen) == 3
    assert all(line.count("\n") == 1 and "▁" in line for line in seen)


def test_an_empty_translation_stays_one(toolkit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_the_last(lines: list[str], *options: str) -> float:
        text = "".join([*lines[:-1], "\n"])
        (toolkit.folder / "out.txt").write_text(text, encoding="utf-8")
        return 0.0

    monkeypatch.setattr(toolkit, "_run_search", lose_the_last)
    assert toolkit.translate(["a", "b"]) == ["a", ""]


def test_a_lost_translation_is_an_error(toolkit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_one(lines: list[str], *options: str) -> float:
        (toolkit.folder / "out.txt").write_text(lines[0], encoding="utf-8")
        return 0.0

    monkeypatch.setattr(toolkit, "_run_search", write_one)
    with pytest.raises(SystemExit, match="gave 1 translations of 2 texts"):
        toolkit.translate(["a", "b"])


def test_a_new_training_replaces_the_model(
    peers: ModuleType, toolkit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = toolkit.folder / "model" / "m_step_900.pt"
    old.touch()

    def train(minutes: float) -> None:
        assert not old.exists()
        old.parent.mkdir()
        (old.parent / "m_step_150.pt").touch()

    monkeypatch.setattr(toolkit, "train", train)
    toolkit.train_anew(12)
    peer = peers.peer_system(toolkit)
    assert (peer.minutes, peer.updates) == (12.0, 150)
    assert peer.command == "python benchmarks/install_toolkits.py train 12 opennmt"


def test_a_toolkit_without_a_model_names_the_command(peers: ModuleType, toolkit: Any) -> None:
    with pytest.raises(SystemExit, match=r"install_toolkits\.py train 12 opennmt"):
        peers.peer_system(toolkit)
