"""Settings, resumption, and verdicts: each rule is shown numbers that bear a claim out and numbers that do not."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from seq2seq.comparison.bottleneck import Bottleneck
from seq2seq.comparison.experiment import Claim, Experiment, Found, Part, Table
from seq2seq.comparison.gates import Gates
from seq2seq.comparison.gradients import Gradients
from seq2seq.comparison.memory import Memory
from seq2seq.comparison.page import Chapter, render
from seq2seq.comparison.pictures import bars, colour, line
from seq2seq.comparison.quality import Quality
from seq2seq.comparison.settings import CompareConfig, load_compare_config
from seq2seq.comparison.speed import Footprint, Parallel
from seq2seq.comparison.trainings import Training, _config_file, _log
from seq2seq.config import config_dir
from seq2seq.errors import UserError
from seq2seq.models import Vocabulary, build


@pytest.fixture
def config() -> CompareConfig:
    return load_compare_config(Path("compare"), quick=True)


def make(kind: type[Experiment], config: CompareConfig, folder: Path = Path("nowhere")) -> Any:
    return kind(config, folder, lambda line: None, None)


# -- settings --------------------------------------------------------------------------------------------------------


def test_quick_replaces_what_it_names_and_keeps_the_rest() -> None:
    full, quick = (load_compare_config(Path("compare"), quick=small) for small in (False, True))
    assert quick.translation.minutes < 1 <= full.translation.minutes
    assert quick.translation.runs == full.translation.runs
    assert quick.probes == full.probes
    for run in full.translation.runs.values():
        assert run.load().model.family in run.config


def test_the_translators_are_of_one_size() -> None:
    """10 million parameters, within 10 %, and the same pieces, batches and search."""
    config = load_compare_config(Path("compare"), quick=False)
    families = {run.load().model.family for run in config.translation.runs.values()}
    assert families == {"lstm", "gru", "rnn", "transformer", "mamba"}
    first = config.translation.runs["lstm"].load()
    for name, run in config.translation.runs.items():
        loaded = run.load()
        pieces = loaded.tokenizer.vocab_size
        model = build(loaded.model, Vocabulary(source=pieces, target=pieces))
        size = sum(parameter.numel() for parameter in model.parameters())
        assert 9e6 <= size <= 11e6, f"{name}: {size:,}"
        assert (loaded.data, loaded.tokenizer, loaded.batching, loaded.search) == (
            first.data,
            first.tokenizer,
            first.batching,
            first.search,
        )


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    raw = yaml.safe_load((config_dir() / "compare.yaml").read_text(encoding="utf-8"))
    raw["memory"]["delay"] = [1]
    raw["speed"]["tokens"] = "many"
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_compare_config(file, quick=False)
    text = str(caught.value)
    assert "2 mistakes" in text
    assert "memory.delay: unknown key; did you mean delays?" in text
    assert "speed.tokens: " in text
    del raw["memory"]["delay"]
    raw["speed"]["tokens"] = 16
    raw["translation"]["reference"] = "lstn"
    raw["probes"]["rnn"]["hidden_sice"] = 3
    raw["probes"]["new"] = {"family": "newest"}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_compare_config(file, quick=False)
    text = str(caught.value)
    assert "'lstn' is none of the runs" in text
    assert "probes.rnn.hidden_sice: unknown key; did you mean hidden_size?" in text
    assert "probes.new.family: 'newest' is none of" in text


def test_what_is_no_comparison_is_said(tmp_path: Path) -> None:
    for text in ("a: [", "just text", "data: {}"):
        file = tmp_path / "c.yaml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="config"):
            load_compare_config(file, quick=False)


# -- resumption ------------------------------------------------------------------------------------------------------


class Counting(Experiment):
    key: ClassVar = "counting"
    title: ClassVar = "Counting <things>"
    about: ClassVar = "How often?"
    setting = 1
    calls: ClassVar[list[str]] = []

    def parts(self) -> list[Part]:
        return [Part(name, {"setting": (self.setting,)}, lambda name=name: self.measure(name)) for name in ("a b", "c")]

    def measure(self, name: str) -> dict[int, int]:
        self.calls.append(name)
        return {1: self.setting}

    def claims(self, found: Found) -> list[Claim]:
        return [Claim("x < y & z", True, "1 < 2"), Claim("no", False, ""), Claim("?", None, "")]

    def table(self, found: Found) -> Table:
        return Table(["<head>"], [["<cell>"]])

    def draw(self, found: Found, figure: Any) -> None:
        figure.subplots().plot([1, 2])


def test_a_part_is_measured_once(config: CompareConfig, tmp_path: Path) -> None:
    Counting.calls.clear()
    experiment = make(Counting, config, tmp_path)
    assert experiment.run() == {"a b": {"1": 1}, "c": {"1": 1}}
    assert experiment.run() == {"a b": {"1": 1}, "c": {"1": 1}}
    assert Counting.calls == ["a b", "c"]
    # A file that was cut short is no result, and neither is one of other settings.
    file = tmp_path / "parts" / "counting" / "c.json"
    file.write_text(file.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    experiment.run()
    assert Counting.calls == ["a b", "c", "c"]
    experiment.setting = 2
    assert experiment.run()["c"] == {"1": 2}
    assert Counting.calls == ["a b", "c", "c", "a b", "c"]


def test_the_page_holds_everything_and_escapes_it(config: CompareConfig) -> None:
    experiment = make(Counting, config)
    chapter = Chapter(experiment, experiment.claims({}), experiment.table({}), "<?xml?>\n<svg>picture</svg>")
    about = {"processor": "a <chip>", "cores": 2, "versions": {"torch": "2"}}
    page = render([chapter], about, quick=True)
    assert "<svg>picture</svg>" in page
    assert "<?xml?>" not in page
    assert "x &lt; y &amp; z <strong>borne out" in page
    assert "no <strong>not borne out" in page
    assert "? <strong>these numbers cannot tell" in page
    assert "Counting &lt;things&gt;" in page
    assert "&lt;cell&gt;" in page
    assert "proves nothing" in page
    assert "proves nothing" not in render([chapter], about, quick=False)
    assert "http" not in page  # nothing is fetched


def test_a_name_keeps_its_colour() -> None:
    assert colour("lstm") == colour("lstm without attention")
    assert colour("rnn") != colour("gru")
    assert colour("something") == colour("something")


# -- verdicts --------------------------------------------------------------------------------------------------------


def verdicts(experiment: Experiment, found: Found) -> dict[str, bool | None]:
    claims = experiment.claims(json.loads(json.dumps(found)))
    assert all(claim.numbers for claim in claims)
    return {claim.text: claim.holds for claim in claims}


def holds(given: dict[str, bool | None], words: str) -> bool | None:
    (found,) = (value for text, value in given.items() if text.startswith(words) or f" {words}" in text)
    return found


@pytest.mark.parametrize("vanishing", [True, False])
def test_gradients(vanishing: bool, config: CompareConfig) -> None:
    rates = {"rnn": 0.5, "gru": 0.8, "lstm": 0.9, "lstm forget bias 0": 0.6, "transformer": 1.0, "mamba": 0.9}
    far = 50  # the farthest in the quick settings
    found = {
        f"{name} at the beginning": {
            "input": {d: 3 * (rate if vanishing else 0.999) ** d for d in (1, 2, 5, 10, 20, far)},
            "state": {},
        }
        for name, rate in rates.items()
    }
    given = verdicts(make(Gradients, config), found)
    for words in ("all but vanishes", "LSTM carry it", "GRU carry it", "forget bias of 1"):
        assert holds(given, words) == vanishing
    assert holds(given, "distance costs next to nothing") is True
    worse = {name: {"input": {1: 1.0, far: 1e-9}, "state": {}} for name in found}
    assert holds(verdicts(make(Gradients, config), worse), "distance costs next to nothing") is False


def test_memory(config: CompareConfig) -> None:
    def found(**reach: int) -> Found:
        return {
            f"{name} {task} {delay}": {"accuracy": 1.0 if delay <= reach.get(name, 10) else 0.2, "solved_at": None}
            for name in config.probes
            for task in ("recall", "copy")
            for delay in config.memory.delays
        }

    given = verdicts(make(Memory, config), found(rnn=5))
    assert set(given.values()) == {True}
    given = verdicts(make(Memory, config), found(rnn=5, lstm=5, mamba=0, transformer=5))
    assert set(given.values()) == {False}
    # Where the RNN solves everything there is no telling.
    assert holds(verdicts(make(Memory, config), found()), "longer delays than the vanilla RNN") is None


def test_speed(config: CompareConfig) -> None:
    lengths = config.speed.lengths

    def found(**speeds: list[float]) -> Found:
        return {
            f"{name} {length}": {"tokens_per_s": speeds.get(name, [9, 9, 9])[i], "forward_tokens_per_s": 1}
            for name in config.translation.runs
            for i, length in enumerate(lengths)
        }

    given = verdicts(make(Parallel, config), found(lstm=[9, 8, 1], transformer=[9, 9, 4], mamba=[4, 4, 4]))
    assert set(given.values()) == {True}
    given = verdicts(make(Parallel, config), found(lstm=[9, 9, 9], transformer=[9, 9, 8], mamba=[1, 4, 4]))
    assert set(given.values()) == {False}


@pytest.mark.parametrize("grows", [True, False])
def test_footprint(grows: bool, config: CompareConfig) -> None:
    first, last = config.speed.memory_lengths
    found: Found = {}
    for name in config.translation.runs:
        found[f"{name} training {first}"] = 1.0
        found[f"{name} training {last}"] = 100.0 if grows else 2.0
        moves = (name == "transformer") == grows
        found[f"{name} state"] = {length: length if moves else 7 for length in config.speed.state_lengths}
    assert set(verdicts(make(Footprint, config), found).values()) == {grows}


def scored(bleu: float, *, by_length: list[float] = [], **more: Any) -> Found:  # noqa: B006
    buckets = [{"words": str(i), "n": 50, "bleu": value} for i, value in enumerate(by_length)]
    return {"bleu": {"score": bleu, "low": bleu - 1, "high": bleu + 1}, "by_length": buckets, **more}


def test_quality(config: CompareConfig) -> None:
    def found(p: float, **deltas: float) -> Found:
        return {
            name: scored(
                30,
                parameters=10e6,
                against={
                    "bleu": {"score": 30 + deltas.get(name, 1), "other": 30, "delta": deltas.get(name, 1), "p_value": p}
                }
                if name != "lstm"
                else None,
            )
            for name in config.translation.runs
        }

    def given(p: float, **deltas: float) -> dict[str, bool | None]:
        return verdicts(make(Quality, config), found(p, **deltas))

    told = given(0.01, rnn=-1, transformer=1)
    assert [holds(told, word) for word in ("of one size", "rnn", "transformer")] == [True, True, True]
    assert [holds(told, f"{name} cannot be told") for name in ("gru", "mamba")] == [False, False]
    other_way = given(0.01, rnn=1, transformer=-1)
    assert [holds(other_way, word) for word in ("rnn", "transformer")] == [False, False]
    close = given(0.3)
    assert [holds(close, word) for word in ("rnn", "transformer")] == [None, None]
    assert [holds(close, f"{name} cannot be told") for name in ("gru", "mamba")] == [True, True]
    uneven = found(0.01, rnn=-1) | {"gru": scored(30, parameters=20e6, against=found(0.01)["gru"]["against"])}
    assert holds(verdicts(make(Quality, config), uneven), "of one size") is False


def test_bottleneck(config: CompareConfig) -> None:
    names = config.translation.without_attention
    with_it = {name: scored(30, by_length=[35, 30, 28]) for name in names}
    without = {f"{name} without attention": scored(20, by_length=[33, 20, 10]) for name in names}
    assert set(verdicts(make(Bottleneck, config), with_it | without).values()) == {True}
    without = {f"{name} without attention": scored(29, by_length=[25, 20, 27]) for name in names}
    assert set(verdicts(make(Bottleneck, config), with_it | without).values()) == {False}


def test_gates(config: CompareConfig) -> None:
    clamps = config.translation.clamps
    free = {"all gates free": scored(30), "all gates free, retrained": scored(28)}
    held = {label: scored(1 if "forget" in label else 10) for label in clamps}
    back = {f"{label}, retrained": scored(25) for label in clamps}
    assert set(verdicts(make(Gates, config), free | held | back).values()) == {True}
    held = {label: scored(10 if "forget" in label else 1) for label in clamps} | {"output gate at 1": scored(31)}
    back = {f"{label}, retrained": scored(2) for label in clamps}
    assert set(verdicts(make(Gates, config), free | held | back).values()) == {False}


def test_trainings_whose_names_have_dots_keep_apart(tmp_path: Path) -> None:
    config = load_compare_config(Path("compare"), quick=True).translation.runs["lstm"].load()
    trainings = [Training(name, config, tmp_path / name) for name in ("rate 0.1", "rate 0.2")]
    assert len({_config_file(training) for training in trainings}) == 2
    assert len({_log(training) for training in trainings}) == 2


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_bars_read_from_top_to_bottom_in_shared_axes_too() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    for axes in figure.subplots(1, 2, sharey=True):
        bars(axes, {"first": 1.0, "second": 2.0})
    assert all(axes.yaxis_inverted() for axes in figure.axes)


def test_lines_of_one_colour_can_be_told_apart() -> None:
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    for name in ("lstm", "gru", "lstm forget bias 0", "lstm forget bias 5"):
        line(axes, name, [1, 2], [1, 2])
    assert len({(drawn.get_color(), drawn.get_linestyle()) for drawn in axes.get_lines()}) == 4
