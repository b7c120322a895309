import pytest

from seq2seq.data.cleaning import sentence_key
from seq2seq.data.pairs import Pairs
from seq2seq.data.sources.ding import DingSpec, divide, plain_entry, read_entries
from seq2seq.errors import UserError


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
    "Hund {m} | Der Hund bellt. | ein bissiger Hund [pej.] :: dog | The dog is barking. | a vicious dog; a biter",
    "jdm. helfen | Er half sb. gern. :: to help sb. | He liked to help.",
    "Das ist so und bleibt so. :: That’s how it is.",
    "Er lacht | Sie lacht. :: He laughs. | She laughs / smiles.",
    "drei Teile | zwei :: three parts",
    "ein … Mann :: a … man",
    "Der Hund bellt. :: The dog is barking.",
    "Café au lait :: Café au lait",
]


def test_read_entries() -> None:
    found = read_entries(LINES)
    assert list(found["sentences"]) == [
        ("Der Hund bellt.", "The dog is barking."),
        ("Das ist so und bleibt so.", "That’s how it is."),
    ]
    assert found["sentences"].groups == ["2", "4"]
    assert list(found["phrases"]) == [("ein bissiger Hund", "a vicious dog")]


def made_up(count: int) -> dict[str, Pairs]:
    lines = [
        f"das Wort {n} | Satz Nummer {n // 2}. | Noch ein Satz {n}. :: the word {n} | Sentence number {n}. | One more {n}."
        for n in range(count)
    ]
    return read_entries(lines)  # type: ignore[return-value]


def test_no_entry_and_no_sentence_stands_in_two_splits() -> None:
    found = made_up(300)
    phrases = found["phrases"]
    found["phrases"] = Pairs(
        source=[*phrases.source, "satz nummer 7"],
        target=[*phrases.target, "a phrase"],
        groups=[*(phrases.groups or []), "0"],
    )
    splits, notes = divide(found, ("sentences", "phrases"), "ding")  # type: ignore[arg-type]
    assert len(splits["test"]) == len(splits["valid"]) == 60
    assert all(text.endswith(".") for text in splits["test"].source)
    lines = {name: set(splits[name].groups or []) for name in ("valid", "test")}
    assert not lines["valid"] & lines["test"]
    # Line n holds "das Wort n"; in train no line is represented that is held out.
    train_lines = {str(int(text.split()[-1]) + 1) for text in splits["train"].source if text.startswith("das Wort")}
    assert train_lines
    assert not train_lines & (lines["valid"] | lines["test"])
    held_out = {sentence_key(text) for name in ("valid", "test") for text in splits[name].source}
    assert not held_out & {sentence_key(text) for text in splits["train"].source}
    assert notes[1].startswith("train: 480 sentences and ")


def test_parts_alone() -> None:
    splits, _ = divide(made_up(100), ("phrases",), "ding")  # type: ignore[arg-type]
    assert {name: len(pairs) for name, pairs in splits.items()} == {"train": 80, "valid": 10, "test": 10}
    assert all(text.startswith("das Wort") for text in splits["test"].source)


def test_errors() -> None:
    with pytest.raises(ValueError, match="must name sentences, phrases or both"):
        DingSpec(kind="ding", parts=())
    with pytest.raises(UserError, match="dictionary of German and English: fr to en"):
        DingSpec(kind="ding").collect(name="x", source="fr", target="en", say=lambda line: None)
