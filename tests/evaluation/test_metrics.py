"""Scores by hand, against sacreBLEU's functions, and against its command."""

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER

from seq2seq.errors import UserError
from seq2seq.evaluation import metrics
from seq2seq.evaluation.metrics import compute_statistics, one_line, quick_scores, score
from seq2seq.evaluation.report import build_report, write_report
from seq2seq.run import RunFolder

CAT = "the cat sat on the mat"
WORDS = [f"w{i}" for i in range(40)]


def noisy_corpus(size: int) -> tuple[list[str], list[str]]:
    """Returns hypotheses in which about 30 % of the words are wrong, and their references."""
    rng = random.Random(1)
    references = [" ".join(rng.choices(WORDS, k=rng.randint(3, 15))) for _ in range(size)]
    hypotheses = []
    for reference in references:
        words = []
        for word in reference.split():
            words.append(rng.choice(WORDS) if rng.random() < 0.3 else word)
        hypotheses.append(" ".join(words))
    return hypotheses, references


def test_bleu_and_ter_by_hand() -> None:
    scores = score([CAT], [["the cat sat on a mat"]], bootstrap=0)
    # Matching n-grams: 5 of 6, 3 of 5, 2 of 4, 1 of 3. The lengths are equal: no penalty.
    assert scores.metrics["bleu"].score == pytest.approx(
        100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    )
    # One word of six is replaced.
    assert scores.metrics["ter"].score == pytest.approx(100 * 1 / 6)
    assert scores.brevity_penalty == 1.0
    assert scores.metrics["bleu"].low is None
    assert scores.metrics["bleu"].high is None


def test_chrf_by_hand() -> None:
    # 1-grams: precision 2/2, recall 2/3. 2-grams: 1/1 and 1/2. The hypothesis has no 3-grams, so
    # only two orders count.
    recall = (2 / 3 + 1 / 2) / 2
    scores = score(["ab"], [["abc"]], bootstrap=0)
    assert scores.metrics["chrf"].score == pytest.approx(100 * 5 * recall / (4 + recall))


def test_ter_counts_a_shift_as_one_edit() -> None:
    assert score(["d a b c"], [["a b c d"]], bootstrap=0).metrics["ter"].score == pytest.approx(25)


def test_lengths_and_brevity_penalty_by_hand() -> None:
    scores = score(["the cat sat on"], [[CAT]], bootstrap=0)
    assert scores.system_length == 4
    assert scores.reference_length == 6
    assert scores.length_ratio == pytest.approx(4 / 6)
    assert scores.brevity_penalty == pytest.approx(math.exp(1 - 6 / 4))
    assert scores.metrics["bleu"].score == pytest.approx(100 * math.exp(1 - 6 / 4))


def test_case_counts_unless_lowercase() -> None:
    cased = score([CAT.upper()], [[CAT]], bootstrap=0)
    lowered = score([CAT.upper()], [[CAT]], bootstrap=0, lowercase=True)
    assert cased.metrics["bleu"].score == 0
    assert lowered.metrics["bleu"].score == pytest.approx(100)
    assert lowered.metrics["chrf"].score == pytest.approx(100)
    assert "case:mixed" in cased.metrics["bleu"].signature
    assert "case:lc" in lowered.metrics["bleu"].signature


def test_any_reference_may_match() -> None:
    scores = score([CAT], [["no such words"], [CAT]], bootstrap=0)
    assert scores.metrics["bleu"].score == pytest.approx(100)
    assert "nrefs:2" in scores.metrics["bleu"].signature


def test_interval_and_signature_equal_those_of_sacrebleu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    # With 61 sentences, a block has 16 resamples. The last block is shorter.
    monkeypatch.setattr(metrics, "_DRAWS_PER_BLOCK", 1000)
    hypotheses, references = noisy_corpus(61)
    second = [line.replace("w1", "w2") for line in references]
    scores = score(hypotheses, [references, second], bootstrap=203)
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF()), ("ter", TER())):
        ours = scores.metrics[name]
        theirs = metric.corpus_score(hypotheses, [references, second], n_bootstrap=203)
        assert ours.score == pytest.approx(theirs.score)
        assert ours.low is not None
        assert ours.high is not None
        # sacreBLEU adds up in float32.
        assert (ours.high - ours.low) / 2 == pytest.approx(theirs._ci, abs=1e-4)
        assert ours.signature == str(metric.get_signature())


def test_the_mean_of_the_resamples_equals_that_of_sacrebleu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    hypotheses, references = noisy_corpus(50)
    statistics = compute_statistics(hypotheses, [references], metrics=("chrf",))["chrf"]
    theirs = CHRF().corpus_score(hypotheses, [references], n_bootstrap=300)
    mean = statistics.resampled_scores(bootstrap=300, seed=12345).mean()
    assert mean == pytest.approx(theirs._mean, abs=1e-4)


