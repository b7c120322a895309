"""The report of an evaluation: its keys, and its files."""

import json
import os
from pathlib import Path

import pytest
from evaluation_examples import (
    HYPOTHESES,
    REFERENCES,
    SOURCES,
    UNSPACED_HYPOTHESES,
    UNSPACED_REFERENCES,
    example_report,
)
from sacrebleu.metrics import BLEU, CHRF

from seq2seq.errors import UserError
from seq2seq.evaluation.metric_table import METRICS, Metric
from seq2seq.evaluation.report import Hypotheses, Report, build_report, write_report
from seq2seq.run import RunFolder

# -- building --------------------------------------------------------------------------------------


def test_keys() -> None:
    report = example_report()
    assert list(report) == [
        "bleu",
        "chrf",
        "ter",
        "num_sentences",
        "brevity_penalty",
        "length_ratio",
        "system_length",
        "reference_length",
        "tokenization",
        "num_references",
        "seconds",
        "sentences_per_second",
        "bleu_by_source_length",
    ]
    assert set(report["ter"]) == {"score", "signature", "low", "high"}


def test_numbers() -> None:
    report = example_report()
    assert report["num_sentences"] == 6
    assert report["num_references"] == 1
    assert report["sentences_per_second"] == 3.0
    bleu = BLEU().corpus_score(HYPOTHESES, [REFERENCES])
    assert report["bleu"]["score"] == pytest.approx(bleu.score)


def test_the_tokenization_holds_for_all_scores() -> None:
    references = UNSPACED_REFERENCES["zh"]
    hypotheses = UNSPACED_HYPOTHESES["zh"]
    report = build_report(
        ["one", "two"],
        hypotheses,
        [references],
        seconds=1,
        tokenization="zh",
        lowercase=True,
        against=Hypotheses(name="other", lines=references),
        bootstrap=50,
    )
    assert report["tokenization"] == "zh"
    for score in (report["bleu"], report["bleu_lowercase"], report["against"]["bleu"]):
        assert "tok:zh" in score["signature"]
        assert 20 < score["score"] < 100
    assert report["against"]["bleu"]["other"] == pytest.approx(100)
    (bucket,) = report["bleu_by_source_length"]
    assert bucket["bleu"] == pytest.approx(report["bleu"]["score"])


def test_source_lengths_in_a_script_without_spaces() -> None:
    sources = ["はい。", "私は大きい椅子を見ました。", "私は昨日公園で大きい犬を二匹見ました。"]
    report = build_report(sources, ["a"] * 3, [["a"] * 3], seconds=1, bootstrap=0)
    entries = [(entry["words"], entry["n"]) for entry in report["bleu_by_source_length"]]
    assert entries == [("1-5", 1), ("6-10", 2)]


def test_extra_keys_are_added() -> None:
    report = example_report(extra={"split": "test", "beam": 5})
    assert report["split"] == "test"
    assert report["beam"] == 5


def test_extra_keys_must_be_new() -> None:
    with pytest.raises(ValueError, match=r"keys that the report has too: \['bleu'\]"):
        example_report(extra={"bleu": 1})


def test_lowercase_adds_a_score() -> None:
    report = example_report(lowercase=True)
    assert report["bleu"] == example_report()["bleu"]
    bleu = BLEU(lowercase=True).corpus_score(HYPOTHESES, [REFERENCES])
    assert report["bleu_lowercase"]["score"] == pytest.approx(bleu.score)
    assert report["bleu_lowercase"]["score"] > report["bleu"]["score"]
    assert "case:lc" in report["bleu_lowercase"]["signature"]


def test_bleu_by_source_length() -> None:
    entries = example_report()["bleu_by_source_length"]
    assert [(entry["words"], entry["n"]) for entry in entries] == [
        ("0", 1),
        ("1-5", 2),
        ("6-10", 1),
        ("11-15", 1),
        ("51+", 1),
    ]
    bleu = BLEU().corpus_score(HYPOTHESES[3:4], [REFERENCES[3:4]])
    assert entries[3]["bleu"] == pytest.approx(bleu.score)


def test_perfect_one_word_sentences_have_100_bleu() -> None:
    entries = example_report()["bleu_by_source_length"]
    assert entries[1]["words"] == "1-5"
    assert entries[1]["bleu"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("num_words", "label"),
    [
        (1, "1-5"),
        (5, "1-5"),
        (6, "6-10"),
        (10, "6-10"),
        (11, "11-15"),
        (16, "16-20"),
        (20, "16-20"),
        (21, "21-30"),
        (30, "21-30"),
        (31, "31-50"),
        (50, "31-50"),
        (51, "51+"),
        (400, "51+"),
    ],
)
def test_ranges_of_source_lengths(num_words: int, label: str) -> None:
    report = build_report(["w " * num_words], ["a"], [["a"]], seconds=1, bootstrap=0)
    assert [entry["words"] for entry in report["bleu_by_source_length"]] == [label]


