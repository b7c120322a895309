"""The table of quotation marks."""

import pytest

from seq2seq.text.quotes import _LANGUAGES_OF, find_quotes


@pytest.mark.parametrize(
    ("language", "marks"),
    [
        ("de", "„“‚‘"),
        ("de-AT", "„“‚‘"),
        ("EN", "“”‘’"),
        ("nl", "“”‘’"),
        ("pt", "“”‘’"),
        ("pt_PT", "«»“”"),
        ("zh", "“”‘’"),
        ("zh_Hant", "「」『』"),
        ("sv", "””’’"),
    ],
)
def test_marks_of_a_language(language: str, marks: str) -> None:
    assert find_quotes(language) == tuple(marks)


@pytest.mark.parametrize(("language", "single"), [("fr", "«»"), ("fr-CA", "«»"), ("fr-CH", "‹›")])
def test_french_marks_have_spaces_inside(language: str, single: str) -> None:
    expected = ("«\xa0", "\xa0»", f"{single[0]}\xa0", f"\xa0{single[1]}")
    assert find_quotes(language) == expected


@pytest.mark.parametrize("language", ["", "xx", "deu", "-"])
def test_marks_of_an_unknown_language(language: str) -> None:
    assert find_quotes(language) is None


def test_each_language_is_in_the_table_once() -> None:
    codes = " ".join(_LANGUAGES_OF.values()).split()
    assert len(codes) == len(set(codes))
    assert all(find_quotes(code) is not None for code in codes)
