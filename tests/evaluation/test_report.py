"""The report: its keys, its way to disk and back, and what a person sees."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sacrebleu.metrics import BLEU

from seq2seq.errors import UserError
from seq2seq.evaluation import Hypotheses, build_report, render_report, report, write_report

SOURCES = ["eins", "a b c d e f", "", " ".join("abcdefghijk"), "zwei", " ".join(["w"] * 51)]
REFERENCES = ["one", "A b c d e x", "nothing", "a b c d e f g h i j k", "two", "the long one is here"]
HYPOTHESES = ["one", "a b c d e x", "", "a b c d z f g h i j k", "two", "the long one was here"]


def build(**options: Any) -> dict[str, Any]:
    return build_report(SOURCES, HYPOTHESES, [REFERENCES], **({"seconds": 2.0, "bootstrap": 50} | options))


def shown(renderable: Any, width: int = 100, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    Console(file=file, width=width, color_system=None).print(renderable)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_keys_and_numbers() -> None:
    built = build(extra={"split": "test", "beam": 5})
    assert {"bleu", "chrf", "ter", "num_sentences", "sentences_per_second", "brevity_penalty", "length_ratio"} <= set(
        built
    )
    assert set(built["ter"]) == {"score", "signature", "low", "high"}
    assert built["num_sentences"] == 6
    assert built["num_references"] == 1
    assert built["sentences_per_second"] == 3.0
    assert built["bleu"]["score"] == pytest.approx(BLEU().corpus_score(HYPOTHESES, [REFERENCES]).score)
    assert (built["split"], built["beam"]) == ("test", 5)
    assert "against" not in built
    assert "bleu_lowercase" not in built


def test_lowercase_adds_the_other_figure() -> None:
    built = build(lowercase=True)
    assert built["bleu"] == build()["bleu"]
    lowered = BLEU(lowercase=True).corpus_score(HYPOTHESES, [REFERENCES])
    assert built["bleu_lowercase"]["score"] == pytest.approx(lowered.score)
    assert built["bleu_lowercase"]["score"] > built["bleu"]["score"]
    assert "case:lc" in built["bleu_lowercase"]["signature"]


def test_bleu_by_source_length() -> None:
    buckets = build()["bleu_by_source_length"]
    assert [(bucket["words"], bucket["n"]) for bucket in buckets] == [
        ("0", 1), ("1-5", 2), ("6-10", 1), ("11-15", 1), ("51+", 1)
    ]  # fmt: skip
    assert buckets[1]["bleu"] == pytest.approx(100)  # perfect one-word sentences, though they have no 4-grams
    assert buckets[3]["bleu"] == pytest.approx(BLEU().corpus_score(HYPOTHESES[3:4], [REFERENCES[3:4]]).score)


@pytest.mark.parametrize(
    ("words", "bucket"),
    [(1, "1-5"), (5, "1-5"), (6, "6-10"), (10, "6-10"), (11, "11-15"), (16, "16-20"), (20, "16-20"), (21, "21-30"),
     (30, "21-30"), (31, "31-50"), (50, "31-50"), (51, "51+"), (400, "51+")],
)  # fmt: skip
def test_bucket_limits(words: int, bucket: str) -> None:
    built = build_report(["w " * words], ["a"], [["a"]], seconds=1, bootstrap=0)
    assert [found["words"] for found in built["bleu_by_source_length"]] == [bucket]


def test_against_another_system() -> None:
    worse = ["x"] * 5 + HYPOTHESES[5:]
    built = build(against=Hypotheses(name="runs/old", lines=worse))
    against = built["against"]
    assert (against["name"], against["resamples"]) == ("runs/old", 50)
    assert against["bleu"]["score"] == built["bleu"]["score"]
    assert against["bleu"]["delta"] == pytest.approx(against["bleu"]["score"] - against["bleu"]["other"])
    assert against["chrf"]["delta"] > 0 > against["ter"]["delta"]


def test_against_must_have_as_many_lines() -> None:
    with pytest.raises(UserError, match=r"Cannot compare with old\.txt: it has 2 lines, but there are 6 hypotheses"):
        build(against=Hypotheses(name="old.txt", lines=["a", "b"]))


def test_without_time_there_is_no_pace() -> None:
    built = build(seconds=0.0)
    assert built["sentences_per_second"] is None
    assert "second" not in shown(render_report(built))


def test_calls_that_are_wrong() -> None:
    with pytest.raises(ValueError, match="6 hypotheses for 5 source lines"):
        build_report(SOURCES[1:], HYPOTHESES, [REFERENCES], seconds=1)
    with pytest.raises(ValueError, match=r"extra keys \['bleu'\]"):
        build(extra={"bleu": 1})
    with pytest.raises(ValueError, match="5 hypotheses with a report on 6"):
        write_report(Path("nowhere"), build(), HYPOTHESES[1:], "test")


def test_round_trip(tmp_path: Path) -> None:
    built = build(lowercase=True, against=Hypotheses(name="ä", lines=REFERENCES), extra={"note": "grün"})
    lines = [*HYPOTHESES[:4], "zwei\u2028halb\x85e", "two\nlines\r\nin one"]
    json_path, text_path = write_report(tmp_path / "new" / "run", built, lines, "test")
    assert (json_path.name, text_path.name) == ("evaluation.json", "hypotheses.txt")
    assert json.loads(json_path.read_text(encoding="utf-8")) == built
    assert "grün" in json_path.read_text(encoding="utf-8")
    written = text_path.read_bytes().decode()
    assert written.endswith("\n")
    assert written.split("\n")[:-1] == [*lines[:5], "two lines in one"]
    assert sorted(os.listdir(json_path.parent)) == ["evaluation.json", "hypotheses.txt"]
    assert shown(render_report(json.loads(json_path.read_text(encoding="utf-8")))) == shown(render_report(built))


def test_other_splits_have_files_of_their_own(tmp_path: Path) -> None:
    paths = write_report(tmp_path, build(), HYPOTHESES, "valid")
    assert [path.name for path in paths] == ["evaluation.valid.json", "hypotheses.valid.txt"]


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a b", "test\n"])
def test_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot name an evaluation"):
        write_report(tmp_path, build(), HYPOTHESES, name)
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = build(extra={"run": 1})
    write_report(tmp_path, old, HYPOTHESES, "test")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report.os, "fsync", full)
    with pytest.raises(UserError, match=r"Cannot write the evaluation into .*: No space left on device"):
        write_report(tmp_path, build(extra={"run": 2}), ["new"] * 6, "test")
    assert sorted(os.listdir(tmp_path)) == ["evaluation.json", "hypotheses.txt"]
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8")) == old
    assert (tmp_path / "hypotheses.txt").read_text(encoding="utf-8").splitlines() == HYPOTHESES


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("not a folder")
    with pytest.raises(UserError, match="Make the folder writable"):
        write_report(tmp_path / "run", build(), HYPOTHESES, "test")


def test_rendering_says_it_all() -> None:
    built = build(lowercase=True, against=Hypotheses(name="runs/[red]old[/red]", lines=REFERENCES))
    text = shown(render_report(built), width=160)
    for figure in ("bleu", "bleu_lowercase", "chrf", "ter"):
        assert f"{built[figure]['score']:.2f}" in text
        assert built[figure]["signature"] in text
        assert f"{built[figure]['low']:.2f} to {built[figure]['high']:.2f}" in text
    assert "6 sentences in 2.0 s (3.0 a second)" in text
    assert f"{built['brevity_penalty']:.3f}" in text
    assert "Against runs/[red]old[/red] (paired bootstrap, 50 resamples)" in text
    assert f"{built['against']['bleu']['delta']:+.2f}" in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert rows["1-5"].count("━") > 2 * rows["51+"].count("━") > 0  # the bars are as long as the scores are high


@pytest.mark.parametrize(
    ("delta", "p", "verdict"), [(1.0, 0.01, "better"), (-1.0, 0.01, "worse"), (1.0, 0.2, "unclear")]
)
def test_verdicts(delta: float, p: float, verdict: str) -> None:
    test = {"score": 1.0, "other": 0.0, "delta": delta, "low": 0.0, "high": 1.0, "p_value": p, "wins": 0.5}
    against = {"name": "b", "resamples": 10, "bleu": test, "chrf": test, "ter": test | {"delta": -delta}}
    text = shown(render_report(build() | {"against": against}))
    assert [line.split()[-1] for line in text.splitlines()[-3:]] == [verdict] * 3


def test_rendering_without_intervals_and_in_ascii() -> None:
    text = shown(render_report(build(bootstrap=0)), width=80, encoding="ascii")
    assert "None" not in text
    assert max(map(len, text.splitlines())) <= 80