def test_against_another_system() -> None:
    worse = ["x"] * 5 + HYPOTHESES[5:]
    report = example_report(against=Hypotheses(name="runs/old", lines=worse))
    against = report["against"]
    assert list(against) == ["name", "resamples", "bleu", "chrf", "ter"]
    assert against["name"] == "runs/old"
    assert against["resamples"] == 50
    bleu = against["bleu"]
    assert bleu["score"] == report["bleu"]["score"]
    assert bleu["delta"] == pytest.approx(bleu["score"] - bleu["other"])
    assert against["chrf"]["delta"] > 0
    assert against["ter"]["delta"] < 0


def test_an_entry_in_the_table_adds_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    chrf2 = Metric(label="chrF++", build=lambda tokenization, lowercase: CHRF(word_order=2))
    monkeypatch.setitem(METRICS, "chrf2", chrf2)
    report = example_report(against=Hypotheses(name="runs/old", lines=REFERENCES))
    expected = CHRF(word_order=2).corpus_score(HYPOTHESES, [REFERENCES])
    assert list(report)[:5] == ["bleu", "chrf", "ter", "chrf2", "num_sentences"]
    assert report["chrf2"]["score"] == pytest.approx(expected.score)
    assert report["against"]["chrf2"]["score"] == report["chrf2"]["score"]


def test_the_other_system_must_have_the_same_number_of_lines() -> None:
    message = r"Cannot compare with old\.txt\..* it has 2, the hypotheses have 6\."
    with pytest.raises(UserError, match=message):
        example_report(against=Hypotheses(name="old.txt", lines=["a", "b"]))


def test_without_time_there_is_no_speed() -> None:
    assert example_report(seconds=0.0)["sentences_per_second"] is None


def test_every_source_needs_a_hypothesis() -> None:
    with pytest.raises(ValueError, match="6 hypotheses for 5 source lines"):
        build_report(SOURCES[1:], HYPOTHESES, [REFERENCES], seconds=1)


# -- writing ---------------------------------------------------------------------------------------


def read_json(path: Path) -> Report:
    report: Report = json.loads(path.read_text(encoding="utf-8"))
    return report


def test_writes_the_report_as_json(tmp_path: Path) -> None:
    against = Hypotheses(name="ä", lines=REFERENCES)
    report = example_report(lowercase=True, against=against, extra={"note": "grün"})
    run = RunFolder(tmp_path / "new" / "run")
    report_file, _ = write_report(run, report, HYPOTHESES, "test")
    assert report_file == run.path / "evaluation.json"
    assert read_json(report_file) == report
    assert "grün" in report_file.read_text(encoding="utf-8")


def test_writes_one_hypothesis_a_line(tmp_path: Path) -> None:
    hypotheses = [*HYPOTHESES[:4], "zwei\u2028halb\x85e", "two\nlines\r\nin one"]
    run = RunFolder(tmp_path)
    _, hypotheses_file = write_report(run, example_report(), hypotheses, "test")
    assert hypotheses_file == run.path / "hypotheses.txt"
    text = hypotheses_file.read_bytes().decode()
    assert text.endswith("\n")
    assert text.split("\n")[:-1] == [*hypotheses[:5], "two lines in one"]


def test_writes_no_other_files(tmp_path: Path) -> None:
    write_report(RunFolder(tmp_path), example_report(), HYPOTHESES, "test")
    assert sorted(os.listdir(tmp_path)) == ["evaluation.json", "hypotheses.txt"]


def test_other_test_sets_have_their_own_files(tmp_path: Path) -> None:
    paths = write_report(RunFolder(tmp_path), example_report(), HYPOTHESES, "valid")
    assert [path.name for path in paths] == ["evaluation.valid.json", "hypotheses.valid.txt"]


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a b", "test\n"])
def test_names_that_cannot_be_file_names_are_errors(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="is not a valid name for an evaluation"):
        write_report(RunFolder(tmp_path), example_report(), HYPOTHESES, name)
    assert os.listdir(tmp_path) == []


def test_the_hypotheses_must_be_those_of_the_report() -> None:
    with pytest.raises(ValueError, match="5 hypotheses for a report on 6 sentences"):
        write_report(RunFolder("nowhere"), example_report(), HYPOTHESES[1:], "test")


def test_a_failed_write_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path)
    old_report = example_report(extra={"run": 1})
    write_report(run, old_report, HYPOTHESES, "test")

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_full)
    message = r"Cannot write the evaluation into .*: No space left on device"
    with pytest.raises(UserError, match=message):
        write_report(run, example_report(extra={"run": 2}), ["new"] * 6, "test")
    assert sorted(os.listdir(tmp_path)) == ["evaluation.json", "hypotheses.txt"]
    assert read_json(run.evaluation_file("test")) == old_report
    hypotheses = run.hypotheses_file("test").read_text(encoding="utf-8")
    assert hypotheses.splitlines() == HYPOTHESES


def test_a_run_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("not a folder")
    with pytest.raises(UserError, match="Make the folder writable"):
        write_report(RunFolder(tmp_path / "run"), example_report(), HYPOTHESES, "test")
