"""The everyday test set of `benchmarks/everyday.py`, and how it judges translations."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "everyday.py"


@pytest.fixture(scope="module")
def everyday() -> ModuleType:
    spec = importlib.util.spec_from_file_location("everyday", _FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["everyday"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


GERMAN = {"ich", "habe", "hunger", "katze", "der"}
ENGLISH = {"i", "am", "im", "hungry", "the", "cat", "have"}


@pytest.mark.parametrize(
    ("translation", "kind"),
    [
        ("I'm hungry.", "right"),
        ("I’m hungry", "right"),
        ("i AM hungry!", "right"),
        ("Ich habe Hunger.", "unchanged"),
        ("", "empty"),
        ("...", "empty"),
        ("I have the cat.", "known words"),
        ("I have Katze.", "German left"),
        ("I have hunghry.", "invented"),
        ("I have der hunghry.", "invented"),
    ],
)
def test_kind_of_a_translation(everyday: ModuleType, translation: str, kind: str) -> None:
    item = everyday.Item("Ich habe Hunger.", ("I'm hungry.", "I am hungry."))
    assert everyday.judge(item, translation, GERMAN, ENGLISH).kind == kind


def test_the_invented_words_are_named(everyday: ModuleType) -> None:
    item = everyday.Item("Ich heiße Anna.", ("My name is Anna.",))
    judgment = everyday.judge(item, "I cattify Anna the habe.", GERMAN, ENGLISH)
    # Anna is in the source, habe in the German training text.
    assert judgment.invented == ("cattify",)


def test_a_right_translation_may_equal_the_source(everyday: ModuleType) -> None:
    item = everyday.Item("Hallo", ("Hello", "Hallo"))
    assert everyday.judge(item, "hallo.", GERMAN, ENGLISH).kind == "right"


def test_words_ignore_case_and_punctuation(everyday: ModuleType) -> None:
    assert everyday.words_of(["The cat's “Meow”, 2x!", "THE"]) == {"the", "cats", "meow", "2x"}


def test_shares_add_up_to_one(everyday: ModuleType) -> None:
    item = everyday.Item("Katze", ("cat",))
    texts = ["cat", "Katze", "hungry", "xyz"]
    shares = everyday.shares([everyday.judge(item, text, GERMAN, ENGLISH) for text in texts])
    assert shares == {
        "right": 0.25,
        "unchanged": 0.25,
        "empty": 0.0,
        "known words": 0.25,
        "German left": 0.0,
        "invented": 0.25,
    }


def test_the_invented_translations_are_printed_first(everyday: ModuleType) -> None:
    item = everyday.Item("Katze", ("cat",))
    judgments = [everyday.judge(item, text, GERMAN, ENGLISH) for text in ("the", "xyz", "cat")]
    lines = everyday.report_lines(judgments)
    assert lines[0] == "right         33.3%"
    assert lines[6:] == ["invented: Katze -> xyz  (xyz)", "known words: Katze -> the"]


def test_the_test_set_has_100_items_that_are_judged_right(everyday: ModuleType) -> None:
    items = everyday.read_items()
    assert len({item.german for item in items}) == len(items) == 100
    for item in items:
        assert len(set(item.accepted)) == len(item.accepted)
        for text in item.accepted:
            assert text == text.strip()
            assert everyday.judge(item, text, set(), set()).kind == "right"
