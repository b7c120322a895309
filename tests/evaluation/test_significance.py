"""The paired bootstrap: sane at both ends, and sacreBLEU's number in between."""

import random

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from seq2seq.errors import UserError
from seq2seq.evaluation import paired_bootstrap
from seq2seq.evaluation.metrics import count
from seq2seq.evaluation.significance import _p_value, compare

WORDS = [f"w{i}" for i in range(40)]


@pytest.fixture
def references() -> list[str]:
    rng = random.Random(5)
    return [" ".join(rng.choices(WORDS, k=rng.randint(4, 15))) for _ in range(120)]


def spoil(references: list[str], error_rate: float, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [
        " ".join(rng.choice(WORDS) if rng.random() < error_rate else word for word in line.split())
        for line in references
    ]


def test_identical_systems_are_not_told_apart(references: list[str]) -> None:
    system = spoil(references, 0.3, 1)
    for comparison in paired_bootstrap(system, list(system), [references], bootstrap=100).values():
        assert comparison.p_value == 1.0
        assert comparison.delta == comparison.low == comparison.high == comparison.wins == 0


def test_a_clearly_better_system_wins(references: list[str]) -> None:
    good, bad = spoil(references, 0.1, 1), spoil(references, 0.5, 2)
    tests = paired_bootstrap(good, bad, [references], bootstrap=200)
    for comparison in tests.values():
        assert comparison.p_value < 0.01
        assert comparison.wins == 1.0  # for TER, too, though its delta is negative
        assert comparison.low < comparison.delta < comparison.high
    assert tests["bleu"].low > 0
    assert tests["ter"].high < 0
    assert tests["bleu"].delta == tests["bleu"].score - tests["bleu"].other


def test_the_other_way_round_is_the_mirror_image(references: list[str]) -> None:
    a, b = spoil(references, 0.30, 1), spoil(references, 0.32, 2)
    forth = paired_bootstrap(a, b, [references], bootstrap=200)["bleu"]
    back = paired_bootstrap(b, a, [references], bootstrap=200)["bleu"]
    assert forth.p_value == back.p_value
    assert forth.delta == -back.delta
    assert forth.wins == pytest.approx(1 - back.wins)
    assert 0 < forth.wins < 1


def test_p_value_by_hand() -> None:
    # Sizes 1, 1, 3, 1 have the mean 1.5; only 3 strays from it by more than the observed 1: (1 + 1) / (4 + 1).
    assert _p_value(np.array([1.0, 1.0, 3.0, -1.0]), -1.0) == pytest.approx(2 / 5)


@pytest.mark.parametrize("other_rate", [0.30, 0.34, 0.38])
def test_p_value_and_signature_are_those_of_sacrebleu(
    references: list[str], other_rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    a, b = spoil(references, 0.30, 1), spoil(references, other_rate, 2)
    ours = paired_bootstrap(a, b, [references], bootstrap=300)
    theirs = PairedTest(
        [("b", b), ("a", a)], {"bleu": BLEU(), "chrf": CHRF(), "ter": TER()}, [references], "bs", n_samples=300
    )
    signatures, results = theirs()
    for name, key in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER")):
        other, system = results[key]
        assert not isinstance(other, str)
        assert not isinstance(system, str)
        # They add up in float32: one resample in 300 may fall on the other side.
        assert ours[name].p_value == pytest.approx(system.p_value, abs=1.5 / 301)
        assert ours[name].score == pytest.approx(system.score)
        assert ours[name].other == pytest.approx(other.score)
        assert ours[name].signature == str(signatures[key])


def test_pairing_sees_a_small_difference_that_separate_intervals_hide(references: list[str]) -> None:
    system = spoil(references, 0.4, 1)
    better = [
        reference if i % 8 == 0 else line for i, (line, reference) in enumerate(zip(system, references, strict=True))
    ]
    test = paired_bootstrap(better, system, [references], bootstrap=300)["bleu"]
    unpaired = compare(
        "bleu",
        count(better, [references])["bleu"],
        count(list(reversed(system)), [list(reversed(references))])["bleu"],
        bootstrap=300,
        seed=12345,
    )
    assert test.high - test.low < 0.8 * (unpaired.high - unpaired.low)
    assert test.p_value < 0.01


def test_the_other_system_must_have_the_same_lines(references: list[str]) -> None:
    with pytest.raises(UserError, match="the other system: it has 119 lines, but there are 120 hypotheses"):
        paired_bootstrap(references, references[1:], [references])


def test_too_few_resamples(references: list[str]) -> None:
    with pytest.raises(ValueError, match="at least two resamples"):
        paired_bootstrap(references, references, [references], bootstrap=0)
