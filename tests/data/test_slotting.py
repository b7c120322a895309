"""Training pairs with slots: the same on both sides becomes the same slot, all else stays text."""

import pytest

from seq2seq.data.corpus import Pairs
from seq2seq.data.slotting import slot_pairs
from seq2seq.text.spans import SpanFinder
from seq2seq.text.tokenizer import RESERVED, SLOTS

FINDER = SpanFinder()


def slotted(
    source: str,
    target: str,
    *,
    finder: SpanFinder = FINDER,
    languages: str = "de-en",
    seed: int = 0,
) -> tuple[str, str]:
    """Returns a pair with slots. The first of the source is numbered 0."""
    source_language, target_language = languages.split("-")
    pairs = Pairs(source=[source], target=[target])
    ((new_source, new_target),) = slot_pairs(
        pairs, finder, source_language=source_language, target_language=target_language, seed=seed
    )
    symbols = [character for character in new_source if character in SLOTS]
    if not symbols:
        return new_source, new_target
    first = SLOTS.index(symbols[0])
    numbering = {
        symbol: str(number) for number, symbol in enumerate([*SLOTS[first:], *SLOTS[:first]])
    }
    table = str.maketrans({symbol: f"[{number}]" for symbol, number in numbering.items()})
    return new_source.translate(table), new_target.translate(table)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Seite 31", "Page 31", ("Seite [0]", "Page [0]")),
        ("%d von %s", "%s of %d", ("[0] von [1]", "[1] of [0]")),
        ("Es sind 50 %.", "It is 50%.", ("Es sind [0].", "It is [0].")),
        ("Es kostet 3,50 €.", "It costs €3.50.", ("Es kostet [0].", "It costs [0].")),
        ("50 % der Leute", "50 percent of them", ("50 % der Leute", "50 percent of them")),
        ("Hallo 😀", "Hello 😀", ("Hallo [0]", "Hello [0]")),
        ("Siehe https://x.org/a.", "See https://x.org/a.", ("Siehe [0].", "See [0].")),
        ("Hallo Anna", "Hello Anna", ("Hallo Anna", "Hello Anna")),  # words are no spans
    ],
)
def test_a_span_on_both_sides_becomes_the_same_slot(
    source: str, target: str, expected: tuple[str, str]
) -> None:
    assert slotted(source, target) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Seite 31", "This page", ("Seite 31", "This page")),
        ("Zwei Dateien", "2 files", ("Zwei Dateien", "2 files")),
        ("Seite 31", "Page 32", ("Seite 31", "Page 32")),
        ("31 und 32", "32", ("31 und [0]", "[0]")),
    ],
)
def test_a_span_on_one_side_stays_text(source: str, target: str, expected: tuple[str, str]) -> None:
    assert slotted(source, target) == expected


@pytest.mark.parametrize(
    ("languages", "source", "target", "is_same"),
    [
        ("de-en", "1,5", "1.5", True),
        ("de-en", "12.345,67", "12,345.67", True),
        ("de-en", "1.5", "1.5", True),
        ("de-en", "1,5", "15", False),
        ("de-nl", "1,5", "1.5", False),  # both write 1,5
        ("en-de", "12,345.67", "12.345,67", True),
    ],
)
def test_a_number_in_the_form_of_each_language_is_the_same(
    languages: str, source: str, target: str, is_same: bool
) -> None:
    pair = slotted(f"a {source} b", f"a {target} b", languages=languages)
    assert pair == (("a [0] b",) * 2 if is_same else (f"a {source} b", f"a {target} b"))


def test_a_pattern_of_the_user_becomes_a_slot() -> None:
    finder = SpanFinder([r"ACME-\w+"])
    assert slotted("Der ACME-Hund", "The ACME-Hund", finder=finder) == ("Der [0]", "The [0]")


def test_sixteen_spans_become_slots_and_more_stay_text() -> None:
    for count in (16, 17):
        text = " ".join(f"x{number}" for number in range(10, 10 + count))
        source, target = slotted(text, text)
        assert source == target
        assert ("[15]" in source) == (count == 16)
        assert (source == text) == (count == 17)


def test_symbols_of_the_text_are_no_slots() -> None:
    reserved = "".join(RESERVED)
    assert slotted(f"Hund{reserved} a", "dog") == ("Hund a", "dog")
    # On both sides they are copied like any other private characters.
    assert slotted(f"Hund {reserved}", f"dog {reserved}") == ("Hund [0]", "dog [0]")


def test_the_first_number_is_random_and_the_seed_decides() -> None:
    pairs = Pairs(source=["Seite 31"] * 500, target=["Page 31"] * 500)

    def slot(seed: int) -> Pairs:
        return slot_pairs(pairs, FINDER, source_language="de", target_language="en", seed=seed)

    assert slot(1) == slot(1) != slot(2)
    assert {text[-1] for text in slot(1).source} == set(SLOTS)
    assert all(source[-1] == target[-1] for source, target in slot(1))


def test_the_pairs_and_their_groups_stay() -> None:
    pairs = Pairs(source=["Seite 31", "Hund"], target=["Page 31", "dog"], groups=["a", "b"])
    new = slot_pairs(pairs, FINDER, source_language="de", target_language="en", seed=0)
    assert pairs.source == ["Seite 31", "Hund"]
    assert new.groups == ["a", "b"]
    assert new.source[1] == "Hund"
