"""Measurements that are kept, the page, and the files of trainings."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from seq2seq.studies.bottleneck import BottleneckStudy
from seq2seq.studies.claims import Claim, Measures
from seq2seq.studies.config import load_comparison_config
from seq2seq.studies.page import Chapter, render_page
from seq2seq.studies.study import Measurement, Results, Study, Table
from seq2seq.studies.training import Training


class CountingStudy(Study):
    """Records which measurements were made."""

    key: ClassVar = "counting"
    title: ClassVar = "Counting <things>"
    about: ClassVar = "How often?"

    def __init__(self, folder: Path) -> None:
        super().__init__(load_comparison_config(Path("compare"), quick=True), folder)
        self.setting = 1
        self.measured: list[str] = []

    def measurements(self) -> list[Measurement]:
        settings = {"setting": (self.setting,)}
        return [
            Measurement("a b", settings, lambda: self.measure("a b")),
            Measurement("c", settings, lambda: self.measure("c")),
        ]

    def measure(self, name: str) -> dict[int, int]:
        self.measured.append(name)
        return {1: self.setting}

    def measures(self, results: Results) -> Measures:
        return {}

    def claims(self, results: Results) -> list[Claim]:
        return [Claim("x < y & z", True, "1 < 2"), Claim("no", False, ""), Claim("?", None, "")]

    def table(self, results: Results) -> Table:
        return Table(["<head>"], [["<cell>"]])

    def draw(self, results: Results, figure: Any) -> None:
        figure.subplots().plot([1, 2])


def test_a_measurement_is_made_once(tmp_path: Path) -> None:
    study = CountingStudy(tmp_path)
    assert study.stored_results() is None
    assert study.run() == {"a b": {"1": 1}, "c": {"1": 1}}
    assert study.run() == study.stored_results() == {"a b": {"1": 1}, "c": {"1": 1}}
    assert study.measured == ["a b", "c"]


def test_a_damaged_file_is_measured_again(tmp_path: Path) -> None:
    study = CountingStudy(tmp_path)
    study.run()
    file = tmp_path / "measurements" / "counting" / "c.json"
    file.write_text(file.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    assert [each.name for each in study.missing()] == ["c"]
    study.run()
    assert study.measured == ["a b", "c", "c"]


def test_other_settings_are_measured_again(tmp_path: Path) -> None:
    study = CountingStudy(tmp_path)
    study.run()
    study.setting = 2
    assert study.run()["c"] == {"1": 2}
    assert study.measured == ["a b", "c", "a b", "c"]


@pytest.fixture
def chapter(tmp_path: Path) -> Chapter:
    study = CountingStudy(tmp_path)
    return Chapter(study, study.claims({}), study.table({}), "<?xml?>\n<svg>picture</svg>")


MACHINE = {"processor": "a <chip>", "cores": 2, "versions": {"torch": "2"}}


def test_the_page_contains_everything(chapter: Chapter) -> None:
    page = render_page([chapter], MACHINE, quick=False)
    assert "<svg>picture</svg>" in page
    assert "<?xml?>" not in page
    assert "no <strong>not confirmed" in page
    assert "? <strong>undecided by these numbers" in page
    # A browser needs no network to show it.
    assert "http" not in page


def test_the_page_escapes_text(chapter: Chapter) -> None:
    page = render_page([chapter], MACHINE, quick=False)
    assert "x &lt; y &amp; z <strong>confirmed" in page
    assert "Counting &lt;things&gt;" in page
    assert "&lt;cell&gt;" in page
    assert "a &lt;chip&gt;" in page


def test_the_page_of_a_quick_run_warns(chapter: Chapter) -> None:
    assert "proves nothing" in render_page([chapter], MACHINE, quick=True)
    assert "proves nothing" not in render_page([chapter], MACHINE, quick=False)


def test_trainings_with_dots_in_their_names_have_their_own_files(tmp_path: Path) -> None:
    config = load_comparison_config(Path("compare"), quick=True).translation.runs["lstm"].load()
    first = Training("rate 0.1", config, tmp_path / "rate 0.1")
    second = Training("rate 0.2", config, tmp_path / "rate 0.2")
    assert first.config_file != second.config_file
    assert first.gates_file != second.gates_file
    assert first.log_file != second.log_file


def test_the_bottleneck_study_of_no_runs_has_an_empty_table(tmp_path: Path) -> None:
    study = BottleneckStudy(load_comparison_config(Path("compare"), quick=True), tmp_path)
    assert study.table({}).rows == []
