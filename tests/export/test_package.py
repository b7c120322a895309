"""The shortlist of an exported run: tokens of the same letters on both sides."""

import functools

import pytest

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.export.package import _identical_tokens
from seq2seq.text.case import CaseFolder
from seq2seq.text.tokenizer import RESERVED, Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

GERMAN = ["Anna mag das Haus", "Anna und Otto"] * 5
ENGLISH = ["Anna likes the house", "Anna and Otto"] * 5


@functools.cache
def tokenizer(*, joint: bool, folds: bool) -> Tokenizer:
    config = TokenizerConfig(kind="bpe", joint=joint, vocab_size=320, character_coverage=1.0)
    return train_tokenizer(config, GERMAN, ENGLISH, CaseFolder("de") if folds else None)


def partners(tokens: Tokenizer, word: str) -> set[str]:
    """Returns the target tokens that are the same as the only token of a source word."""
    (source,) = tokens.encode([word], "source")[0]
    source %= tokens.size("source")
    pairs = _identical_tokens(tokens)
    return set(tokens.tokens([target for token, target in pairs if token == source], "target"))


def test_separate_vocabularies_have_no_token_in_common() -> None:
    assert _identical_tokens(tokenizer(joint=False, folds=True)) == []


def test_a_token_of_a_joint_vocabulary_is_itself_on_the_other_side() -> None:
    tokens = tokenizer(joint=True, folds=False)
    assert _identical_tokens(tokens) == [(n, n) for n in range(tokens.size("target"))]
    assert partners(tokens, "Anna") == {"▁Anna"}


@pytest.mark.parametrize("word", ["Anna", "anna", "ANNA"])
def test_a_source_token_in_lower_case_is_also_the_target_token_with_a_capital(word: str) -> None:
    assert partners(tokenizer(joint=True, folds=True), word) == {"▁anna", "▁Anna"}


def test_every_source_token_has_itself_and_only_tokens_of_its_letters() -> None:
    tokens = tokenizer(joint=True, folds=True)
    size = tokens.size("target")
    pairs = _identical_tokens(tokens)
    assert {(number, number) for number in range(size)} <= set(pairs)
    assert len(pairs) == len(set(pairs))
    for source, target in pairs:
        texts = tokens.tokens([source, target], "target")
        assert source == target or texts[0] == texts[1].lower()


def test_symbols_are_only_themselves() -> None:
    tokens = tokenizer(joint=True, folds=True)
    symbols = [tokens.token_of(symbol, "source") for symbol in RESERVED]
    assert [pair for pair in _identical_tokens(tokens) if set(pair) & set(symbols)] == [
        (symbol, symbol) for symbol in sorted(symbols)
    ]
