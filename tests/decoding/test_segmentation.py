"""Long texts are divided where it hurts least, and nothing is lost."""

import functools
import random
from collections import Counter
from typing import Any

import pytest
from fakes import tiny_layer, tiny_tokenizer

from seq2seq.config.text import TextConfig
from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.decoding.segmentation import Segmenter, join_texts
from seq2seq.text.layer import SourceText, TextLayer
from seq2seq.text.sentences import SentenceSplitter
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

SENTENCE = "hund sieht haus ."
JAPANESE_SENTENCE = "猫日本語。"
WORDS = [
    *["hund", "katze", "haus", "garten", "sieht", "sucht", "Straße", "😀", "日本語", "x"],
    "q" * 70,
    "ü" * 30,
]


def divide(text: str, max_tokens: int, **settings: Any) -> list[SourceText]:
    return Segmenter(tiny_layer(**settings), max_tokens).divide(text)


def parts_of(text: str, max_tokens: int, **settings: Any) -> list[str]:
    return [part.original for part in divide(text, max_tokens, **settings)]


@functools.cache
def japanese_tokenizer() -> Tokenizer:
    config = TokenizerConfig(vocab_size=320, character_coverage=1.0)
    return train_tokenizer(config, ["猫日本語。", "日本の猫！"] * 20, ["a cat."] * 40)


def token_count(text: str) -> int:
    return len(tiny_layer().prepare(text).tokens)


def random_text(seed: int) -> str:
    rng = random.Random(seed)
    marks = ["", "", ".", "!", "…", "。"]
    return " ".join(rng.choice(WORDS) + rng.choice(marks) for _ in range(120))


@pytest.mark.parametrize("max_tokens", [8, 16, 40])
@pytest.mark.parametrize("seed", range(4))
def test_dividing_loses_no_character(max_tokens: int, seed: int) -> None:
    text = random_text(seed)
    assert "".join(parts_of(text, max_tokens)).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("max_tokens", [8, 16, 40])
@pytest.mark.parametrize("seed", range(4))
def test_every_part_is_short_enough(max_tokens: int, seed: int) -> None:
    parts = parts_of(random_text(seed), max_tokens)
    assert all(token_count(part) < max_tokens for part in parts)


@pytest.mark.parametrize("max_tokens", [8, 16, 40])
def test_parts_come_with_their_tokens(max_tokens: int) -> None:
    for part in divide(random_text(0), max_tokens):
        (tokens,) = tiny_tokenizer().encode([part.slotted.text], "source")
        assert list(part.tokens) == (tokens if part.slotted.has_letters() else [])


def test_a_short_text_is_not_divided() -> None:
    assert parts_of(SENTENCE, 32) == [SENTENCE]


def test_texts_are_divided_after_sentences() -> None:
    assert token_count(SENTENCE) < 16
    parts = parts_of(" ".join([SENTENCE] * 9), 32)
    assert len(parts) > 1
    assert all(part.endswith(".") for part in parts)


def test_scripts_without_spaces_are_divided_after_full_width_marks() -> None:
    parts = parts_of(JAPANESE_SENTENCE * 9, 16, tokenizer=japanese_tokenizer())
    assert len(parts) > 1
    assert all(part.endswith("。") for part in parts)
    assert "".join(parts) == JAPANESE_SENTENCE * 9


def test_neighboring_sentences_are_joined_up_to_half_of_the_limit() -> None:
    sentences = [SENTENCE, "katze sucht garten .", "hund sucht garten ."]
    text = " ".join([*sentences, *reversed(sentences)])
    length = max(map(token_count, sentences))
    parts = parts_of(text, 4 * length + 2)
    assert parts[0] == " ".join(sentences[:2])


@pytest.mark.parametrize("max_tokens", [16, 4000])
def test_a_text_is_divided_between_its_repetitions(max_tokens: int) -> None:
    assert parts_of("Hund, " + "hund, " * 7 + "hund!", max_tokens) == [
        "Hund,",
        *["hund,"] * 7,
        "hund!",
    ]


