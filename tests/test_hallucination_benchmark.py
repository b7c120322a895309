"""The word list of `benchmarks/hallucination.py`, and how it judges translations."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

_FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "hallucination.py"


@pytest.fixture(scope="module")
def hallucination() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hallucination", _FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hallucination"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "translation", "kind"),
    [
        ("ventana", "Ventana.", "given back"),
        ("deux mots et plus", "deux mots et plus", "given back"),
        ("ventana", "window", "short"),
        ("ventana", "in the window", "short"),
        ("ventana", "in the open window", "made up"),
        ("okno", "a windowpane!", "made up"),
        ("okno", "windows here", "short"),
        ("okno", "", "empty"),
        ("okno", "…", "empty"),
    ],
)
def test_kinds(hallucination: ModuleType, source: str, translation: str, kind: str) -> None:
    assert hallucination.kind_of(source, translation) == kind


def test_the_list_has_30_words_of_each_of_ten_languages(hallucination: ModuleType) -> None:
    words = hallucination.read_words(hallucination.WORDS)
    assert len({word for word, _ in words}) == 300
    assert set(Counter(language for _, language in words).values()) == {30}


def test_a_list_may_lack_languages(hallucination: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("okno\tpl\n\nventana\n", encoding="utf-8")
    assert hallucination.read_words(path) == [("okno", "pl"), ("ventana", "")]


def test_the_summary_is_one_line(hallucination: ModuleType) -> None:
    judgments = [
        hallucination.Judgment("okno", "pl", "okno", "given back"),
        hallucination.Judgment("okno", "pl", "window", "short"),
    ]
    assert hallucination.summary(judgments) == (
        "2 texts: given back 50.0%, short 50.0%, made up 0.0%, empty 0.0%"
    )
