"""Characters that the vocabulary lacks are copied to the position that the attention finds."""

import pytest
import torch
from fakes import CopySourceModel, FixedOutputModel, tiny_tokenizer

from seq2seq.config.search import SearchConfig
from seq2seq.decoding.copy_slots import CopySlots
from seq2seq.decoding.translator import Translator
from seq2seq.models import Seq2Seq
from seq2seq.text.tokenizer import COPY

SLOT = CopySlots(tiny_tokenizer()).token
(WORD,) = tiny_tokenizer().encode(["hund"], "target")[0][-1:]
VOCAB_SIZE = tiny_tokenizer().size("target")


def translate(model: Seq2Seq, text: str) -> str:
    config = SearchConfig(beam=2, no_repeat_ngram_size=0)
    return Translator(model, tiny_tokenizer(), config)([text])[0]


# -- making slots ----------------------------------------------------------------------------------


def test_each_stretch_of_unknown_characters_becomes_a_slot() -> None:
    slotted = CopySlots(tiny_tokenizer()).make("hund 😀😀 katze 日本")
    assert slotted.text == f"hund {COPY} katze {COPY}"
    assert slotted.copied == ["😀😀", "日本"]


def test_the_character_of_the_slot_itself_is_copied() -> None:
    slotted = CopySlots(tiny_tokenizer()).make(f"hund {COPY}")
    assert slotted.copied == [COPY]


def test_a_text_of_slots_and_punctuation_has_no_words() -> None:
    slots = CopySlots(tiny_tokenizer())
    assert not slots.make("日本, 😀!").has_words
    assert slots.make("日本 hund").has_words


# -- filling slots ---------------------------------------------------------------------------------


def fill(attention: list[list[float]] | None, slots: int) -> str:
    """Fills slots from the source "SLOT WORD SLOT", whose slots stand for A and B."""
    weights = None if attention is None else torch.tensor(attention)
    return CopySlots(tiny_tokenizer()).fill(
        " ".join([COPY] * slots), ["A", "B"], [SLOT, WORD, SLOT], [SLOT] * slots, weights
    )


@pytest.mark.parametrize(
    ("attention", "expected"),
    [
        ([[0.9, 0.0, 0.1], [0.1, 0.0, 0.9]], "A B"),
        ([[0.1, 0.0, 0.9], [0.9, 0.0, 0.1]], "B A"),
        ([[0.1, 0.8, 0.2], [0.9, 0.0, 0.1]], "B A"),  # The word in between is not a slot.
        ([[0.1, 0.0, 0.9], [0.1, 0.0, 0.9]], "B A"),  # B is used. A is left.
    ],
)
def test_a_slot_gets_the_text_that_it_attends_to(
    attention: list[list[float]], expected: str
) -> None:
    assert fill(attention, slots=2) == expected


def test_without_attention_slots_are_filled_in_order() -> None:
    assert fill(None, slots=2) == "A B"


def test_a_slot_too_many_disappears() -> None:
    assert fill(None, slots=3) == "A B"


def test_a_filling_may_contain_the_character_of_the_slot() -> None:
    slots = CopySlots(tiny_tokenizer())
    filled = slots.fill(f"{COPY} {COPY}", [COPY, "B"], [SLOT, SLOT], [SLOT, SLOT], None)
    assert filled == f"{COPY} B"


# -- in translations -------------------------------------------------------------------------------


def test_unknown_characters_are_carried_over() -> None:
    text = f"hund 😀 katze 日本 haus {COPY} garten ☃"
    assert translate(CopySourceModel(VOCAB_SIZE), text) == text


def test_unknown_characters_follow_the_attention() -> None:
    text = f"hund 😀 katze 日本 haus {COPY} garten ☃"
    backward = translate(CopySourceModel(VOCAB_SIZE, backward=True), text)
    copied = "".join(character for character in backward if not character.isascii())
    assert copied == f"☃{COPY}日本😀"


def test_the_position_in_the_source_decides() -> None:
    (source,) = tiny_tokenizer().encode([f"hund {COPY} katze {COPY}"], "source")
    first, second = (position for position, token in enumerate(source) if token == SLOT)
    model = FixedOutputModel(VOCAB_SIZE, output=[SLOT, SLOT], attends_to=[second, first])
    assert translate(model, "hund 😀 katze ☃") == "☃😀"


def test_a_translation_has_no_slot_if_the_source_has_none() -> None:
    model = FixedOutputModel(VOCAB_SIZE, output=[WORD, SLOT, WORD])
    assert COPY not in translate(model, "katze")


def test_a_filled_translation_contains_no_slot() -> None:
    model = FixedOutputModel(VOCAB_SIZE, output=[WORD, SLOT, WORD])
    translation = translate(model, "katze 😀")
    assert "😀" in translation
    assert COPY not in translation


@pytest.mark.parametrize("joint", [True, False])
def test_characters_without_a_token_are_unknown(joint: bool) -> None:
    assert tiny_tokenizer(joint).unknown_characters("hund 日q", "source") == {"日", "q"}
