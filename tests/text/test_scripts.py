"""Letters of foreign scripts, and words in scripts without spaces."""

import pytest
import regex

from seq2seq.text.scripts import (
    UNSPACED,
    UNSPACED_LETTERS,
    count_words,
    foreign_letters,
)


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("Guten Tag", "de", 0.0),
        ("Привет", "de", 1.0),
        ("Привет ab", "de", 6 / 8),
        ("Привет ab", "ru", 2 / 8),
        ("文件 abcd", "zh-cn", 4 / 6),
        ("ファイル漢字ひらがな", "ja", 0.0),
        ("123 !?", "ru", 0.0),
        ("anything при", "xx", 0.0),
    ],
)
def test_foreign_letters(text: str, language: str, share: float) -> None:
    assert foreign_letters(text, language) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("  ", 0),
        ("Guten Tag , Welt", 4),
        ("a·b — c…", 3),
        ("한국어 문장입니다.", 2),
        # Two characters of Chinese and Japanese are a word, marks included.
        ("はい。", 2),
        ("我昨天看见了一只狗。", 5),
        ("コーヒー", 2),
        ("私 は", 1),
        ("Pythonを使う", 3),
        # Four characters of Thai and its relatives are a word.
        ("ฉันรักคุณ", 3),
        ("ខ្ញុំស្រឡាញ់អ្នក", 4),
    ],
)
def test_words(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize("letter", ["文", "々", "ひ", "カ", "ก", "ກ", "ខ", "မ", "བ"])
def test_scripts_without_spaces(letter: str) -> None:
    assert UNSPACED.fullmatch(letter)
    assert not regex.search(f"[^{UNSPACED_LETTERS}]", letter)


@pytest.mark.parametrize("letter", ["a", "ß", "Я", "λ", "ع", "한", "ह", "1", "。", " ", "\ue000"])
def test_other_characters_stand_between_spaces(letter: str) -> None:
    assert not UNSPACED.search(letter)
    assert regex.search(f"[^{UNSPACED_LETTERS}]", letter)
