"""The dictionary Ding: entries and splits."""

import pytest

from seq2seq.config.sources import DingSource
from seq2seq.data.corpus import Pairs
from seq2seq.data.sources import ding
from seq2seq.data.sources.ding import Part, read_entries, split_entries
from seq2seq.data.sources.ding_entries import plain_entry
from seq2seq.errors import UserError
from seq2seq.text.normalization import sentence_key


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("Hund {m} [zool.] <Hunde> (ein Tier); Köter {m}", "Hund"),
        ("Aal (gebraten; mit (viel) Salz) ; Fisch", "Aal"),
        ("zum Beispiel /z. B./", "zum Beispiel"),
        ("Das Geld ist gedeckt/abgedeckt/bedeckt.", "Das Geld ist gedeckt."),
        ("und/oder 50 km/h", "und/oder 50 km/h"),
        ("Er kam {vi} ; er ging.", "Er kam"),
        ("Wie bitte [ugs.] ?", "Wie bitte?"),
        ("[ugs.]", ""),
    ],
)
def test_plain_entry(segment: str, text: str) -> None:
    assert plain_entry(segment) == text


LINES = [
    "# Comment :: comment goes on.",
    "Hund {m} | Der Hund bellt. | ein bissiger Hund [pej.]"
    " :: dog | The dog is barking. | a vicious dog; a biter",
    "jdm. helfen | Er half sb. gern. :: to help sb. | He liked to help.",
    "Das ist so und bleibt so. :: That’s how it is.",
    "Er lacht | Sie lacht. :: He laughs. | She laughs / smiles.",
    "drei Teile | zwei :: three parts",
    "ein … Mann :: a … man",
    "Der Hund bellt. :: The dog is barking.",
    "Café au lait :: Café au lait",
]


def test_read_entries() -> None:
    entries = read_entries(LINES)
    assert list(entries["sentences"]) == [
        ("Der Hund bellt.", "The dog is barking."),
        ("Das ist so und bleibt so.", "That’s how it is."),
    ]
    assert entries["sentences"].groups == ["2", "4"]
    assert list(entries["phrases"]) == [("ein bissiger Hund", "a vicious dog")]


def made_up_entries(num_lines: int) -> dict[Part, Pairs]:
    """Lines of one phrase and two sentences. Two lines share a sentence."""
    lines = []
    for n in range(num_lines):
        german = f"das Wort {n} | Satz Nummer {n // 2}. | Noch ein Satz {n}."
        english = f"the word {n} | Sentence number {n}. | One more {n}."
        lines.append(f"{german} :: {english}")
    return read_entries(lines)


@pytest.fixture(scope="module")
def splits_and_notes() -> tuple[dict[str, Pairs], list[str]]:
    entries = made_up_entries(300)
    phrases = entries["phrases"]
    # A phrase of another line that is also a sentence.
    entries["phrases"] = Pairs(
        source=[*phrases.source, "satz nummer 7"],
        target=[*phrases.target, "a phrase"],
        groups=[*(phrases.groups or []), "0"],
    )
    return split_entries(entries, ("sentences", "phrases"), "ding")


def test_valid_and_test_are_sentences(
    splits_and_notes: tuple[dict[str, Pairs], list[str]],
) -> None:
    splits, notes = splits_and_notes
    assert len(splits["test"]) == len(splits["valid"]) == 60
    assert all(text.endswith(".") for text in splits["test"].source)
    assert notes[1].startswith("train: 480 sentences and ")


def test_no_dictionary_line_is_in_two_splits(
    splits_and_notes: tuple[dict[str, Pairs], list[str]],
) -> None:
    splits, _ = splits_and_notes
    valid_lines = set(splits["valid"].groups or [])
    test_lines = set(splits["test"].groups or [])
    # Line n + 1 has the phrase "das Wort n".
    train_lines = set()
    for text in splits["train"].source:
        if text.startswith("das Wort"):
            train_lines.add(str(int(text.split()[-1]) + 1))
    assert train_lines
    assert not valid_lines & test_lines
    assert not train_lines & (valid_lines | test_lines)


def test_no_sentence_of_train_is_held_out(
    splits_and_notes: tuple[dict[str, Pairs], list[str]],
) -> None:
    splits, _ = splits_and_notes
    held_out = {sentence_key(text) for text in splits["valid"].source + splits["test"].source}
    assert not held_out & {sentence_key(text) for text in splits["train"].source}


def test_phrases_alone_are_held_out_too() -> None:
    splits, _ = split_entries(made_up_entries(100), ("phrases",), "ding")
    sizes = {name: len(pairs) for name, pairs in splits.items()}
    assert sizes == {"train": 80, "valid": 10, "test": 10}
    assert all(text.startswith("das Wort") for text in splits["test"].source)


def test_other_languages_are_an_error() -> None:
    with pytest.raises(UserError, match=r"dictionary of German and English.*cannot give fr to en"):
        ding.collect(DingSource(kind="ding"), name="x", source="fr", target="en")


def test_no_parts_are_an_error() -> None:
    with pytest.raises(ValueError, match="must list sentences, phrases, words or several"):
        DingSource(kind="ding", parts=())
