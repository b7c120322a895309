"""Several corpora from the config to the training pairs and the test sets."""

import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fakes import RecordingReporter

from seq2seq.config import parse_config
from seq2seq.config.data import DataConfig
from seq2seq.data import store
from seq2seq.data.catalog import CatalogEntry
from seq2seq.data.corpus import Corpus, SourceUnavailable
from seq2seq.data.preparation import PreparedData, prepare, training_corpus
from seq2seq.data.store import load_corpora, load_corpus, with_chosen_corpora
from seq2seq.errors import UserError
from seq2seq.evaluation.test_set import load_split, load_test_splits
from seq2seq.run import RunFolder
from seq2seq.text.tokenizer import SLOTS, TAG

SIDES = {"source": "de", "target": "en"}
SYLLABLES = ("ba", "do", "ki", "lu", "me", "no", "ra", "si", "tu", "wo")


def sentences(seed: str, count: int) -> list[str]:
    """Returns made-up sentences of five words, the same in every process."""
    rng = random.Random(seed)
    words = ["".join(rng.choices(SYLLABLES, k=2)) for _ in range(5 * count)]
    return [" ".join(words[5 * n : 5 * n + 5]) for n in range(count)]


def write_corpus(folder: Path, **splits: list[str]) -> None:
    """Writes SPLIT.de, and the same with a capital letter and a final mark as SPLIT.en."""
    folder.mkdir()
    for keyword, texts in splits.items():
        stem = folder / keyword.replace("_", "-")
        stem.with_suffix(".de").write_text("".join(f"{text}\n" for text in texts))
        english = [f"{text.capitalize()}!\n" for text in texts]
        stem.with_suffix(".en").write_text("".join(english))


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder with the corpora `one`, `two` and `spare`. `away` is not available."""
    away = CatalogEntry.model_validate(
        {
            "name": "away",
            "languages": ("de", "en"),
            "description": "for tests",
            "size": "tiny",
            "license": "CC0",
            "attribution": "nobody",
            "source": {"kind": "libreoffice"},
        }
    )

    def collect(*_: Any, **__: Any) -> Corpus:
        raise SourceUnavailable("away: there is no apt here.")

    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEQ2SEQ_DATA", raising=False)
    monkeypatch.setattr(store, "find_entry", {"away": away}.get)
    monkeypatch.setattr(store, "collect", collect)
    folder = tmp_path / "data"
    folder.mkdir()
    for name, size in (("one", 30), ("two", 20), ("spare", 10)):
        held_out = {
            split: sentences(f"{name} {split}", 2) for split in ("valid", "test", "test_help")
        }
        write_corpus(folder / name, train=sentences(name, size), **held_out)
    return folder


def make_config(*corpora: dict[str, Any], **settings: Any) -> DataConfig:
    return DataConfig.model_validate(
        {"corpora": list(corpora), "source": "de", "target": "en", **settings}
    )


ONE_AND_TWO = ({"name": "one", "weight": 0.5}, {"name": "two", "weight": 3})


def prepare_data(
    config: DataConfig,
    data_dir: Path,
    reporter: RecordingReporter | None = None,
    **sections: dict[str, Any],
) -> PreparedData:
    raw = {
        "data": config.model_dump(mode="json"),
        # Enough for the letters and the reserved symbols.
        "tokenizer": {"vocab_size": 90, "byte_fallback": False},
        "model": {"family": "lstm"},
        "training": {"budget": {"steps": 1}},
        **sections,
    }
    settings = parse_config(raw, "x.yaml")
    return prepare(settings, data_dir=data_dir, reporter=reporter or RecordingReporter())


class FakeRun(RunFolder):
    """A run folder that has only a config."""

    def __init__(self, data: DataConfig) -> None:
        super().__init__(Path("absent"))
        self._data = data

    @property
    def config(self) -> Any:
        raw = {
            "data": self._data.model_dump(mode="json"),
            "model": {"family": "lstm"},
            "training": {"budget": {"steps": 1}},
        }
        return parse_config(raw, "x.yaml")


# -- Loading ---------------------------------------------------------------------------------------


def test_each_corpus_is_loaded_with_its_weight(data_dir: Path) -> None:
    loaded = load_corpora(make_config(*ONE_AND_TWO), data_dir=data_dir)
    found = [(corpus.name, len(corpus.splits["train"]), weight) for corpus, weight in loaded]
    assert found == [("one", 30, 0.5), ("two", 20, 3.0)]


def test_a_single_corpus_has_weight_1(data_dir: Path) -> None:
    config = make_config(corpus="one")
    assert load_corpora(config, data_dir=data_dir) == [
        (load_corpus(config, data_dir=data_dir), 1.0)
    ]


def test_sources_are_named_after_their_kind(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.undo()  # the real `collect`
    files = [
        {
            "kind": "files",
            **{
                split: {code: str(data_dir / name / f"{split}.{code}") for code in ("de", "en")}
                for split in ("train", "valid", "test")
            },
        }
        for name in ("one", "two")
    ]
    corpus = load_corpus(make_config({"name": files[0]}, {"name": files[1]}))
    assert corpus.name == "files + files-2"
    assert list(corpus.splits) == ["train", "valid", "test", "test-files-2"]


def test_the_fallback_replaces_all(data_dir: Path) -> None:
    reporter = RecordingReporter()
    config = make_config({"name": "one", "weight": 2}, {"name": "away"}, fallback="spare")
    ((corpus, weight),) = load_corpora(config, data_dir=data_dir, reporter=reporter)
    assert (corpus.name, weight) == ("spare", 1.0)
    assert corpus.notes == [
        "spare was used instead of one + away, which is not available on this machine."
    ]
    assert "Using the fallback spare instead." in reporter.messages[0]


def test_without_a_fallback_one_missing_corpus_is_an_error(data_dir: Path) -> None:
    with pytest.raises(SourceUnavailable, match="away: there is no apt here"):
        load_corpora(make_config({"name": "one"}, {"name": "away"}), data_dir=data_dir)


# -- The config of the run -------------------------------------------------------------------------


def chosen(config: DataConfig, data_dir: Path) -> DataConfig:
    return with_chosen_corpora(config, load_corpus(config, data_dir=data_dir))


def test_the_run_records_the_fallback_that_was_used(data_dir: Path) -> None:
    config = make_config({"name": "one"}, {"name": "away"}, fallback="one")
    assert chosen(config, data_dir) == make_config(corpus="one")


def test_the_run_records_the_corpora_if_the_fallback_was_not_used(data_dir: Path) -> None:
    config = make_config(*ONE_AND_TWO, fallback="two")
    assert chosen(config, data_dir) == make_config(*ONE_AND_TWO)


def test_a_fallback_of_the_same_name_does_not_change_the_weight(data_dir: Path) -> None:
    config = make_config({"name": "one", "weight": 2}, fallback="one")
    assert chosen(config, data_dir) == make_config({"name": "one", "weight": 2})


@pytest.mark.parametrize(("corpus", "used"), [("one", "one"), ("away", "spare")])
def test_a_single_corpus_is_recorded_as_used(corpus: str, used: str, data_dir: Path) -> None:
    config = make_config(corpus=corpus, fallback="spare")
    assert chosen(config, data_dir) == make_config(corpus=used)


# -- Preparation -----------------------------------------------------------------------------------


def test_the_training_pairs_are_those_of_each_corpus_in_order(data_dir: Path) -> None:
    prepared = prepare_data(make_config(*ONE_AND_TWO), data_dir)
    assert prepared.training.source == sentences("one", 30) + sentences("two", 20)
    assert prepared.weights == ((30, 0.5), (20, 3.0))
    assert prepared.training.groups == ["one"] * 30 + ["two"] * 20
    assert prepared.corpus.splits["valid"].source == (
        sentences("one valid", 2) + sentences("two valid", 2)
    )


def test_extra_pairs_have_weight_1_and_a_group_of_their_own(data_dir: Path) -> None:
    held_out = sentences("two test", 1)
    write_corpus(data_dir / "extra", train=[*sentences("extra", 5), *held_out])
    files = {
        "source": str(data_dir / "extra" / "train.de"),
        "target": str(data_dir / "extra" / "train.en"),
    }
    config = make_config(*ONE_AND_TWO, extra_pairs=[files, {**files, "tagged": True}])
    prepared = prepare_data(config, data_dir)
    # The pair that is in the test split of the second corpus is dropped.
    assert prepared.weights == ((30, 0.5), (20, 3.0), (5, 1.0), (5, 1.0))
    assert prepared.training.source[50:55] == sentences("extra", 5)
    assert len(prepared.training) == 60
    assert prepared.training.groups is not None
    sizes = Counter(prepared.training.groups)
    assert sorted(sizes.values()) == [5, 5, 20, 30]
    assert prepared.training.groups[50:] == ["extra pairs 1"] * 5 + ["extra pairs 2"] * 5


def test_each_corpus_is_counted_apart(data_dir: Path) -> None:
    reporter = RecordingReporter()
    prepare_data(make_config(*ONE_AND_TWO), data_dir, reporter)
    assert "one: train: 30 pairs, 30 kept; 0 texts normalized" in reporter.messages
    assert "two: train: 20 pairs, 20 kept; 0 texts normalized" in reporter.messages


def test_the_lines_of_a_single_corpus_are_without_its_name(data_dir: Path) -> None:
    reporter = RecordingReporter()
    prepared = prepare_data(make_config(corpus="one"), data_dir, reporter)
    assert "train: 30 pairs, 30 kept; 0 texts normalized" in reporter.messages
    assert prepared.weights == ((30, 1.0),)
    assert prepared.training == prepared.corpus.splits["train"]


@pytest.mark.parametrize("split", ["valid", "test", "test_help"])
@pytest.mark.parametrize(("trained", "other"), [("one", "two"), ("two", "one")])
def test_training_pairs_in_a_held_out_split_of_any_corpus_are_dropped(
    split: str, trained: str, other: str, data_dir: Path
) -> None:
    shared = sentences(f"{other} {split}", 2)
    (data_dir / trained / "train.de").write_text("\n".join([*shared, "etwas mit vier Wörtern"]))
    (data_dir / trained / "train.en").write_text("Something\nOther\nThese are four words")
    reporter = RecordingReporter()
    prepared = prepare_data(make_config(*ONE_AND_TWO), data_dir, reporter)
    assert (1, 0.5 if trained == "one" else 3.0) in prepared.weights
    assert f"{trained}:   dropped, overlap with valid/test: 2" in reporter.messages


def test_a_corpus_without_pairs_after_cleaning_is_an_error(data_dir: Path) -> None:
    for code in ("de", "en"):
        (data_dir / "two" / f"train.{code}").write_text("the same\n")
    with pytest.raises(UserError, match="Cleaning left no training pairs of two"):
        prepare_data(make_config(*ONE_AND_TWO), data_dir)


def test_the_corpus_of_a_run_is_what_was_prepared(data_dir: Path) -> None:
    config = make_config(*ONE_AND_TWO)
    assert training_corpus(FakeRun(config), data_dir=data_dir) == (
        prepare_data(config, data_dir).corpus
    )


# -- Test sets -------------------------------------------------------------------------------------


def test_every_test_split_is_a_test_set(data_dir: Path) -> None:
    test_sets = load_test_splits(FakeRun(make_config(*ONE_AND_TWO)), data_dir)
    assert [(test_set.name, test_set.sources) for test_set in test_sets] == [
        ("test", sentences("one test", 2)),
        ("test-help", sentences("one test_help", 2)),
        ("test-two", sentences("two test", 2)),
        ("test-two-help", sentences("two test_help", 2)),
    ]


@pytest.mark.parametrize("split", ["test", "test-help"])
def test_a_test_split_of_the_first_corpus_needs_no_other(split: str, data_dir: Path) -> None:
    run = FakeRun(make_config({"name": "one"}, {"name": "away"}))
    expected = sentences(f"one {split.replace('-', '_')}", 2)
    assert load_split(run, split, data_dir).sources == expected
    with pytest.raises(SourceUnavailable):
        load_split(run, "valid", data_dir)


def test_a_fallback_is_that_of_all_corpora(data_dir: Path) -> None:
    run = FakeRun(make_config({"name": "one"}, {"name": "away"}, fallback="spare"))
    assert load_split(run, "test", data_dir).sources == sentences("spare test", 2)


def test_an_unknown_split_lists_those_of_all_corpora(data_dir: Path) -> None:
    run = FakeRun(make_config(*ONE_AND_TWO))
    assert load_split(run, "test-two", data_dir).sources == sentences("two test", 2)
    message = (
        r"^one \+ two has no split 'test-three'\. Its splits are: train, valid, test, test-help, "
        r"test-two, test-two-help\.$"
    )
    with pytest.raises(UserError, match=message):
        load_split(run, "test-three", data_dir)


# -- Slots -----------------------------------------------------------------------------------------


def with_numbers(data_dir: Path) -> None:
    """Gives `one` pairs with an address, and with a number that is written in two ways."""
    with (data_dir / "one" / "train.de").open("a") as file:
        file.write("hier steht https://example.org/a und 1,5 dazu\nnur hier steht eine 77\n")
    with (data_dir / "one" / "train.en").open("a") as file:
        file.write("Here is https://example.org/a and 1.5 with it\nOnly here it is written\n")


def test_what_stands_on_both_sides_becomes_slots_in_training(data_dir: Path) -> None:
    with_numbers(data_dir)
    prepared = prepare_data(make_config(corpus="one"), data_dir)
    first, second = prepared.training.source[30], prepared.training.target[30]
    match = re.fullmatch("hier steht (.) und (.) dazu", first)
    assert match is not None
    url, number = match.groups()
    assert second == f"Here is {url} and {number} with it"
    assert url in SLOTS
    assert number == SLOTS[(SLOTS.index(url) + 1) % len(SLOTS)]
    # What stands on one side only stays.
    assert prepared.training.source[31] == "nur hier steht eine 77"
    # The corpus itself is without slots.
    assert "https://example.org/a" in prepared.corpus.splits["train"].source[30]


def test_without_spans_the_text_stays(data_dir: Path) -> None:
    with_numbers(data_dir)
    config = make_config(corpus="one")
    prepared = prepare_data(config, data_dir, text={"spans": False})
    assert prepared.training is prepared.corpus.splits["train"]


def test_extra_pairs_have_slots_too(data_dir: Path) -> None:
    write_corpus(data_dir / "extra", train=["siehe https://example.org/a dort"])
    files = {side: str(data_dir / "extra" / f"train.{code}") for side, code in SIDES.items()}
    config = make_config(corpus="one", extra_pairs=[files, {**files, "tagged": True}])
    prepared = prepare_data(config, data_dir)
    plain, tagged = prepared.training.source[30:]
    assert re.fullmatch("siehe . dort", plain)
    assert re.fullmatch(f"{TAG}siehe . dort", tagged)
    assert not set(SLOTS).isdisjoint(prepared.training.target[30])


def test_slots_depend_on_nothing_but_the_text_and_the_seed(data_dir: Path) -> None:
    with_numbers(data_dir)
    config = make_config(corpus="one")
    first = prepare_data(config, data_dir).training
    assert prepare_data(config, data_dir).training == first


@pytest.mark.parametrize(("case", "source_cases"), [("factor", 3), ("cased", 1)])
def test_the_tokenizer_separates_case_if_the_config_says_so(
    case: str, source_cases: int, data_dir: Path
) -> None:
    prepared = prepare_data(make_config(corpus="one"), data_dir, text={"case": case})
    assert prepared.tokenizer.source_cases == source_cases