def test_the_seed_decides_the_interval() -> None:
    hypotheses, references = noisy_corpus(40)
    first = score(hypotheses, [references], bootstrap=200, seed=1)
    same_seed = score(hypotheses, [references], bootstrap=200, seed=1)
    other_seed = score(hypotheses, [references], bootstrap=200, seed=2)
    assert first == same_seed
    assert first.metrics["bleu"].low != other_seed.metrics["bleu"].low


def test_the_score_is_inside_its_interval() -> None:
    hypotheses, references = noisy_corpus(40)
    bleu = score(hypotheses, [references], bootstrap=200).metrics["bleu"]
    assert bleu.low is not None
    assert bleu.high is not None
    assert bleu.low < bleu.score < bleu.high


def test_every_resample_has_n_sentences() -> None:
    blocks = list(metrics._resample_weights(7, 11, 3))
    weights = np.concatenate(blocks)
    assert weights.shape == (11, 7)
    assert (weights.sum(axis=1) == 7).all()


def test_quick_scores_are_the_same_numbers() -> None:
    hypotheses, references = noisy_corpus(30)
    scores = score(hypotheses, [references], bootstrap=0)
    assert quick_scores(hypotheses, [references]) == (
        scores.metrics["bleu"].score,
        scores.metrics["chrf"].score,
    )


# (hypothesis, reference) pairs in which programs disagree about ends of lines, spaces or letters.
ODD_PAIRS = [
    ("a\u2028b c d e", "a\u2028b c d é"),
    ("x\x85y z w v", "x\x85y z w v"),
    ("\ufeffone two three four", "\ufeffoné two thréé four"),
    ("tab\tin the mid dle", "tab\tin thé mid dlé"),
    ("a\x0bb\x0cc\x1cd e f g", "a\x0bb\x0cc\x1cd é f g"),
    ("ends oddly here now\x85\u2028", "ends oddly here now"),
    ("", "not empty"),
    ("  two  spaces here  ", "two spaces here now"),
    ("cut\nin two-\nor three\r\nor four", "cut in two- or three or four"),
    ("a lone \ud800 surrogate stands here", "a lone ? surrogate stood here"),
    ('a &quot;quoted&quot; "word" is <skipped> here', 'a "quoted" word is here'),
    ("a\rreturn b c", "a return b d"),
]


def test_the_sacrebleu_command_gives_the_same_numbers(tmp_path: Path) -> None:
    hypotheses, references = noisy_corpus(30)
    for hypothesis, reference in ODD_PAIRS:
        hypotheses.append(hypothesis)
        references.append(reference)
    report = build_report(["x"] * len(hypotheses), hypotheses, [references], seconds=1.0)
    _, hypotheses_file = write_report(RunFolder(tmp_path), report, hypotheses, "test")
    references_file = tmp_path / "references.txt"
    references_file.write_bytes("".join(f"{line}\n" for line in references).encode())
    command = [sys.executable, "-m", "sacrebleu", str(references_file), "-i", str(hypotheses_file)]
    options = ["--confidence", "-m", "bleu", "chrf", "ter", "-w", "6", "--format", "json"]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    environment.pop("SACREBLEU_SEED", None)
    process = subprocess.run(
        [*command, *options], check=True, capture_output=True, encoding="utf-8", env=environment
    )
    results = {result["name"]: result for result in json.loads(process.stdout)}
    for key, name in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER")):
        ours = report[key]
        assert ours["score"] == pytest.approx(results[name]["score"], abs=1e-6)
        assert ours["signature"] == results[name]["signature"]
        half_width = (ours["high"] - ours["low"]) / 2
        assert half_width == pytest.approx(results[name]["confidence_var"], abs=1e-4)


@given(st.text(st.sampled_from("\r\n\x85\u2028\ud800 ") | st.characters()))
def test_one_line_is_one_line_of_utf8(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert "\r" not in line
    assert line.encode("utf-8").decode("utf-8") == line
    assert one_line(line) == line


def test_one_line_keeps_characters_that_do_not_end_a_line() -> None:
    assert one_line("a\u2028b\x85c\x0cd\te") == "a\u2028b\x85c\x0cd\te"


@pytest.mark.parametrize("score_function", [score, quick_scores])
def test_no_hypotheses_are_an_error(
    score_function: Callable[[list[str], list[list[str]]], object],
) -> None:
    with pytest.raises(UserError, match=r"no sentences to score \(0 hypotheses\)"):
        score_function([], [[]])


def test_no_references_are_an_error() -> None:
    with pytest.raises(UserError, match="no reference to score against"):
        score(["a"], [])


def test_different_numbers_of_lines_are_an_error() -> None:
    with pytest.raises(UserError, match="reference 2 has 1, the hypotheses have 2"):
        score(["a", "b"], [["a", "b"], ["a"]])


def test_to_dict_can_be_json() -> None:
    scores = score([CAT], [[CAT]], bootstrap=10)
    assert json.loads(json.dumps(scores.to_dict())) == scores.to_dict()
    assert set(scores.to_dict()["bleu"]) == {"score", "signature", "low", "high"}