def test_a_few_repetitions_are_not_divided() -> None:
    assert parts_of("hund " * 5 + "hund", 4000) == ["hund " * 5 + "hund"]


@pytest.mark.parametrize("text", ["=SUMME(" + "A1; " * 9 + "A1)", "`" + "x y " * 9 + "x y`"])
def test_a_text_is_not_divided_within_what_must_not_change(text: str) -> None:
    assert parts_of(text, 4000) == [text]
    assert parts_of("000 " * 8 + "000", 4000) == ["000 " * 8 + "000"]


def test_sentences_without_letters_count_as_well() -> None:
    text = "hund" + " !" * 100 + " katze"
    parts = divide(text, 32)
    assert all(len(part.tokens) < 32 for part in parts)
    assert " ".join(part.original for part in parts) == text


@pytest.mark.parametrize("max_tokens", [8, 16])
def test_what_must_not_change_is_not_divided(max_tokens: int) -> None:
    address = "https://example.org/" + "hund!/" * 40
    name = "{count, plural, one {# hund. Haus} other {# hund! Haus}}"
    text = f"hund sieht {address} . katze sucht {name} . " * 3
    copied = [slot.text for part in divide(text, max_tokens) for slot in part.slotted.slots]
    assert copied == [address, name] * 3


def test_what_must_not_change_is_one_token() -> None:
    text = "hund sieht https://example.org/" + "haus" * 1000
    assert parts_of(text, 16) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hund: Quiz! Die Katze sieht. Haus", ["Hund: Quiz! Die Katze sieht.", "Haus"]),
        ("Hund. Quiz!\u00a0 Die Katze", ["Hund.", "Quiz!\u00a0 Die Katze"]),
        ("Hund `ruft. Katze sieht` Haus. Ja", ["Hund `ruft. Katze sieht` Haus.", "Ja"]),
        # No name and no code: they touch words.
        ("Hundequiz! Die Katzen sehen", ["Hundequiz!", "Die Katzen sehen"]),
        ("Geht`s dir gut? Ich hab`s.", ["Geht`s dir gut?", "Ich hab`s."]),
        ("Hund. Haus", ["Hund.", "Haus"]),
        ("Hund", ["Hund"]),
        ("", []),
    ],
)
def test_no_sentence_ends_within_what_must_not_change(text: str, expected: list[str]) -> None:
    sentences = SentenceSplitter("de").split(text)
    layer = tiny_layer(protect=[r"(?i)quiz!\s+die katze"])
    whole = Segmenter(layer, 64).whole_spans(sentences)
    assert [sentence.text for sentence in whole] == expected
    assert "".join(sentence.text + sentence.space for sentence in whole) == text


class CountingLayer(TextLayer):
    """Counts how often each text is prepared."""

    def __init__(self) -> None:
        super().__init__(tiny_tokenizer(), TextConfig(), source_language="de", target_language="de")
        self.counts: Counter[str] = Counter()

    def prepare(self, text: str) -> SourceText:
        self.counts[text] += 1
        return super().prepare(text)


@pytest.mark.parametrize("mark", [".", ","])
@pytest.mark.parametrize("max_tokens", [16, 40, 4000])
def test_no_text_is_prepared_twice(max_tokens: int, mark: str) -> None:
    layer = CountingLayer()
    # The words differ, so that no two parts are the same.
    words = [f"{letter}und {other}aus{mark}" for letter in "hkgst" for other in "hkgst"]
    text = " ".join(words)
    Segmenter(layer, max_tokens).divide(text)
    assert set(layer.counts.values()) == {1}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], ""),
        (["a", "b"], "a b"),
        (["a", "", "b"], "a b"),
        (["猫。", "犬。"], "猫。犬。"),
        (["猫！", "dog"], "猫！dog"),
    ],
)
def test_join_texts(texts: list[str], expected: str) -> None:
    assert join_texts(texts) == expected
