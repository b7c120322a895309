"""The journal: a line for each event, wound back for a resumed run, whatever a kill has left at its end."""

import json
import time
from pathlib import Path

import pytest

from seq2seq.training.journal import Journal


def steps(journal: Journal) -> list[tuple[str, int]]:
    return [(event["event"], event.get("step", 0)) for event in journal]


def test_events_are_lines_of_json(tmp_path: Path) -> None:
    journal, before = Journal(tmp_path / "journal.jsonl"), time.time()
    assert list(journal) == []
    journal.write("validation", step=3, samples=[{"source": "zwei\nZeilen \u2028 ü"}], best=True)
    journal.write("end", step=3, why="budget")
    lines = (tmp_path / "journal.jsonl").read_bytes().split(b"\n")
    assert len(lines) == 3
    first = json.loads(lines[0])
    assert first["samples"][0]["source"] == "zwei\nZeilen \u2028 ü"
    assert before - 1 <= first["time"] <= time.time() + 1
    assert steps(Journal(tmp_path / "journal.jsonl")) == [("validation", 3), ("end", 3)]


def test_rewind_drops_what_a_resumed_run_does_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.rewind(5)  # nothing there yet
    for event, step in (
        ("precision", 0),
        ("step", 50),
        ("validation", 50),
        ("step", 100),
        ("end", 70),
        ("skipped", 71),
    ):
        journal.write(event, step=step)
    journal.write("note")
    before = list(journal)
    journal.rewind(70)
    assert steps(journal) == [("precision", 0), ("step", 50), ("validation", 50), ("note", 0)]
    assert [event for event in before if event in list(journal)] == list(journal)  # not changed, times included
    journal.write("step", step=100)
    assert steps(journal)[-1] == ("step", 100)


def test_a_line_that_is_no_event_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_text("[1]\n3\n", encoding="utf-8")
    journal.write("step", step=1)
    journal.rewind(1)
    assert steps(journal) == [("step", 1)]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_line_cut_short_costs_no_other(cut: int, tmp_path: Path) -> None:
    # Killed while writing: cut inside the JSON, inside a character of several bytes, or just before the line feed.
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("step", step=1)
    journal.write("validation", step=2, text="größer 😀 日本語")
    journal.path.write_bytes(journal.path.read_bytes()[:-cut])
    assert steps(journal)[0] == ("step", 1)
    journal.rewind(2)
    journal.write("step", step=3)
    journal.write("step", step=4)
    found = steps(journal)
    assert found[0] == ("step", 1)
    assert found[-2:] == [("step", 3), ("step", 4)]
    assert len(found) == (4 if cut == 1 else 3)
    assert journal.path.read_bytes().endswith(b"\n")
