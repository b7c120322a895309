"""The paired bootstrap, by hand and against sacreBLEU."""

import random

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from seq2seq.errors import UserError
from seq2seq.evaluation.metrics import compute_statistics
from seq2seq.evaluation.significance import _p_value, paired_bootstrap, paired_comparison

WORDS = [f"w{i}" for i in range(40)]


@pytest.fixture(scope="module")
def references() -> list[str]:
    rng = random.Random(5)
    return [" ".join(rng.choices(WORDS, k=rng.randint(4, 15))) for _ in range(120)]


def with_errors(references: list[str], error_rate: float, seed: int) -> list[str]:
    """Replaces a share of the words by random ones."""
    rng = random.Random(seed)
    lines = []
    for line in references:
        words = []
        for word in line.split():
            words.append(rng.choice(WORDS) if rng.random() < error_rate else word)
        lines.append(" ".join(words))
    return lines


def test_identical_systems_have_p_1(references: list[str]) -> None:
    system = with_errors(references, 0.3, 1)
    for comparison in paired_bootstrap(system, list(system), [references], bootstrap=100).values():
        assert comparison.p_value == 1.0
        assert comparison.delta == 0
        assert comparison.low == 0
        assert comparison.high == 0
        assert comparison.wins == 0


def test_a_clearly_better_system_wins(references: list[str]) -> None:
    good = with_errors(references, 0.1, 1)
    bad = with_errors(references, 0.5, 2)
    comparisons = paired_bootstrap(good, bad, [references], bootstrap=200)
    for comparison in comparisons.values():
        assert comparison.p_value < 0.01
        # For TER too, although its delta is negative.
        assert comparison.wins == 1.0
        assert comparison.low < comparison.delta < comparison.high
    bleu = comparisons["bleu"]
    assert bleu.low > 0
    assert bleu.delta == bleu.score - bleu.other
    assert comparisons["ter"].high < 0


def test_swapping_the_systems_mirrors_the_result(references: list[str]) -> None:
    a = with_errors(references, 0.30, 1)
    b = with_errors(references, 0.32, 2)
    comparison = paired_bootstrap(a, b, [references], bootstrap=200)["bleu"]
    swapped = paired_bootstrap(b, a, [references], bootstrap=200)["bleu"]
    assert comparison.p_value == swapped.p_value
    assert comparison.delta == -swapped.delta
    assert comparison.wins == pytest.approx(1 - swapped.wins)
    assert 0 < comparison.wins < 1


def test_p_value_by_hand() -> None:
    # The sizes 1, 1, 3, 1 have the mean 1.5. Only 3 exceeds it by more than the observed 1, so
    # p is (1 + 1) / (4 + 1).
    assert _p_value(np.array([1.0, 1.0, 3.0, -1.0]), -1.0) == pytest.approx(2 / 5)


@pytest.mark.parametrize("other_rate", [0.30, 0.34, 0.38])
def test_p_value_and_signature_equal_those_of_sacrebleu(
    references: list[str], other_rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    a = with_errors(references, 0.30, 1)
    b = with_errors(references, other_rate, 2)
    ours = paired_bootstrap(a, b, [references], bootstrap=300)
    paired_test = PairedTest(
        [("b", b), ("a", a)],
        {"bleu": BLEU(), "chrf": CHRF(), "ter": TER()},
        [references],
        "bs",
        n_samples=300,
    )
    signatures, results = paired_test()
    for name, key in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER")):
        other, system = results[key]
        assert not isinstance(other, str)
        assert not isinstance(system, str)
        # sacreBLEU adds up in float32, so one resample in 300 may fall on the other side.
        assert ours[name].p_value == pytest.approx(system.p_value, abs=1.5 / 301)
        assert ours[name].score == pytest.approx(system.score)
        assert ours[name].other == pytest.approx(other.score)
        assert ours[name].signature == str(signatures[key])


def test_pairing_detects_a_small_difference(references: list[str]) -> None:
    system = with_errors(references, 0.4, 1)
    better = list(system)
    for i in range(0, len(references), 8):
        better[i] = references[i]
    paired = paired_bootstrap(better, system, [references], bootstrap=300)["bleu"]
    # Reversed, the other system gets other draws of its sentences.
    reversed_system = list(reversed(system))
    reversed_references = list(reversed(references))
    unpaired = paired_comparison(
        "bleu",
        compute_statistics(better, [references])["bleu"],
        compute_statistics(reversed_system, [reversed_references])["bleu"],
        bootstrap=300,
        seed=12345,
    )
    assert paired.high - paired.low < 0.8 * (unpaired.high - unpaired.low)
    assert paired.p_value < 0.01


def test_both_systems_must_have_the_same_number_of_lines(references: list[str]) -> None:
    message = "The numbers of lines differ: it has 119, the hypotheses have 120."
    with pytest.raises(UserError, match=message):
        paired_bootstrap(references, references[1:], [references])


def test_too_few_resamples_are_an_error(references: list[str]) -> None:
    with pytest.raises(ValueError, match="needs at least 2 resamples"):
        paired_bootstrap(references, references, [references], bootstrap=0)
