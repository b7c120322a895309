"""Normalized text and sentence keys."""

import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.settings import NormalForm
from seq2seq.text.normalization import (
    fold_spaces,
    fold_spaces_between,
    normalize_characters,
    normalize_text,
    sentence_key,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  a \t b\n\nc ", "a b c", id="white space"),
        pytest.param("a\u00a0b\u3000c\u2028d\x85e\x0bf", "a b c d e f", id="Unicode spaces"),
        pytest.param("null\x00byte\x1funit\x7fdel", "null byte unit del", id="control characters"),
        pytest.param(
            "soft\u00adhyphen, zero\u200bwidth, \ufeffmark, \u202abidi\u202c",
            "softhyphen, zerowidth, mark, bidi",
            id="invisible characters",
        ),
        pytest.param("a\ud800b", "ab", id="lone surrogate"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="zero-width non-joiner stays"),
        pytest.param("u\u0308", "ü", id="accent"),
        pytest.param("\x01\u00ad \u200b", "", id="nothing visible"),
    ],
)
def test_normalize_text(text: str, expected: str) -> None:
    assert normalize_text(text, "nfc") == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("none", "ﬁnal x² ｆｕｌｌ u\u0308"),
        ("nfc", "ﬁnal x² ｆｕｌｌ ü"),
        ("nfkc", "final x2 full ü"),
    ],
)
def test_normal_forms(form: NormalForm, expected: str) -> None:
    assert normalize_text("ﬁnal x² ｆｕｌｌ u\u0308", form) == expected


@given(st.text(), st.sampled_from(get_args(NormalForm)))
def test_normalizing_twice_changes_nothing(text: str, form: NormalForm) -> None:
    normalized = normalize_text(text, form)
    assert normalize_text(normalized, form) == normalized


@given(st.text(), st.sampled_from(get_args(NormalForm)))
def test_normalized_text_is_clean(text: str, form: NormalForm) -> None:
    normalized = normalize_text(text, form)
    assert normalized == normalized.strip()
    assert "  " not in normalized
    categories = {unicodedata.category(character) for character in normalized}
    assert not categories & {"Cc", "Cs", "Zl", "Zp"}
    normalized.encode("utf-8")


def test_white_space_can_stay() -> None:
    text = "\ta \t b\u00a0\u3000c\nd\x0b\u2028e \n"
    assert normalize_characters(text, "nfc") == "a \t b\u00a0\u3000c d  e"


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ([], "a b c d e f"),
        ([(3, 8)], "a b\t\u00a0 c d e f"),
        ([(3, 8), (8, 11)], "a b\t\u00a0 c  d e f"),
        ([(12, 15)], "a b c d e\u3000f"),
    ],
)
def test_white_space_is_folded_between_parts(kept: list[tuple[int, int]], expected: str) -> None:
    assert fold_spaces_between(" a\u00a0b\t\u00a0 c  d e\u3000f\t", kept) == expected


@given(st.text(st.sampled_from("a \t\x1f\u00a0\u3000")))
def test_without_parts_to_keep_all_white_space_is_folded(text: str) -> None:
    assert fold_spaces_between(text, []) == fold_spaces(text)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("«Hello,  WORLD! 3.5»", "hello world 3 5"),
        ("Straße", "STRASSE"),
        ("ｆｕｌｌ", "full"),
    ],
)
def test_keys_ignore_case_punctuation_and_width(text: str, other: str) -> None:
    assert sentence_key(text) == sentence_key(other)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("...", "!!!"),
        # Vowel signs of Hindi are marks, not letters. Without them, "day" and "poor" are the same.
        ("दिन", "दीन"),
    ],
)
def test_keys_of_different_texts_differ(text: str, other: str) -> None:
    assert sentence_key(text) != sentence_key(other)
