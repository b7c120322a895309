"""The hash of texts."""

import pytest

from seq2seq.text.fingerprint import fingerprint_texts

SOURCE = ["hund", "katze"]
TARGET = ["dog", "cat"]


def test_the_same_texts_have_the_same_fingerprint() -> None:
    assert fingerprint_texts(SOURCE, TARGET) == fingerprint_texts(list(SOURCE), list(TARGET))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (["hund", "hase"], ["dog", "cat"]),
        (["katze", "hund"], ["dog", "cat"]),
        (["dog", "cat"], ["hund", "katze"]),
        (["hund", "katze", "dog"], ["cat"]),
        (["hundk", "atze"], ["dog", "cat"]),
        (["hund\nkatze"], ["dog", "cat"]),
        (["hund", "katze", ""], ["dog", "cat"]),
    ],
)
def test_any_change_changes_the_fingerprint(source: list[str], target: list[str]) -> None:
    assert fingerprint_texts(source, target) != fingerprint_texts(SOURCE, TARGET)


def test_lone_surrogates_have_fingerprints() -> None:
    assert fingerprint_texts(["\ud800"]) != fingerprint_texts(["?"])
