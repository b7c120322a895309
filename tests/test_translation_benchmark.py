"""Translation beside other toolkits: their best batch size, and the published table."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

MACHINE = {"date": "2026-11-27T09:17:30+00:00", "processor": "AMD EPYC", "threads": 2}


@pytest.fixture(scope="module")
def table(benchmarks: None) -> ModuleType:
    return importlib.import_module("translation_table")


@pytest.fixture
def toolkit(benchmarks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> Any:
    """A toolkit that is not installed, in an empty folder, with a test split of three lines."""
    monkeypatch.setattr(importlib.import_module("toolkit"), "WORK", tmp_path)
    module = importlib.import_module(request.param.lower())
    for file in ("test.sp.de", "test.de", "vocabulary.txt"):
        (tmp_path / file).write_text("a\nb\nc\n", encoding="utf-8")
    monkeypatch.setattr(module, "write_text", lambda: tmp_path)
    found = getattr(module, request.param)()
    found.folder.mkdir(parents=True)
    return found


def figure(median: float) -> dict[str, Any]:
    return {"median": median, "low": median - 1, "high": median + 1}


@pytest.mark.parametrize("toolkit", ["OpenNMT", "JoeyNMT"], indirect=True)
def test_the_fastest_batch_size_counts(toolkit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {32: 10.0, 64: 30.0, 128: 20.0}
    monkeypatch.setattr(toolkit, "translate_speed_at", lambda beam, size: beam * speeds[size])
    monkeypatch.setattr(type(toolkit), "batch_sizes", (32, 64, 128))
    assert toolkit.translate_speed(5) == 150.0


@pytest.mark.parametrize("toolkit", ["OpenNMT"], indirect=True)
def test_opennmt_translates_the_test_split_twice(
    toolkit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = importlib.import_module("toolkit").Output
    calls: list[tuple[str, ...]] = []

    def run(*arguments: str) -> Any:
        calls.append(arguments)
        return output("Total translation time (s): 1.5\n", 9.0, 1.0)

    monkeypatch.setattr(toolkit, "run", run)
    assert toolkit.translate_speed_at(1, 64) == 4.0
    (arguments,) = calls
    assert arguments[arguments.index("-beam_size") + 1] == "1"
    assert arguments[arguments.index("-batch_size") + 1] == "64"


def test_the_table_shows_the_systems_that_were_measured(table: ModuleType) -> None:
    results = {
        "about_translate": MACHINE,
        "translate_sentences_per_s_ours_equal_onnx": figure(900.0),
        "translate_sentences_per_s_greedy_ours_equal_onnx": figure(1200.0),
        "translate_sentences_per_s_opennmt": figure(100.0),
        "translate_sentences_per_s_greedy_opennmt": figure(200.0),
        "translate_exported_ratio_opennmt": figure(9.0),
        "translate_exported_ratio_greedy_opennmt": figure(6.0),
    }
    rows = [line for line in table.translation_section(results) if line.startswith("| ")]
    assert rows[2:] == [
        "| this project, exported: ONNX, int8 | 1,200 (1,199 to 1,201) | 900 (899 to 901) |  |  |",
        "| OpenNMT-py 3.5.1 | 200 (199 to 201) | 100 (99 to 101) | 6.00 (5.00 to 7.00) | "
        "9.00 (8.00 to 10.00) |",
    ]


def test_without_systems_of_equal_size_there_is_no_table(table: ModuleType) -> None:
    assert table.translation_section({"about_translate": MACHINE}) == []
