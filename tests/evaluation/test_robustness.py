"""Robustness: a translator that is known exactly, its rows, and the file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.errors import UserError
from seq2seq.evaluation.report import Report
from seq2seq.evaluation.robustness import measure_robustness, write_robustness
from seq2seq.evaluation.test_set import TestSet
from seq2seq.run import RunFolder

# The "translation" is the text itself.
LINES = [
    "This is page 31 of the whole book.",
    "Where do the many black cats sleep at night?",
    "We went to the old station by bus on Monday.",
    "Nobody knows what the small dog had in the garden.",
] * 5


def measured(translate: Callable[[list[str]], list[str]] = list) -> dict[str, Report]:
    test_set = TestSet("test", LINES, [LINES])
    report = measure_robustness(translate, test_set, "en", "en")
    return {row["name"]: row for row in report["rows"]}


def test_a_perfect_translator_keeps_everything() -> None:
    rows = measured()
    for name in ("clean", "upper", "title", "lower", "no_final_punctuation", "in_quotes", "joined"):
        assert rows[name]["bleu"] == pytest.approx(100)
        assert rows[name]["chrf"] == pytest.approx(100)
        assert rows[name]["share_of_clean"] == pytest.approx(1)
    for name in ("spans_inserted", "emoji_inserted"):
        assert rows[name]["share_of_clean"] == pytest.approx(1)
        assert rows[name]["spans_kept"] == rows[name]["num_spans"] > 5
    assert rows["typos"]["share_of_clean"] < 0.9
    for row in rows.values():
        assert row["numbers_kept"] == row["num_numbers"] >= 5
        assert row["loops"] == row["empty"] == 0


def test_a_translator_that_cannot_read_capitals() -> None:
    rows = measured(lambda texts: ["" if text.isupper() else text for text in texts])
    assert rows["upper"]["share_of_clean"] == 0
    assert rows["upper"]["empty"] == 20
    assert rows["upper"]["numbers_kept"] == 0
    assert rows["clean"]["empty"] == 0


def test_joined_sentences_are_compared_with_the_same_ones_alone() -> None:
    # Every translation loses its last word, so a long line loses less than its sentences do.
    rows = measured(lambda texts: [text.rpartition(" ")[0] for text in texts])
    joined = rows["joined"]
    assert joined["num_lines"] <= 10
    assert joined["bleu"] > joined["clean_bleu"]
    assert joined["clean_bleu"] != rows["clean"]["bleu"]
    assert rows["upper"]["clean_bleu"] == rows["clean"]["bleu"]
    assert joined["share_of_clean"] == joined["bleu"] / joined["clean_bleu"]


def test_headings_are_not_joined() -> None:
    test_set = TestSet("test", ["Index", *LINES, "Help"], [["Index", *LINES, "Help"]])
    joined = measure_robustness(list, test_set, "en", "en")["rows"][-1]
    assert joined["name"] == "joined"
    assert joined["bleu"] == joined["clean_bleu"] == pytest.approx(100)
    assert joined["num_numbers"] == 5
    assert joined["num_lines"] == measured()["joined"]["num_lines"]


def test_loops_are_counted() -> None:
    rows = measured(lambda texts: ["no no no no no" for _ in texts])
    assert rows["clean"]["loops"] == 20
    assert rows["clean"]["bleu"] == 0
    assert rows["clean"]["share_of_clean"] is None


def test_the_translator_is_called_once() -> None:
    calls = []

    def translate(texts: list[str]) -> list[str]:
        calls.append(len(texts))
        return texts

    rows = measured(translate)
    assert calls == [sum(row["num_lines"] for row in rows.values())]


def test_a_test_set_of_one_sentence() -> None:
    test_set = TestSet("test", ["Ja."], [["Yes."], ["Yeah."]])
    report = measure_robustness(lambda texts: ["Yes." for _ in texts], test_set, "de", "en")
    assert [row["num_lines"] for row in report["rows"]] == [1] * 11
    assert report["rows"][-1]["name"] == "emoji_inserted"  # there is nothing to join


def test_writes_a_file(tmp_path: Path) -> None:
    test_set = TestSet("test", LINES, [LINES])
    report = measure_robustness(list, test_set, "en", "en")
    run = RunFolder(tmp_path / "run")
    assert write_robustness(run, report, "test") == tmp_path / "run" / "robustness.json"
    assert json.loads(run.robustness_file("test").read_text(encoding="utf-8")) == report
    assert write_robustness(run, report, "valid").name == "robustness.valid.json"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write the evaluation"):
        write_robustness(RunFolder(tmp_path / "file"), {}, "test")
