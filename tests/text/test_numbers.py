"""A number is written in the form of the target language only where its meaning is certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.text.numbers import localize_number, same_number

NO_BREAK = "\u00a0"
THIN = "\u202f"
CODES = ["de", "en", "fr", "es", "pl", "ja", "de-CH", "pt_PT", "en-GB", "xx"]


@pytest.mark.parametrize(
    ("text", "source", "target", "expected"),
    [
        ("12.345,67", "de", "en", "12,345.67"),
        ("12,345.67", "en", "de", "12.345,67"),
        ("3,14", "de", "en", "3.14"),
        ("0,5", "de", "en", "0.5"),
        ("-0,5", "de", "en", "-0.5"),
        ("−1.000,5", "de", "en", "−1,000.5"),
        ("1.000", "de", "en", "1,000"),
        ("1.000.000", "de", "en", "1,000,000"),
        ("1234,5", "de", "en", "1234.5"),
        ("10,000", "en", "de", "10.000"),
        ("12.345,67", "de", "fr", f"12{THIN}345,67"),
        ("12.345,67", "de", "pl", f"12{NO_BREAK}345,67"),
        (f"12{THIN}345,67", "fr", "en", "12,345.67"),
        ("1 234 567", "fr", "de", "1.234.567"),
        (f"12{NO_BREAK}345", "de", "en", "12,345"),
        ("1’234.50", "de-CH", "de", "1.234,50"),
        ("1.234,50", "de", "de-CH", "1'234.50"),
        ("1,5-2,5", "de", "en", "1.5-2.5"),
        ("1.000–2.000", "de", "en", "1,000–2,000"),
        ("-3.5", "en", "de", "-3,5"),
        ("3,14", "de-AT", "en_GB", "3.14"),
        ("3,14", "DE", "EN", "3.14"),
        ("3,5 %", "de", "en", "3.5 %"),
        ("3,5%", "de", "en", "3.5%"),
        ("3.5 %", "en", "de", "3,5 %"),
        ("$1.50", "en", "de", "$1,50"),
        ("-€3,5", "de", "en", "-€3.5"),
        ("-3,5 °C", "de", "en", "-3.5 °C"),
        ("€ 1.000,50", "de", "en", "€ 1,000.50"),
        ("1.234,50 EUR", "de", "en", "1,234.50 EUR"),
        ("US-$ 1’234.50", "de-CH", "de", "US-$ 1.234,50"),
        ("1,5–2,5 %", "de", "en", "1.5–2.5 %"),
        ("4.500,- €", "de", "en", "4,500,- €"),
        ("1,5×2,5", "de", "en", "1.5×2.5"),
    ],
)
def test_a_certain_number_is_written_as_in_the_target_language(
    text: str, source: str, target: str, expected: str
) -> None:
    assert localize_number(text, source, target) == expected


@pytest.mark.parametrize("text", ["2024", "24.12.2024", "2024-05-03", "14:30", "10-12", "1/2"])
@pytest.mark.parametrize(("source", "target"), [("de", "en"), ("en", "de"), ("fr", "en")])
def test_digits_dates_times_and_ranges_stay(text: str, source: str, target: str) -> None:
    assert localize_number(text, source, target) == text


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("1.2.3", "de", "en"),
        ("v2.0.1", "de", "en"),
        ("2.5", "de", "en"),
        ("12,5.5", "de", "en"),
        ("0.125", "de", "en"),
        ("1.2345", "de", "en"),
        ("1.234 567", "de", "en"),
        ("192.168.100.200", "de", "en"),
        ("1 234 567", "de", "en"),
        ("+49 30 123456", "fr", "en"),
        ("+44 800 123", "fr", "en"),
        ("3.5", "en", "de"),
        ("14.30-15.45", "en", "de"),
        ("1,2,3", "en", "de"),
        ("½", "de", "en"),
        ("", "de", "en"),
        ("1,5", "de", "it"),
        ("1,5", "de", "xx"),
        ("1,5", "xx", "en"),
    ],
)
def test_a_doubtful_number_stays(text: str, source: str, target: str) -> None:
    assert localize_number(text, source, target) == text


def test_a_number_of_billions_is_no_ip_address() -> None:
    assert localize_number("1.234.567.890", "de", "en") == "1,234,567,890"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("5", "5"),
        ("12.345,67", "12,345.67"),
        ("3,14", "3.14"),
        ("3,14", "3,14"),
        ("−5", "-5"),
        ("10–12", "10-12"),
        (f"1{NO_BREAK}234", f"1{THIN}234"),
        ("50 %", "50%"),
        (f"50{THIN}%", "50 %"),
        ("3,5 %", "3.5%"),
        ("5 °C", "5°C"),
        ("1.000,5 €", "€1,000.5"),
        ("EUR 50", "50 EUR"),
        ("-5 $", "-$5"),
        ("4.500,- €", "€4,500"),
    ],
)
def test_same_number(source: str, target: str) -> None:
    assert same_number(source, target, "de", "en")
    assert same_number(target, source, "en", "de")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        *[("5", "6"), ("3,14", "3.15"), ("1.234", "1.234,0"), ("1,5", "15")],
        *[("5 %", "5"), ("5 %", "5 €"), ("5 €", "6 €"), ("-5 €", "5 €")],
    ],
)
def test_different_numbers(source: str, target: str) -> None:
    assert not same_number(source, target, "de", "en")


@given(st.integers(-(10**12), 10**12), st.integers(1, 999), st.sampled_from(["en", "fr", "pl"]))
def test_a_number_comes_back_from_another_language(whole: int, part: int, other: str) -> None:
    german = f"{whole:,}".replace(",", ".") + f",{part:03}"
    localized = localize_number(german, "de", other)
    assert same_number(german, localized, "de", other)
    if "." in german or other != "en":  # 3.5 alone may be a version in English
        assert localize_number(localized, other, "de") == german


@given(
    st.text(st.sampled_from("0123456789.,-–'’+ \u00a0\u202f:")),
    st.sampled_from(CODES),
    st.sampled_from(CODES),
)
def test_only_signs_between_digits_change(text: str, source: str, target: str) -> None:
    localized = localize_number(text, source, target)
    assert [c for c in localized if c.isdigit()] == [c for c in text if c.isdigit()]
    assert len(localized) == len(text)
    assert same_number(text, localized, source, target)
