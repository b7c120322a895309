"""Tokens that a translation must not contain, because its source gives no reason for them."""

import functools

import pytest

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.text.case import CaseFolder
from seq2seq.text.forbidden_tokens import ForbiddenTokens
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer


@functools.cache
def tokenizer(joint: bool = True, split_digits: bool = True) -> Tokenizer:
    config = TokenizerConfig(
        vocab_size=330, joint=joint, split_digits=split_digits, character_coverage=1.0
    )
    source = ["am 12. mai um 10 uhr", "zimmer 12 im haus", "drei ２ ٣"] * 9
    target = ["on may 12 at 10 o'clock", "room 12 of the house", "three ２ ٣"] * 9
    model = train_tokenizer(config, source, target)
    return Tokenizer(model._models, CaseFolder("en"))


def forbidden_texts(
    text: str, language: str = "en", joint: bool = True, split_digits: bool = True
) -> set[str]:
    """The forbidden tokens of a sentence, as strings."""
    model = tokenizer(joint, split_digits)
    forbidden = ForbiddenTokens(model, language).of(text)
    return set(model.tokens(forbidden, "target"))


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("split_digits", [True, False])
def test_every_token_with_a_digit_is_forbidden_without_a_digit(
    joint: bool, split_digits: bool
) -> None:
    model = tokenizer(joint, split_digits)
    without = forbidden_texts("haus", joint=joint, split_digits=split_digits)
    with_digit = forbidden_texts("haus 2", joint=joint, split_digits=split_digits)
    for token in model.tokens(range(model.size("target")), "target"):
        is_byte = token.startswith("<0x")
        if not is_byte and any(character.isdecimal() for character in token):
            assert token in without
            assert token not in with_digit
    assert {"２", "٣"} <= {token[-1] for token in without}


def test_no_other_token_is_forbidden() -> None:
    for token in forbidden_texts("haus"):
        assert token.startswith("<0x") or any(character.isdecimal() for character in token)


def forbidden_bytes(model: Tokenizer, language: str) -> set[int]:
    forbidden = ForbiddenTokens(model, language).of("haus 2")
    return {int(text[1:-1], 16) for text in model.tokens(forbidden, "target")}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_without_other_letters_all_bytes_beyond_ascii_are_forbidden(language: str) -> None:
    assert forbidden_bytes(tokenizer(), language) == {*range(0x20), *range(0x7F, 0x100)}


@pytest.mark.parametrize(
    ("text", "first_bytes"),
    [
        ("die größe", {0xC3}),
        ("wąż “”", {0xC4, 0xC5}),
        ("дом", {0xD0}),
        ("日本の猫", {0xE3, 0xE6, 0xE7}),
    ],
)
def test_bytes_may_spell_other_letters_of_the_language(text: str, first_bytes: set[int]) -> None:
    config = TokenizerConfig(vocab_size=320, joint=False, character_coverage=1.0)
    model = train_tokenizer(config, ["“haus” é ∑"] * 9, [text] * 9)
    allowed = set(range(256)) - forbidden_bytes(model, "de")
    assert allowed == {*range(0x20, 0x7F), *range(0x80, 0xC0), *first_bytes}


def test_bytes_that_spell_digits_are_forbidden_without_a_digit() -> None:
    assert {"<0x30>", "<0x39>"} <= forbidden_texts("haus")
    assert not {"<0x2F>", "<0x3A>"} & forbidden_texts("haus")
    assert not {"<0x30>", "<0x39>"} & forbidden_texts("haus 2")


@pytest.mark.parametrize("language", ["ja", "zh-tw", "ZH_CN", "ko"])
def test_languages_with_chinese_characters_may_have_digits(language: str) -> None:
    assert forbidden_texts("haus", language) == forbidden_texts("haus 2", "en")


def test_a_vocabulary_without_bytes_has_none_to_forbid() -> None:
    config = TokenizerConfig(vocab_size=60, byte_fallback=False, character_coverage=1.0)
    model = train_tokenizer(config, ["drei 3 haus"] * 9, ["three 3 house"] * 9)
    forbidden = ForbiddenTokens(model, "en").of("haus")
    assert [text[-1] for text in model.tokens(forbidden, "target")] == ["3"]
