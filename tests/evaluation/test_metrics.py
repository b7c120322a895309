"""Scores against numbers worked out by hand, against sacreBLEU's functions and against its command."""

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER

from seq2seq.errors import UserError
from seq2seq.evaluation import metrics, quick_scores, score
from seq2seq.evaluation.metrics import one_line
from seq2seq.evaluation.report import build_report, write_report

CAT = "the cat sat on the mat"
WORDS = [f"w{i}" for i in range(40)]


def noisy_corpus(size: int, seed: int = 1, error_rate: float = 0.3) -> tuple[list[str], list[str]]:
    """Made-up references and hypotheses with some words wrong."""
    rng = random.Random(seed)
    references = [" ".join(rng.choices(WORDS, k=rng.randint(3, 15))) for _ in range(size)]
    return [
        " ".join(rng.choice(WORDS) if rng.random() < error_rate else word for word in reference.split())
        for reference in references
    ], references


def test_bleu_and_ter_by_hand() -> None:
    scores = score([CAT], [["the cat sat on a mat"]], bootstrap=0)
    # n-grams found: 5 of 6, 3 of 5, 2 of 4, 1 of 3; as long as the reference, so no penalty.
    assert scores.bleu.score == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert scores.ter.score == pytest.approx(100 * 1 / 6)  # one word of six replaced
    assert scores.brevity_penalty == 1.0
    assert scores.bleu.low is None
    assert scores.bleu.high is None


def test_chrf_by_hand() -> None:
    # 1-grams: precision 2/2, recall 2/3; 2-grams: 1/1 and 1/2; the hypothesis has no 3-grams, so only two orders count.
    recall = (2 / 3 + 1 / 2) / 2
    assert score(["ab"], [["abc"]], bootstrap=0).chrf.score == pytest.approx(100 * 5 * recall / (4 + recall))


def test_ter_counts_a_shift_as_one_edit() -> None:
    assert score(["d a b c"], [["a b c d"]], bootstrap=0).ter.score == pytest.approx(25)


def test_lengths_and_brevity_penalty_by_hand() -> None:
    scores = score(["the cat sat on"], [[CAT]], bootstrap=0)
    assert (scores.system_length, scores.reference_length) == (4, 6)
    assert scores.length_ratio == pytest.approx(4 / 6)
    assert scores.brevity_penalty == pytest.approx(math.exp(1 - 6 / 4))
    assert scores.bleu.score == pytest.approx(100 * math.exp(1 - 6 / 4))


def test_case_counts_unless_lowercase() -> None:
    cased = score([CAT.upper()], [[CAT]], bootstrap=0)
    lowered = score([CAT.upper()], [[CAT]], bootstrap=0, lowercase=True)
    assert cased.bleu.score == 0
    assert lowered.bleu.score == pytest.approx(100)
    assert lowered.chrf.score == pytest.approx(100)
    assert "case:mixed" in cased.bleu.signature
    assert "case:lc" in lowered.bleu.signature


def test_any_reference_may_match() -> None:
    scores = score([CAT], [["no such words"], [CAT]], bootstrap=0)
    assert scores.bleu.score == pytest.approx(100)
    assert "nrefs:2" in scores.bleu.signature


def test_interval_and_signature_are_those_of_sacrebleu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    monkeypatch.setattr(metrics, "_DRAWS_AT_A_TIME", 1000)  # 61 sentences: blocks of 16 resamples, the last one short
    hypotheses, references = noisy_corpus(61)
    second = [line.replace("w1", "w2") for line in references]
    scores = score(hypotheses, [references, second], bootstrap=203)
    for figure, metric in ((scores.bleu, BLEU()), (scores.chrf, CHRF()), (scores.ter, TER())):
        theirs = metric.corpus_score(hypotheses, [references, second], n_bootstrap=203)
        assert figure.score == pytest.approx(theirs.score)
        assert figure.low is not None
        assert figure.high is not None
        assert (figure.high - figure.low) / 2 == pytest.approx(theirs._ci, abs=1e-4)  # they add up in float32
        assert figure.signature == str(metric.get_signature())


def test_the_mean_of_the_resamples_is_that_of_sacrebleu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    hypotheses, references = noisy_corpus(50)
    counted = metrics.count(hypotheses, [references], metrics=("chrf",))["chrf"]
    theirs = CHRF().corpus_score(hypotheses, [references], n_bootstrap=300)
    assert counted.resampled_scores(bootstrap=300, seed=12345).mean() == pytest.approx(theirs._mean, abs=1e-4)


