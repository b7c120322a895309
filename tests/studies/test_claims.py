"""Every claim is checked with numbers that confirm it and with numbers that do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from seq2seq.studies.bottleneck import BottleneckStudy
from seq2seq.studies.claims import ClaimRule, Measures, check_claim, load_claim_rules
from seq2seq.studies.config import ComparisonConfig, load_comparison_config
from seq2seq.studies.footprint import FootprintStudy
from seq2seq.studies.gates import GateStudy
from seq2seq.studies.gradients import GradientStudy
from seq2seq.studies.parallel import ParallelStudy
from seq2seq.studies.quality import QualityStudy
from seq2seq.studies.recall import RecallStudy
from seq2seq.studies.runner import STUDIES
from seq2seq.studies.study import Results, Study

Verdicts = dict[str, bool | None]


@pytest.fixture(scope="module")
def config() -> ComparisonConfig:
    return load_comparison_config(Path("compare"), quick=True)


def verdicts(kind: type[Study], config: ComparisonConfig, results: Results) -> Verdicts:
    """Claim -> verdict, for results that a study might have measured."""
    study = kind(config, Path("nowhere"))
    claims = study.claims(json.loads(json.dumps(results)))
    assert all(claim.numbers for claim in claims)
    return {claim.text: claim.holds for claim in claims}


def verdict(all_verdicts: Verdicts, words: str) -> bool | None:
    """The verdict on the one claim that contains these words."""
    (holds,) = (value for text, value in all_verdicts.items() if words in text)
    return holds


# -- rules -----------------------------------------------------------------------------------------

MEASURES: Measures = {
    "limit": 3,
    "speed": {"a": 1.0, "b": 2.0},
    "size": {"a": 5.0, "b": 5.0, "c": 0.0},
}


def rule(holds: str, numbers: str = "", **fields: Any) -> ClaimRule:
    return ClaimRule(text="A claim.", holds=holds, numbers=numbers, **fields)


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        ("speed[a] < speed[b]", True),
        ("speed[a] > 1", False),
        ("speed[a] >= 1e0", True),
        ("size[a] == size[b]", True),
        ("speed[b] <= 2 * speed[a]", True),
        ("speed[b] < 2 * speed[a]", False),
        ("limit > 2", True),
        ("speed[a] < limit and speed[b] > limit", False),
        ("speed[*] < limit", True),
        ("speed[*] > 1", False),
        ("speed[b] >= speed[*]", True),
    ],
)
def test_rules(holds: str, expected: bool) -> None:
    (claim,) = check_claim(rule(holds), MEASURES)
    assert claim.holds is expected


def test_a_claim_about_an_absent_name_is_left_out() -> None:
    assert check_claim(rule("speed[c] < limit"), MEASURES) == []
    assert check_claim(rule("limit > 5 and speed[c] < limit"), MEASURES) == []
    assert check_claim(rule("none[*] < 1"), {"none": {}}) == []


@pytest.mark.parametrize("holds", ["sped[a] < 1", "speed[a] < lim"])
def test_an_unknown_measure_is_a_bug(holds: str) -> None:
    with pytest.raises(KeyError):
        check_claim(rule(holds), MEASURES)


@pytest.mark.parametrize(
    "holds", ["speed[a]", "speed[a] < 1 + 1", "speed(a) < 1", "__import__ < 1"]
)
def test_a_rule_is_nothing_but_comparisons(holds: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        check_claim(rule(holds), MEASURES)


def test_numbers_may_be_undecided() -> None:
    (claim,) = check_claim(rule("speed[a] < 2", undecided_if="limit == 3"), MEASURES)
    assert claim.holds is None
    (claim,) = check_claim(rule("speed[a] < 2", undecided_if="limit == 4"), MEASURES)
    assert claim.holds is True


def test_a_claim_for_each_name() -> None:
    template = ClaimRule(
        text="{each} is fast.",
        for_each="speed",
        holds="speed[each] > 1",
        numbers="{speed[each]:.1f} of {limit}",
    )
    claims = check_claim(template, MEASURES)
    assert [claim.text for claim in claims] == ["a is fast.", "b is fast."]
    assert [claim.holds for claim in claims] == [False, True]
    assert [claim.numbers for claim in claims] == ["1.0 of 3", "2.0 of 3"]


def test_excluded_names_do_not_count() -> None:
    (claim,) = check_claim(rule("size[*] == 5", "{size:.0f}", excluding=("c",)), MEASURES)
    assert claim.holds is True
    assert claim.numbers == "a: 5, b: 5"


def test_every_study_has_claims() -> None:
    assert set(load_claim_rules()) == {study.key for study in STUDIES}


# -- studies ---------------------------------------------------------------------------------------

GRADIENT_LEFT = {  # per step, where gradients vanish
    "rnn": 0.5,
    "gru": 0.8,
    "lstm": 0.9,
    "lstm forget bias 0": 0.6,
    "transformer": 1.0,
    "mamba": 0.9,
}


@pytest.mark.parametrize("vanishing", [True, False])
def test_gradients(vanishing: bool, config: ComparisonConfig) -> None:
    results = {}
    for name, left in GRADIENT_LEFT.items():
        rate = left if vanishing else 0.999
        norms = {distance: 3 * rate**distance for distance in config.gradients.distances}
        results[f"{name} initial weights"] = {"input": norms, "state": {}}
    all_verdicts = verdicts(GradientStudy, config, results)
    assert len(all_verdicts) == 5
    for words in ("all but vanishes", "LSTM carry it", "GRU carry it", "forget bias of 1"):
        assert verdict(all_verdicts, words) == vanishing
    assert verdict(all_verdicts, "distance costs next to nothing") is True


def test_a_gradient_that_vanishes_in_a_transformer(config: ComparisonConfig) -> None:
    farthest = max(config.gradients.distances)
    results = {"transformer initial weights": {"input": {1: 1.0, farthest: 1e-9}, "state": {}}}
    all_verdicts = verdicts(GradientStudy, config, results)
    assert list(all_verdicts.values()) == [False]


def recall_results(config: ComparisonConfig, **longest: int) -> Results:
    """Results of models that solve delays up to `longest`, or up to 10."""
    results = {}
    for name in config.probes:
        for task in ("recall", "copy"):
            for delay in config.memory.delays:
                accuracy = 1.0 if delay <= longest.get(name, 10) else 0.2
                results[f"{name} {task} {delay}"] = {"accuracy": accuracy, "solved_at": None}
    return results


def test_recall(config: ComparisonConfig) -> None:
    all_verdicts = verdicts(RecallStudy, config, recall_results(config, rnn=5))
    assert list(all_verdicts.values()) == [True, True, True]
    worse = recall_results(config, rnn=5, lstm=5, mamba=0, transformer=5)
    assert list(verdicts(RecallStudy, config, worse).values()) == [False, False, False]


def test_recall_is_undecided_if_the_rnn_solves_everything(config: ComparisonConfig) -> None:
    all_verdicts = verdicts(RecallStudy, config, recall_results(config))
    assert verdict(all_verdicts, "longer delays than the vanilla RNN") is None


def speed_results(config: ComparisonConfig, **speeds: list[float]) -> Results:
    results = {}
    for name in config.translation.runs:
        for length, speed in zip(config.speed.lengths, speeds.get(name, [9, 9, 9]), strict=True):
            results[f"{name} {length}"] = {"tokens_per_s": speed, "forward_tokens_per_s": 1}
    return results


def test_parallel(config: ComparisonConfig) -> None:
    good = speed_results(config, lstm=[9, 8, 1], transformer=[9, 9, 4], mamba=[4, 4, 4])
    assert list(verdicts(ParallelStudy, config, good).values()) == [True, True, True]
    bad = speed_results(config, lstm=[9, 9, 9], transformer=[9, 9, 8], mamba=[1, 4, 4])
    assert list(verdicts(ParallelStudy, config, bad).values()) == [False, False, False]


@pytest.mark.parametrize("as_claimed", [True, False])
def test_footprint(as_claimed: bool, config: ComparisonConfig) -> None:
    first, last = config.speed.memory_lengths
    results: Results = {}
    for name in config.translation.runs:
        results[f"{name} training {first}"] = 1.0
        results[f"{name} training {last}"] = 100.0 if as_claimed else 2.0
        grows = (name == "transformer") == as_claimed
        lengths = config.speed.state_lengths
        results[f"{name} state"] = {length: length if grows else 7 for length in lengths}
    all_verdicts = verdicts(FootprintStudy, config, results)
    assert list(all_verdicts.values()) == [as_claimed] * 3


def scores(bleu: float, *, by_length: tuple[float, ...] = (), **more: Any) -> Results:
    """Scores of a translator, with an interval of one BLEU on both sides."""
    buckets = []
    for number, value in enumerate(by_length):
        buckets.append({"words": str(number), "n": 50, "bleu": value})
    interval = {"score": bleu, "low": bleu - 1, "high": bleu + 1}
    return {"bleu": interval, "by_length": buckets, **more}


def quality_results(config: ComparisonConfig, p_value: float, **gains: float) -> Results:
    """Runs that gain 1 BLEU over the LSTM, or as much as `gains` gives."""
    results = {}
    for name in config.translation.runs:
        gain = gains.get(name, 1)
        bleu = {"score": 30 + gain, "other": 30, "delta": gain, "p_value": p_value}
        against = None if name == "lstm" else {"bleu": bleu}
        results[name] = scores(30, parameters=10e6, against=against)
    return results


def test_quality_with_significant_differences(config: ComparisonConfig) -> None:
    all_verdicts = verdicts(
        QualityStudy, config, quality_results(config, 0.01, rnn=-1, transformer=1)
    )
    assert len(all_verdicts) == 5
    assert verdict(all_verdicts, "same size") is True
    assert verdict(all_verdicts, "rnn translates worse") is True
    assert verdict(all_verdicts, "transformer translates better") is True
    assert verdict(all_verdicts, "gru and lstm have no significant difference") is False
    assert verdict(all_verdicts, "mamba and lstm have no significant difference") is False


def test_quality_with_the_opposite_differences(config: ComparisonConfig) -> None:
    all_verdicts = verdicts(
        QualityStudy, config, quality_results(config, 0.01, rnn=1, transformer=-1)
    )
    assert verdict(all_verdicts, "rnn translates worse") is False
    assert verdict(all_verdicts, "transformer translates better") is False


def test_quality_without_significant_differences(config: ComparisonConfig) -> None:
    all_verdicts = verdicts(QualityStudy, config, quality_results(config, 0.3))
    assert verdict(all_verdicts, "rnn translates worse") is None
    assert verdict(all_verdicts, "transformer translates better") is None
    assert verdict(all_verdicts, "gru and lstm have no significant difference") is True
    assert verdict(all_verdicts, "mamba and lstm have no significant difference") is True


@pytest.mark.parametrize("parameters", [8e6, 20e6])
def test_quality_of_models_of_unequal_size(parameters: float, config: ComparisonConfig) -> None:
    results = quality_results(config, 0.01)
    results["gru"]["parameters"] = parameters
    assert verdict(verdicts(QualityStudy, config, results), "same size") is False


@pytest.mark.parametrize(
    ("bleu", "by_length", "expected"),
    [(20, (33, 20, 10), True), (29, (25, 20, 27), False)],
)
def test_bottleneck(
    bleu: float, by_length: tuple[float, ...], expected: bool, config: ComparisonConfig
) -> None:
    results = {}
    for name in config.translation.without_attention:
        results[name] = scores(30, by_length=(35, 30, 28))
        results[f"{name} without attention"] = scores(bleu, by_length=by_length)
    all_verdicts = verdicts(BottleneckStudy, config, results)
    assert list(all_verdicts.values()) == [expected] * 6


def test_short_buckets_do_not_count_in_the_bottleneck(config: ComparisonConfig) -> None:
    results = {}
    for name in config.translation.without_attention:
        results[name] = scores(30, by_length=(35, 30, 28))
        results[f"{name} without attention"] = scores(20, by_length=(33, 20, 28))
        # The long sentences are too few to count; then the middle ones are the longest.
        results[name]["by_length"][2]["n"] = 5
    all_verdicts = verdicts(BottleneckStudy, config, results)
    assert verdict(all_verdicts, "lstm loses most in long sentences") is True


def gate_results(
    config: ComparisonConfig, held: dict[str, float], held_retrained: float
) -> Results:
    results = {
        "all gates free": scores(30),
        "all gates free, retrained": scores(28),
    }
    for label in config.translation.held_gates:
        results[label] = scores(held[label])
        results[f"{label}, retrained"] = scores(held_retrained)
    return results


def test_gates(config: ComparisonConfig) -> None:
    labels = config.translation.held_gates
    held = {label: 1.0 if "forget" in label else 10.0 for label in labels}
    all_verdicts = verdicts(GateStudy, config, gate_results(config, held, held_retrained=25))
    assert list(all_verdicts.values()) == [True, True, True]


def test_gates_that_are_not_needed(config: ComparisonConfig) -> None:
    labels = config.translation.held_gates
    held = {label: 10.0 if "forget" in label else 1.0 for label in labels}
    held["output gate at 1"] = 31.0
    all_verdicts = verdicts(GateStudy, config, gate_results(config, held, held_retrained=2))
    assert list(all_verdicts.values()) == [False, False, False]
