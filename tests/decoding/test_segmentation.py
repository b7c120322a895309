"""Long texts are divided where it hurts least, and nothing is lost."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from fakes import tiny_tokenizer

from seq2seq.decoding.segmentation import Segmenter, join_texts
from seq2seq.text.tokenizer import Side, Tokenizer

SENTENCE = "hund sieht haus ."
JAPANESE_SENTENCE = "猫日本語。"
WORDS = [
    *["hund", "katze", "haus", "garten", "sieht", "sucht", "Straße", "😀", "日本語", "x"],
    "q" * 70,
    "ü" * 30,
]


def parts_of(text: str, max_tokens: int) -> list[str]:
    return [part.text for part in Segmenter(tiny_tokenizer(), max_tokens).divide(text)]


def token_count(text: str) -> int:
    return len(tiny_tokenizer().encode([text], "source")[0])


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
    for part in Segmenter(tiny_tokenizer(), max_tokens).divide(random_text(0)):
        assert [part.tokens] == tiny_tokenizer().encode([part.text], "source")


def test_a_short_text_is_not_divided() -> None:
    assert parts_of(SENTENCE, 32) == [SENTENCE]


def test_texts_are_divided_after_sentences() -> None:
    assert token_count(SENTENCE) < 16
    parts = parts_of(" ".join([SENTENCE] * 9), 32)
    assert len(parts) > 1
    assert all(part.endswith(".") for part in parts)


def test_scripts_without_spaces_are_divided_after_full_width_marks() -> None:
    assert token_count(JAPANESE_SENTENCE) < 32
    parts = parts_of(JAPANESE_SENTENCE * 9, 64)
    assert len(parts) > 1
    assert all(part.endswith("。") for part in parts)
    assert "".join(parts) == JAPANESE_SENTENCE * 9


def test_neighboring_sentences_are_joined_up_to_half_of_the_limit() -> None:
    length = token_count(SENTENCE)
    parts = parts_of(" ".join([SENTENCE] * 9), 4 * length + 2)
    assert parts[0] == f"{SENTENCE} {SENTENCE}"


class CountingTokenizer(Tokenizer):
    """Counts how often each text is encoded."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.counts: Counter[str] = Counter()

    def encode(self, texts: Sequence[str], side: Side) -> list[list[int]]:
        self.counts.update(texts)
        return self.tokenizer.encode(texts, side)


@pytest.mark.parametrize("max_tokens", [16, 40, 4000])
def test_no_text_is_tokenized_twice(max_tokens: int) -> None:
    tokenizer = CountingTokenizer(tiny_tokenizer())
    text = " ".join(f"{word} {number}." for number, word in enumerate(["hund", "katze"] * 30))
    Segmenter(tokenizer, max_tokens).divide(text)
    assert set(tokenizer.counts.values()) == {1}


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