def test_resamples_depend_on_the_seed_only() -> None:
    hypotheses, references = noisy_corpus(40)
    first = score(hypotheses, [references], bootstrap=200, seed=1)
    assert first == score(hypotheses, [references], bootstrap=200, seed=1)
    assert first.bleu.low != score(hypotheses, [references], bootstrap=200, seed=2).bleu.low
    assert first.bleu.low is not None
    assert first.bleu.high is not None
    assert first.bleu.low < first.bleu.score < first.bleu.high


def test_every_resample_has_as_many_sentences_as_the_corpus() -> None:
    blocks = list(metrics._resample_weights(7, 11, 3))
    weights = np.concatenate(blocks)
    assert weights.shape == (11, 7)
    assert (weights.sum(axis=1) == 7).all()


def test_quick_scores_are_the_same_numbers() -> None:
    hypotheses, references = noisy_corpus(30)
    scores = score(hypotheses, [references], bootstrap=0)
    assert quick_scores(hypotheses, [references]) == (scores.bleu.score, scores.chrf.score)


def test_the_sacrebleu_command_gives_the_same_numbers(tmp_path: Path) -> None:
    odd = [
        "a\u2028b c d e",
        "x\x85y z w v",
        "\ufeffone two three four",
        "tab\tin the mid dle",
        "a\x0bb\x0cc\x1cd e f g",
    ]
    hypotheses, references = noisy_corpus(30)
    hypotheses += [
        *odd,
        "ends oddly here now\x85\u2028",
        "",
        "  two  spaces here  ",
        "cut\nin two-\nor three\r\nor four",
    ]
    hypotheses += [
        "a lone \ud800 surrogate stands here",
        'a &quot;quoted&quot; "word" is <skipped> here',
        "a\rreturn b c",
    ]
    references += [*(line.replace("e", "é") for line in odd), "ends oddly here now", "not empty", "two spaces here now"]
    references += ["cut in two- or three or four", "a lone ? surrogate stood here", 'a "quoted" word is here']
    references += ["a return b d"]
    report = build_report(["x"] * len(hypotheses), hypotheses, [references], seconds=1.0)
    _, hypotheses_path = write_report(tmp_path, report, hypotheses, "test")
    references_path = tmp_path / "references.txt"
    references_path.write_bytes("".join(f"{line}\n" for line in references).encode())
    command = [sys.executable, "-m", "sacrebleu", str(references_path), "-i", str(hypotheses_path), "--confidence"]
    environment = {key: value for key, value in os.environ.items() if key != "SACREBLEU_SEED"}
    done = subprocess.run(
        [*command, "-m", "bleu", "chrf", "ter", "-w", "6", "--format", "json"],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env=environment | {"PYTHONUTF8": "1"},
    )
    theirs = {entry["name"]: entry for entry in json.loads(done.stdout)}
    for key, name in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER")):
        assert report[key]["score"] == pytest.approx(theirs[name]["score"], abs=1e-6)
        assert report[key]["signature"] == theirs[name]["signature"]
        width = theirs[name]["confidence_var"]
        assert (report[key]["high"] - report[key]["low"]) / 2 == pytest.approx(width, abs=1e-4)


@given(st.text(st.sampled_from("\r\n\x85\u2028\ud800 ") | st.characters()))
def test_one_line_is_one_line_of_utf8(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert "\r" not in line
    assert line.encode("utf-8").decode("utf-8") == line == one_line(line)


def test_one_line_keeps_what_is_no_line_end() -> None:
    assert one_line("a\u2028b\x85c\x0cd\te") == "a\u2028b\x85c\x0cd\te"


def test_nothing_to_score() -> None:
    with pytest.raises(UserError, match=r"no sentences to score \(0 hypotheses\)"):
        score([], [[]])
    with pytest.raises(UserError, match="no sentences to score"):
        quick_scores([], [[]])
    with pytest.raises(UserError, match="no reference to score against"):
        score(["a"], [])


def test_numbers_of_lines_differ() -> None:
    with pytest.raises(UserError, match="Reference 2 has 1 lines, but there are 2 hypotheses"):
        score(["a", "b"], [["a", "b"], ["a"]])


def test_to_dict_is_plain() -> None:
    scores = score([CAT], [[CAT]], bootstrap=10)
    assert json.loads(json.dumps(scores.to_dict())) == scores.to_dict()
    assert set(scores.to_dict()["bleu"]) == {"score", "signature", "low", "high"}
