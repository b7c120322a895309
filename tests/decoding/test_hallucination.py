"""What a model must not invent: numbers, broken characters, and more of what repeats itself."""

import functools
import re
from typing import Any

import pytest
from fakes import (
    CopySourceModel,
    FixedOutputModel,
    RandomTableModel,
    tiny_layer,
    tiny_tokenizer,
    word_pairs,
)

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.decoding.engines.torch_engine import TorchEngine
from seq2seq.decoding.translator import Translator
from seq2seq.models import Seq2Seq
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import COPY, Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

VOCAB_SIZE = tiny_tokenizer().size("target")


@functools.cache
def tokenizer_with_digits() -> Tokenizer:
    pairs = word_pairs(300)
    config = TokenizerConfig(vocab_size=340, character_coverage=1.0)
    digits = ["0 1 2 3 4 5 6 7 8 9"] * 30
    return train_tokenizer(config, [*pairs.source, *digits], [*pairs.target, *digits])


def translator(
    model: Seq2Seq, tokenizer: Tokenizer | None = None, *, spans: bool = True, **search: Any
) -> Translator:
    tokenizer = tokenizer or tiny_tokenizer()
    layer = tiny_layer(tokenizer, spans=spans)
    config = SearchSettings(**{"beam": 2, **search})
    return Translator(TorchEngine(model), tokenizer, config, layer=layer)


def writing(text: str) -> Translator:
    """Translates everything as `text`, as far as it may."""
    tokenizer = tokenizer_with_digits()
    (output,) = tokenizer.encode([text], "target")
    return translator(FixedOutputModel(tokenizer.size("target"), output), tokenizer)


# -- digits ----------------------------------------------------------------------------------------


def test_digits_come_from_the_source_alone() -> None:
    plain, slotted = writing("hund 7 katze 12")(["haus", "haus 345"])
    assert re.findall(r"\d+", plain) == []
    assert re.findall(r"\d+", slotted) == ["345"]


def test_digits_that_the_model_reads_may_be_written() -> None:
    tokenizer = tokenizer_with_digits()
    (output,) = tokenizer.encode(["hund 7"], "target")
    model = FixedOutputModel(tokenizer.size("target"), output)
    translate = translator(model, tokenizer, spans=False)
    # In one batch, so that a digit is forbidden in one sentence only.
    with_digit, without = translate(["haus 345", "hund"])
    assert with_digit == "hund 7"
    assert "7" not in without
    assert [with_digit, without] == [*translate(["haus 345"]), *translate(["hund"])]


# -- characters ------------------------------------------------------------------------------------


def test_a_model_that_babbles_writes_no_half_characters() -> None:
    model = RandomTableModel(VOCAB_SIZE, eos_bonus=-2.0)
    accents = "\u0301" * 40
    texts = ["hund", "hund 7 katze", "$$$$ haus", f"katze {accents}"]
    for translation in translator(model)(texts):
        assert len(translation) > 10
        assert translation.replace(accents, "").isascii()


def test_half_characters_are_dropped() -> None:
    half = tiny_tokenizer().encode(["é"], "target")[0][-1]
    (hund,) = tiny_tokenizer().encode(["hund"], "target")
    layer = tiny_layer()
    assert layer.finish(layer.prepare("haus"), [half, *hund, half], None) == "hund"


def test_a_replacement_character_of_the_source_is_not_dropped() -> None:
    slot = tiny_tokenizer().token_of(COPY, "target")
    layer = tiny_layer()
    assert layer.finish(layer.prepare("\ufffd"), [slot], None) == "\ufffd"


# -- repetitions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["hund", "hund sieht katze", "hund sucht haus , katze garten"])
def test_a_text_that_repeats_itself_is_translated_as_often(words: str) -> None:
    text = " ".join([words] * 60)
    assert translator(CopySourceModel(VOCAB_SIZE), no_repeat_ngram_size=6)([text]) == [text]
