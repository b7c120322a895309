"""The journal: one line per event, cut back when a run resumes, robust against half a line."""

import json
import time
from pathlib import Path

import pytest

from seq2seq.training.journal import Journal


def kinds_and_steps(journal: Journal) -> list[tuple[str, int]]:
    return [(event["event"], event.get("step", 0)) for event in journal]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def test_a_missing_journal_is_empty(journal: Journal) -> None:
    assert list(journal) == []


def test_events_are_lines_of_json(journal: Journal) -> None:
    before = time.time()
    journal.write("validation", step=3, samples=[{"source": "zwei\nZeilen \u2028 ü"}], best=True)
    journal.write("end", step=3, why="budget")
    lines = journal.path.read_bytes().split(b"\n")
    assert len(lines) == 3
    first = json.loads(lines[0])
    assert first["samples"][0]["source"] == "zwei\nZeilen \u2028 ü"
    assert before - 1 <= first["time"] <= time.time() + 1
    assert kinds_and_steps(Journal(journal.path)) == [("validation", 3), ("end", 3)]


def test_rewinding_drops_what_a_resumed_run_repeats(journal: Journal) -> None:
    for kind, step in (
        ("precision", 0),
        ("step", 50),
        ("validation", 50),
        ("step", 100),
        ("end", 70),
        ("skipped", 71),
    ):
        journal.write(kind, step=step)
    journal.write("note")
    before = list(journal)
    journal.rewind(70)
    remaining = [("precision", 0), ("step", 50), ("validation", 50), ("note", 0)]
    assert kinds_and_steps(journal) == remaining
    assert all(event in before for event in journal)  # unchanged, including their times


def test_a_rewound_journal_can_be_continued(journal: Journal) -> None:
    journal.rewind(5)  # no file yet
    journal.write("step", step=100)
    assert kinds_and_steps(journal) == [("step", 100)]


def test_lines_that_are_not_events_are_skipped(journal: Journal) -> None:
    journal.path.write_text("[1]\n3\n", encoding="utf-8")
    journal.write("step", step=1)
    journal.rewind(1)
    assert kinds_and_steps(journal) == [("step", 1)]


@pytest.mark.parametrize("cut", range(1, 40))
def test_half_a_line_destroys_no_other_line(cut: int, journal: Journal) -> None:
    # A kill can cut inside the JSON, inside a multi-byte character, or just before the line feed.
    journal.write("step", step=1)
    journal.write("validation", step=2, text="größer 😀 日本語")
    journal.path.write_bytes(journal.path.read_bytes()[:-cut])
    assert kinds_and_steps(journal)[0] == ("step", 1)
    journal.rewind(2)
    journal.write("step", step=3)
    journal.write("step", step=4)
    events = kinds_and_steps(journal)
    assert events[0] == ("step", 1)
    assert events[-2:] == [("step", 3), ("step", 4)]
    assert len(events) == (4 if cut == 1 else 3)
    assert journal.path.read_bytes().endswith(b"\n")
