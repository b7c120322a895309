"""The share of letters in a script that the language is not written in."""

import pytest

from seq2seq.text.scripts import foreign_letters


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
