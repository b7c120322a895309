"""Case apart from the letters: folded words, their cases, and the exact way back for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.text.case import CAPITALIZED, NO_CASE, UPPER, CaseFolder, is_upper

LETTERS = "aAäÄßẞiIİıǅǆŉﬁΣσςÉéДд日e\u0301\u0307'-_ 1.\ue000"
TEXTS = st.text(st.sampled_from(LETTERS) | st.characters(), max_size=20)


def fold(text: str, language: str = "de") -> tuple[str, list[int]]:
    folded, cases = CaseFolder(language).fold(text)
    return folded, list(cases)


# -- folding ---------------------------------------------------------------------------------------


def test_the_case_of_a_word_is_that_of_each_of_its_characters() -> None:
    cases = [CAPITALIZED] * 3 + [NO_CASE] + [UPPER] * 5 + [NO_CASE] * 4
    assert fold("Die DATEI ist") == ("die datei ist", cases)


@pytest.mark.parametrize(
    ("text", "folded", "case"),
    [
        ("datei", "datei", NO_CASE),
        ("Datei", "datei", CAPITALIZED),
        ("DATEI", "datei", UPPER),
        ("Ärger", "ärger", CAPITALIZED),
        ("ÄRGER", "ärger", UPPER),
        ("Дом", "дом", CAPITALIZED),
        ("ΟΔΟΣ", "οδος", UPPER),
        ("I", "i", CAPITALIZED),  # one capital is no word in capitals
        ("日本", "日本", NO_CASE),
        ("123", "123", NO_CASE),
        ("", "", NO_CASE),
    ],
)
def test_a_word_is_folded_with_its_case(text: str, folded: str, case: int) -> None:
    assert fold(text) == (folded, [case] * len(folded))


@pytest.mark.parametrize("word", ["LibreOffice", "iPhone", "GmbH", "STRAẞE", "ẞ", "WLANs"])
def test_a_word_whose_capitals_would_be_lost_stays(word: str) -> None:
    assert fold(word) == (word, [NO_CASE] * len(word))


def test_parts_of_a_compound_have_cases_of_their_own() -> None:
    cases = [UPPER] * 3 + [NO_CASE] + [CAPITALIZED] * 5
    assert fold("USB-Stick") == ("usb-stick", cases)


def test_digits_and_symbols_end_a_word() -> None:
    assert fold("Raum1B") == ("raum1b", [CAPITALIZED] * 4 + [NO_CASE] + [CAPITALIZED])
    assert fold("\ue000Neu") == ("\ue000neu", [NO_CASE] + [CAPITALIZED] * 3)


def test_a_combining_mark_belongs_to_its_word() -> None:
    assert fold("E\u0301te\u0301") == ("e\u0301te\u0301", [CAPITALIZED] * 5)


@pytest.mark.parametrize(
    ("language", "text", "folded"),
    [
        ("tr", "IŞIK", "ışık"),
        ("tr-TR", "İyi", "iyi"),
        ("az", "İL", "il"),
        ("de", "ICH", "ich"),
    ],
)
def test_turkish_has_an_i_without_a_dot(language: str, text: str, folded: str) -> None:
    assert fold(text, language)[0] == folded
    assert CaseFolder(language).unfold(*CaseFolder(language).fold(text)) == text


@given(TEXTS, st.sampled_from(["de", "tr", "el", "nl"]))
def test_unfolding_restores_any_text(text: str, language: str) -> None:
    folder = CaseFolder(language)
    folded, cases = folder.fold(text)
    assert len(cases) == len(folded)
    assert folder.unfold(folded, cases) == text


@given(TEXTS)
def test_folding_twice_changes_no_more_than_once(text: str) -> None:
    once = CaseFolder("de").fold(text)[0]
    assert CaseFolder("de").fold(once)[0] == once


# -- capitals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["DATEI", "ALLES IST GUT!", "OK", "3 MAL \ue000 1.", "ДОМ", "ÉTÉ"])
def test_a_text_in_capitals(text: str) -> None:
    assert is_upper(text)


@pytest.mark.parametrize(
    "text", ["Datei", "DATEi", "A", "I.", "", "123", "日本", "\ue000", "A 1 B"]
)
def test_a_text_that_is_not_in_capitals(text: str) -> None:
    assert not is_upper(text)


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "ISTANBUL FÜR 1 \ue000"), ("tr", "İSTANBUL FÜR 1 \ue000")]
)
def test_upper_follows_the_language(language: str, expected: str) -> None:
    assert CaseFolder(language).upper("istanbul für 1 \ue000") == expected
